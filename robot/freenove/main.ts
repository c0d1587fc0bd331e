// `outrider robot --config rover.yaml` with `body: freenove-4wd`: a real car joins the fleet. Hardware is loaded here and nowhere else.
import { z } from 'zod';
import { pinoLogger } from '../../edge/logging.ts';
import type { FreenoveBody } from '../../hardware/freenove-4wd/freenove-body.ts';
import { freenoveSchema } from '../../hardware/freenove-4wd/config.ts';
import { watchdogSchema } from '../../hardware/watchdog/config.ts';
import { memberClientId } from '../../shared/bus/member-client-id.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { SystemClock } from '../../shared/clock/system-clock.ts';
import { loadYaml } from '../../shared/config/load-yaml.ts';
import { readBuiltModule } from '../../shared/elastic/built-modules.ts';
import { TcpDataPlane } from '../../shared/elastic/transports/tcp.ts';
import type { CameraIo } from '../../shared/ports/camera-io.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { LidarIo } from '../../shared/ports/lidar-io.ts';
import type { Logger } from '../../shared/ports/logger.ts';
import { configureLocalServices } from '../../shared/services/local-services.ts';
import { openTracer } from '../../shared/tracing/open-tracer.ts';
import { type AssembledRover, assembleRover } from '../assemble-rover.ts';
import { intrinsicsSchema } from '../camera-fields.ts';
import { PortRecorder } from '../recording/port-recorder.ts';
import { type MembershipOptions, keepMembership, roverMembership } from '../rover-membership.ts';
import { membershipOf, roverFields } from '../rover-yaml.ts';
import { roverLastWill } from '../telemetry.ts';

const lidarSchema = z.strictObject({
  model: z.enum(['ld06', 'ld19', 'slamtec-a1', 'slamtec-c1']),
  port: z.string().min(1).max(200).describe('Serial device: /dev/serial0 is the header’s UART, /dev/ttyUSB0 an adapter.'),
  rays: z.number().int().min(36).max(4096).default(360),
  mountYawRad: z
    .number()
    .min(-Math.PI)
    .max(Math.PI)
    .default(0)
    .describe('Where its zero angle points, counter-clockwise from forward [rad].'),
});

const cameraSchema = z.strictObject({
  source: z
    .enum(['raspberry-pi', 'jetson', 'v4l2'])
    .default('raspberry-pi')
    .describe('Ribbon camera of a Raspberry Pi (rpicam-vid) or Jetson (nvarguscamerasrc), or USB camera (ffmpeg).'),
  sensor: z.number().int().min(0).max(7).default(0).describe('Which ribbon camera, where there are several.'),
  device: z.string().min(1).max(100).default('/dev/video0').describe('Of a v4l2 camera.'),
  width: z.number().int().min(64).max(1920).default(640),
  height: z.number().int().min(64).max(1080).default(480),
  framesPerSec: z.number().int().min(1).max(30).default(5),
  latencySec: z.number().min(0).max(1).default(0.1).describe('From the exposure to the frame’s arrival [s].'),
  intrinsics: intrinsicsSchema.describe('Of pictures of this size [px]; `outrider robot calibrate camera` measures them.'),
  mount: z
    .strictObject({
      xM: z.number().min(-2).max(2).default(0.1),
      yM: z.number().min(-2).max(2).default(0),
      zM: z.number().min(0.01).max(3).default(0.12).describe('Height of the lens above the floor [m].'),
      pitchDownRad: z.number().min(-1.5).max(1.5).default(0),
    })
    .prefault({}),
});

/** The header's UART by its names. */
const HEADER_UART = /^\/dev\/(serial0|ttyAMA0|ttyS0)$/;

const fileSchema = z.strictObject({
  body: z.literal('freenove-4wd'),
  ...roverFields,
  freenove: freenoveSchema.prefault({}),
  watchdog: watchdogSchema
    .nullable()
    .prefault({})
    .describe('null: no process guards the motors; they go on turning when the agent dies. For a car on blocks.'),
  lidar: lidarSchema.nullable().default(null).describe('null: the car maps and drives by its ultrasonic sensor, slowly and coarsely.'),
  camera: cameraSchema.nullable().default(null),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

export const freenoveRoverSchema = fileSchema.refine(
  ({ freenove, lidar }) =>
    !(HEADER_UART.test(lidar?.port ?? '') && freenove.lineSensors?.some((line) => line === 14 || line === 15) === true),
  {
    path: ['freenove', 'lineSensors'],
    message: 'BCM 14 and 15 are the UART that the lidar is on: leave lineSensors out, or put the lidar on USB',
  },
);

export type FreenoveRoverConfig = z.infer<typeof freenoveRoverSchema>;

export interface FreenoveRobotOptions extends MembershipOptions {
  /** File that what the ports deliver is written to. */
  readonly record?: string;
}

/** Runs until SIGINT or SIGTERM; true after a clean stop. `options` go before what the file says. Throws coded errors at the start, never later. */
export async function runFreenoveRobot(path: string, options: FreenoveRobotOptions = {}): Promise<boolean> {
  const ended = interruption();
  const { record, ...flags } = options;
  const config = await loadYaml(path, freenoveRoverSchema);
  const { mission } = config;
  const membership = await roverMembership({ ...membershipOf(config), ...flags });
  const { id, site, broker, identity } = membership;
  const logger = pinoLogger(config.logLevel, { rover: id });
  const clock = new SystemClock({ onError: (error) => logger.error({ error: String(error) }, 'a task failed') });
  configureLocalServices({ inference: { models: config.detection.models } });
  const bundles = await loadBundles();
  const guard = config.watchdog === null ? null : await loadGuard(config.watchdog.socket, clock, logger);
  const { openFreenove } = await import('../../hardware/freenove-4wd/freenove-body.ts');
  const body = await openFreenove(config.freenove, clock, guard).catch((error: unknown) => {
    guard?.close();
    throw error;
  });
  try {
    if (config.watchdog === null) logger.warn({}, 'no watchdog is configured: the motors keep turning if this process dies');
    const lidar = await loadLidar(config, clock, logger);
    const camera = await loadCamera(config, clock, logger);
    const ports = {
      drive: body.drive,
      lidar: lidar?.port ?? null,
      sonar: body.sonar,
      imu: body.imu,
      camera: camera?.port ?? null,
      power: body.power,
      metrics: (await import('../../hardware/linux/board-metrics.ts')).boardMetrics(clock),
    };
    const head = { rover: id, startPose: config.startPose, geometry: config.freenove.geometry };
    const recorder = record === undefined ? null : await PortRecorder.start({ path: record, clock, ports, head });
    const tls = identity === null ? {} : { tls: identity.tls };
    const tracing = await openTracer({ service: 'outrider-rover', attributes: { site, rover: id } }, logger);
    const bus = await connectMqttBus({
      url: broker,
      clientId: memberClientId('rover', id),
      will: roverLastWill(site, id, mission),
      logger,
      ...tls,
    });
    const assembled = await assembleRover({
      id,
      tracer: tracing.tracer,
      site,
      mission,
      startPose: config.startPose,
      geometry: config.freenove.geometry,
      ports: recorder?.ports ?? ports,
      compute: null,
      modelled: 'none',
      clock,
      bus,
      dataPlane: new TcpDataPlane(identity === null ? {} : { tls: { client: identity.tls } }),
      ...(identity === null ? {} : { credential: identity.credential }),
      session: Math.floor(performance.timeOrigin).toString(36),
      bundles,
      mapServerPlacement: config.mapServer.placement,
      detection: config.detection,
      logger,
    });
    recorder?.follow(() => assembled.rover.pose);
    const stopKeeping = keepMembership(membership, logger);
    await driveUntil(ended, assembled, body, logger);
    stopKeeping();
    await recorder?.close();
    if (recorder?.state.failure) logger.warn({ error: recorder.state.failure.message }, 'the recording is not whole');
    lidar?.close();
    camera?.close();
    await bus.close();
    await tracing.close();
  } finally {
    body.close();
    guard?.close();
  }
  return true;
}

async function driveUntil(ended: Promise<void>, assembled: AssembledRover, body: FreenoveBody, logger: Logger): Promise<void> {
  await assembled.start();
  body.buzzer?.beep(0.1);
  logger.info({}, 'the rover has joined the fleet');
  await ended;
  body.drive.stop(); // first of all
  await assembled.stop();
}

async function loadBundles() {
  const [mapServer, detector, neuralDetector] = await Promise.all([
    readBuiltModule('map-server'),
    readBuiltModule('object-detection'),
    readBuiltModule('neural-detection'),
  ]);
  return { mapServer, detector, neuralDetector };
}

async function loadGuard(socketPath: string, clock: Clock, logger: Logger) {
  const { WatchdogClient } = await import('../../hardware/watchdog/watchdog-client.ts');
  return new WatchdogClient({ socketPath, clock, logger });
}

async function loadLidar(
  config: FreenoveRoverConfig,
  clock: Clock,
  logger: Logger,
): Promise<{ readonly port: LidarIo; close(): void } | null> {
  if (config.lidar === null) return null;
  const { model, port: path, rays, mountYawRad } = config.lidar;
  const [{ SerialLidar }, { openNodeSerial }, ld, slamtec] = await Promise.all([
    import('../../hardware/lidars/serial-lidar.ts'),
    import('../../hardware/lidars/node-serial.ts'),
    import('../../hardware/lidars/ld06.ts'),
    import('../../hardware/lidars/slamtec.ts'),
  ]);
  const models = { ld06: ld.LD06, ld19: ld.LD19, 'slamtec-a1': slamtec.SLAMTEC_A1, 'slamtec-c1': slamtec.SLAMTEC_C1 };
  const lidar = new SerialLidar({ model: models[model], path, open: openNodeSerial, clock, logger, rays, mountYawRad });
  return { port: lidar, close: () => lidar.close() };
}

/** The detector reads pixels, so JPEGs are decoded here. */
export async function loadCamera(
  config: Pick<FreenoveRoverConfig, 'camera'>,
  clock: Clock,
  logger: Logger,
): Promise<{ readonly port: CameraIo; close(): void } | null> {
  if (config.camera === null) return null;
  const { camera: format } = config;
  const { source, sensor, device, intrinsics, mount, latencySec } = format;
  const [{ ProcessCamera }, sources, { DecodedCamera }, { loadImageHost }] = await Promise.all([
    import('../../hardware/cameras/process-camera.ts'),
    import('../../hardware/cameras/camera-sources.ts'),
    import('../perception/decoded-camera.ts'),
    import('../../shared/modules/host-impl/image-sharp.ts'),
  ]);
  const programs = {
    'raspberry-pi': () => sources.raspberryPiCamera(format, sensor),
    jetson: () => sources.jetsonCamera(format, sensor),
    v4l2: () => sources.v4l2Camera(format, device),
  }[source]();
  const { decodeJpeg } = await loadImageHost();
  const camera = new ProcessCamera({ programs, clock, intrinsics, mount, latencySec, logger });
  const port = new DecodedCamera(camera, decodeJpeg, (error) => logger.warn({ error: error.message }, 'a picture was left out'));
  return { port, close: () => camera.close() };
}

function interruption(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}
