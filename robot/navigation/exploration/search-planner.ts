// Chooses the next viewpoint: the place and heading that reveal the most unseen floor and unknown ground per second, with
// others' claims respected (next-best-view as in Gonzalez-Banos & Latombe 2002; shared among rovers as in Burgard et al. 2005).
import { angleDifference, normalizeAngle } from '../../../shared/geometry/angle.ts';
import type { Pose2 } from '../../../shared/geometry/pose2.ts';
import type { Costmap } from '../costmap/costmap.ts';
import { cellAt, centreX, centreY, type GridFrame } from '../costmap/grid-frame.ts';
import { type FloodSource, GridSearch, type SearchOptions } from '../planning/grid-search.ts';
import type { CameraCone } from './camera-cone.ts';
import { CoarseMap } from './coarse-map.ts';
import type { SearchPlannerOptions } from './search-planner-options.ts';
import type { SearchInputs, SearchOutcome, Searcher, Viewpoint } from './search-types.ts';
import { HEADINGS, ViewField } from './view-field.ts';
import { viewingPlaces } from './viewing-places.ts';
import { WorthMap } from './worth-map.ts';

/** A place to look from, and what it could be worth at best. */
interface Candidate {
  readonly cell: number;
  /** Cell of the coarse map. */
  readonly at: number;
  readonly seconds: number;
  /** How much this rover should care, against the others: 0…1. */
  readonly share: number;
  readonly bound: number;
}

/** What one choice works with. */
interface Scene extends SearchInputs {
  readonly coarse: Costmap;
  /** Cost [coarse cell edges] of this rover's and of the nearest other rover's way to each coarse cell. */
  readonly mine: Float64Array;
  readonly theirs: Float64Array | null;
  readonly bans: readonly { readonly x: number; readonly y: number }[];
}

interface Rated {
  readonly viewpoint: Viewpoint;
  readonly utility: number;
}

export class SearchPlanner {
  readonly #camera: CameraCone;
  readonly #options: SearchPlannerOptions;
  readonly #travel: SearchOptions;
  readonly #field: ViewField;
  readonly #worth: WorthMap;
  readonly #coarse = new CoarseMap();
  readonly #mine = new GridSearch();
  readonly #theirs = new GridSearch();
  #bans: { x: number; y: number; untilSec: number }[] = [];

  constructor(camera: CameraCone, options: SearchPlannerOptions) {
    this.#camera = camera;
    this.#options = options;
    this.#travel = { costWeight: options.costWeight, unknownWeight: Infinity, escapeCells: 4, maxExpansions: Infinity };
    this.#field = new ViewField(camera);
    this.#worth = new WorthMap(options);
  }

  /** Picks the next viewpoint, or says that none is left. */
  choose(inputs: SearchInputs): SearchOutcome {
    this.#worth.resize(inputs.frame);
    this.#bans = this.#bans.filter((ban) => ban.untilSec > inputs.nowSec);
    const coarse = this.#coarse.update(inputs.costmap);
    this.#coarse.openAround(inputs.others, inputs.frame, inputs.states);
    const start = cellAt(coarse, inputs.pose.x, inputs.pose.y);
    if (start < 0) return { viewpoint: null, workLeft: true };
    const mine = this.#mine.flood(coarse, [{ cell: start, cost: 0 }], this.#travel);
    const theirs = this.#floodOthers(coarse, inputs.others);
    const viewpoint = this.#best({ ...inputs, coarse, mine, theirs, bans: this.#bans });
    if (viewpoint !== null) return { viewpoint, workLeft: true };
    if (inputs.others.length === 0 && this.#bans.length === 0) return { viewpoint: null, workLeft: false };
    const anything = this.#best({ ...inputs, others: [], current: null, coarse, mine, theirs: null, bans: [] });
    return { viewpoint: null, workLeft: anything !== null };
  }

  /** An attempt to see from there failed: what is still unseen is given up when `maxTries` are used up. */
  noteFailure(frame: GridFrame, states: Uint8Array, seen: Uint8Array, from: Pose2, tries: number): void {
    this.#worth.noteFailure(frame, states, seen, from, this.#camera, tries);
  }

  /** No way leads there for now: viewpoints around it are left out until then. */
  ban(x: number, y: number, untilSec: number): void {
    this.#bans.push({ x, y, untilSec });
  }

  /** Travel cost from the nearest other rover, or from where one will be when its claim is done. */
  #floodOthers(coarse: Costmap, others: readonly Searcher[]): Float64Array | null {
    const sources: FloodSource[] = [];
    for (const { x, y, claim } of others) {
      if (claim === null) continue;
      const at = cellAt(coarse, x, y);
      if (at >= 0) sources.push({ cell: at, cost: 0 });
      const goal = cellAt(coarse, claim.x, claim.y);
      if (goal >= 0) sources.push({ cell: goal, cost: (claim.pathLengthM * this.#options.claimLead) / coarse.resolutionM });
    }
    return sources.length === 0 ? null : this.#theirs.flood(coarse, sources, this.#travel);
  }

  #best(scene: Scene): Viewpoint | null {
    const { maxEvaluations, hysteresis } = this.#options;
    const claims = scene.others.flatMap(({ claim }) => (claim === null || this.#isNearer(scene, claim) ? [] : [claim]));
    this.#worth.build(scene, claims);
    this.#field.load(scene.frame, this.#worth.weights);
    const candidates: Candidate[] = [];
    for (const cell of viewingPlaces(scene, this.#worth, this.#reach(scene.frame), this.#options)) {
      const candidate = this.#candidate(scene, cell);
      if (candidate !== null) candidates.push(candidate);
    }
    candidates.sort((a, b) => b.bound - a.bound || a.cell - b.cell);
    let best: Rated | null = null;
    let evaluated = 0;
    for (const candidate of candidates) {
      if (best !== null && (candidate.bound <= best.utility || evaluated >= maxEvaluations)) break;
      evaluated += 1;
      const rated: Rated | null = this.#rate(scene, candidate, best === null ? 0 : best.utility);
      if (rated !== null) best = rated;
    }
    const held = this.#reconsider(scene);
    if (held !== null && (best === null || best.utility < held.utility * hysteresis)) return held.viewpoint;
    return best?.viewpoint ?? null;
  }

  /** The current viewpoint with today's way and worth, or null when it has served its purpose. */
  #reconsider(scene: Scene): Rated | null {
    const { current } = scene;
    const cell = current === null ? -1 : cellAt(scene.frame, current.x, current.y);
    const candidate = cell < 0 ? null : this.#candidate(scene, cell);
    if (current === null || candidate === null) return null;
    const heading = Math.round((current.theta / (2 * Math.PI)) * HEADINGS + HEADINGS) % HEADINGS;
    const gain = this.#field.gainsFrom(cell)[heading] as number;
    if (gain < Math.max(this.#options.minGainM2, current.gainM2 * this.#options.spentFraction)) return null;
    return {
      viewpoint: { ...current, pathLengthM: this.#wayM(scene, candidate) },
      utility: this.#utility(candidate, heading, gain, this.#arrivalHeading(scene, candidate)),
    };
  }

  /** The best heading of a place, or null when none beats `atLeast`. */
  #rate(scene: Scene, candidate: Candidate, atLeast: number): Rated | null {
    const gains = this.#field.gainsFrom(candidate.cell);
    const arrival = this.#arrivalHeading(scene, candidate);
    let best = -1;
    let bestUtility = atLeast;
    for (let heading = 0; heading < HEADINGS; heading += 1) {
      if ((gains[heading] as number) < this.#options.minGainM2) continue;
      const utility = this.#utility(candidate, heading, gains[heading] as number, arrival);
      if (utility > bestUtility) [best, bestUtility] = [heading, utility];
    }
    if (best < 0) return null;
    const viewpoint: Viewpoint = {
      x: centreX(scene.frame, candidate.cell),
      y: centreY(scene.frame, candidate.cell),
      theta: normalizeAngle((best * 2 * Math.PI) / HEADINGS),
      gainM2: gains[best] as number,
      pathLengthM: this.#wayM(scene, candidate),
    };
    return { viewpoint, utility: bestUtility };
  }

  #utility(candidate: Candidate, heading: number, gain: number, arrival: number): number {
    const turn = Math.abs(angleDifference((heading * 2 * Math.PI) / HEADINGS, arrival));
    return (gain * candidate.share) / (candidate.seconds + turn / this.#options.turnRadPerSec);
  }

  /** A place with its way, or null: out of reach, banned, or left to a rover that claims it with a shorter way. */
  #candidate(scene: Scene, cell: number): Candidate | null {
    const { frame, coarse } = scene;
    const options = this.#options;
    const x = centreX(frame, cell);
    const y = centreY(frame, cell);
    const at = cellAt(coarse, x, y);
    if (at < 0 || scene.mine[at] === Infinity) return null;
    for (const ban of scene.bans) if (Math.hypot(ban.x - x, ban.y - y) < options.banRadiusM) return null;
    const wayM = (scene.mine[at] as number) * coarse.resolutionM;
    for (const { claim } of scene.others) {
      if (claim !== null && claim.pathLengthM <= wayM && Math.hypot(claim.x - x, claim.y - y) < options.exclusiveM) return null;
    }
    const promise = this.#worth.promiseAround(cell % frame.width, Math.floor(cell / frame.width), this.#reach(frame));
    if (promise < options.minGainM2) return null;
    const lead = scene.theirs === null ? Infinity : (scene.theirs[at] as number) * coarse.resolutionM - wayM;
    const share = Math.min(1, Math.max(options.minShare, 0.5 + lead / (2 * options.shareScaleM)));
    const seconds = wayM / options.speedMPerSec + options.overheadSec;
    // No view shows more than the whole cone at the highest weight.
    const most = (this.#camera.fovRad / 2) * this.#camera.maxRangeM ** 2 * (1 + options.remnantBoost);
    return { cell, at, seconds, share, bound: (Math.min(promise, most) * share) / seconds };
  }

  /** Whether this rover has the shorter way to a claimed place. */
  #isNearer({ coarse, mine }: Scene, claim: NonNullable<Searcher['claim']>): boolean {
    const goal = cellAt(coarse, claim.x, claim.y);
    return goal >= 0 && (mine[goal] as number) * coarse.resolutionM < claim.pathLengthM;
  }

  /** Heading in which the rover will come to a place: along the last stretch of its way. */
  #arrivalHeading({ coarse, pose }: Scene, { at }: Candidate): number {
    let from = at;
    for (let i = 0; i < 5; i += 1) {
      const parent = this.#mine.parentOf(from);
      if (parent < 0) break;
      from = parent;
    }
    if (from === at) return pose.theta;
    return Math.atan2(centreY(coarse, at) - centreY(coarse, from), centreX(coarse, at) - centreX(coarse, from));
  }

  #wayM({ mine, coarse }: Scene, { at }: Candidate): number {
    return (mine[at] as number) * coarse.resolutionM;
  }

  #reach(frame: GridFrame): number {
    return Math.ceil(this.#camera.maxRangeM / frame.resolutionM);
  }
}
