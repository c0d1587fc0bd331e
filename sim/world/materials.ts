// Materials of walls, obstructions and floors: what the renderer paints them with.

export const MATERIALS = [
  'concrete',
  'plaster',
  'brick',
  'wood',
  'metal',
  'cardboard',
  'rubble',
  'fabric-green',
  'fabric-grey',
  'plastic-blue',
  'plastic-white',
  'painted-steel',
] as const;

export type MaterialName = (typeof MATERIALS)[number];

export const FLOORS = ['concrete-floor', 'tiles', 'asphalt', 'wood-floor', 'dirt'] as const;

export type FloorName = (typeof FLOORS)[number];
