// `node dist/sim/dataset/main.js training|evaluation --frames N --seed S --out DIR`: writes frames for toolchain/detector/.
import { parseArgs } from 'node:util';
import { OutriderError } from '../../shared/errors.ts';
import { EVALUATION_SEED, evaluationFrames } from './evaluation-scenes.ts';
import { trainingFrames } from './training-scenes.ts';
import { writeDataset } from './write-dataset.ts';

const USAGE = 'usage: main.js training|evaluation --frames N --out DIR [--seed S]';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { frames: { type: 'string' }, seed: { type: 'string' }, out: { type: 'string' } },
});
const kind = positionals[0];
const frames = Number(values.frames);
const seed = Number(values.seed ?? (kind === 'evaluation' ? EVALUATION_SEED : 1));
if ((kind !== 'training' && kind !== 'evaluation') || !(frames >= 1) || !Number.isSafeInteger(seed) || values.out === undefined)
  throw new OutriderError('OUT_CLI_USAGE', `${USAGE}; got: ${process.argv.slice(2).join(' ')}`);
const made = kind === 'training' ? trainingFrames({ frames, seed }) : evaluationFrames({ frames, seed });
const summary = await writeDataset(values.out, made, { kind, frames, seed }, (line) => console.error(line));
console.log(JSON.stringify(summary));
