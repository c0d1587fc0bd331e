// Structured logs as a port: pino on real sites, silent or collecting in tests and headless runs.

export interface Logger {
  debug(fields: Readonly<Record<string, unknown>>, text: string): void;
  info(fields: Readonly<Record<string, unknown>>, text: string): void;
  warn(fields: Readonly<Record<string, unknown>>, text: string): void;
  error(fields: Readonly<Record<string, unknown>>, text: string): void;
  /** A logger that adds `fields` to every line. */
  child(fields: Readonly<Record<string, unknown>>): Logger;
}

const ignore = (): void => {};

/** Drops everything. */
export const SILENT_LOGGER: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore, child: () => SILENT_LOGGER };

/** For people at a terminal: what happens as it is said, warnings and errors with their fields. */
export function lineLogger(say: (line: string) => void): Logger {
  const detailed = (fields: Readonly<Record<string, unknown>>, text: string): void => say(`${text}: ${JSON.stringify(fields)}`);
  const logger: Logger = { debug: ignore, info: (_, text) => say(text), warn: detailed, error: detailed, child: () => logger };
  return logger;
}
