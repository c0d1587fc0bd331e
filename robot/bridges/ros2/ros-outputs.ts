// What ROS tools get from Outrider: the fleet's merged map, map→odom, the rover's pose and the objects found.
import { compose, inverse, type Pose2 } from '../../../shared/geometry/pose2.ts';
import type { OccupancyMap } from '../../../shared/mapping/occupancy-map.ts';
import type { Clock, Timer } from '../../../shared/ports/clock.ts';
import type { MapObject } from '../../../shared/protocol/map-view.ts';
import type { Ros2Config } from './config.ts';
import type { RosHeader } from './messages.ts';
import { type RclNode, type Rclnodejs, toQos } from './rclnodejs.ts';
import type { RosTimeBase } from './ros-time.ts';
import { toMarkers, toOccupancyGrid, toPoseStamped, toTransform } from './to-ros.ts';

/** Where the outputs come from; read when they are due. */
export interface OutputSources {
  /** The fleet's map (the same object until it changes), or the rover's own while there is none. */
  map(): OccupancyMap | null;
  objects(): readonly MapObject[];
  /** Grows with each change of the objects. */
  revision(): number;
  /** Pose of the agent's body in the map frame. */
  bodyPose(): Pose2;
  /** map → odom of ROS. */
  mapToOdom(): Pose2;
}

export interface RosOutputsOptions {
  readonly rcl: Rclnodejs;
  readonly node: RclNode;
  readonly config: Ros2Config;
  readonly clock: Clock;
  readonly time: RosTimeBase;
  /** Pose of the agent's body on the ROS base. */
  readonly mount: Pose2;
  readonly sources: OutputSources;
}

/** tf listeners extrapolate little: map→odom goes out this often [s], stamped a little ahead, as localisers do. */
const TF_PERIOD_SEC = 0.1;
const TF_AHEAD_SEC = 0.1;

export class RosOutputs {
  readonly #options: RosOutputsOptions;
  readonly #timers: Timer[] = [];
  readonly #markerIds = new Map<string, number>();
  #maps = 0;

  constructor(options: RosOutputsOptions) {
    this.#options = options;
  }

  /** Maps published so far. */
  get maps(): number {
    return this.#maps;
  }

  start(): void {
    const { rcl, node, config, clock, sources, mount } = this.#options;
    const { map, tf, pose, objects } = config.outputs;
    const { map: mapFrame, odom } = config.frames;
    if (map !== null) {
      const publisher = node.createPublisher('nav_msgs/msg/OccupancyGrid', map.topic, { qos: toQos(rcl, map.qos) });
      let published: OccupancyMap | null = null;
      this.#every(map.periodSec, mapFrame, (header) => {
        const current = sources.map();
        if (current === null || current === published) return;
        published = current;
        this.#maps += 1;
        publisher.publish(toOccupancyGrid(current, header));
      });
    }
    if (tf) {
      const qos = toQos(rcl, { reliability: 'reliable', durability: 'volatile', depth: 100 });
      const publisher = node.createPublisher('tf2_msgs/msg/TFMessage', '/tf', { qos });
      this.#timers.push(
        clock.every(TF_PERIOD_SEC, () => {
          const header = this.#header(mapFrame, TF_AHEAD_SEC);
          if (header !== null) publisher.publish({ transforms: [toTransform(sources.mapToOdom(), header, odom)] });
        }),
      );
    }
    if (pose !== null) {
      const publisher = node.createPublisher('geometry_msgs/msg/PoseStamped', pose.topic, { qos: toQos(rcl, RELIABLE) });
      const onBase = inverse(mount);
      this.#every(pose.periodSec, mapFrame, (header) => publisher.publish(toPoseStamped(compose(sources.bodyPose(), onBase), header)));
    }
    if (objects !== null) {
      const qos = toQos(rcl, { ...RELIABLE, durability: 'transient_local' });
      const publisher = node.createPublisher('visualization_msgs/msg/MarkerArray', objects.topic, { qos });
      let published = -1;
      this.#every(objects.periodSec, mapFrame, (header) => {
        const revision = sources.revision();
        const found = sources.objects();
        if (revision === published || found.length === 0) return;
        published = revision;
        publisher.publish(toMarkers(found, header, this.#markerIds));
      });
    }
  }

  stop(): void {
    for (const timer of this.#timers.splice(0)) timer.stop();
  }

  #every(periodSec: number, frame: string, publish: (header: RosHeader) => void): void {
    const due = (): void => {
      const header = this.#header(frame);
      if (header !== null) publish(header);
    };
    this.#timers.push(this.#options.clock.every(periodSec, due));
  }

  #header(frame: string, aheadSec = 0): RosHeader | null {
    const stamp = this.#options.time.toRos(this.#options.clock.nowSec() + aheadSec);
    return stamp === null ? null : { stamp, frame_id: frame };
  }
}

const RELIABLE = { reliability: 'reliable', durability: 'volatile', depth: 1 } as const;
