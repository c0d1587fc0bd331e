// Random sites by seed: each layout is drawn until every free place of it can be reached from its start.
import { OutriderError } from '../../shared/errors.ts';
import { reachableArea } from '../world/reachable-area.ts';
import { wallSolids } from '../world/solid.ts';
import { World } from '../world/world.ts';
import type { Layout, LayoutOptions } from './layout.ts';
import { corridorLoop } from './layout-corridor-loop.ts';
import { office } from './layout-office.ts';
import { openField, rubble } from './layout-open.ts';
import { warehouse } from './layout-warehouse.ts';
import type { LayoutName } from './world-schema.ts';

const BUILDERS: Readonly<Record<LayoutName, (options: LayoutOptions) => Layout>> = {
  office,
  warehouse,
  rubble,
  'corridor-loop': corridorLoop,
  'open-field': openField,
};

const ATTEMPTS = 60;
/** Share of the free places that may be cut off: corners behind furniture. */
const MAX_CUT_OFF = 0.005;
/** Room that a way must leave beyond the rover's body on each side [m]. */
const WAY_MARGIN_M = 0.1;

/** Draws a layout; throws OUT_SIM_SITE when the site is too small for it. */
export function buildLayout(name: LayoutName, options: LayoutOptions): Layout {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const layout = BUILDERS[name]({ ...options, random: options.random.fork(`${name}:${attempt}`) });
    if (isConnected(layout, options)) return layout;
  }
  throw new OutriderError(
    'OUT_SIM_SITE',
    `no connected ${name} site of ${options.widthM} m × ${options.depthM} m was found: make it larger`,
  );
}

/** Whether (nearly) all places with room for a rover can be reached from the start. */
function isConnected(layout: Layout, options: LayoutOptions): boolean {
  const { widthM, depthM } = options;
  const radiusM = options.roverRadiusM + WAY_MARGIN_M;
  // The outer walls are the site's; a bound as thick as they may be keeps the check independent of them.
  const ring = [
    { x: 0, y: 0 },
    { x: widthM, y: 0 },
    { x: widthM, y: depthM },
    { x: 0, y: depthM },
    { x: 0, y: 0 },
  ];
  const world = new World({
    name: 'check',
    widthM,
    depthM,
    floor: 'concrete-floor',
    ceilingM: 0,
    solids: [...layout.solids, ...wallSolids(ring, 0.4, 2, 'concrete')],
    hazards: [],
    props: [],
    starts: [layout.start],
    movers: [],
    appearance: {},
    textureSeed: 0,
  });
  if (!world.isClear(layout.start.x, layout.start.y, options.roverRadiusM + 0.4)) return false;
  const area = reachableArea(world, radiusM, [layout.start], 0.1);
  let free = 0;
  let reached = 0;
  for (let row = 0; row < area.rows; row += 1) {
    for (let column = 0; column < area.columns; column += 1) {
      if (area.centre[row * area.columns + column] === 1) reached += 1;
      else if (world.isClear((column + 0.5) * area.cellM, (row + 0.5) * area.cellM, radiusM)) free += 1;
    }
  }
  return reached > 0 && free <= MAX_CUT_OFF * (reached + free);
}
