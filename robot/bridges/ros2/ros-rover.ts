// A rover agent on a ROS 2 robot: the node, its body of topics, the agent itself, and what ROS tools get back.
import { type AssembleOptions, assembleRover, type AssembledRover, type RoverBundles } from '../../assemble-rover.ts';
import { SystemClock } from '../../../shared/clock/system-clock.ts';
import { OutriderError } from '../../../shared/errors.ts';
import { compose } from '../../../shared/geometry/pose2.ts';
import { CommonView } from '../../../shared/mapping/common-view.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { DataPlane } from '../../../shared/ports/data-plane.ts';
import type { DeviceMetricsIo } from '../../../shared/ports/device-metrics.ts';
import type { Tracer } from '../../../shared/ports/tracer.ts';
import type { Logger } from '../../../shared/ports/logger.ts';
import type { MessageBus } from '../../../shared/ports/message-bus.ts';
import type { RoverYaml } from './rover-yaml.ts';
import type { RosClockMessage } from './messages.ts';
import { Nav2Driver } from './nav2-driver.ts';
import { type RclNode, type Rclnodejs, rosNow, toQos } from './rclnodejs.ts';
import { PortRecorder } from '../../recording/port-recorder.ts';
import { type DecodePicture, ROS_GEOMETRY, RosBody } from './ros-body.ts';
import { RosOutputs } from './ros-outputs.ts';
import { RosTimeBase, toSeconds } from './ros-time.ts';
import { SimTimeClock } from './sim-time-clock.ts';

export interface RosRoverOptions {
  readonly rcl: Rclnodejs;
  readonly config: RoverYaml;
  readonly bus: MessageBus;
  readonly dataPlane: DataPlane;
  readonly bundles: RoverBundles;
  readonly session: string;
  /** What enrolment gave the rover for the control plane. */
  readonly credential?: string;
  readonly detection: AssembleOptions['detection'];
  readonly mapServerPlacement: 'edge' | 'onboard';
  readonly decodePicture: DecodePicture;
  /** Of the computer that the agent runs on, by the rover's clock; null: none. */
  readonly metrics: ((clock: Clock) => DeviceMetricsIo) | null;
  /** File that what the ports deliver is written to. */
  readonly record?: string;
  readonly logger: Logger;
  readonly tracer?: Tracer;
  /** How long the first /clock message may take [s]. */
  readonly clockTimeoutSec?: number;
  /** For tests: the clock in place of the system's. */
  readonly clock?: Clock;
}

export interface RosRover {
  readonly assembled: AssembledRover;
  readonly body: RosBody;
  readonly outputs: RosOutputs;
  readonly nav2: Nav2Driver | null;
  stop(): Promise<void>;
}

/** Starts node, body, agent and outputs. Throws OUT_ROS_CLOCK when simulated time is wanted and none comes. */
export async function startRosRover(options: RosRoverOptions): Promise<RosRover> {
  const { rcl, config, bus, logger } = options;
  const ros = config.ros2;
  const site = config.site ?? 'site';
  await rcl.init();
  const node = new rcl.Node(ros.node, ros.namespace);
  const onError = (error: Error): void => logger.warn({ rover: config.id, error: error.message }, 'ROS bridge');
  try {
    const time = new RosTimeBase();
    const clock = ros.useSimTime
      ? await followSimTime(options, node, time, onError)
      : (options.clock ?? new SystemClock({ onError: (error) => onError(error as Error) }));
    if (!ros.useSimTime) {
      node.spin();
      time.synchronise(toSeconds(rosNow(node)), clock.nowSec());
    }
    const body = new RosBody({ rcl, node, config: ros, clock, time, decodePicture: options.decodePicture, onError });
    const startPose = compose(config.startPose, body.mount);
    const metrics = options.metrics?.(clock) ?? null;
    const ports = { drive: body.drive, lidar: body.lidar, camera: body.camera, power: body.power, metrics };
    const head = { rover: config.id, startPose, geometry: ROS_GEOMETRY };
    const { record } = options;
    const recorder = record === undefined ? null : await PortRecorder.start({ path: record, clock, ports, head });
    const assembled = await assembleRover({
      id: config.id,
      site,
      mission: config.mission,
      ...(options.tracer === undefined ? {} : { tracer: options.tracer }),
      ...(options.credential === undefined ? {} : { credential: options.credential }),
      startPose,
      geometry: ROS_GEOMETRY,
      ports: recorder?.ports ?? ports,
      compute: null,
      modelled: 'none',
      clock,
      bus,
      dataPlane: options.dataPlane,
      session: options.session,
      bundles: options.bundles,
      mapServerPlacement: options.mapServerPlacement,
      detection: options.detection,
      logger,
    });
    const view = new CommonView();
    await view.subscribe(bus, { site, mission: config.mission });
    const { rover } = assembled;
    recorder?.follow(() => rover.pose);
    const outputs = new RosOutputs({
      rcl,
      node,
      config: ros,
      clock,
      time,
      mount: body.mount,
      sources: {
        // Until the Map Server has published, and while the edge is out of reach, the rover's own map is the best there is.
        map: () => view.map() ?? rover.ownMap,
        objects: () => view.objects,
        revision: () => view.revision,
        bodyPose: () => rover.pose,
        mapToOdom: () => body.mapToOdom(rover.pose),
      },
    });
    const nav2 =
      ros.nav2 === null
        ? null
        : new Nav2Driver({
            client: new rcl.ActionClient(node, 'nav2_msgs/action/NavigateToPose', ros.nav2.action),
            bus,
            places: { site, mission: config.mission, rover: config.id },
            clock,
            time,
            mapFrame: ros.frames.map,
            bodyPose: () => rover.pose,
            mount: body.mount,
            onError,
          });
    body.start();
    outputs.start();
    await nav2?.start();
    await assembled.start();
    const stop = async (): Promise<void> => {
      const stopping = assembled.stop(); // its first act stops the loops and the wheels
      body.stop();
      outputs.stop();
      try {
        await nav2?.stop();
        await stopping;
        await view.close();
        await recorder?.close();
        if (recorder?.state.failure) logger.warn({ error: recorder.state.failure.message }, 'the recording is not whole');
      } finally {
        shutDown(rcl, node);
      }
    };
    return { assembled, body, outputs, nav2, stop };
  } catch (error) {
    shutDown(rcl, node);
    throw error;
  }
}

/** The clock of /clock, once it has begun. */
async function followSimTime(options: RosRoverOptions, node: RclNode, time: RosTimeBase, onError: (error: Error) => void): Promise<Clock> {
  const clock = new SimTimeClock((error) => onError(error as Error));
  const timeoutSec = options.clockTimeoutSec ?? 10;
  const qos = toQos(options.rcl, { reliability: 'best_effort', durability: 'volatile', depth: 1 });
  await new Promise<void>((resolve, reject) => {
    const patience = (options.clock ?? new SystemClock()).after(timeoutSec, () =>
      reject(new OutriderError('OUT_ROS_CLOCK', `no message on /clock for ${timeoutSec} s`)),
    );
    node.createSubscription('rosgraph_msgs/msg/Clock', '/clock', { qos }, (message) => {
      const rosSec = toSeconds((message as RosClockMessage).clock);
      if (clock.advance(rosSec)) time.synchronise(rosSec, clock.nowSec());
      patience.stop();
      resolve();
    });
    node.spin();
  });
  return clock;
}

function shutDown(rcl: Rclnodejs, node: RclNode): void {
  node.destroy();
  rcl.shutdown();
}
