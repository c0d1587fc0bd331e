import { describe, expect, it } from 'vitest';
import { encodeJpeg } from '../../robot/perception/jpeg-encoder.ts';
import { neuralSearch } from '../../robot/perception/frame-search.ts';
import { JpegPolicy, PICTURE_LEVELS } from '../../robot/perception/jpeg-policy.ts';
import type { NeuralDetection, NeuralFrame } from '../../shared/modules/neural-detection/handle.ts';
import { loadImageHost } from '../../shared/modules/host-impl/image-sharp.ts';
import type { CameraFrame } from '../../shared/ports/camera-io.ts';
import { CAMERA_MOUNT } from '../../sim/camera/simulated-camera.ts';
import { intrinsicsOf } from '../../sim/camera/camera-view.ts';
import { VirtualClock } from '../../sim/clock/virtual-clock.ts';

/** A picture with edges, which cost bytes. */
function picture(width: number, height: number): CameraFrame {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, at) => {
    const pixel = Math.floor(at / 3);
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    return ((x * x + 3 * y * y) >> 5) % 200;
  });
  return { stampSec: 0, sequence: 1, width, height, encoding: 'rgb8', data };
}

describe('the size of frames on the link', () => {
  /** A link of `bytesPerSec`, and a host that takes 50 ms; frames of the sizes that the levels really have. */
  function run(policy: JpegPolicy, sizes: readonly number[], bytesPerSec: number, frames: number): number {
    for (let frame = 0; frame < frames; frame += 1) {
      const bytes = sizes[PICTURE_LEVELS.indexOf(policy.level)] ?? 0;
      policy.note(bytes, 0.05 + bytes / bytesPerSec);
    }
    return PICTURE_LEVELS.indexOf(policy.level);
  }
  const sizes = PICTURE_LEVELS.map(({ quality, scale }) => 30_000 * (quality / 90) ** 1.5 * scale * scale);

  it('stays fine on a good link', () => {
    expect(run(new JpegPolicy({ budgetSec: 0.3 }), sizes, 1e6, 50)).toBe(0);
  });

  it('shrinks until frames fit into a thin link, and no further', () => {
    const policy = new JpegPolicy({ budgetSec: 0.3 });
    const level = run(policy, sizes, 60_000, 50);
    expect(level).toBeGreaterThan(0);
    expect(0.05 + (sizes[level] ?? 0) / 60_000).toBeLessThanOrEqual(0.3);
    expect(0.05 + (sizes[level - 1] ?? 0) / 60_000).toBeGreaterThan(0.7 * 0.3);
  });

  it('shrinks within two frames when the link breaks down, and comes back when it is well again', () => {
    const policy = new JpegPolicy({ budgetSec: 0.3 });
    expect(run(policy, sizes, 10_000, 3)).toBe(PICTURE_LEVELS.length - 1);
    expect(run(policy, sizes, 1e6, 40)).toBe(0);
  });

  it('is not blamed for a slow host more than its smallest frame can help', () => {
    const policy = new JpegPolicy({ budgetSec: 0.3 });
    for (let frame = 0; frame < 20; frame += 1) policy.note(1000, 5);
    expect(policy.level).toEqual(PICTURE_LEVELS.at(-1));
  });
});

describe('a frame as JPEG', () => {
  it('is smaller at each level, of the announced size, and the same each time', async () => {
    const frame = picture(320, 240);
    const image = await loadImageHost();
    let last = Infinity;
    for (const level of PICTURE_LEVELS) {
      const jpeg = await encodeJpeg(frame, level);
      const decoded = await image.decodeJpeg(jpeg.data, 320 * 240);
      expect([decoded.width, decoded.height]).toEqual([jpeg.width, jpeg.height]);
      expect(jpeg.data.byteLength).toBeLessThan(last);
      last = jpeg.data.byteLength;
      expect(Buffer.compare((await encodeJpeg(frame, level)).data, jpeg.data)).toBe(0);
    }
  });
});

describe('searching by network', () => {
  const geometry = { intrinsics: intrinsicsOf(320, 240, 90), mount: CAMERA_MOUNT };
  const found: NeuralDetection = { className: 'fire', score: 0.9, x: 10, y: 20, width: 30, height: 40 };

  function searching(kind: 'onboard' | 'edge', tookSec = 0) {
    const clock = new VirtualClock();
    const sent: NeuralFrame[] = [];
    const handle = {
      detect: async (frame: NeuralFrame): Promise<NeuralDetection[]> => {
        sent.push(frame);
        if (tookSec > 0) await new Promise<void>((resolve) => clock.after(tookSec, resolve));
        return [found];
      },
    };
    const policy = new JpegPolicy({ budgetSec: 0.1 });
    const search = neuralSearch({
      module: { handle, placement: { kind, hostId: null, epoch: 1 } },
      model: 'hazards',
      policy,
      clock,
    });
    return { clock, sent, policy, search: (frame: CameraFrame) => clock.runUntilSettled(search(frame, geometry)) };
  }

  it('gives raw pixels on board, where nothing has to be sent', async () => {
    const { sent, search } = searching('onboard');
    const frame = picture(320, 240);
    expect(await search(frame)).toEqual([found]);
    expect(sent).toMatchObject([{ model: 'hazards', encoding: 'rgb8', width: 320, height: 240 }]);
    expect(sent[0]?.data).toBe(frame.data);
  });

  it('sends JPEG to the edge', async () => {
    const { sent, search } = searching('edge');
    expect(await search(picture(320, 240))).toEqual([found]);
    expect(sent[0]).toMatchObject({ encoding: 'jpeg', width: 320, height: 240 });
    expect(sent[0]?.data.subarray(0, 2)).toEqual(Uint8Array.of(0xff, 0xd8));
    expect(sent[0]?.data.byteLength).toBeLessThan((320 * 240 * 3) / 3);
  });

  it('passes on what a camera has compressed itself', async () => {
    const { sent, search } = searching('edge');
    const data = Uint8Array.of(0xff, 0xd8, 1, 2, 3);
    await search({ ...picture(320, 240), encoding: 'jpeg', data });
    expect(sent[0]?.data).toEqual(data);
  });

  it('sends less when answers come late, and gives boxes in pixels of the camera all the same', async () => {
    const { sent, policy, search } = searching('edge', 0.3);
    for (let frame = 0; frame < 5; frame += 1) await search(picture(320, 240));
    expect(policy.level).toEqual(PICTURE_LEVELS.at(-1));
    const [first, last] = [sent[0], sent.at(-1)];
    expect(last?.data.byteLength).toBeLessThan((first?.data.byteLength ?? 0) / 4);
    expect([last?.width, last?.height]).toEqual([160, 120]);
    expect(await search(picture(320, 240))).toEqual([{ ...found, x: 20, y: 40, width: 60, height: 80 }]);
  });
});
