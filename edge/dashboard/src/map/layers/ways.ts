// Where the rovers have been, where they are going, and why.
import { shownRovers, type RoverRecord } from '../../state/fleet-state.ts';
import { roverColour } from '../palette.ts';
import type { Layer, Scene } from './scene.ts';

/** The newest part of a trail is drawn stronger [points]. */
const FRESH_POINTS = 60;

/** A thin line all the way, stronger where it is fresh. */
export const trails: Layer = (scene) => {
  const { context, palette, state } = scene;
  context.save();
  context.lineJoin = 'round';
  context.lineCap = 'round';
  for (const [index, rover] of shownRovers(state).entries()) {
    context.strokeStyle = roverColour(palette, index);
    context.globalAlpha = 0.4;
    context.lineWidth = 1.25;
    strokeTrail(scene, rover, 0);
    context.globalAlpha = 0.85;
    context.lineWidth = 2;
    strokeTrail(scene, rover, Math.max(rover.trail.points.length - FRESH_POINTS, 0));
  }
  context.restore();
  return false;
};

/** The planned way, dashed, and the goal at its end with the room that it claims. */
export const plans: Layer = ({ context, viewport, palette, state, nowMs, calm }) => {
  let moving = false;
  context.save();
  context.lineJoin = 'round';
  for (const [index, rover] of shownRovers(state).entries()) {
    if (rover.presence === 'lost' || rover.presence === 'offline') continue;
    const colour = roverColour(palette, index);
    context.strokeStyle = colour;
    const drawn = rover.track.at(nowMs);
    const path = rover.state?.path ?? [];
    if (drawn !== null && path.length > 0) {
      context.globalAlpha = 0.95;
      context.lineWidth = 1.75;
      context.setLineDash([1, 5]);
      context.lineCap = 'round';
      context.beginPath();
      context.moveTo(viewport.screenX(drawn.x), viewport.screenY(drawn.y));
      for (const [x, y] of path.slice(nearest(path, drawn.x, drawn.y))) context.lineTo(viewport.screenX(x), viewport.screenY(y));
      context.stroke();
    }
    if (rover.goal !== null) {
      const x = viewport.screenX(rover.goal.x);
      const y = viewport.screenY(rover.goal.y);
      const pulse = calm ? 0 : (Math.sin(nowMs / 380 + index) + 1) / 2;
      moving ||= !calm;
      context.setLineDash([]);
      context.globalAlpha = 0.1;
      context.fillStyle = colour;
      disc(context, x, y, Math.max(rover.goal.radiusM * viewport.scale, 8));
      context.fill();
      context.globalAlpha = 0.9;
      context.lineWidth = 1.75;
      disc(context, x, y, 5.5 + 1.5 * pulse);
      context.stroke();
      disc(context, x, y, 1.75);
      context.fill();
    }
  }
  context.restore();
  return moving;
};

function strokeTrail({ context, viewport, nowMs }: Scene, rover: RoverRecord, first: number): void {
  const { points } = rover.trail;
  const drawn = rover.track.at(nowMs);
  context.beginPath();
  // The last point is ahead of the rover as drawn: the line ends at the rover instead.
  for (let index = first; index < points.length - 1; index += 1) {
    const point = points[index];
    if (point !== undefined) context.lineTo(viewport.screenX(point[0]), viewport.screenY(point[1]));
  }
  if (drawn !== null) context.lineTo(viewport.screenX(drawn.x), viewport.screenY(drawn.y));
  context.stroke();
}

/** Index of the path's point after the one nearest to the rover: what lies behind it is not drawn. */
function nearest(path: readonly (readonly [number, number])[], x: number, y: number): number {
  let best = 0;
  let bestDistance = Infinity;
  for (const [index, point] of path.entries()) {
    const distance = Math.hypot(point[0] - x, point[1] - y);
    if (distance < bestDistance) {
      bestDistance = distance;
      best = index;
    }
  }
  return Math.min(best + 1, path.length - 1);
}

function disc(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
}
