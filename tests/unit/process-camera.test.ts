// Cameras behind programs that write JPEGs: real child processes, real JPEGs, and what goes wrong with both.
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type CameraProgram, jetsonCamera, raspberryPiCamera, v4l2Camera } from '../../hardware/cameras/camera-sources.ts';
import { ProcessCamera, type ProcessCameraOptions } from '../../hardware/cameras/process-camera.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { SILENT_LOGGER } from '../../shared/ports/logger.ts';

const SCRIPT = fileURLToPath(new URL('../fixtures/programs/fake-camera.js', import.meta.url));
const INTRINSICS = { fx: 500, fy: 500, cx: 80, cy: 60 };
const MOUNT = { xM: 0.1, yM: 0, zM: 0.2, pitchDownRad: 0.1 };
const FORMAT = { width: 640, height: 480, framesPerSec: 10 };

const program = (mode: string, frames = 3, fd: 1 | 3 = 1): CameraProgram => ({
  command: process.execPath,
  args: [SCRIPT, mode, `${frames}`, '160', '120', `${fd}`],
  outputFd: fd,
});

const cameras: ProcessCamera[] = [];
afterEach(() => cameras.splice(0).forEach((camera) => camera.close()));

function camera(programs: readonly CameraProgram[], options: Partial<ProcessCameraOptions> = {}) {
  const warnings: Record<string, unknown>[] = [];
  const logger = { ...SILENT_LOGGER, warn: (fields: Readonly<Record<string, unknown>>) => void warnings.push({ ...fields }) };
  const clock = new SystemClock();
  const limits = { firstPauseSec: 0.05, hangSec: 1.5, staleSec: 0.3 };
  const made = new ProcessCamera({ programs, clock, intrinsics: INTRINSICS, mount: MOUNT, logger, limits, ...options });
  cameras.push(made);
  return { camera: made, warnings, clock };
}

const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 60_000, interval: 5 });

describe('a camera program', () => {
  it.each([1, 3] as const)('gives frames with size, rising sequence and stamps, from descriptor %i', async (fd) => {
    const { camera: it, clock } = camera([program('steady', 0, fd)], { latencySec: 0.05 });
    expect(it.update()).toEqual({ connected: false, frame: null });
    await eventually(() => expect(it.update().frame?.sequence).toBeGreaterThan(2));
    const { connected, frame } = it.update();
    expect(connected).toBe(true);
    expect(frame).toMatchObject({ width: 160, height: 120, encoding: 'jpeg' });
    expect(clock.nowSec() - (frame?.stampSec ?? 0)).toBeGreaterThanOrEqual(0.05);
    const { info, data } = await sharp(frame?.data).raw().toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 160, height: 120, channels: 3 });
    expect(Math.abs((data[0] ?? 0) - (((frame?.sequence ?? 0) * 40) % 256))).toBeLessThan(6);
  });

  it('that crashes in the middle of a frame is started again, and says its last words', async () => {
    const { camera: it, warnings } = camera([program('crash', 2)]);
    await eventually(() => expect(it.update().frame?.sequence).toBeGreaterThanOrEqual(3));
    expect(warnings[0]).toMatchObject({ reason: `${process.execPath} ended with code 3: no cameras available` });
    await sharp(it.update().frame?.data).stats(); // whole, though the one before was cut off
  });

  it('that hangs is stale, then killed and started again', async () => {
    const { camera: it, warnings } = camera([program('hang', 2)]);
    await eventually(() => expect(it.update().connected).toBe(true));
    await eventually(() => expect(it.update().connected).toBe(false));
    expect(it.update().frame?.sequence).toBe(1);
    await eventually(() => expect(it.update().frame?.sequence).toBeGreaterThan(1));
    expect(warnings.some(({ reason }) => String(reason).includes('SIGKILL'))).toBe(true);
  });

  it('that is not installed gives way to the next one', async () => {
    const { camera: it, warnings } = camera([{ command: 'no-such-camera-program', args: [] }, program('steady')]);
    await eventually(() => expect(it.update().connected).toBe(true));
    expect(String(warnings[0]?.['reason'])).toContain('ENOENT');
  });

  it('that never works is tried after growing pauses, without an exception', async () => {
    const { camera: it, warnings } = camera([{ command: process.execPath, args: ['-e', 'process.exit(1)'] }]);
    await eventually(() => expect(warnings.length).toBeGreaterThanOrEqual(4));
    expect(warnings.slice(0, 4).map(({ againInSec }) => againInSec)).toEqual([0.05, 0.1, 0.2, 0.4]);
    expect(it.update()).toEqual({ connected: false, frame: null });
  });

  it('that prints between its frames loses none of them', async () => {
    const { camera: it } = camera([program('noisy', 6)], { limits: { hangSec: 10 } });
    await eventually(() => expect(it.update().frame?.sequence).toBe(5));
  });
});

describe('the programs of each platform', () => {
  it('are asked for endless JPEGs of the size on a pipe', () => {
    expect(raspberryPiCamera(FORMAT).map(({ command }) => command)).toEqual(['rpicam-vid', 'libcamera-vid']);
    const [pi] = raspberryPiCamera(FORMAT, 1);
    expect(pi?.args.join(' ')).toBe(
      '--codec mjpeg --timeout 0 --nopreview --flush --camera 1 --width 640 --height 480 --framerate 10 --output -',
    );
    const [usb] = v4l2Camera(FORMAT, '/dev/video2');
    expect(usb?.args.join(' ')).toContain('-input_format mjpeg -video_size 640x480 -framerate 10 -i /dev/video2 -c:v copy -f mjpeg pipe:1');
    const [jetson] = jetsonCamera(FORMAT);
    expect(jetson?.args).toContain('video/x-raw(memory:NVMM),width=640,height=480,framerate=10/1');
    expect(jetson).toMatchObject({ command: 'gst-launch-1.0', outputFd: 3 });
  });
});
