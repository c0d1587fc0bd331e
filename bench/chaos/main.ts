// `npm run chaos -- --seed N --minutes M [--json]`: kills and cuts under a live fleet; exit code 0 only when nothing was lost.
import { parseArgs } from 'node:util';
import { describeMachine } from '../bench-result.ts';
import { runChaos } from './run-chaos.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '1' },
    rovers: { type: 'string', default: '10' },
    hosts: { type: 'string', default: '3' },
    rate: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
  },
});
const number = (name: 'seed' | 'minutes' | 'rovers' | 'hosts' | 'rate', least: number): number => {
  const value = Number(values[name]);
  if (Number.isFinite(value) && value >= least) return value;
  console.error(`--${name} ${values[name]}: a number of at least ${least} is wanted`);
  process.exit(2);
};

const log = (line: string): void => void process.stderr.write(`${line}\n`);
const report = await runChaos({
  seed: number('seed', 0),
  seconds: number('minutes', 0.05) * 60,
  rovers: number('rovers', 1),
  hosts: number('hosts', 1),
  rateHz: number('rate', 0.1),
  log,
});
if (values.json) console.log(JSON.stringify({ machine: describeMachine(), ...report }));
else {
  const { faults, calls, unanswered, answered, slowestRecoverySec, slowestAnswerSec, failures, late } = report;
  console.log(`${faults.length} faults in ${report.durationSec.toFixed(0)} s, slowest recovery ${slowestRecoverySec.toFixed(2)} s`);
  console.log(`${calls} calls, ${unanswered} unanswered, slowest answer ${slowestAnswerSec.toFixed(2)} s`);
  console.log(
    `${answered.updates} map updates and ${answered.detections} detections acknowledged, ${report.updatesChecked} looked for again`,
  );
  for (const problem of [...failures, ...late].slice(0, 20)) console.log(`FAILED  ${problem}`);
  console.log(failures.length === 0 ? 'nothing was lost, every call was answered' : `${failures.length} problems`);
}
process.exit(report.passed ? 0 : 1);
