// The last word before the drive: raw scan points against stop polygons and against the arc that a command would drive.
import type { Point2 } from '../../../shared/geometry/pose2.ts';
import { STOP, type Twist2 } from '../../../shared/geometry/twist2.ts';
import { insidePolygon } from './polygon.ts';
import type { ScanPoints } from './scan-points.ts';

/** Any point inside stops every command of the named direction. A round footprint turns on the spot without touching. */
export interface StopPolygon {
  readonly appliesTo: 'forward' | 'backward';
  readonly points: readonly Point2[];
}

export interface CollisionMonitorOptions {
  readonly footprintRadiusM: number;
  /** Room that is left when a stop is complete [m]. */
  readonly marginM: number;
  /** Deceleration that the drive can be relied on for [m/s²]. */
  readonly decelerationMPerSec2: number;
  /** Time from a point's measurement to the drive's reaction [s]. */
  readonly reactionSec: number;
  /** Without a scan younger than this nothing moves [s]. */
  readonly scanTimeoutSec: number;
  /** Fraction of rays of the travel sector that may be invalid. */
  readonly maxBlindFraction: number;
  readonly stopPolygons: readonly StopPolygon[];
}

export type MonitorAction = 'pass' | 'slow' | 'stop' | 'no-scan';

export interface MonitorVerdict {
  readonly command: Twist2;
  readonly action: MonitorAction;
  /** Free way along the commanded arc [m]; Infinity when nothing is in it. */
  readonly freeM: number;
}

/** What the monitor looks at. */
export interface MonitorView {
  readonly points: ScanPoints;
  /** Age of the scan [s]. */
  readonly ageSec: number;
  /** Fraction of invalid rays in the sector ahead and in the one behind. */
  readonly blindAhead: number;
  readonly blindBehind: number;
  /** Whether the point (base frame) may itself be moving: half of the room to it is its own. */
  readonly mayMove: (x: number, y: number) => boolean;
}

export class CollisionMonitor {
  readonly #options: CollisionMonitorOptions;

  constructor(options: CollisionMonitorOptions) {
    this.#options = options;
  }

  /** The part of `command` that is safe: all of it, the same arc more slowly, or nothing. */
  check(command: Twist2, view: MonitorView | null): MonitorVerdict {
    const { scanTimeoutSec, maxBlindFraction } = this.#options;
    const speed = command.linearMPerSec;
    if (speed === 0 && command.angularRadPerSec === 0) return { command: STOP, action: 'pass', freeM: Infinity };
    if (view === null || view.ageSec > scanTimeoutSec) return { command: STOP, action: 'no-scan', freeM: 0 };
    if (speed === 0) return { command, action: 'pass', freeM: Infinity };
    if ((speed > 0 ? view.blindAhead : view.blindBehind) > maxBlindFraction) return { command: STOP, action: 'no-scan', freeM: 0 };
    if (this.#polygonHit(speed > 0 ? 'forward' : 'backward', view.points)) return { command: STOP, action: 'stop', freeM: 0 };
    const { allowed, freeM } = this.#allowedSpeed(command, view);
    if (allowed >= Math.abs(speed)) return { command, action: 'pass', freeM };
    if (allowed < 0.02) return { command: STOP, action: 'stop', freeM };
    const scale = allowed / Math.abs(speed);
    return {
      command: { linearMPerSec: speed * scale, angularRadPerSec: command.angularRadPerSec * scale },
      action: 'slow',
      freeM,
    };
  }

  #polygonHit(direction: 'forward' | 'backward', points: ScanPoints): boolean {
    for (const polygon of this.#options.stopPolygons) {
      if (polygon.appliesTo !== direction) continue;
      for (let i = 0; i < points.count; i += 1) {
        if (insidePolygon(points.xy[2 * i] as number, points.xy[2 * i + 1] as number, polygon.points)) return true;
      }
    }
    return false;
  }

  #allowedSpeed(command: Twist2, view: MonitorView): { allowed: number; freeM: number } {
    const { footprintRadiusM, marginM, decelerationMPerSec2, reactionSec } = this.#options;
    const { xy, count } = view.points;
    const radius = footprintRadiusM + marginM;
    const speed = Math.abs(command.linearMPerSec);
    const horizon = speed * reactionSec * 2 + (speed * speed) / decelerationMPerSec2 + radius + 0.3;
    let allowed = Infinity;
    let freeM = Infinity;
    for (let i = 0; i < count; i += 1) {
      const x = xy[2 * i] as number;
      const y = xy[2 * i + 1] as number;
      if (x > horizon || x < -horizon || y > horizon || y < -horizon) continue;
      const way = wayToContact(command, x, y, radius);
      if (way === Infinity) continue;
      if (way < freeM) freeM = way;
      const room = view.mayMove(x, y) ? way / 2 - marginM : way;
      const at = decelerationMPerSec2 * reactionSec;
      const safe = room <= 0 ? 0 : Math.sqrt(at * at + 2 * decelerationMPerSec2 * room) - at;
      if (safe < allowed) allowed = safe;
    }
    return { allowed, freeM };
  }
}

/**
 * Way [m] along the arc of a command until a disc of `radius` around the base touches the point; Infinity when it never
 * does within half a turn, 0 when it touches already and would get closer.
 */
export function wayToContact(command: Twist2, x: number, y: number, radius: number): number {
  const forward = Math.sign(command.linearMPerSec);
  const px = x * forward; // mirror: travel is always towards +x
  const curvature = command.angularRadPerSec / (command.linearMPerSec * forward);
  if (px * px + y * y <= radius * radius) return px > 0 ? 0 : Infinity;
  if (Math.abs(curvature) < 1e-4) {
    if (px <= 0 || Math.abs(y) >= radius) return Infinity;
    return px - Math.sqrt(radius * radius - y * y);
  }
  const r = 1 / Math.abs(curvature);
  const py = curvature > 0 ? y : -y; // mirror: the centre of the turn is at (0, r)
  const rho = Math.hypot(px, py - r);
  if (Math.abs(rho - r) >= radius || rho === 0) return Infinity;
  let along = Math.atan2(px, r - py); // angle of the point as seen from the centre, 0 at the rover, positive ahead
  if (along < 0) along += 2 * Math.PI;
  const half = Math.acos(Math.min(1, Math.max(-1, (r * r + rho * rho - radius * radius) / (2 * r * rho))));
  const contact = along - half;
  if (contact < 0 || contact > Math.PI) return Infinity;
  return contact * r;
}
