// Findings on the map: the sign of the class, how sure its place is, and whether it is confirmed.
import type { MapObject } from '../../../../../shared/protocol/map-view.ts';
import { findingSign } from '../finding-signs.ts';
import type { Layer, Scene } from './scene.ts';

/** √χ²(2, 95 %): the ellipse that holds the true place 19 times in 20. */
const SIGMAS_95 = 2.448;
const SIGN_PX = 11;
const NEWS_MS = 2600;
const glyphs = new Map<string, Path2D>();

/** Candidates are hollow and dashed, confirmed findings solid; a ring runs out once from what has just been confirmed. */
export function findings(): Layer {
  /** When each finding was first drawn as confirmed [ms]. */
  const bornMs = new Map<string, number>();
  return (scene) => drawAll(scene, bornMs);
}

function drawAll(scene: Scene, bornMs: Map<string, number>): boolean {
  let moving = false;
  const objects = [...scene.state.objects.values()].sort((a, b) => rank(a, scene) - rank(b, scene));
  for (const object of objects) {
    drawEllipse(scene, object);
    if (object.status === 'confirmed' && drawNews(scene, object, bornMs)) moving = true;
    drawSign(scene, object);
  }
  return moving;
}

function rank(object: MapObject, { highlighted }: Scene): number {
  return (object.status === 'confirmed' ? 1 : 0) + (object.object === highlighted ? 2 : 0);
}

function colourOf(object: MapObject, { palette }: Scene): string {
  if (object.status === 'candidate') return palette.candidate;
  return findingSign(object.class).shape === 'disc' ? palette.person : palette.hazard;
}

function drawEllipse(scene: Scene, object: MapObject): void {
  const { context, viewport } = scene;
  const [xx, xy, yy] = object.covariance;
  const middle = (xx + yy) / 2;
  const spread = Math.hypot((xx - yy) / 2, xy);
  const major = SIGMAS_95 * Math.sqrt(Math.max(middle + spread, 0)) * viewport.scale;
  const minor = SIGMAS_95 * Math.sqrt(Math.max(middle - spread, 0)) * viewport.scale;
  if (!Number.isFinite(major) || major < 2) return;
  context.save();
  context.beginPath();
  context.ellipse(viewport.screenX(object.x), viewport.screenY(object.y), major, minor, -Math.atan2(2 * xy, xx - yy) / 2, 0, 2 * Math.PI);
  context.fillStyle = context.strokeStyle = colourOf(object, scene);
  context.globalAlpha = 0.14;
  context.fill();
  context.globalAlpha = 0.6;
  context.lineWidth = 1;
  if (object.status === 'candidate') context.setLineDash([3, 3]);
  context.stroke();
  context.restore();
}

/** A ring that runs out once; true while it does. */
function drawNews(scene: Scene, object: MapObject, bornMs: Map<string, number>): boolean {
  const { context, viewport, nowMs, calm } = scene;
  const born = bornMs.get(object.object) ?? nowMs;
  bornMs.set(object.object, born);
  const share = (nowMs - born) / NEWS_MS;
  if (calm || share >= 1) return false;
  context.save();
  context.strokeStyle = colourOf(object, scene);
  context.globalAlpha = (1 - share) ** 2;
  context.lineWidth = 2;
  context.beginPath();
  context.arc(viewport.screenX(object.x), viewport.screenY(object.y), SIGN_PX + 46 * (1 - (1 - share) ** 3), 0, 2 * Math.PI);
  context.stroke();
  context.restore();
  return true;
}

function drawSign(scene: Scene, object: MapObject): void {
  const { context, viewport, palette, highlighted } = scene;
  const sign = findingSign(object.class);
  const confirmed = object.status === 'confirmed';
  const size = (confirmed ? SIGN_PX : SIGN_PX - 2.5) * (object.object === highlighted ? 1.35 : 1);
  context.save();
  context.translate(viewport.screenX(object.x), viewport.screenY(object.y));
  outline(context, sign.shape, size + 2);
  context.fillStyle = palette.halo;
  context.fill();
  outline(context, sign.shape, size);
  context.fillStyle = context.strokeStyle = colourOf(object, scene);
  if (confirmed) context.fill();
  else {
    context.lineWidth = 1.5;
    context.setLineDash([2.5, 2]);
    context.stroke();
  }
  const scale = (size * (sign.shape === 'disc' ? 1.35 : 1.2)) / 24;
  context.scale(scale, scale);
  context.translate(-12, -12);
  if (confirmed) context.fillStyle = palette.onHazard;
  context.fill(glyphOf(sign.glyph), 'evenodd');
  context.restore();
  if (object.object === highlighted) drawLabel(scene, object, sign.label, size);
}

function drawLabel({ context, viewport, palette }: Scene, object: MapObject, label: string, size: number): void {
  context.save();
  context.font = '600 12px Inter, system-ui, sans-serif';
  context.textBaseline = 'middle';
  context.lineWidth = 4;
  context.lineJoin = 'round';
  context.strokeStyle = palette.halo;
  context.fillStyle = palette.text;
  const x = viewport.screenX(object.x) + size * 1.45 + 4;
  const y = viewport.screenY(object.y);
  context.strokeText(label, x, y);
  context.fillText(label, x, y);
  context.restore();
}

function outline(context: CanvasRenderingContext2D, shape: 'diamond' | 'disc', size: number): void {
  context.beginPath();
  if (shape === 'disc') {
    context.arc(0, 0, size, 0, 2 * Math.PI);
    return;
  }
  const reach = size * 1.28;
  context.moveTo(0, -reach);
  context.lineTo(reach, 0);
  context.lineTo(0, reach);
  context.lineTo(-reach, 0);
  context.closePath();
}

function glyphOf(data: string): Path2D {
  const known = glyphs.get(data) ?? new Path2D(data);
  glyphs.set(data, known);
  return known;
}
