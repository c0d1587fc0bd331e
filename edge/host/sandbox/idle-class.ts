// Makes threads of this process idle work (SCHED_IDLE of sched(7)): they get what no other thread wants, and whoever wakes takes their
// processor at once. A nice value does not do that: such a thread finishes its slice before a short call of a neighbour gets in.
// Node has no call for it; a shell waits with the command, because a fork of the host in that moment would itself disturb the neighbours.
import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { constants, setPriority } from 'node:os';
import type { Yielding } from './thread-priority.ts';

/**
 * Says first whether there is a way back (a process that may raise no priority has none), then reads `ID idle` or `ID normal` per line and
 * answers the same, or `ID refused`. A thread of another process is not touched: ids are used again.
 */
const SCRIPT = `if chrt -i 0 chrt -o 0 true >/dev/null 2>&1; then echo reversible; else echo final; fi
while read -r id class; do
  case $class in idle) policy=-i;; *) policy=-o;; esac
  if [ -d "/proc/$PPID/task/$id" ] && chrt $policy -p 0 "$id" >/dev/null 2>&1; then echo "$id $class"; else echo "$id refused"; fi
done`;

export interface IdleClassOptions {
  /** Starts what reads ids and answers; null where there is no such class. */
  readonly startHelper?: () => ChildProcess | null;
  /** Gives a thread the least share instead; throws where that is not allowed either. */
  readonly setLowest?: (threadId: number) => void;
  /** Told once, when threads get a nice value instead. */
  readonly onFallback?: (why: string) => void;
}

export class IdleClass implements Yielding {
  readonly #setLowest: (threadId: number) => void;
  readonly #onFallback: (why: string) => void;
  /** Asked for and not answered. */
  readonly #pending = new Set<number>();
  #helper: ChildProcess | null;
  #unread = '';
  #told = false;
  #reversible = false;

  constructor(options: IdleClassOptions = {}) {
    this.#setLowest = options.setLowest ?? ((threadId) => setPriority(threadId, constants.priority.PRIORITY_LOW));
    this.#onFallback = options.onFallback ?? (() => undefined);
    this.#helper = (options.startHelper ?? startShell)();
    // It never keeps the host alive; when the host ends, its input ends and it with it.
    this.#helper?.unref();
    this.#helper?.once('error', (error) => this.#lose(error.message));
    this.#helper?.once('exit', () => this.#lose('its helper has ended'));
    this.#helper?.stdin?.on('error', () => undefined);
    this.#helper?.stdout?.on('data', (chunk: Buffer) => this.#read(chunk.toString()));
  }

  /** Whether a thread can be taken back: the process is privileged, or its RLIMIT_NICE allows it. Not before the helper has said so. */
  get reversible(): boolean {
    return this.#reversible;
  }

  /** Where the class cannot be had, the thread gets the lowest nice value, for good. */
  put(threadId: number): void {
    const input = this.#helper?.stdin;
    if (!input?.writable) return this.#fallBack(threadId, 'there is no helper');
    this.#pending.add(threadId);
    input.write(`${threadId} idle\n`);
    return undefined;
  }

  /** It is a thread like any other again. */
  takeBack(threadId: number): void {
    const input = this.#helper?.stdin;
    if (input?.writable) input.write(`${threadId} normal\n`);
  }

  close(): void {
    this.#helper?.stdin?.end();
    this.#helper = null;
    this.#pending.clear();
  }

  #read(text: string): void {
    const lines = `${this.#unread}${text}`.split('\n');
    this.#unread = lines.pop() ?? '';
    for (const line of lines) {
      if (line === 'reversible') this.#reversible = true;
      const [id, answer] = line.split(' ');
      if (this.#pending.delete(Number(id)) && answer !== 'idle') this.#fallBack(Number(id), 'chrt is missing or was refused');
    }
  }

  #lose(why: string): void {
    this.#helper = null;
    this.#reversible = false;
    for (const threadId of this.#pending) this.#fallBack(threadId, why);
    this.#pending.clear();
  }

  #fallBack(threadId: number, why: string): void {
    try {
      this.#setLowest(threadId);
    } catch {
      // The thread has ended, which explains the refusal too, or the system allows nothing: the deadline holds all the same.
      return;
    }
    if (!this.#told) this.#onFallback(why);
    this.#told = true;
  }
}

/** @param path folders where commands are looked for. @returns null where threads cannot be made idle work. */
export function startShell(path = process.env['PATH'] ?? '/usr/bin:/bin'): ChildProcess | null {
  if (process.platform !== 'linux') return null;
  const shell = spawn('/bin/sh', ['-c', SCRIPT], { stdio: ['pipe', 'pipe', 'ignore'], env: { PATH: path } });
  // Its pipes are sockets of this process, which would keep it alive.
  for (const pipe of [shell.stdin, shell.stdout]) if (pipe instanceof Socket) pipe.unref();
  return shell;
}
