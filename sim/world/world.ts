// A resolved site: everything that stands in it, indexed for rays, distances and collisions. Never changes during a run.
import type { Point2, Pose2 } from '../../shared/geometry/pose2.ts';
import type { Appearance } from '../camera/appearance.ts';
import { type Hazard, type Prop, PROP_SIZES } from './hazards.ts';
import type { FloorName } from './materials.ts';
import { RayIndex } from './ray-index.ts';
import { contains, type Solid } from './solid.ts';

/** A site without anything random left in it. The world frame's origin is the lower left corner; x right, y up [m]. */
export interface SiteDefinition {
  readonly name: string;
  readonly widthM: number;
  readonly depthM: number;
  readonly floor: FloorName;
  /** Height of the rooms [m]; 0: open sky. */
  readonly ceilingM: number;
  readonly solids: readonly Solid[];
  readonly hazards: readonly Hazard[];
  readonly props: readonly Prop[];
  readonly starts: readonly Pose2[];
  readonly movers: readonly MoverDefinition[];
  /** What is different from an evenly lit, clear room. */
  readonly appearance: Partial<Appearance>;
  /** Seeds textures. */
  readonly textureSeed: number;
}

/** A cylinder that walks along a closed way at constant speed: a person or a cart. */
export interface MoverDefinition {
  readonly id: string;
  readonly radiusM: number;
  readonly heightM: number;
  readonly speedMPerSec: number;
  readonly way: readonly Point2[];
}

const BUCKET_M = 1;

export class World {
  readonly site: SiteDefinition;
  readonly index: RayIndex;
  /** Everything static with a footprint, hazards and props included. */
  readonly solids: readonly Solid[];
  readonly #buckets: Solid[][];
  readonly #bucketColumns: number;
  readonly #bucketRows: number;

  constructor(site: SiteDefinition) {
    this.site = site;
    this.solids = [...site.solids, ...site.hazards.map(hazardSolid), ...site.props.map(propSolid)];
    const segments: number[] = [];
    const circles: number[] = [];
    for (const solid of this.solids) {
      if (solid.kind === 'cylinder') circles.push(solid.x, solid.y, solid.radiusM);
      else
        for (const [index, a] of solid.vertices.entries()) {
          const b = solid.vertices[(index + 1) % solid.vertices.length] as Point2;
          segments.push(a.x, a.y, b.x, b.y);
        }
    }
    const bounds = { minX: 0, minY: 0, maxX: site.widthM, maxY: site.depthM };
    this.index = new RayIndex(bounds, Float64Array.from(segments), Float64Array.from(circles));
    this.#bucketColumns = Math.ceil(site.widthM / BUCKET_M);
    this.#bucketRows = Math.ceil(site.depthM / BUCKET_M);
    this.#buckets = Array.from({ length: this.#bucketColumns * this.#bucketRows }, () => []);
    for (const solid of this.solids) this.#insert(solid);
  }

  /** Distance [m] from (x, y) towards `angleRad` to the first surface; Infinity if none lies within `maxM`. */
  castRay(x: number, y: number, angleRad: number, maxM: number): number {
    return this.index.cast(x, y, Math.cos(angleRad), Math.sin(angleRad), maxM);
  }

  /** Whether the point lies inside something solid or outside the site. */
  isSolid(x: number, y: number): boolean {
    const { widthM, depthM } = this.site;
    if (x < 0 || y < 0 || x >= widthM || y >= depthM) return true;
    const bucket = this.#buckets[Math.floor(y / BUCKET_M) * this.#bucketColumns + Math.floor(x / BUCKET_M)];
    return bucket?.some((solid) => contains(solid, x, y)) ?? false;
  }

  /** Distance [m] to the nearest solid, at most `maxM`; 0 inside one and outside the site. */
  clearance(x: number, y: number, maxM: number): number {
    if (this.isSolid(x, y)) return 0;
    const { widthM, depthM } = this.site;
    return Math.min(this.index.nearest(x, y, maxM), x, y, widthM - x, depthM - y);
  }

  /** Whether a disc of `radiusM` at (x, y) touches nothing static. */
  isClear(x: number, y: number, radiusM: number): boolean {
    return this.clearance(x, y, radiusM) >= radiusM;
  }

  /** Whether nothing static stands between two points. */
  hasLineOfSight(a: Point2, b: Point2): boolean {
    const length = Math.hypot(b.x - a.x, b.y - a.y);
    if (length === 0) return true;
    return this.index.cast(a.x, a.y, (b.x - a.x) / length, (b.y - a.y) / length, length) === Number.POSITIVE_INFINITY;
  }

  #insert(solid: Solid): void {
    const xs = solid.kind === 'cylinder' ? [solid.x - solid.radiusM, solid.x + solid.radiusM] : solid.vertices.map(({ x }) => x);
    const ys = solid.kind === 'cylinder' ? [solid.y - solid.radiusM, solid.y + solid.radiusM] : solid.vertices.map(({ y }) => y);
    const clamp = (value: number, count: number): number => Math.min(count - 1, Math.max(0, Math.floor(value / BUCKET_M)));
    for (let row = clamp(Math.min(...ys), this.#bucketRows); row <= clamp(Math.max(...ys), this.#bucketRows); row += 1) {
      for (let column = clamp(Math.min(...xs), this.#bucketColumns); column <= clamp(Math.max(...xs), this.#bucketColumns); column += 1) {
        this.#buckets[row * this.#bucketColumns + column]?.push(solid);
      }
    }
  }
}

function hazardSolid(hazard: Hazard): Solid {
  return { kind: 'cylinder', x: hazard.x, y: hazard.y, radiusM: hazard.radiusM, heightM: hazard.heightM, material: 'painted-steel' };
}

function propSolid(prop: Prop): Solid {
  return { kind: 'cylinder', x: prop.x, y: prop.y, ...PROP_SIZES[prop.kind], material: 'painted-steel' };
}
