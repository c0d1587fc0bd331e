// A full-screen terminal view: plain ANSI (ECMA-48) and the alternate screen, so that the shell is as it was when it ends.
import type { ReadStream, WriteStream } from 'node:tty';
import type { Line, ScreenSize } from './render.ts';

const ESC = '\u001b[';
const ENTER = `${ESC}?1049h${ESC}?25l`;
const LEAVE = `${ESC}?25h${ESC}?1049l`;
const STYLES: Readonly<Record<Line['style'], string>> = { title: `${ESC}1m`, heading: `${ESC}2m`, plain: '', warning: `${ESC}33m` };
const RESET = `${ESC}0m`;
const CTRL_C = '\u0003';

/** The bytes that put a frame on the screen: line by line over the old one, so that nothing flickers. */
export function frameText(lines: readonly Line[]): string {
  const drawn = lines.map(({ text, style }) => `${STYLES[style]}${text}${STYLES[style] === '' ? '' : RESET}${ESC}K`);
  return `${ESC}H${drawn.join('\r\n')}${ESC}J`;
}

/** Draws with `draw` each `periodMs` and on resizing, until q, Ctrl-C or SIGTERM. */
export async function showUntilQuit(
  input: ReadStream,
  output: WriteStream,
  draw: (size: ScreenSize) => readonly Line[],
  periodMs: number,
): Promise<void> {
  const paint = (): void => {
    output.write(frameText(draw({ width: output.columns, height: output.rows })));
  };
  output.write(ENTER);
  const timer = setInterval(paint, periodMs);
  output.on('resize', paint);
  try {
    paint();
    await quit(input);
  } finally {
    clearInterval(timer);
    output.off('resize', paint);
    output.write(LEAVE);
  }
}

function quit(input: ReadStream): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      input.off('data', key);
      process.off('SIGINT', end);
      process.off('SIGTERM', end);
      if (input.isTTY) input.setRawMode(false);
      input.pause();
      resolve();
    };
    const key = (chunk: Buffer): void => {
      const text = chunk.toString();
      if (text.includes('q') || text.includes('Q') || text.includes(CTRL_C)) end();
    };
    if (input.isTTY) input.setRawMode(true);
    input.on('data', key);
    process.once('SIGINT', end);
    process.once('SIGTERM', end);
    input.resume();
  });
}
