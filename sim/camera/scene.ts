// The site as textured triangles in world coordinates, in chunks that are culled and sorted as one.
import type { Point2 } from '../../shared/geometry/pose2.ts';
import { SeededRandom } from '../random/seeded-random.ts';
import type { MaterialName } from '../world/materials.ts';
import type { Solid } from '../world/solid.ts';
import type { World } from '../world/world.ts';
import type { Appearance } from './appearance.ts';
import { buildingTexture, ceilingTexture, floorTexture } from './building-textures.ts';
import { hazardMesh } from './hazard-meshes.ts';
import type { Mesh } from './mesh.ts';
import { Palette } from './object-palette.ts';
import { propMesh, roverMesh, walkerMesh } from './prop-meshes.ts';
import type { Texture } from './texture.ts';

/** Triangles that stand together. */
export interface Chunk {
  readonly positions: Float32Array;
  /** Light that falls on each vertex, 1: full. */
  readonly light: Float32Array;
  readonly uvs: Float32Array;
  readonly triangles: Uint16Array;
  readonly textures: Uint16Array;
  readonly x: number;
  readonly y: number;
  /** Radius around (x, y) that holds all of it [m]. */
  readonly reachM: number;
  /** Number of the hazard (index in the site's list) or −1. */
  readonly hazard: number;
}

/** Variants of meshes that are built once and used for all: enough that two neighbours seldom look alike. */
const VARIANTS = 12;

export class Scene {
  readonly chunks: readonly Chunk[];
  readonly textures: readonly Texture[];
  readonly floor: Texture;
  readonly ceiling: Texture;
  readonly #appearance: Appearance;
  readonly #rover: Mesh;
  readonly #walker: Mesh;

  constructor(world: World, appearance: Appearance) {
    this.#appearance = appearance;
    const { site } = world;
    const seed = appearance.textureSeed ?? site.textureSeed;
    const palette = new Palette(new SeededRandom(seed).fork('objects'));
    const materials = new Map<MaterialName, number>();
    const textureOf = (material: MaterialName): number => {
      let texture = materials.get(material);
      if (texture === undefined) {
        texture = palette.add(buildingTexture(material, seed, appearance.textures));
        materials.set(material, texture);
      }
      return texture;
    };
    const meshes = new Map<string, Mesh>();
    const cached = (key: string, build: () => Mesh): Mesh => {
      let mesh = meshes.get(key);
      if (mesh === undefined) {
        mesh = build();
        meshes.set(key, mesh);
      }
      return mesh;
    };
    const chunks: Chunk[] = site.solids.map((solid) => {
      const texture = textureOf(solid.material);
      return this.#place(solidMesh(solid, texture, (palette.textures[texture] as Texture).spanM), 0, 0, 0, -1);
    });
    for (const [index, hazard] of site.hazards.entries()) {
      const variant = hazard.variant % VARIANTS;
      const mesh = cached(`${hazard.class}:${variant}`, () => hazardMesh(hazard.class, variant, palette));
      chunks.push(this.#place(mesh, hazard.x, hazard.y, hazard.yawRad, index));
    }
    for (const prop of site.props) {
      const variant = prop.variant % VARIANTS;
      const mesh = cached(`${prop.kind}:${variant}`, () => propMesh(prop.kind, variant, palette));
      chunks.push(this.#place(mesh, prop.x, prop.y, prop.yawRad, -1));
    }
    this.#rover = roverMesh(palette);
    this.#walker = walkerMesh(palette, seed % VARIANTS);
    this.chunks = chunks;
    this.textures = palette.textures;
    this.floor = floorTexture(site.floor, seed, appearance.textures);
    this.ceiling = ceilingTexture(seed);
  }

  /** A rover at a place, for this frame. */
  rover(x: number, y: number, yawRad: number): Chunk {
    return this.#place(this.#rover, x, y, yawRad, -1);
  }

  /** A walking person at a place, for this frame. */
  walker(x: number, y: number, yawRad: number): Chunk {
    return this.#place(this.#walker, x, y, yawRad, -1);
  }

  #place(mesh: Mesh, x: number, y: number, yawRad: number, hazard: number): Chunk {
    const { ambient, key, keyAzimuthRad } = this.#appearance;
    const c = Math.cos(yawRad);
    const s = Math.sin(yawRad);
    const lightX = 0.8 * Math.cos(keyAzimuthRad);
    const lightY = 0.8 * Math.sin(keyAzimuthRad);
    const count = mesh.positions.length / 3;
    const positions = new Float32Array(mesh.positions.length);
    const light = new Float32Array(count);
    let [minX, minY, maxX, maxY] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let k = 0; k < count; k += 1) {
      const px = mesh.positions[3 * k] as number;
      const py = mesh.positions[3 * k + 1] as number;
      const wx = x + c * px - s * py;
      const wy = y + s * px + c * py;
      positions[3 * k] = wx;
      positions[3 * k + 1] = wy;
      positions[3 * k + 2] = mesh.positions[3 * k + 2] as number;
      const nx = c * (mesh.normals[3 * k] as number) - s * (mesh.normals[3 * k + 1] as number);
      const ny = s * (mesh.normals[3 * k] as number) + c * (mesh.normals[3 * k + 1] as number);
      const nz = mesh.normals[3 * k + 2] as number;
      // Half-Lambert: the side away from the light is not black, as in a room whose walls reflect.
      const facing = 0.5 + 0.5 * (nx * lightX + ny * lightY + 0.6 * nz);
      light[k] = ambient * (0.86 + 0.14 * nz) + key * (2 * facing - 0.6);
      minX = Math.min(minX, wx);
      maxX = Math.max(maxX, wx);
      minY = Math.min(minY, wy);
      maxY = Math.max(maxY, wy);
    }
    return {
      positions,
      light,
      uvs: mesh.uvs,
      triangles: mesh.triangles,
      textures: mesh.textures,
      x: (minX + maxX) / 2,
      y: (minY + maxY) / 2,
      reachM: Math.hypot(maxX - minX, maxY - minY) / 2,
      hazard,
    };
  }
}

/** The sides of a prism or cylinder and its top, textured in metres, in world coordinates. */
function solidMesh(solid: Solid, texture: number, spanM: number): Mesh {
  const outline = solid.kind === 'polygon' ? solid.vertices : circleOutline(solid.x, solid.y, solid.radiusM);
  const round = solid.kind === 'cylinder';
  const height = solid.heightM;
  const positions: number[] = [];
  const normals: number[] = [];
  const uvs: number[] = [];
  const triangles: number[] = [];
  let along = 0;
  for (const [index, a] of outline.entries()) {
    const b = outline[(index + 1) % outline.length] as Point2;
    const length = Math.hypot(b.x - a.x, b.y - a.y);
    const base = positions.length / 3;
    for (const [point, at] of [
      [a, along],
      [b, along + length],
    ] as const) {
      const normal = round ? [point.x - solid.x, point.y - solid.y] : [b.y - a.y, a.x - b.x];
      const size = Math.hypot(...normal) || 1;
      for (const z of [0, height]) {
        positions.push(point.x, point.y, z);
        normals.push((normal[0] as number) / size, (normal[1] as number) / size, 0);
        uvs.push(at / spanM, z / spanM);
      }
    }
    triangles.push(base, base + 2, base + 3, base, base + 3, base + 1);
    along += length;
  }
  const top = positions.length / 3;
  for (const point of outline) {
    positions.push(point.x, point.y, height);
    normals.push(0, 0, 1);
    uvs.push(point.x / spanM, point.y / spanM);
  }
  for (let k = 2; k < outline.length; k += 1) triangles.push(top, top + k - 1, top + k);
  return {
    positions: Float32Array.from(positions),
    normals: Float32Array.from(normals),
    uvs: Float32Array.from(uvs),
    triangles: Uint16Array.from(triangles),
    textures: new Uint16Array(triangles.length / 3).fill(texture),
  };
}

function circleOutline(x: number, y: number, radiusM: number): Point2[] {
  const corners = Math.max(12, Math.min(40, Math.round(radiusM * 60)));
  return Array.from({ length: corners }, (_, k) => {
    const angle = (2 * Math.PI * k) / corners;
    return { x: x + radiusM * Math.cos(angle), y: y + radiusM * Math.sin(angle) };
  });
}
