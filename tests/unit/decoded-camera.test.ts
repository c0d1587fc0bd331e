import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { type DecodeJpeg, DecodedCamera } from '../../robot/perception/decoded-camera.ts';
import { loadImageHost } from '../../shared/modules/host-impl/image-sharp.ts';
import type { CameraFrame, CameraIo } from '../../shared/ports/camera-io.ts';

const [WIDTH, HEIGHT] = [64, 48];

/** A camera whose newest frame the test sets. */
function camera(): CameraIo & { frame: CameraFrame | null } {
  const io = {
    frame: null as CameraFrame | null,
    intrinsics: { fx: 50, fy: 50, cx: 32, cy: 24 },
    mount: { xM: 0, yM: 0, zM: 0.1, pitchDownRad: 0 },
    update: () => ({ connected: io.frame !== null, frame: io.frame }),
  };
  return io;
}

async function jpegFrame(sequence: number, rgb: readonly [number, number, number]): Promise<CameraFrame> {
  const [r, g, b] = rgb;
  const data = await sharp({ create: { width: WIDTH, height: HEIGHT, channels: 3, background: { r, g, b } } })
    .jpeg({ quality: 95 })
    .toBuffer();
  return { stampSec: sequence / 5, sequence, width: WIDTH, height: HEIGHT, encoding: 'jpeg', data: new Uint8Array(data) };
}

/** Decodes really, and lets the test wait for it. */
async function decoder() {
  const { decodeJpeg } = await loadImageHost();
  let pending: Promise<unknown> = Promise.resolve();
  let calls = 0;
  const decode: DecodeJpeg = (jpeg, maxPixels) => {
    calls += 1;
    const picture = decodeJpeg(jpeg, maxPixels);
    pending = picture.catch(() => undefined);
    return picture;
  };
  const settled = async (): Promise<void> => {
    await pending;
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { decode, settled, calls: () => calls };
}

describe('a camera of JPEGs as pixels', () => {
  it('shows the pixels of each picture with its stamp and number, once decoded', async () => {
    const source = camera();
    const { decode, settled } = await decoder();
    const decoded = new DecodedCamera(source, decode, (error) => expect.fail(error.message));
    expect(decoded.update()).toEqual({ connected: false, frame: null });
    source.frame = await jpegFrame(7, [200, 40, 90]);
    expect(decoded.update()).toEqual({ connected: true, frame: null });
    await settled();
    const { frame } = decoded.update();
    expect(frame).toMatchObject({ stampSec: 1.4, sequence: 7, width: WIDTH, height: HEIGHT, encoding: 'rgb8' });
    expect(frame?.data).toHaveLength(WIDTH * HEIGHT * 3);
    for (const [channel, value] of [200, 40, 90].entries()) expect(Math.abs((frame?.data[channel] as number) - value)).toBeLessThan(6);
  });

  it('decodes one at a time, each picture once, and takes the newest next', async () => {
    const source = camera();
    const { decode, settled, calls } = await decoder();
    const decoded = new DecodedCamera(source, decode, (error) => expect.fail(error.message));
    // Made first: the pictures follow one another without a turn of the event loop, in which the first would be decoded.
    const frames = await Promise.all([1, 2, 3].map((sequence) => jpegFrame(sequence, [0, 0, 0])));
    for (const frame of frames) {
      source.frame = frame;
      decoded.update();
    }
    expect(calls()).toBe(1);
    await settled();
    decoded.update();
    decoded.update();
    expect(calls()).toBe(2);
    await settled();
    expect(decoded.update().frame?.sequence).toBe(3);
  });

  it('leaves out what is no picture, says so, and goes on', async () => {
    const source = camera();
    const { decode, settled } = await decoder();
    const errors: Error[] = [];
    const decoded = new DecodedCamera(source, decode, (error) => void errors.push(error));
    const whole = await jpegFrame(1, [9, 9, 9]);
    source.frame = { ...whole, data: whole.data.subarray(0, 40) };
    decoded.update();
    await settled();
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ code: 'OUT_IMAGE_UNREADABLE' });
    expect(decoded.update().frame).toBe(null);
    source.frame = await jpegFrame(2, [9, 9, 9]);
    decoded.update();
    await settled();
    expect(decoded.update().frame?.sequence).toBe(2);
  });
});
