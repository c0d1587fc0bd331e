// Each camera that a car's YAML can name, from the program on the path to pixels behind the port. The programs are stand-ins that write JPEGs to the
// descriptor that the real ones are told to write to; their arguments are held to the programs' manuals in tests/unit/process-camera.test.ts.
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { freenoveRoverSchema, loadCamera } from '../../robot/freenove/main.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';

let folder: string;
const { PATH } = process.env;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'outrider-camera-'));
  const picture = sharp({ create: { width: 64, height: 64, channels: 3, background: '#c03020' } });
  await writeFile(join(folder, 'frame.jpg'), await picture.jpeg().toBuffer());
  vi.stubEnv('PATH', `${folder}${delimiter}${PATH}`);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

/** A program that notes its arguments and writes a picture ten times a second. */
async function standIn(name: string, descriptor: number): Promise<void> {
  const script = `#!/bin/sh\necho "$@" > "${folder}/args"\nwhile cat "${folder}/frame.jpg" >&${descriptor}; do sleep 0.1; done\n`;
  await writeFile(join(folder, name), script);
  await chmod(join(folder, name), 0o755);
}

describe('the camera of a car', () => {
  it.each([
    ['raspberry-pi', 'rpicam-vid', 1, '--camera 1'],
    ['jetson', 'gst-launch-1.0', 3, 'sensor-id=1'],
    ['v4l2', 'ffmpeg', 1, '/dev/video7'],
  ])('%s: pictures of %s arrive as pixels', async (source, program, descriptor, argument) => {
    await standIn(program, descriptor);
    const config = freenoveRoverSchema.parse({
      body: 'freenove-4wd',
      id: 'car-1',
      camera: { source, sensor: 1, device: '/dev/video7', width: 64, height: 64, intrinsics: { fx: 50, fy: 50, cx: 32, cy: 32 } },
    });
    const camera = await loadCamera(config, new SystemClock(), SILENT_LOGGER);
    if (camera === null) throw new Error('no camera');
    try {
      const frame = await vi.waitUntil(() => camera.port.update().frame, { timeout: 20_000, interval: 20 });
      expect(frame).toMatchObject({ width: 64, height: 64, encoding: 'rgb8' });
      const [red = 0, green = 0, blue = 0] = frame.data;
      expect([red > 170, green < 80, blue < 80]).toEqual([true, true, true]);
      expect(await readFile(join(folder, 'args'), 'utf8')).toContain(argument);
    } finally {
      camera.close();
    }
  });
});
