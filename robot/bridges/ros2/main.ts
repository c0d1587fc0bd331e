// `outrider robot --config rover.yaml` with `body: ros2`: joins the fleet with a robot that is known only by its topics.
import { memberClientId } from '../../../shared/bus/member-client-id.ts';
import { connectMqttBus } from '../../../shared/bus/mqtt-bus.ts';
import { loadYaml } from '../../../shared/config/load-yaml.ts';
import { readBuiltModule } from '../../../shared/elastic/built-modules.ts';
import { configureLocalServices } from '../../../shared/services/local-services.ts';
import { TcpDataPlane } from '../../../shared/elastic/transports/tcp.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { DeviceMetricsIo } from '../../../shared/ports/device-metrics.ts';
import { lineLogger } from '../../../shared/ports/logger.ts';
import { openTracer } from '../../../shared/tracing/open-tracer.ts';
import { type MembershipOptions, keepMembership, roverMembership } from '../../rover-membership.ts';
import { membershipOf } from '../../rover-yaml.ts';
import { roverLastWill } from '../../telemetry.ts';
import { decodePicture } from './decode-picture.ts';
import { loadRclnodejs } from './rclnodejs.ts';
import { type RosRover, startRosRover } from './ros-rover.ts';
import { roverYamlSchema } from './rover-yaml.ts';

export interface RosRobotOptions extends MembershipOptions {
  /** File that what the ports deliver is written to. */
  readonly record?: string;
  /** Metrics of this computer; without them its heat moves no module. */
  readonly metrics?: (clock: Clock) => DeviceMetricsIo;
}

/** Runs until Ctrl-C; `flags` go before what the file says. True after a clean stop. Throws OUT_ROS_ENVIRONMENT outside a ROS 2 environment, before anything else is touched. */
export async function runRosRobot(path: string, options: RosRobotOptions = {}): Promise<boolean> {
  const { record, metrics, ...flags } = options;
  const file = await loadYaml(path, roverYamlSchema);
  const rcl = await loadRclnodejs({ environment: process.env });
  const membership = await roverMembership({ ...membershipOf(file), ...flags });
  const { id, site, broker, identity } = membership;
  const config = { ...file, id, site };
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const interrupted = interruption();
  configureLocalServices({ inference: { models: config.detection.models } });
  const [mapServer, detector, neuralDetector] = await Promise.all([
    readBuiltModule('map-server'),
    readBuiltModule('object-detection'),
    readBuiltModule('neural-detection'),
  ]);
  const logger = lineLogger(say);
  const tracing = await openTracer({ service: 'outrider-rover', attributes: { site, rover: id } }, logger);
  const bus = await connectMqttBus({
    url: broker,
    clientId: memberClientId('rover', id),
    will: roverLastWill(site, id, config.mission),
    ...(identity === null ? {} : { tls: identity.tls }),
  });
  const stopKeeping = keepMembership(membership, logger);
  let rover: RosRover | null = null;
  try {
    rover = await startRosRover({
      rcl,
      config,
      bus,
      dataPlane: new TcpDataPlane(identity === null ? {} : { tls: { client: identity.tls } }),
      ...(identity === null ? {} : { credential: identity.credential }),
      bundles: { mapServer, detector, neuralDetector },
      session: Math.floor(performance.timeOrigin).toString(36),
      detection: config.detection,
      mapServerPlacement: config.mapServer.placement,
      decodePicture,
      metrics: metrics ?? null,
      ...(record === undefined ? {} : { record }),
      logger,
      tracer: tracing.tracer,
    });
    const { scan, odometry, command } = config.ros2;
    const driver = config.ros2.nav2 === null ? `drives by ${command.topic}` : `lets Nav2 drive (${config.ros2.nav2.action})`;
    say(`${config.id} reads ${scan.topic} and ${odometry.topic} and ${driver}; Ctrl-C ends it`);
    await interrupted;
  } finally {
    stopKeeping();
    await rover?.stop();
    await bus.close();
    await tracing.close();
  }
  return true;
}

function interruption(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}
