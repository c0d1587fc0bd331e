// After a lost connection: the same instance again, else where the site says it is now, else (per rover) on board from the last state held here.
// Each attempt is one turn, so that moves asked for meanwhile are not kept waiting.
import { isOutriderError } from '../errors.ts';
import type { EdgePlace } from './edge-place.ts';
import type { LocalRunner } from './local-runner.ts';
import type { ModuleCore } from './module-core.ts';
import type { RecoveredEvent } from './module-events.ts';
import type { ModuleInstance } from './module-instance.ts';
import type { RemoteEndpoint } from './remote-site.ts';
import type { Welcome } from './wire.ts';

const FIRST_RETRY_SEC = 0.1;
const MAX_RETRY_SEC = 2;
const DEFAULT_RECONNECT_SEC = 2;
/** So long the site has to say that it has no such shared instance [s]: a new manager hears from the broker and from hosts within about a second. */
const UNKNOWN_SEC = 3;

/** The connection in use is gone. Calls wait, or run on board at once where they leave nothing behind. */
export function onLost(core: ModuleCore, edge: EdgePlace, error: Error): void {
  edge.lostSec = core.nowSec;
  core.engine.lost();
  const { module, hostId, epoch } = { module: core.options.manifest.name, hostId: edge.endpoint.hostId, epoch: core.epoch };
  core.emit('lost', { module, hostId, epoch, stampSec: core.nowSec, pendingCalls: core.engine.pending, error });
  if (!core.stateful && core.local !== null) {
    core.place('onboard');
    core.engine.runLocally(core.local, 0);
  } else {
    core.place('waiting');
  }
  schedule(core, edge, 0, FIRST_RETRY_SEC);
}

/** Takes the module on board from the newest state held here, and makes the calls after it again. Returns how many. */
export async function fallBack(core: ModuleCore, edge: EdgePlace): Promise<number> {
  await core.engine.hold();
  const state = edge.states.newest;
  // Without a state from the edge (a shared instance that was joined) the on-board instance goes on where it was.
  const fresh = core.local === null;
  if (state !== null) await core.restoreLocal(state);
  const local: ModuleInstance | LocalRunner = await core.ensureLocal();
  const processed = core.stateful ? (state?.processed ?? (fresh ? 0 : core.engine.local.processed)) : 0;
  core.edge = null;
  core.epoch = Math.max(core.epoch, edge.endpoint.epoch) + 1;
  core.place('onboard');
  const gone = edge.unknownSec !== null && core.options.manifest.sharing === 'shared' && core.stateful;
  const lost = gone ? core.engine.giveUpSafe(processed) : 0;
  const replayed = core.engine.runLocally(local, processed);
  core.release(edge.endpoint);
  recovered(core, edge, 'fallback', replayed, lost);
  return replayed;
}

/** Changes to a better way to the same instance, if there is one by now. The old connection serves until the new one is greeted. */
export async function upgrade(core: ModuleCore): Promise<void> {
  const { edge } = core;
  if (edge === null || edge.endpoint.connectBetter === undefined || edge.session.over || core.placement.kind !== 'edge') return;
  const before = edge.session;
  let failure: Error | null = null;
  edge.switching = true;
  try {
    const transport = await edge.endpoint.connectBetter(before.link.transport);
    if (transport !== null && core.edge === edge) {
      const welcome = await edge.greet(transport, { ack: core.engine.flight.received, provision: false });
      before.close();
      core.runAtEdge(edge, welcome.processed);
    }
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
  }
  edge.switching = false;
  if (edge.session.over && core.edge === edge) onLost(core, edge, failure ?? new Error('the connection ended while it was replaced'));
}

function schedule(core: ModuleCore, edge: EdgePlace, delaySec: number, nextSec: number): void {
  const run = (): void => {
    void core.inTurn(() => attempt(core, edge, nextSec));
  };
  if (delaySec === 0) run();
  else core.options.clock.after(delaySec, run);
}

async function attempt(core: ModuleCore, edge: EdgePlace, nextSec: number): Promise<void> {
  let retrySec = nextSec;
  if (core.closed || core.edge !== edge || !edge.session.over) return;
  const reconnectSec = core.options.reconnectSec ?? DEFAULT_RECONNECT_SEC;
  const outageSec = (): number => core.nowSec - (edge.lostSec ?? core.nowSec);
  let gone = false;
  try {
    const welcome = await edge.connect({ ack: core.engine.flight.received, provision: false, timeoutSec: Math.max(reconnectSec, 0.1) });
    if (welcome.phase !== 'embryo') {
      if (welcome.phase === 'frozen') edge.session.resume();
      await resumeAt(core, edge, edge, welcome, 'reconnect');
      return;
    }
    edge.close();
    gone = true;
  } catch (error) {
    gone = isOutriderError(error, 'OUT_ELASTIC_RETIRED') || isOutriderError(error, 'OUT_ELASTIC_REFUSED');
  }
  if (core.closed || core.edge !== edge) return;
  if (gone || outageSec() >= reconnectSec) {
    const outcome = await elsewhere(core, edge, gone);
    if (outcome === 'runs') return;
    // It was found and moved on meanwhile: follow quickly.
    if (outcome === 'found') retrySec = FIRST_RETRY_SEC;
  }
  schedule(core, edge, retrySec, Math.min(2 * retrySec, outageSec() < reconnectSec ? reconnectSec / 4 : MAX_RETRY_SEC));
}

/** Asks the site where the instance is, and follows; where nothing is found, a per-rover module comes back on board. */
async function elsewhere(core: ModuleCore, edge: EdgePlace, gone: boolean): Promise<'runs' | 'found' | 'nowhere'> {
  const { site, manifest } = core.options;
  const answer = site?.reachable === true ? await site.locate(edge.endpoint).catch(() => null) : null;
  const found = answer === 'unknown' ? null : answer;
  if (answer === 'unknown') edge.unknownSec ??= core.nowSec;
  else if (answer !== null) edge.unknownSec = null;
  const known = edge.endpoint;
  if (found !== null && found.epoch >= known.epoch && (!gone || found.epoch > known.epoch || found.instanceId !== known.instanceId)) {
    if (await relocate(core, edge, found)) return 'runs';
    if (manifest.sharing === 'shared') return 'found';
  }
  // It comes back by itself, unless it was given up: then everyone goes on with what it has, until one of them brings it to the edge anew.
  if (manifest.sharing === 'shared' && core.stateful && !(edge.unknownSec !== null && core.nowSec - edge.unknownSec >= UNKNOWN_SEC))
    return 'nowhere';
  try {
    await fallBack(core, edge);
    return 'runs';
  } catch {
    // No on-board instance can be made now; it is tried again.
    return 'nowhere';
  }
}

async function relocate(core: ModuleCore, edge: EdgePlace, endpoint: RemoteEndpoint): Promise<boolean> {
  const target = core.newEdge(endpoint);
  try {
    const welcome = await target.connect({ ack: core.engine.flight.received, provision: false });
    const tooOld = core.stateful && welcome.processed < core.engine.safe;
    if (core.edge !== edge || welcome.phase !== 'running' || (tooOld && core.options.manifest.sharing === 'per-rover')) {
      target.close();
      return false;
    }
    await resumeAt(core, edge, target, welcome, 'relocated');
    return true;
  } catch {
    target.close();
    return false;
  }
}

async function resumeAt(core: ModuleCore, lost: EdgePlace, edge: EdgePlace, welcome: Welcome, how: RecoveredEvent['how']): Promise<void> {
  await core.engine.hold();
  core.edge = edge;
  core.epoch = Math.max(core.epoch, welcome.epoch);
  core.place('edge');
  const replayed = core.runAtEdge(edge, welcome.processed);
  if (core.options.manifest.sharing === 'shared') core.engine.trim(welcome.durable);
  recovered(core, lost, how, replayed);
}

function recovered(core: ModuleCore, left: EdgePlace, how: RecoveredEvent['how'], replayed: number, lost = 0): void {
  const { hostId, epoch } = core.placement;
  const stampSec = core.nowSec;
  const outageMs = left.lostSec === null ? 0 : (stampSec - left.lostSec) * 1000;
  left.lostSec = null;
  core.emit('recovered', { module: core.options.manifest.name, how, hostId, epoch, stampSec, outageMs, replayed, lost });
}
