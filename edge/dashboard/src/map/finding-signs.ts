// A sign for each class of finding: a diamond placard for what is dangerous, a disc for people. Glyphs in a box of 24 × 24.

export interface FindingSign {
  readonly label: string;
  readonly shape: 'diamond' | 'disc';
  /** SVG path data, even-odd filled. */
  readonly glyph: string;
}

const FLAME =
  'M12.6 3.5c.7 3.2 4.9 5 4.9 9.6a5.5 5.5 0 0 1-11 .2c0-2.4 1.4-3.8 2.3-5.5.4 1.3 1 2 1.8 2.4.9-2.2 1.7-4.2 2-6.7zM12 18a2.2 2.2 0 0 0 2.2-2.3c0-1.5-1.3-2.2-1.9-3.5-.5 1.2-2.5 2-2.5 3.6A2.2 2.2 0 0 0 12 18z';
const CYLINDER =
  'M10 3.5h4v2h-1v1.3a3.7 3.7 0 0 1 3 3.7V19a1.5 1.5 0 0 1-1.5 1.5h-5A1.5 1.5 0 0 1 8 19v-8.500a3.7 3.7 0 0 1 3-3.700V5.500h-1zM8 12.500h8v1.400H8z';
const DRUM =
  'M7 4.500h10v2h-.7v3.200h.7v1.600h-.7v3.200h.7v1.600h-.7v3.400H7.700v-3.400H7v-1.600h.7v-3.200H7V9.700h.7V6.500H7zM12 8.600c1 1.4 1.9 2.4 1.9 3.600a1.9 1.9 0 0 1-3.8 0c0-1.2.9-2.2 1.9-3.600z';
const CAN =
  'M9 4.500h5l3.5 3.400V18a1.5 1.5 0 0 1-1.5 1.500H8A1.5 1.5 0 0 1 6.5 18V7zM9 9.500v7.600h1.500v-2.900h2.700v-1.400h-2.700v-1.900h3.300V9.500zM9.6 6l-.8 1h4.100l-1-1z';
const PERSON = 'M12 4a2.7 2.7 0 1 1 0 5.400A2.7 2.7 0 0 1 12 4zM12 10.600c3.2 0 5.2 2.1 5.2 5.300V19H6.800v-3.100c0-3.2 2-5.3 5.2-5.300z';
const BOLT = 'M13.3 3 6.5 13.200h4.300L9.9 21l7.6-11h-4.700z';
const EXCLAMATION = 'M10.7 5h2.600l-.4 9h-1.800zM12 15.800a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3z';

const SIGNS: readonly { readonly pattern: RegExp; readonly shape: FindingSign['shape']; readonly glyph: string }[] = [
  { pattern: /survivor|person|victim|human/, shape: 'disc', glyph: PERSON },
  { pattern: /fire|flame|burn/, shape: 'diamond', glyph: FLAME },
  { pattern: /cylinder|gas/, shape: 'diamond', glyph: CYLINDER },
  { pattern: /drum|chemical|barrel|corros|toxic/, shape: 'diamond', glyph: DRUM },
  { pattern: /fuel|petrol|jerry/, shape: 'diamond', glyph: CAN },
  { pattern: /radio|nuclear/, shape: 'diamond', glyph: trefoil() },
  { pattern: /electr|volt|batter/, shape: 'diamond', glyph: BOLT },
];

/** The sign of a class name; classes that nobody drew a glyph for get an exclamation mark. */
export function findingSign(className: string): FindingSign {
  const sign = SIGNS.find(({ pattern }) => pattern.test(className)) ?? { shape: 'diamond' as const, glyph: EXCLAMATION };
  const words = className.replaceAll(/[-_]+/g, ' ').trim() || 'unknown';
  return { label: words.charAt(0).toUpperCase() + words.slice(1), shape: sign.shape, glyph: sign.glyph };
}

/** Radiation: a disc and three blades of 60° around it. */
function trefoil(): string {
  const at = (radius: number, degrees: number): string => {
    const angle = (degrees * Math.PI) / 180;
    return `${(12 + radius * Math.cos(angle)).toFixed(2)} ${(12 + radius * Math.sin(angle)).toFixed(2)}`;
  };
  const blade = (from: number): string =>
    `M${at(2.9, from)}L${at(8.4, from)}A8.4 8.4 0 0 1 ${at(8.4, from + 60)}L${at(2.9, from + 60)}A2.9 2.9 0 0 0 ${at(2.9, from)}z`;
  return `M12 10.400a1.6 1.6 0 1 1 0 3.2 1.6 1.6 0 0 1 0-3.200z${[0, 120, 240].map(blade).join('')}`;
}
