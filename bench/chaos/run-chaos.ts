// One chaos run: a live fleet works while one fault follows the other; after each, the fleet must be whole and its ledger right.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from '../../shared/bus/message-channel.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { readBuiltModule } from '../../shared/elastic/built-modules.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';
import { type MapObject, mapObject } from '../../shared/protocol/map-view.ts';
import { SeededRandom } from '../../sim/random/seeded-random.ts';
import { ChaosRover } from './chaos-rover.ts';
import { FAULTS, type Stage } from './faults.ts';
import { startParts } from './site-parts.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly rovers: number;
  readonly hosts: number;
  readonly rateHz: number;
  readonly log: (line: string) => void;
}

export interface FaultRecord {
  readonly fault: string;
  readonly detail: string;
  readonly atSec: number;
  /** From the end of the fault until the fleet was whole [s]; null: it was not, in {@link PATIENCE_SEC}. */
  readonly wholeAfterSec: number | null;
  /** For how much of it this process did not get a processor [s]: rovers that all live in it could do nothing then. */
  readonly starvedSec: number;
}

export interface ChaosReport {
  readonly seed: number;
  readonly durationSec: number;
  readonly rovers: number;
  readonly hosts: number;
  readonly faults: readonly FaultRecord[];
  readonly slowestRecoverySec: number;
  readonly calls: number;
  readonly unanswered: number;
  readonly answered: { readonly updates: number; readonly detections: number; readonly reports: number };
  /** Acknowledged map updates that were looked for again, over all checks. */
  readonly updatesChecked: number;
  /** Sightings in the common view, and reports that were acknowledged: equal when each took effect once. */
  readonly sightings: number;
  readonly slowestAnswerSec: number;
  /** What was lost, wrong or not answered. */
  readonly failures: readonly string[];
  /** Faults that took the fleet longer than 5 s. */
  readonly late: readonly string[];
  readonly passed: boolean;
}

const SITE = 'chaos';
const MISSION = 'chaos';
/** The fleet has to be whole again within this time of a fault's end [s]. */
const WHOLE_SEC = 5;
const PATIENCE_SEC = 40;
const NOTICE_SEC = 1;

const pass = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { seed, seconds, log, rateHz } = options;
  const random = new SeededRandom(seed);
  const folder = await mkdtemp(join(tmpdir(), 'outrider-chaos-'));
  const parts = await startParts(SITE, options.hosts, folder);
  const rovers: ChaosRover[] = [];
  const failures: string[] = [];
  try {
    const [mapServer, detector] = [await readBuiltModule('map-server'), await readBuiltModule('object-detection')];
    const brokerPort = parts.brokerPort;
    for (let index = 0; index < options.rovers; index += 1) {
      const rover = new ChaosRover({ index, site: SITE, mission: MISSION, brokerPort, mapServer, detector, rateHz });
      rovers.push(rover);
      await rover.start();
    }
    const view = await watchObjects(brokerPort);
    const started = await untilWhole(rovers, performance.now());
    if (started === null) throw new Error(`the fleet did not come together: ${rovers.map((rover) => rover.ailment(0)).join(', ')}`);
    for (const rover of rovers) await rover.work();
    log(`${rovers.length} rovers work on ${options.hosts} hosts after ${started.toFixed(1)} s`);
    const startMs = performance.now();
    const atSec = (): number => (performance.now() - startMs) / 1000;
    const faults: FaultRecord[] = [];
    const starvation = new Starvation();
    const stage: Stage = { parts, rovers, random };
    let bag: number[] = [];
    await pass(2);
    while (atSec() < seconds) {
      // Every kind comes before any comes again.
      if (bag.length === 0) bag = FAULTS.map((_, index) => index);
      const fault = FAULTS[bag.splice(random.integer(bag.length), 1)[0] ?? 0];
      if (fault === undefined) break;
      const beganSec = atSec();
      const detail = await fault.run(stage);
      starvation.take();
      const wholeAfterSec = await untilWhole(rovers, performance.now());
      const starvedSec = starvation.take();
      faults.push({ fault: fault.name, detail, atSec: beganSec, wholeAfterSec, starvedSec });
      const starved = starvedSec < 0.1 ? '' : `, of which starved ${starvedSec.toFixed(2)} s`;
      const verdict = wholeAfterSec === null ? `NOT WHOLE: ${ailments(rovers)}` : `whole after ${wholeAfterSec.toFixed(2)} s${starved}`;
      log(`${beganSec.toFixed(0).padStart(4)} s  ${fault.name} (${detail}): ${verdict}`);
      if (wholeAfterSec === null) break;
      await Promise.all(rovers.map((rover) => rover.check()));
      await pass(0.5 + random.next() * 2);
    }
    for (const rover of rovers) rover.pause();
    const untilMs = performance.now() + PATIENCE_SEC * 1000;
    while (rovers.some((rover) => rover.unanswered > 0) && performance.now() < untilMs) await pass(0.05);
    await Promise.all(rovers.map((rover) => rover.check()));
    const reports = rovers.reduce((sum, rover) => sum + rover.answered.reports, 0);
    const sightings = await view.settle(rovers, reports);
    const durationSec = atSec();
    for (const rover of rovers) failures.push(...rover.failures.map((failure) => `${rover.id}: ${failure}`));
    const unanswered = rovers.reduce((sum, rover) => sum + rover.unanswered, 0);
    const slow = faults.filter(({ wholeAfterSec, starvedSec }) => (wholeAfterSec ?? PATIENCE_SEC) - starvedSec > WHOLE_SEC);
    const late = slow.map(
      ({ fault, wholeAfterSec }) => `${fault}: whole after ${wholeAfterSec?.toFixed(2) ?? `more than ${PATIENCE_SEC}`} s`,
    );
    if (unanswered > 0) failures.push(`${unanswered} calls were never answered`);
    if (sightings !== reports) failures.push(`${reports} reports were acknowledged, the common view holds ${sightings} sightings`);
    await view.close();
    starvation.stop();
    return {
      ...{ seed, durationSec, rovers: rovers.length, hosts: options.hosts, faults, unanswered, sightings, failures },
      slowestRecoverySec: Math.max(0, ...faults.map(({ wholeAfterSec }) => wholeAfterSec ?? PATIENCE_SEC)),
      calls: rovers.reduce((sum, rover) => sum + rover.calls, 0),
      answered: {
        updates: rovers.reduce((sum, rover) => sum + rover.answered.updates, 0),
        detections: rovers.reduce((sum, rover) => sum + rover.answered.detections, 0),
        reports,
      },
      updatesChecked: rovers.reduce((sum, rover) => sum + rover.answered.checks, 0),
      slowestAnswerSec: Math.max(...rovers.map((rover) => rover.slowestSec)),
      late,
      passed: failures.length === 0 && late.length === 0,
    };
  } finally {
    for (const rover of rovers) await rover.close().catch(() => undefined);
    await parts.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Waits until every rover is whole; how long it took from `sinceMs` [s], or null. */
async function untilWhole(rovers: readonly ChaosRover[], sinceMs: number): Promise<number | null> {
  while (performance.now() - sinceMs < PATIENCE_SEC * 1000) {
    // What is asked just after the fault has to be answered, too: before, nobody may have noticed yet.
    const noticedMs = sinceMs + NOTICE_SEC * 1000;
    if (performance.now() > noticedMs && rovers.every((rover) => rover.ailment(noticedMs) === null))
      return (performance.now() - sinceMs) / 1000;
    await pass(0.02);
  }
  return null;
}

/** How long this process was ready to go on and did not get a processor. */
class Starvation {
  readonly #timer: NodeJS.Timeout;
  #lastMs = performance.now();
  #lostMs = 0;

  constructor() {
    const periodMs = 20;
    this.#timer = setInterval(() => {
      const now = performance.now();
      const late = now - this.#lastMs - periodMs;
      if (late > 50) this.#lostMs += late;
      this.#lastMs = now;
    }, periodMs);
  }

  /** Since it was last asked [s]. */
  take(): number {
    const lost = this.#lostMs;
    this.#lostMs = 0;
    return lost / 1000;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function ailments(rovers: readonly ChaosRover[]): string {
  return rovers
    .map((rover) => ({ id: rover.id, ailment: rover.ailment(performance.now() - 1000) }))
    .filter(({ ailment }) => ailment !== null)
    .map(({ id, ailment }) => `${id} ${ailment}`)
    .join(', ');
}

/** Follows the objects of the common view, as a dashboard does. */
async function watchObjects(brokerPort: number) {
  const bus = await connectMqttBus({ url: `mqtt://127.0.0.1:${brokerPort}`, clientId: 'chaos-view', reconnectSec: 0.25 });
  const objects = new Map<string, MapObject>();
  const channel = new MessageChannel(bus, SILENT_LOGGER);
  await channel.on(mapObject, { site: SITE, mission: MISSION }, (object) => void objects.set(object.object, object));
  const counted = (): number => [...objects.values()].reduce((sum, { sightings }) => sum + sightings, 0);
  return {
    /** Lets the Map Server publish what is left; the number of sightings in the end. */
    settle: async (rovers: readonly ChaosRover[], expected: number): Promise<number> => {
      for (let attempt = 0; attempt < 20 && counted() !== expected; attempt += 1) {
        await rovers[0]?.flush();
        await pass(0.25);
      }
      return counted();
    },
    close: () => bus.close(),
  };
}
