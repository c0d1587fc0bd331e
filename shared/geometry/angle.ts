// Angles on the circle, in radians, normalised to (−π, π] (REP-103: counter-clockwise positive).

/** Wraps `angleRad` into (−π, π]. */
export function normalizeAngle(angleRad: number): number {
  if (angleRad > -Math.PI && angleRad <= Math.PI) return angleRad;
  const wrapped = angleRad - 2 * Math.PI * Math.floor((angleRad + Math.PI) / (2 * Math.PI));
  return wrapped <= -Math.PI ? wrapped + 2 * Math.PI : wrapped;
}

/** The signed smallest turn [rad] that leads from `fromRad` to `toRad`. */
export function angleDifference(toRad: number, fromRad: number): number {
  return normalizeAngle(toRad - fromRad);
}
