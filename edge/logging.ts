// Structured logs of a live site (pino), one JSON line each on stderr.
import { pino } from 'pino';
import type { Logger } from '../shared/ports/logger.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export function pinoLogger(level: LogLevel, fields: Readonly<Record<string, unknown>> = {}): Logger {
  return pino({ level, base: { ...fields } }, pino.destination({ fd: 2, sync: true }));
}
