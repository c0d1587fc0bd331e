// The parts of a live site as processes that the chaos run may kill: broker, two managers, hosts. What is killed is started again.
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { defineSite, type SiteConfigInput } from '../../edge/config.ts';
import { type LiveSite, startEdgeSite } from '../../edge/start-site.ts';
import { freePort } from '../support/broker-process.ts';

const CLI = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? '../../bin/outrider.js' : '../../../bin/outrider.js', import.meta.url));
const RESTART_MS = 500;

/** One `outrider edge` process, started again when it dies. */
export class Part {
  readonly name: string;
  readonly #file: string;
  #child: ChildProcess | null = null;
  #url = '';
  #stopped = false;
  #up: Promise<void> = Promise.resolve();
  kills = 0;

  private constructor(name: string, file: string) {
    this.name = name;
    this.#file = file;
  }

  static async start(name: string, config: SiteConfigInput, folder: string): Promise<Part> {
    const file = join(folder, `${name}.yaml`);
    // JSON is YAML.
    await writeFile(file, JSON.stringify(config));
    const part = new Part(name, file);
    part.#up = part.#spawn();
    await part.#up;
    return part;
  }

  /** Of its gateway. */
  get url(): string {
    return this.#url;
  }

  /** SIGKILL; resolves when the next process is up. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.kills += 1;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await gone;
    await new Promise((resolve) => setTimeout(resolve, RESTART_MS));
    this.#up = this.#spawn();
    await this.#up;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGTERM');
    const patience = setTimeout(() => child.kill('SIGKILL'), 3000);
    await gone;
    clearTimeout(patience);
  }

  #spawn(): Promise<void> {
    const child = spawn(process.execPath, [CLI, 'edge', '--config', this.#file, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    let words = '';
    child.stderr.on('data', (chunk: Buffer) => (words = `${words}${chunk.toString()}`.slice(-1000)));
    return new Promise((resolve, reject) => {
      child.once('exit', (code, signal) => {
        if (this.#stopped || signal === 'SIGKILL') return;
        // It could not start, the broker being away at that moment: a service manager tries again, too.
        setTimeout(() => void this.#spawn().then(resolve, reject), RESTART_MS);
        if (words !== '') process.stderr.write(`${this.name} ended with ${signal ?? code}, is started again: ${words.split('\n')[0]}\n`);
      });
      child.once('error', (error) => {
        reject(error);
      });
      createInterface({ input: child.stdout }).once('line', (line) => {
        this.#url = (JSON.parse(line) as { url: string }).url;
        resolve();
      });
    });
  }
}

export interface SiteParts {
  readonly brokerPort: number;
  readonly broker: Part;
  readonly managers: readonly Part[];
  /** Supervises the host processes. */
  readonly hosts: LiveSite;
  /** The manager that acts now, or null. */
  acting(): Promise<Part | null>;
  close(): Promise<void>;
}

export async function startParts(site: string, hosts: number, folder: string): Promise<SiteParts> {
  const brokerPort = await freePort();
  const brokerUrl = `mqtt://127.0.0.1:${brokerPort}`;
  const common: SiteConfigInput = { site, data: join(folder, 'data'), gatewayPort: 0, logLevel: 'error' };
  const broker = await Part.start('broker', { ...common, manager: false, hosts: 0, mqttPort: brokerPort }, folder);
  const joined: SiteConfigInput = { ...common, broker: brokerUrl };
  const managers = [
    await Part.start('manager-a', { ...joined, hosts: 0 }, folder),
    await Part.start('manager-b', { ...joined, hosts: 0 }, folder),
  ];
  const host = { spareWorkers: 2 };
  const live = await startEdgeSite(defineSite({ ...joined, manager: false, hosts, host, logLevel: 'silent' }));
  return {
    ...{ brokerPort, broker, managers, hosts: live },
    acting: async () => {
      for (const manager of managers) if ((await roleOf(manager)) === 'active') return manager;
      return null;
    },
    close: async () => {
      await live.close();
      for (const manager of managers) await manager.stop();
      await broker.stop();
    },
  };
}

async function roleOf(part: Part): Promise<string | null> {
  try {
    const page = (await (await fetch(`${part.url}/api/site`, { signal: AbortSignal.timeout(1000) })).json()) as {
      manager: { role: string };
    };
    return page.manager.role;
  } catch {
    return null;
  }
}
