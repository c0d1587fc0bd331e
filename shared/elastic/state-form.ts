// The two forms in which a module's state travels: its declared state (the same bytes from both builds) or its memory image (Wasm to Wasm).
import { createHash } from 'node:crypto';
import { OutriderError } from '../errors.ts';
import type { ModuleInstance } from './module-instance.ts';
import type { ModuleManifest } from './module-manifest.ts';

export type StateForm = 'none' | 'snapshot' | 'image';

export interface CapturedState {
  readonly form: StateForm;
  readonly bytes: Uint8Array;
}

export const NO_STATE: CapturedState = { form: 'none', bytes: new Uint8Array(0) };

/** Declared state travels as such; a stateful module without it (any language) travels as its memory image. */
export function stateFormOf(manifest: ModuleManifest): StateForm {
  if (manifest.state !== null) return 'snapshot';
  return manifest.functions.some((signature) => signature.stateful) ? 'image' : 'none';
}

/** A copy of the instance's state. Throws OUT_MODULE_SNAPSHOT when the state is only in an image that this build does not have. */
export function captureState(manifest: ModuleManifest, instance: ModuleInstance): CapturedState {
  const form = stateFormOf(manifest);
  if (form === 'none') return NO_STATE;
  if (form === 'snapshot') return { form, bytes: instance.snapshot() };
  return { form, bytes: imageOf(manifest, instance).capture() };
}

/** Replaces the instance's state. Throws OUT_MODULE_SNAPSHOT. */
export function restoreState(manifest: ModuleManifest, instance: ModuleInstance, state: CapturedState): void {
  if (state.form === 'none') return;
  const form = stateFormOf(manifest);
  if (state.form !== form) {
    throw new OutriderError('OUT_MODULE_SNAPSHOT', `${manifest.name}: its state travels as ${form}, ${state.form} arrived`);
  }
  if (form === 'snapshot') instance.restore(state.bytes);
  else imageOf(manifest, instance).restore(state.bytes);
}

function imageOf(manifest: ModuleManifest, instance: ModuleInstance): NonNullable<ModuleInstance['image']> {
  if (instance.image !== null) return instance.image;
  throw new OutriderError(
    'OUT_MODULE_SNAPSHOT',
    `${manifest.name} ${manifest.version} declares no state, so only its memory image can move, and its ${instance.build} build has none`,
  );
}

const interfaceIds = new WeakMap<ModuleManifest, string>();

/** Identifies what two ends must have in common to talk: functions, their types and the state's. 32 hex digits. */
export function interfaceIdOf(manifest: ModuleManifest): string {
  let id = interfaceIds.get(manifest);
  if (id === undefined) {
    const functions = manifest.functions.map(({ name, parameters, result, stateful }) => ({ name, parameters, result, stateful }));
    const text = JSON.stringify([manifest.name, functions, manifest.state, manifest.sharing]);
    id = createHash('sha256').update(text).digest('hex').slice(0, 32);
    interfaceIds.set(manifest, id);
  }
  return id;
}
