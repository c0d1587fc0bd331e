// Grid maps and scenarios of the MovingAI benchmark (Sturtevant 2012): octile maps, optimal lengths without corner cutting.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { COST_FREE, COST_LETHAL, type Costmap } from '../../robot/navigation/costmap/costmap.ts';

export interface MovingAiScenario {
  readonly startX: number;
  readonly startY: number;
  readonly goalX: number;
  readonly goalY: number;
  /** Length of the shortest path [cells], √2 per diagonal. */
  readonly optimal: number;
}

export interface MovingAiProblem {
  readonly name: string;
  readonly map: Costmap;
  readonly scenarios: readonly MovingAiScenario[];
}

/** Where the data lies from the project's root; it is third-party and not part of the repository. */
export const MOVINGAI_FOLDER = '../shared/data/movingai';

/** All maps that have a scenario file; empty when the data is not there. */
export function loadMovingAi(folder = MOVINGAI_FOLDER): MovingAiProblem[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith('.map') && existsSync(join(folder, `${file}.scen`)))
    .toSorted()
    .map((file) => ({
      name: file,
      map: parseMap(readFileSync(join(folder, file), 'utf8')),
      scenarios: parseScenarios(readFileSync(join(folder, `${file}.scen`), 'utf8')),
    }));
}

/** Passable terrain is `.`, `G` and `S`; row 0 is the first line. */
export function parseMap(text: string): Costmap {
  const lines = text.split(/\r?\n/);
  const field = (name: string): number => Number(lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1));
  const height = field('height');
  const width = field('width');
  const first = lines.indexOf('map') + 1;
  const costs = new Uint8Array(width * height);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) costs[y * width + x] = '.GS'.includes(lines[first + y]?.[x] ?? '@') ? COST_FREE : COST_LETHAL;
  }
  return { width, height, resolutionM: 1, originX: 0, originY: 0, costs };
}

/** Lines of `bucket map width height startX startY goalX goalY optimal`. */
export function parseScenarios(text: string): MovingAiScenario[] {
  return text
    .split(/\r?\n/)
    .slice(1)
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, , , , startX, startY, goalX, goalY, optimal] = line.split(/\s+/).map(Number);
      return {
        startX: startX as number,
        startY: startY as number,
        goalX: goalX as number,
        goalY: goalY as number,
        optimal: optimal as number,
      };
    });
}
