// The rovers: an arrow-headed body that points where the rover looks, its name, and whether it is still heard.
import { shownRovers, type RoverRecord } from '../../state/fleet-state.ts';
import { roverColour } from '../palette.ts';
import type { Layer, Scene } from './scene.ts';

/** Half the length of a rover [m], and the least that is drawn [CSS px]. */
const HALF_LENGTH_M = 0.17;
const LEAST_PX = 10;

export const rovers: Layer = (scene) => {
  let moving = false;
  for (const [index, rover] of shownRovers(scene.state).entries()) {
    const pose = rover.track.at(scene.nowMs);
    if (pose === null) continue;
    moving ||= rover.track.moving(scene.nowMs);
    const size = Math.max(HALF_LENGTH_M * scene.viewport.scale, LEAST_PX);
    const x = scene.viewport.screenX(pose.x);
    const y = scene.viewport.screenY(pose.y);
    drawBody(scene, { x, y, theta: pose.theta, size, colour: roverColour(scene.palette, index), heard: isHeard(rover) });
    drawName(scene, rover, x, y + size + 11);
  }
  return moving;
};

function isHeard(rover: RoverRecord): boolean {
  return rover.presence !== 'lost' && rover.presence !== 'offline';
}

interface Body {
  readonly x: number;
  readonly y: number;
  readonly theta: number;
  readonly size: number;
  readonly colour: string;
  readonly heard: boolean;
}

function drawBody({ context, palette }: Scene, { x, y, theta, size, colour, heard }: Body): void {
  context.save();
  context.translate(x, y);
  context.rotate(-theta);
  const cone = context.createRadialGradient(0, 0, size * 0.6, 0, 0, size * 3.4);
  cone.addColorStop(0, colour);
  // The same colour, clear: `transparent` would be clear black, which greys what it fades into.
  cone.addColorStop(1, `${colour}00`);
  if (heard) {
    context.globalAlpha = 0.32;
    context.fillStyle = cone;
    context.beginPath();
    context.moveTo(0, 0);
    context.arc(0, 0, size * 3.4, -0.5, 0.5);
    context.closePath();
    context.fill();
    context.globalAlpha = 1;
  }
  arrow(context, size + 2.5);
  context.fillStyle = palette.halo;
  context.fill();
  arrow(context, size);
  context.fillStyle = context.strokeStyle = colour;
  if (heard) context.fill();
  else {
    context.lineWidth = 1.75;
    context.setLineDash([3, 2.5]);
    context.stroke();
  }
  context.restore();
}

function drawName({ context, palette }: Scene, rover: RoverRecord, x: number, y: number): void {
  context.save();
  context.font = '600 11px Inter, system-ui, sans-serif';
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.lineJoin = 'round';
  context.lineWidth = 4;
  context.strokeStyle = palette.halo;
  context.fillStyle = palette.text;
  const name = isHeard(rover) ? rover.id : `${rover.id} · lost`;
  context.strokeText(name, x, y);
  context.fillText(name, x, y);
  context.restore();
}

/** A chevron with a notched tail, nose along +x. */
function arrow(context: CanvasRenderingContext2D, size: number): void {
  context.beginPath();
  context.moveTo(size * 1.15, 0);
  context.lineTo(-size * 0.85, size * 0.85);
  context.lineTo(-size * 0.42, 0);
  context.lineTo(-size * 0.85, -size * 0.85);
  context.closePath();
}
