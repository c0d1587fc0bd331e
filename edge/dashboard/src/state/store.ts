// One way for data: messages are dispatched, the reducer changes the state, views are called once per frame for what changed.
import { createFleetState, type FleetState, type Slice } from './fleet-state.ts';
import { reduce, type FleetMessage } from './reduce.ts';

export type View = (state: FleetState) => void;

export interface StoreOptions {
  /** Runs a function soon, once: `requestAnimationFrame` in the page. */
  readonly schedule: (flush: () => void) => void;
  /** Page time [ms]. */
  readonly nowMs: () => number;
}

export class Store {
  readonly state: FleetState = createFleetState();
  readonly #options: StoreOptions;
  readonly #views: { readonly slices: readonly Slice[]; readonly view: View }[] = [];
  readonly #changed = new Set<Slice>();

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  dispatch(message: FleetMessage): void {
    const pending = this.#changed.size > 0;
    for (const slice of reduce(this.state, message, this.#options.nowMs())) this.#changed.add(slice);
    if (!pending && this.#changed.size > 0) this.#options.schedule(() => this.#flush());
  }

  /** Calls the view now and then whenever one of its slices changed, at most once per frame. */
  show(slices: readonly Slice[], view: View): void {
    this.#views.push({ slices, view });
    view(this.state);
  }

  #flush(): void {
    const changed = new Set(this.#changed);
    this.#changed.clear();
    for (const { slices, view } of this.#views) {
      if (slices.some((slice) => changed.has(slice))) view(this.state);
    }
  }
}
