// Bodies that move in a site, seen from above: the other rovers and the movers.

export interface Disc {
  readonly x: number;
  readonly y: number;
  readonly radiusM: number;
}
