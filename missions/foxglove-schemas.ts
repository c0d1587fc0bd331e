// The parts of Foxglove's well-known schemas that a mission recording uses (docs.foxglove.dev: PoseInFrame, SceneUpdate).
import type { Pose2 } from '../shared/geometry/pose2.ts';
import type { MapObject } from '../shared/protocol/map-view.ts';

const time = { type: 'object', title: 'time', properties: { sec: { type: 'integer' }, nsec: { type: 'integer' } } };
const xyz = { type: 'object', properties: { x: { type: 'number' }, y: { type: 'number' }, z: { type: 'number' } } };
const xyzw = { type: 'object', properties: { ...xyz.properties, w: { type: 'number' } } };
const pose = { type: 'object', properties: { position: xyz, orientation: xyzw } };
const color = {
  type: 'object',
  properties: { r: { type: 'number' }, g: { type: 'number' }, b: { type: 'number' }, a: { type: 'number' } },
};

export const poseInFrameSchema = {
  title: 'foxglove.PoseInFrame',
  type: 'object',
  properties: { timestamp: time, frame_id: { type: 'string' }, pose },
};

export const sceneUpdateSchema = {
  title: 'foxglove.SceneUpdate',
  type: 'object',
  properties: {
    deletions: { type: 'array', items: { type: 'object' } },
    entities: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          timestamp: time,
          frame_id: { type: 'string' },
          id: { type: 'string' },
          lifetime: time,
          frame_locked: { type: 'boolean' },
          cylinders: {
            type: 'array',
            items: {
              type: 'object',
              properties: { pose, size: xyz, bottom_scale: { type: 'number' }, top_scale: { type: 'number' }, color },
            },
          },
          texts: {
            type: 'array',
            items: {
              type: 'object',
              properties: { pose, billboard: { type: 'boolean' }, font_size: { type: 'number' }, color, text: { type: 'string' } },
            },
          },
        },
      },
    },
  },
};

/** A planar pose as a `foxglove.PoseInFrame` in the map frame. */
export function poseInFrame(value: Pose2, stampSec: number): unknown {
  return { timestamp: toTime(stampSec), frame_id: 'map', pose: toPose(value.x, value.y, 0, value.theta) };
}

/** An object of the common view as a labelled cylinder; a withdrawn one is deleted. */
export function sceneUpdate(object: MapObject): unknown {
  const timestamp = toTime(object.lastSeenSec);
  if (object.status === 'withdrawn') return { deletions: [{ timestamp, type: 0, id: object.object }], entities: [] };
  const shade = object.status === 'confirmed' ? { r: 0.85, g: 0.2, b: 0.15, a: 0.9 } : { r: 0.6, g: 0.6, b: 0.6, a: 0.5 };
  const entity = {
    timestamp,
    frame_id: 'map',
    id: object.object,
    lifetime: toTime(0),
    frame_locked: true,
    cylinders: [
      { pose: toPose(object.x, object.y, 0.3, 0), size: { x: 0.5, y: 0.5, z: 0.6 }, bottom_scale: 1, top_scale: 1, color: shade },
    ],
    texts: [{ pose: toPose(object.x, object.y, 0.9, 0), billboard: true, font_size: 0.3, color: shade, text: object.class }],
  };
  return { deletions: [], entities: [entity] };
}

function toTime(seconds: number): { sec: number; nsec: number } {
  const sec = Math.floor(seconds);
  return { sec, nsec: Math.round((seconds - sec) * 1e9) };
}

function toPose(x: number, y: number, z: number, yaw: number): unknown {
  return { position: { x, y, z }, orientation: { x: 0, y: 0, z: Math.sin(yaw / 2), w: Math.cos(yaw / 2) } };
}
