// The `watchdog:` section of a rover's YAML, read by agent and watchdog alike.
import { z } from 'zod';
import { SILENCE_SEC } from './watchdog-server.ts';

export const watchdogSchema = z.strictObject({
  socket: z.string().min(1).max(100).default('/run/outrider/watchdog.sock').describe('Unix socket between agent and watchdog.'),
  silenceSec: z
    .number()
    .min(0.15)
    .max(0.45)
    .default(SILENCE_SEC)
    .describe('Motors are off after so long without a command [s]; control runs at 10 Hz.'),
});
