// Triangle meshes and the shapes they are put together from. Model frame: x forward, y left, z up from the floor [m].

export type Vec3 = readonly [number, number, number];

export interface Mesh {
  /** x, y, z per vertex. */
  readonly positions: Float32Array;
  readonly normals: Float32Array;
  /** u, v per vertex, in repeats of the texture; v grows upwards. */
  readonly uvs: Float32Array;
  /** Three vertices per triangle, counter-clockwise from outside. */
  readonly triangles: Uint16Array;
  /** Texture of each triangle. */
  readonly textures: Uint16Array;
}

/** A point of a lathe's profile: radius and height [m]. */
export type ProfilePoint = readonly [number, number];

export class MeshBuilder {
  readonly #positions: number[] = [];
  readonly #normals: number[] = [];
  readonly #uvs: number[] = [];
  readonly #triangles: number[] = [];
  readonly #textures: number[] = [];

  build(): Mesh {
    return {
      positions: Float32Array.from(this.#positions),
      normals: Float32Array.from(this.#normals),
      uvs: Float32Array.from(this.#uvs),
      triangles: Uint16Array.from(this.#triangles),
      textures: Uint16Array.from(this.#textures),
    };
  }

  vertex(position: Vec3, normal: Vec3, u: number, v: number): number {
    const length = Math.hypot(...normal) || 1;
    this.#positions.push(...position);
    this.#normals.push(normal[0] / length, normal[1] / length, normal[2] / length);
    this.#uvs.push(u, v);
    return this.#positions.length / 3 - 1;
  }

  triangle(a: number, b: number, c: number, texture: number): void {
    this.#triangles.push(a, b, c);
    this.#textures.push(texture);
  }

  /** A flat quad, corners counter-clockwise from outside, with texture coordinates per corner. */
  quad(corners: readonly [Vec3, Vec3, Vec3, Vec3], uv: readonly (readonly [number, number])[], texture: number): void {
    const [a, b, , d] = corners;
    const normal = cross(subtract(b, a), subtract(d, a));
    const at = corners.map((corner, index) => this.vertex(corner, normal, uv[index]?.[0] ?? 0, uv[index]?.[1] ?? 0));
    this.triangle(at[0] as number, at[1] as number, at[2] as number, texture);
    this.triangle(at[0] as number, at[2] as number, at[3] as number, texture);
  }

  /** A box with its own texture on sides and top; texture once per face. `yaw` turns it about its centre. */
  box(centre: Vec3, size: Vec3, texture: number, topTexture = texture, yaw = 0): void {
    const [hx, hy, hz] = [size[0] / 2, size[1] / 2, size[2] / 2];
    const c = Math.cos(yaw);
    const s = Math.sin(yaw);
    const at = (x: number, y: number, z: number): Vec3 => [centre[0] + c * x - s * y, centre[1] + s * x + c * y, centre[2] + z];
    const full = [
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 1],
    ] as const;
    this.quad([at(hx, -hy, -hz), at(hx, hy, -hz), at(hx, hy, hz), at(hx, -hy, hz)], full, texture);
    this.quad([at(-hx, hy, -hz), at(-hx, -hy, -hz), at(-hx, -hy, hz), at(-hx, hy, hz)], full, texture);
    this.quad([at(hx, hy, -hz), at(-hx, hy, -hz), at(-hx, hy, hz), at(hx, hy, hz)], full, texture);
    this.quad([at(-hx, -hy, -hz), at(hx, -hy, -hz), at(hx, -hy, hz), at(-hx, -hy, hz)], full, texture);
    this.quad([at(-hx, -hy, hz), at(hx, -hy, hz), at(hx, hy, hz), at(-hx, hy, hz)], full, topTexture);
  }

  /** A surface of revolution about the vertical through (x, y); the profile runs from bottom to top. u once around, v along the height. */
  lathe(x: number, y: number, profile: readonly ProfilePoint[], texture: number, segments = 18): void {
    const bottom = profile[0]?.[1] ?? 0;
    const span = (profile.at(-1)?.[1] ?? 1) - bottom || 1;
    const rows = profile.map(([radius, z], row) => {
      const before = profile[Math.max(0, row - 1)] as ProfilePoint;
      const after = profile[Math.min(profile.length - 1, row + 1)] as ProfilePoint;
      const outward = after[1] - before[1];
      const up = before[0] - after[0];
      return Array.from({ length: segments + 1 }, (_, k) => {
        const angle = (2 * Math.PI * k) / segments;
        const c = Math.cos(angle);
        const s = Math.sin(angle);
        return this.vertex([x + radius * c, y + radius * s, z], [outward * c, outward * s, up], k / segments, (z - bottom) / span);
      });
    });
    this.#strips(rows, texture);
  }

  /** An ellipsoid with half axes `size`. */
  ellipsoid(centre: Vec3, size: Vec3, texture: number, segments = 12): void {
    const rings = Math.max(4, segments >> 1);
    const rows = Array.from({ length: rings + 1 }, (_, ring) => {
      const tilt = -Math.PI / 2 + (Math.PI * ring) / rings;
      return Array.from({ length: segments + 1 }, (_, k) => {
        const angle = (2 * Math.PI * k) / segments;
        const n: Vec3 = [Math.cos(tilt) * Math.cos(angle), Math.cos(tilt) * Math.sin(angle), Math.sin(tilt)];
        const position: Vec3 = [centre[0] + n[0] * size[0], centre[1] + n[1] * size[1], centre[2] + n[2] * size[2]];
        return this.vertex(position, [n[0] / size[0], n[1] / size[1], n[2] / size[2]], k / segments, ring / rings);
      });
    });
    this.#strips(rows, texture);
  }

  /** A rod with round section from one point to another, closed by its own narrowing ends. */
  rod(from: Vec3, to: Vec3, radiusFrom: number, radiusTo: number, texture: number, segments = 8): void {
    const axis = subtract(to, from);
    const length = Math.hypot(...axis) || 1;
    const w: Vec3 = [axis[0] / length, axis[1] / length, axis[2] / length];
    const helper: Vec3 = Math.abs(w[2]) < 0.9 ? [0, 0, 1] : [1, 0, 0];
    const u = normalize(cross(helper, w));
    const v = cross(w, u);
    const ends: readonly (readonly [number, number])[] = [
      [-radiusFrom * 0.6, radiusFrom * 0.35],
      [0, radiusFrom],
      [length, radiusTo],
      [length + radiusTo * 0.6, radiusTo * 0.35],
    ];
    const rows = ends.map(([along, radius], row) =>
      Array.from({ length: segments + 1 }, (_, k) => {
        const angle = (2 * Math.PI * k) / segments;
        const side = [0, 1, 2].map((i) => Math.cos(angle) * (u[i] as number) + Math.sin(angle) * (v[i] as number)) as unknown as Vec3;
        const position = [0, 1, 2].map(
          (i) => (from[i] as number) + along * (w[i] as number) + radius * (side[i] as number),
        ) as unknown as Vec3;
        return this.vertex(position, side, k / segments, row / 3);
      }),
    );
    this.#strips(rows, texture);
  }

  #strips(rows: readonly (readonly number[])[], texture: number): void {
    for (let row = 1; row < rows.length; row += 1) {
      const low = rows[row - 1] as readonly number[];
      const high = rows[row] as readonly number[];
      for (let k = 1; k < low.length; k += 1) {
        this.triangle(low[k - 1] as number, low[k] as number, high[k] as number, texture);
        this.triangle(low[k - 1] as number, high[k] as number, high[k - 1] as number, texture);
      }
    }
  }
}

export function subtract(a: Vec3, b: Vec3): Vec3 {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

export function cross(a: Vec3, b: Vec3): Vec3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function normalize(a: Vec3): Vec3 {
  const length = Math.hypot(...a) || 1;
  return [a[0] / length, a[1] / length, a[2] / length];
}
