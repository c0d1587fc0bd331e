// What seeing each cell is worth: unseen floor and the unknown behind real frontiers; less where others are about to look.
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import { BELIEF_FREE, BELIEF_OCCUPIED, BELIEF_UNKNOWN } from '../costmap/belief-grid.ts';
import { type GridFrame, regrid } from '../costmap/grid-frame.ts';
import { forEachCellInDisc } from '../costmap/layered-costmap.ts';
import { BoxSums } from './box-sums.ts';
import { type CameraCone, castCone } from './camera-cone.ts';
import { findFrontiers } from './frontiers.ts';
import type { SearchPlannerOptions } from './search-planner-options.ts';
import type { SearchInputs, Searcher } from './search-types.ts';
import { OPAQUE, UNKNOWN_MARK } from './view-field.ts';

export class WorthMap {
  readonly #options: SearchPlannerOptions;
  readonly #density = new BoxSums();
  readonly #promise = new BoxSums();
  #frame: GridFrame | null = null;
  #weights: Float32Array = new Float32Array(0);
  /** Tries spent on a cell that stayed unseen. */
  #tries: Uint8Array = new Uint8Array(0);

  constructor(options: SearchPlannerOptions) {
    this.#options = options;
  }

  /** OPAQUE, 0…, or UNKNOWN_MARK + 0… by cell. */
  get weights(): Float32Array {
    return this.#weights;
  }

  resize(frame: GridFrame): void {
    if (frame === this.#frame) return;
    const empty = new Uint8Array(frame.width * frame.height);
    this.#tries = this.#frame === null ? empty : regrid(this.#tries, this.#frame, frame, empty, 0);
    this.#weights = new Float32Array(frame.width * frame.height);
    this.#frame = frame;
  }

  /** Upper bound of what can be seen from a cell within `radius` cells [m² × weight]. */
  promiseAround(x: number, y: number, radius: number): number {
    return this.#promise.around(x, y, radius) * (this.#frame?.resolutionM ?? 0) ** 2;
  }

  /** What can be seen from there and still is unseen has cost so many tries. */
  noteFailure(frame: GridFrame, states: Uint8Array, seen: Uint8Array, from: Pose2, camera: CameraCone, tries: number): void {
    this.resize(frame);
    const touched = new Set<number>();
    const wider = { ...camera, fovRad: Math.min(2 * Math.PI, camera.fovRad * 1.15) };
    castCone(frame, states, BELIEF_OCCUPIED, from, wider, (cell) => {
      if (states[cell] === BELIEF_UNKNOWN || seen[cell] === 0) touched.add(cell);
    });
    for (const cell of touched) this.#tries[cell] = Math.min(255, (this.#tries[cell] as number) + tries);
  }

  /** Builds the weights; `claims` are those to be respected. */
  build(inputs: SearchInputs, claims: readonly NonNullable<Searcher['claim']>[]): void {
    const { frame, states, seen } = inputs;
    const { unknownWeight, maxTries } = this.#options;
    const weights = this.#weights;
    const tries = this.#tries;
    for (let i = 0; i < weights.length; i += 1) {
      if (states[i] === BELIEF_OCCUPIED) weights[i] = OPAQUE;
      else if (states[i] === BELIEF_FREE) weights[i] = seen[i] !== 0 || (tries[i] as number) >= maxTries ? 0 : 1;
      else weights[i] = (tries[i] as number) >= maxTries ? UNKNOWN_MARK : UNKNOWN_MARK + unknownWeight;
    }
    this.#closeSlits(frame, states);
    this.#favourRemnants(frame);
    for (const claim of claims) this.#discount(frame, claim);
    this.#promise.build(frame, (cell) => {
      const weight = weights[cell] as number;
      return weight < 0 ? 0 : weight >= UNKNOWN_MARK ? weight - UNKNOWN_MARK : weight;
    });
  }

  /** Short frontiers are slits in the outline of solid things, not ways on: nothing is looked for behind them. */
  #closeSlits(frame: GridFrame, states: Uint8Array): void {
    const weights = this.#weights;
    const shortest = this.#options.minFrontierM / frame.resolutionM;
    for (const { members } of findFrontiers(frame, states)) {
      if (members.length >= shortest) continue;
      for (const cell of members) {
        for (let row = cell - frame.width; row <= cell + frame.width; row += frame.width) {
          for (let at = row - 1; at <= row + 1; at += 1) if (states[at] === BELIEF_UNKNOWN) weights[at] = OPAQUE;
        }
      }
    }
  }

  /** Unseen floor among seen floor is worth more: leaving it behind costs a way back. */
  #favourRemnants(frame: GridFrame): void {
    const weights = this.#weights;
    const { remnantBoost, remnantRadiusM } = this.#options;
    if (remnantBoost === 0) return;
    const radius = Math.round(remnantRadiusM / frame.resolutionM);
    const full = (2 * radius + 1) ** 2;
    this.#density.build(frame, (cell) => (weights[cell] === 1 || (weights[cell] as number) >= UNKNOWN_MARK ? 1 : 0));
    for (let y = 0, i = 0; y < frame.height; y += 1) {
      for (let x = 0; x < frame.width; x += 1, i += 1) {
        if (weights[i] === 1) weights[i] = 1 + remnantBoost * (1 - this.#density.around(x, y, radius) / full);
      }
    }
  }

  #discount(frame: GridFrame, claim: NonNullable<Searcher['claim']>): void {
    const weights = this.#weights;
    const { claimedWeight } = this.#options;
    forEachCellInDisc(frame, claim, claim.radiusM, (cell) => {
      const weight = weights[cell] as number;
      if (weight >= UNKNOWN_MARK) weights[cell] = UNKNOWN_MARK + (weight - UNKNOWN_MARK) * claimedWeight;
      else if (weight > 0) weights[cell] = weight * claimedWeight;
    });
  }
}
