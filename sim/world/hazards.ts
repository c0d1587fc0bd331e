// The hazards that a search looks for, and harmless props that look a little like them: their sizes on the floor.

/** Footprint and height of an upright object, all in metres. */
export interface ObjectSize {
  readonly radiusM: number;
  readonly heightM: number;
}

export const HAZARD_CLASSES = ['survivor', 'gas-cylinder', 'chemical-drum', 'fire', 'fuel-can', 'radioactive-crate'] as const;

export type HazardClass = (typeof HAZARD_CLASSES)[number];

/** A survivor sits with knees drawn up; a 50-litre gas cylinder; a 200-litre drum; a fire on debris; a 20-litre can; a transport crate. */
export const HAZARD_SIZES: Readonly<Record<HazardClass, ObjectSize>> = {
  survivor: { radiusM: 0.36, heightM: 0.92 },
  'gas-cylinder': { radiusM: 0.13, heightM: 1.25 },
  'chemical-drum': { radiusM: 0.29, heightM: 0.88 },
  fire: { radiusM: 0.3, heightM: 0.85 },
  'fuel-can': { radiusM: 0.19, heightM: 0.47 },
  'radioactive-crate': { radiusM: 0.33, heightM: 0.45 },
};

export interface Hazard {
  readonly id: string;
  readonly class: HazardClass;
  readonly x: number;
  readonly y: number;
  readonly yawRad: number;
  readonly radiusM: number;
  readonly heightM: number;
  /** Picks among a class's looks (vest lime or pink, cylinder red or orange …). */
  readonly variant: number;
}

export const PROP_KINDS = ['traffic-cone', 'waste-bin', 'plant', 'extinguisher', 'water-cooler', 'chair', 'barrel-wood', 'bucket'] as const;

export type PropKind = (typeof PROP_KINDS)[number];

export const PROP_SIZES: Readonly<Record<PropKind, ObjectSize>> = {
  'traffic-cone': { radiusM: 0.17, heightM: 0.5 },
  'waste-bin': { radiusM: 0.25, heightM: 0.8 },
  plant: { radiusM: 0.24, heightM: 1.1 },
  extinguisher: { radiusM: 0.09, heightM: 0.5 },
  'water-cooler': { radiusM: 0.18, heightM: 1.2 },
  chair: { radiusM: 0.3, heightM: 0.9 },
  'barrel-wood': { radiusM: 0.3, heightM: 0.85 },
  bucket: { radiusM: 0.16, heightM: 0.34 },
};

/** A harmless object; solid like everything else. */
export interface Prop {
  readonly kind: PropKind;
  readonly x: number;
  readonly y: number;
  readonly yawRad: number;
  readonly variant: number;
}
