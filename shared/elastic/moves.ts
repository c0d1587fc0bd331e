// The moves of an elastic module: prepare and send ahead while calls go on, then hold, send the rest, activate, go on.
// Until the new place runs, the old one is whole: every failure before that leaves the module where it was.
import { OutriderError, isOutriderError } from '../errors.ts';
import { NO_TRACER, traced, traceOf } from '../ports/tracer.ts';
import type { EdgePlace } from './edge-place.ts';
import type { MoveOptions } from './elastic-module.ts';
import type { ModuleInstance } from './module-instance.ts';
import type { LocalRunner } from './local-runner.ts';
import type { ModuleCore } from './module-core.ts';
import type { MoveReport } from './module-events.ts';
import { MoveRecorder } from './move-recorder.ts';
import { fallBack } from './recovery.ts';
import type { PrepareResult, RemoteSite } from './remote-site.ts';
import type { HeldState } from './state-transfer.ts';

/** Rover to edge, or from one host to another when the module is at the edge already and another host is wanted. */
export async function offload(core: ModuleCore, options: MoveOptions): Promise<MoveReport> {
  const record = new MoveRecorder(core, core.edge === null ? 'offload' : 'handoff', options.reason ?? 'asked for');
  const { site } = core.options;
  if (site === null)
    return record.report('refused', new OutriderError('OUT_ELASTIC_REFUSED', `${core.options.manifest.name} has no edge site`));
  if (core.edge !== null && core.placement.kind !== 'edge') {
    return record.report('refused', new OutriderError('OUT_ELASTIC_LOST', `${core.edge.endpoint.hostId} is being looked for`));
  }
  const current = core.edge?.endpoint.hostId;
  if (current !== undefined && record.kind === 'handoff' && options.excludeHost === undefined) {
    if (options.preferHost === undefined || options.preferHost === current) return record.report('unneeded');
  }
  await core.departure;
  const { tracer = NO_TRACER } = core.options;
  record.span = tracer.begin(record.kind === 'handoff' ? 'handoff' : 'offload', {
    module: core.options.manifest.name,
    reason: options.reason ?? 'asked for',
  });
  const prepared = await prepare(core, site, record, options, current);
  if ('outcome' in prepared) return prepared;
  record.offload = prepared.report;
  record.to = prepared.endpoint.hostId;
  if (prepared.kind === 'redirect') return redirect(core, record, prepared);
  const target = core.newEdge(prepared.endpoint);
  const activation = tracer.join('activate', record.span.traceparent, { host: prepared.endpoint.hostId });
  try {
    const welcome = await target.connect({ ack: core.engine.flight.received, provision: true });
    record.step('connect');
    if (welcome.phase !== 'embryo')
      throw new OutriderError('OUT_ELASTIC_REFUSED', `${prepared.endpoint.instanceId} is ${welcome.phase} already`);
    if (core.edge === null) await fromBoard(core, record, target);
    else await fromHost(core, record, core.edge, target);
    activation.end();
    return record.report('moved');
  } catch (error) {
    activation.end(error);
    target.close();
    await prepared.abandon().catch(() => undefined);
    record.step('abandon');
    return record.report(isOutriderError(error, 'OUT_ELASTIC_REFUSED') ? 'refused' : 'failed', error);
  }
}

/** Edge to rover. */
export async function recall(core: ModuleCore, options: MoveOptions): Promise<MoveReport> {
  const record = new MoveRecorder(core, 'recall', options.reason ?? 'asked for');
  const { edge } = core;
  if (edge === null) return record.report('unneeded');
  const { tracer = NO_TRACER } = core.options;
  record.span = tracer.begin('recall', { module: core.options.manifest.name, reason: options.reason ?? 'asked for' });
  const child = (name: string) => tracer.join(name, record.span.traceparent, { host: edge.endpoint.hostId });
  try {
    await core.ensureLocal();
    record.step('create');
    if (edge.session.over) {
      record.kind = 'recovery';
      record.pauseBegins();
      record.replayed = await fallBack(core, edge);
      return record.report('moved');
    }
    await traced(child('fetch state'), () => fetchAhead(core, record, edge));
    core.place('moving');
    const frozen = await traced(child('freeze'), () => freeze(core, record, edge));
    try {
      await traced(child('restore'), () => core.restoreLocal(frozen.state));
    } catch (error) {
      goOn(core, edge, frozen.processed);
      throw error;
    }
    record.step('restore');
    core.edge = null;
    core.epoch += 1;
    core.place('onboard');
    record.replayed = core.engine.runLocally(core.local as ModuleInstance | LocalRunner, frozen.processed);
    core.engine.trim(frozen.processed);
    record.pauseEnds();
    leave(core, edge);
    return record.report('moved');
  } catch (error) {
    return record.report(isOutriderError(error, 'OUT_ELASTIC_REFUSED') ? 'refused' : 'failed', error);
  }
}

async function prepare(
  core: ModuleCore,
  site: RemoteSite,
  record: MoveRecorder,
  options: MoveOptions,
  current: string | undefined,
): Promise<Exclude<PrepareResult, { kind: 'refused' }> | MoveReport> {
  const { manifest } = core.options;
  const { preferHost, excludeHost = current, signal, reason = 'asked for' } = options;
  try {
    const result = await site.prepare(manifest, {
      reason,
      epoch: core.epoch + 1,
      ...traceOf(record.span),
      ...(preferHost === undefined ? {} : { preferHost }),
      ...(excludeHost === undefined ? {} : { excludeHost }),
      signal: signal === undefined ? core.closing.signal : AbortSignal.any([signal, core.closing.signal]),
    });
    record.step('prepare');
    if (result.kind !== 'refused') return result;
    return record.report('refused', new OutriderError('OUT_ELASTIC_REFUSED', `no place for ${manifest.name}: ${result.reason}`));
  } catch (error) {
    return record.report('failed', error);
  }
}

/** A shared instance runs already: this fixed end joins it, and makes its provisional effects again there. */
async function redirect(
  core: ModuleCore,
  record: MoveRecorder,
  { endpoint }: Extract<PrepareResult, { kind: 'redirect' }>,
): Promise<MoveReport> {
  if (core.edge?.endpoint.instanceId === endpoint.instanceId && core.edge.endpoint.epoch === endpoint.epoch)
    return record.report('unneeded');
  record.kind = 'redirect';
  const target = core.newEdge(endpoint);
  const previous = core.edge;
  try {
    const welcome = await target.connect({ ack: core.engine.flight.received, provision: false });
    record.step('connect');
    if (core.stateful && welcome.processed < core.engine.safe) {
      const message = `${endpoint.instanceId} has effects of this rover up to call ${welcome.processed} only, its own state up to ${core.engine.safe}`;
      throw new OutriderError('OUT_ELASTIC_REFUSED', `${message}: another rover’s state runs there`);
    }
    record.pauseBegins();
    await core.engine.hold();
    core.edge = target;
    core.epoch = Math.max(core.epoch, welcome.epoch);
    core.place('edge');
    record.replayed = core.runAtEdge(target, welcome.processed);
    core.engine.trim(welcome.durable);
    record.pauseEnds();
    if (previous !== null) leave(core, previous);
    return record.report('moved');
  } catch (error) {
    target.close();
    return record.report(isOutriderError(error, 'OUT_ELASTIC_REFUSED') ? 'refused' : 'failed', error);
  }
}

async function fromBoard(core: ModuleCore, record: MoveRecorder, target: EdgePlace): Promise<void> {
  const ahead = await core.captureLocal();
  if (ahead !== null) record.bytesAhead = await target.session.sendState(ahead);
  record.step('precopy');
  core.place('moving');
  record.pauseBegins();
  await core.engine.hold();
  record.step('quiesce');
  const processed = core.engine.local.processed;
  const backOnBoard = (): void => {
    core.place('onboard');
    record.replayed = core.engine.runLocally(core.local as ModuleInstance | LocalRunner, processed);
  };
  try {
    // Nothing happened since: what was sent ahead is the state.
    const state = ahead !== null && ahead.processed === processed ? ahead : await core.captureLocal();
    record.stateBytes = state?.bytes.byteLength ?? 0;
    record.step('capture');
    await activate(core, record, target, state, processed);
  } catch (error) {
    backOnBoard();
    throw error;
  }
}

async function fromHost(core: ModuleCore, record: MoveRecorder, edge: EdgePlace, target: EdgePlace): Promise<void> {
  const ahead = await fetchAhead(core, record, edge);
  // The source's next state is made of this one in place; the target's base must stay as it is.
  if (ahead !== null) record.bytesAhead += await target.session.sendState({ ...ahead, bytes: Buffer.from(ahead.bytes) });
  record.step('forward');
  core.place('moving');
  const frozen = await freeze(core, record, edge);
  try {
    await activate(core, record, target, frozen.state, frozen.processed);
  } catch (error) {
    goOn(core, edge, frozen.processed);
    throw error;
  }
  leave(core, edge);
}

/** Sends what is left of the state and lets calls follow at once; the place changes when the instance says that it runs. */
async function activate(
  core: ModuleCore,
  record: MoveRecorder,
  target: EdgePlace,
  state: HeldState | null,
  processed: number,
): Promise<void> {
  const { handed, running } = target.session.activate(state, processed);
  record.bytesInPause += await handed;
  record.step('transfer');
  record.replayed = core.runAtEdge(target, processed);
  await running;
  record.step('restore');
  record.pauseEnds();
  core.edge = target;
  core.epoch = target.endpoint.epoch;
  core.place('edge');
  if (core.options.manifest.sharing === 'per-rover') core.engine.trim(processed);
}

/** The state while calls go on, so that the pause needs only what changes after it. */
async function fetchAhead(core: ModuleCore, record: MoveRecorder, edge: EdgePlace): Promise<HeldState | null> {
  if (!core.stateful) return null;
  const before = edge.session.link.bytesIn;
  const { state } = await edge.session.fetchCheckpoint();
  record.bytesAhead += edge.session.link.bytesIn - before;
  record.step('precopy');
  return state;
}

/** Holds calls and takes the state; when the shell refuses, calls go on there. */
async function freeze(
  core: ModuleCore,
  record: MoveRecorder,
  edge: EdgePlace,
): Promise<{ readonly state: HeldState | null; readonly processed: number }> {
  record.pauseBegins();
  await core.engine.hold();
  const before = edge.session.link.bytesIn;
  try {
    const frozen = await edge.session.freeze();
    record.bytesInPause += edge.session.link.bytesIn - before;
    record.stateBytes = frozen.state?.bytes.byteLength ?? 0;
    record.step('freeze');
    // From here on its end matters only if it must go on after all.
    edge.session.detach();
    // The host that is left holds this version, too: should the module return, only what changed since has to travel.
    if (frozen.state !== null) core.left.add(frozen.state);
    return frozen;
  } catch (error) {
    // Lost: the recovery has been told.
    if (!edge.session.over) goOn(core, edge, null);
    throw error;
  }
}

/** The instance at the edge was frozen for nothing; `processed`: calls were given to another place meanwhile, up to there they are done. */
function goOn(core: ModuleCore, edge: EdgePlace, processed: number | null): void {
  if (edge.session.over) {
    core.onLost(edge, new OutriderError('OUT_ELASTIC_LOST', `${edge.endpoint.hostId} was lost during a move`));
    return;
  }
  edge.session.resume();
  core.place('edge');
  if (processed === null) core.engine.continueRemotely(edge.session);
  else core.runAtEdge(edge, processed);
}

/** Nobody waits for it but the next move: a host that is asked to take the module back must know by then what it was left with. */
function leave(core: ModuleCore, edge: EdgePlace): void {
  core.departure = edge.session.bye().then(() => core.release(edge.endpoint));
}
