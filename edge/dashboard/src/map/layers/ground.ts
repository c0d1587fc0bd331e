// The ground: metre grid, the search area's outline, and the merged map's tiles on it.
import { shownMission } from '../../state/fleet-state.ts';
import { FADE_MS, type TileRaster } from '../tile-raster.ts';
import type { Layer, Scene } from './scene.ts';

/** Grid lines closer than this are noise [CSS px]. */
const CLOSEST_LINES_PX = 14;

/** A line each metre (or five, when far away), and a stronger one each five. */
export const grid: Layer = ({ context, viewport, palette }) => {
  const { minX, maxX, minY, maxY } = viewport.visible;
  for (const [stepM, colour] of [
    [1, palette.grid],
    [5, palette.gridStrong],
  ] as const) {
    if (stepM * viewport.scale < CLOSEST_LINES_PX) continue;
    context.beginPath();
    for (let x = Math.ceil(minX / stepM) * stepM; x <= maxX; x += stepM) {
      const column = Math.round(viewport.screenX(x)) + 0.5;
      context.moveTo(column, 0);
      context.lineTo(column, viewport.height);
    }
    for (let y = Math.ceil(minY / stepM) * stepM; y <= maxY; y += stepM) {
      const row = Math.round(viewport.screenY(y)) + 0.5;
      context.moveTo(0, row);
      context.lineTo(viewport.width, row);
    }
    context.strokeStyle = colour;
    context.lineWidth = 1;
    context.stroke();
  }
  return false;
};

/** Tiles on whole device pixels, so that no seams show; unsmoothed when enlarged, so that cells stay crisp. */
export function tiles(raster: TileRaster): Layer {
  return (scene) => {
    const { context, viewport, state, nowMs, calm } = scene;
    const { metadata } = state;
    if (metadata === null) return false;
    const edgeM = metadata.tileSize * metadata.resolutionM;
    let fading = false;
    context.save();
    context.imageSmoothingEnabled = metadata.resolutionM * viewport.scale * scene.pixelRatio < 1;
    context.imageSmoothingQuality = 'high';
    for (const tile of raster.tiles) {
      const left = snap(scene, viewport.screenX(tile.tileX * edgeM));
      const right = snap(scene, viewport.screenX((tile.tileX + 1) * edgeM));
      const top = snap(scene, viewport.screenY((tile.tileY + 1) * edgeM));
      const bottom = snap(scene, viewport.screenY(tile.tileY * edgeM));
      if (right < 0 || left > viewport.width || bottom < 0 || top > viewport.height) continue;
      const share = calm ? 1 : Math.min((nowMs - tile.changedAtMs) / FADE_MS, 1);
      if (share < 1) {
        fading = true;
        if (tile.previous !== null) context.drawImage(tile.previous, left, top, right - left, bottom - top);
        context.globalAlpha = share;
      }
      context.drawImage(tile.picture, left, top, right - left, bottom - top);
      context.globalAlpha = 1;
    }
    context.restore();
    return fading;
  };
}

/** The search area where the mission names one. */
export const bounds: Layer = ({ context, viewport, palette, state }) => {
  const area = shownMission(state)?.status.bounds ?? null;
  if (area === null) return false;
  context.save();
  context.strokeStyle = palette.bounds;
  context.lineWidth = 1;
  context.setLineDash([2, 5]);
  context.strokeRect(
    Math.round(viewport.screenX(area.minX)) - 4.5,
    Math.round(viewport.screenY(area.maxY)) - 4.5,
    Math.round((area.maxX - area.minX) * viewport.scale) + 9,
    Math.round((area.maxY - area.minY) * viewport.scale) + 9,
  );
  context.restore();
  return false;
};

function snap({ pixelRatio }: Scene, value: number): number {
  return Math.round(value * pixelRatio) / pixelRatio;
}
