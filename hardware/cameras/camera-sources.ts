// The programs that give a camera's JPEGs on a pipe: what each platform has for its own image processor and encoder.

/** One program to try. */
export interface CameraProgram {
  readonly command: string;
  readonly args: readonly string[];
  /** File descriptor that the JPEGs come out of. Default 1. */
  readonly outputFd?: 1 | 3;
}

export interface CameraFormat {
  readonly width: number;
  readonly height: number;
  readonly framesPerSec: number;
}

/** A Raspberry Pi's ribbon camera: `rpicam-vid` (Bookworm), or by its older name `libcamera-vid` (Bullseye). */
export function raspberryPiCamera({ width, height, framesPerSec }: CameraFormat, camera = 0): CameraProgram[] {
  const args = ['--codec', 'mjpeg', '--timeout', '0', '--nopreview', '--flush', '--camera', `${camera}`];
  const format = ['--width', `${width}`, '--height', `${height}`, '--framerate', `${framesPerSec}`];
  return ['rpicam-vid', 'libcamera-vid'].map((command) => ({ command, args: [...args, ...format, '--output', '-'] }));
}

/** A USB camera that makes JPEGs itself: ffmpeg hands them on as they are. */
export function v4l2Camera({ width, height, framesPerSec }: CameraFormat, device = '/dev/video0'): CameraProgram[] {
  const input = [
    '-f',
    'v4l2',
    '-input_format',
    'mjpeg',
    '-video_size',
    `${width}x${height}`,
    '-framerate',
    `${framesPerSec}`,
    '-i',
    device,
  ];
  return [
    { command: 'ffmpeg', args: ['-hide_banner', '-loglevel', 'error', '-nostdin', ...input, '-c:v', 'copy', '-f', 'mjpeg', 'pipe:1'] },
  ];
}

/** A Jetson's ribbon camera through its image processor and JPEG engine. On descriptor 3, since the source prints on standard output. */
export function jetsonCamera({ width, height, framesPerSec }: CameraFormat, sensor = 0): CameraProgram[] {
  const raw = `video/x-raw(memory:NVMM),width=${width},height=${height},framerate=${framesPerSec}/1`;
  const pipeline = ['nvarguscamerasrc', `sensor-id=${sensor}`, '!', raw, '!', 'nvjpegenc', '!', 'fdsink', 'fd=3'];
  return [{ command: 'gst-launch-1.0', args: ['-q', ...pipeline], outputFd: 3 }];
}
