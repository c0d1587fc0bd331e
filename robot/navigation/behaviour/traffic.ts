// Other rovers on the floor: who stands, who must be planned around, and how long this rover has been letting others pass.
import { decideRightOfWay, type RightOfWay, yieldsTo } from './right-of-way.ts';
import type { NavigatorConfig } from './navigator-config.ts';
import type { NavigatorInput, OtherRover } from './navigator-types.ts';

/** Waiting for one rover longer than this makes a rover plan around it [s]. */
const PATIENCE_SEC = 6;
/** After that it does not wait for it again for this long [s]. */
const RESOLVE_SEC = 4;
const STANDING_M = 0.08;

export class Traffic {
  readonly #config: NavigatorConfig;
  readonly #standing = new Map<string, { x: number; y: number; sinceSec: number }>();
  #waitingSinceSec: number | null = null;
  #resolvedUntilSec = -Infinity;
  #throughUntilSec = -Infinity;

  constructor(config: NavigatorConfig) {
    this.#config = config;
  }

  /** Every cycle: who has moved. */
  observe(input: NavigatorInput): void {
    for (const { id, pose } of input.others) {
      const known = this.#standing.get(id);
      if (known === undefined || Math.hypot(known.x - pose.x, known.y - pose.y) > STANDING_M) {
        this.#standing.set(id, { x: pose.x, y: pose.y, sinceSec: input.stampSec });
      }
    }
  }

  /** Standing rovers are obstacles, unless this rover has found no way around those that will make room for it. */
  solid(input: NavigatorInput, hasGoal: boolean): OtherRover[] {
    const self = { id: this.#config.id, hasGoal };
    return input.others.filter((other) => {
      const since = this.#standing.get(other.id)?.sinceSec ?? input.stampSec;
      if (input.stampSec - since < this.#config.rightOfWay.standingSec) return false;
      return input.stampSec >= this.#throughUntilSec || yieldsTo(self, other);
    });
  }

  /** No way around standing rovers: for a while ways lead through those that have to make room. False when that was tried already. */
  insist(nowSec: number): boolean {
    if (nowSec < this.#throughUntilSec) return false;
    this.#throughUntilSec = nowSec + 10;
    return true;
  }

  /** Whether to go, wait or make room. Waiting ends after a bounded time with `resolve`. */
  decide(input: NavigatorInput, hasGoal: boolean, way: readonly (readonly [number, number])[]): RightOfWay | { readonly kind: 'resolve' } {
    const self = { id: this.#config.id, hasGoal, pose: input.pose, way };
    const oldest = input.stampSec - this.#config.timing.claimTimeoutSec;
    const decision = decideRightOfWay(
      self,
      input.others.filter(({ stampSec }) => stampSec >= oldest),
      this.#config.rightOfWay,
    );
    if (decision.kind !== 'wait') {
      this.#waitingSinceSec = null;
      return decision;
    }
    if (input.stampSec < this.#resolvedUntilSec) return { kind: 'go' };
    this.#waitingSinceSec ??= input.stampSec;
    if (input.stampSec - this.#waitingSinceSec < PATIENCE_SEC) return decision;
    this.#waitingSinceSec = null;
    this.#resolvedUntilSec = input.stampSec + RESOLVE_SEC;
    return { kind: 'resolve' };
  }
}
