// Who listens to what a module tells about itself.
import type { ModuleEvents } from './module-events.ts';

export class ModuleEmitter {
  readonly #listeners = new Map<keyof ModuleEvents, Set<(value: never) => void>>();

  /** Listens; returns the way to stop. */
  on<E extends keyof ModuleEvents>(event: E, listener: (value: ModuleEvents[E]) => void): () => void {
    let listeners = this.#listeners.get(event);
    if (listeners === undefined) this.#listeners.set(event, (listeners = new Set()));
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  emit<E extends keyof ModuleEvents>(event: E, value: ModuleEvents[E]): void {
    for (const listener of this.#listeners.get(event) ?? []) (listener as (value: ModuleEvents[E]) => void)(value);
  }
}
