// Bodies that walk along a closed way at constant speed, as people do: they stop before what is in their way, and turn back when it stays.
import type { Point2 } from '../../shared/geometry/pose2.ts';
import type { MoverDefinition } from '../world/world.ts';

/** A mover that has stood before something for this long goes back the way that it came [s]. */
const TURN_BACK_SEC = 2;

export class Mover {
  readonly definition: MoverDefinition;
  #leg = 0;
  /** 1: along the way as it is written, −1: against it. */
  #direction: 1 | -1 = 1;
  #blockedSec = 0;
  #alongM = 0;
  #at: Point2;

  constructor(definition: MoverDefinition) {
    const first = definition.way[0];
    if (first === undefined || definition.way.length < 2) throw new RangeError(`mover ${definition.id} needs a way of two points or more`);
    this.definition = definition;
    this.#at = first;
  }

  get x(): number {
    return this.#at.x;
  }

  get y(): number {
    return this.#at.y;
  }

  get radiusM(): number {
    return this.definition.radiusM;
  }

  /** Direction of its way [rad]. */
  get headingRad(): number {
    const { from, to } = this.#ends();
    return Math.atan2(to.y - from.y, to.x - from.x);
  }

  /** Walks on unless the next place is taken; `isFree` says so. */
  step(dtSec: number, isFree: (x: number, y: number) => boolean): void {
    let leg = this.#leg;
    let along = this.#alongM + this.definition.speedMPerSec * dtSec;
    let { from, to } = this.#ends();
    let length = Math.hypot(to.x - from.x, to.y - from.y);
    if (along >= length) {
      along = 0;
      leg = (leg + this.#direction + this.definition.way.length) % this.definition.way.length;
      ({ from, to } = this.#ends(leg));
      length = Math.hypot(to.x - from.x, to.y - from.y);
    }
    const t = length === 0 ? 0 : along / length;
    const next = { x: from.x + t * (to.x - from.x), y: from.y + t * (to.y - from.y) };
    if (!isFree(next.x, next.y)) {
      this.#blockedSec += dtSec;
      if (this.#blockedSec >= TURN_BACK_SEC) this.#turnBack();
      return;
    }
    this.#blockedSec = 0;
    this.#leg = leg;
    this.#alongM = along;
    this.#at = next;
  }

  #ends(leg = this.#leg): { from: Point2; to: Point2 } {
    const { way } = this.definition;
    const [a, b] = [way[leg] as Point2, way[(leg + 1) % way.length] as Point2];
    return this.#direction === 1 ? { from: a, to: b } : { from: b, to: a };
  }

  #turnBack(): void {
    const { from, to } = this.#ends();
    this.#direction = this.#direction === 1 ? -1 : 1;
    this.#alongM = Math.hypot(to.x - from.x, to.y - from.y) - this.#alongM;
    this.#blockedSec = 0;
  }
}
