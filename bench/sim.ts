// The simulator's speed: many rovers headless with full lidars, the cost per rover, and the camera's time per frame.
import { toWheelSpeeds } from '../shared/kinematics/differential-drive.ts';
import { VirtualClock } from '../sim/clock/virtual-clock.ts';
import { CameraRenderer } from '../sim/camera/camera-renderer.ts';
import { cameraView, intrinsicsOf } from '../sim/camera/camera-view.ts';
import { CAMERA_MOUNT } from '../sim/camera/simulated-camera.ts';
import { SeededRandom, uniform } from '../sim/random/seeded-random.ts';
import { fleetOf, fleetSchema } from '../sim/scenario/fleet-schema.ts';
import { resolveSite } from '../sim/scenario/resolve-site.ts';
import { worldSchema } from '../sim/scenario/world-schema.ts';
import { SimulatedSite } from '../sim/simulated-site.ts';
import { DEFAULT_VEHICLE } from '../sim/vehicle/vehicle-spec.ts';
import { type SiteDefinition, World } from '../sim/world/world.ts';
import { atLeast, atMost, type Bench, type BenchResult, quantile } from './bench-result.ts';

const FLEETS = [1, 10, 25, 50, 100];
const TARGET_FLEET = 50;
const SIMULATED_SEC = 10;
const WARM_UP_FRAMES = 50;
/** Camera frames per rover and second in the run that renders: what a detector asks for. */
const FRAMES_HZ = 2;

interface Run {
  readonly wallSec: number;
  /** Processor time: what the wall time would be on a core of one's own. */
  readonly cpuSec: number;
  readonly scans: number;
  readonly frames: number;
  readonly collisions: number;
}

/** An office of 50 m × 36 m: rooms, corridors, furniture. */
function largeOffice(rovers: number): SiteDefinition {
  const world = worldSchema.parse({
    sizeM: [50, 36],
    layout: 'office',
    hazards: Array.from({ length: 20 }, () => ({ class: 'chemical-drum' })),
  });
  return resolveSite(world, { random: new SeededRandom(7), rovers, roverRadiusM: DEFAULT_VEHICLE.radiusM });
}

/** Drives each rover by its own lidar (ahead where there is room, else turning), for some simulated seconds. */
async function run(definition: SiteDefinition, rovers: number, framesHz: number): Promise<Run> {
  const clock = new VirtualClock();
  const fleet = fleetOf(fleetSchema.parse({ rovers: [{ id: 'rover-1' }] }), rovers);
  const site = new SimulatedSite({ clock, site: definition, fleet, random: new SeededRandom(3) });
  site.start();
  for (const [index, rover] of site.rovers.entries()) {
    const turn = index % 2 === 0 ? 1.2 : -1.2;
    clock.every(0.1, () => {
      const ahead = rover.lidar.update().scan?.rangesM.subarray(160, 201) ?? [];
      const blocked = ahead.some((range) => range < 0.7);
      const speeds = toWheelSpeeds({ linearMPerSec: blocked ? 0 : 0.5, angularRadPerSec: blocked ? turn : 0 }, DEFAULT_VEHICLE.geometry);
      rover.drive.update();
      rover.drive.setWheelSpeeds(speeds.leftRadPerSec, speeds.rightRadPerSec);
    });
    if (framesHz > 0) clock.every(1 / framesHz, () => void rover.camera.update(), { offsetSec: (index % 10) * 0.05 });
  }
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  await clock.run({ untilSec: SIMULATED_SEC });
  const wallSec = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const scans = site.rovers.reduce((sum, { lidar }) => sum + (lidar.update().scan?.sequence ?? -1) + 1, 0);
  const frames = site.rovers.reduce((sum, { camera }) => sum + (framesHz === 0 ? 0 : (camera.update().frame?.sequence ?? -1) + 1), 0);
  return { wallSec, cpuSec: (user + system) / 1e6, scans, frames, collisions: site.collisions };
}

/** Times frames from random clear places of a site: wall time each, CPU time on average [ms]. */
function timeFrames(definition: SiteDefinition, count: number): { readonly wallMs: readonly number[]; readonly cpuMs: number } {
  const world = new World(definition);
  const renderer = new CameraRenderer(world);
  const random = new SeededRandom('frames');
  const intrinsics = intrinsicsOf(320, 240, 90);
  const times: number[] = [];
  let cpuBefore = process.cpuUsage();
  while (times.length < count + WARM_UP_FRAMES) {
    const pose = { x: uniform(random, 0, definition.widthM), y: uniform(random, 0, definition.depthM), theta: uniform(random, -3.1, 3.1) };
    if (!world.isClear(pose.x, pose.y, 0.2)) continue;
    const view = cameraView(pose, CAMERA_MOUNT, intrinsics, 320, 240);
    if (times.length === WARM_UP_FRAMES) cpuBefore = process.cpuUsage();
    const start = performance.now();
    renderer.render(view, random);
    times.push(performance.now() - start);
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  return { wallMs: times.slice(WARM_UP_FRAMES), cpuMs: (user + system) / 1000 / count };
}

export const bench: Bench = {
  name: 'sim',
  description: 'headless simulation of 1 to 100 rovers with 360-ray lidars at 10 Hz; camera frames',
  async run({ log }): Promise<BenchResult> {
    const fleets: Record<string, unknown> = {};
    let factor50: number | null = null;
    const definition = largeOffice(Math.max(...FLEETS));
    await run(definition, 5, 0); // warm up
    for (const rovers of FLEETS) {
      const { wallSec, cpuSec, scans, collisions } = await run(definition, rovers, 0);
      const factor = SIMULATED_SEC / wallSec;
      if (rovers === TARGET_FLEET) factor50 = factor;
      fleets[`rovers_${rovers}`] = {
        real_time_factor: factor,
        real_time_factor_by_cpu_time: SIMULATED_SEC / cpuSec,
        wall_ms_per_rover_second: (wallSec * 1000) / rovers / SIMULATED_SEC,
        scans,
        rays_per_s: (scans * 360) / wallSec,
        camera_frames: 0,
        collisions,
      };
      log(`  ${rovers} rovers: ${factor.toFixed(1)}× real time (${(SIMULATED_SEC / cpuSec).toFixed(1)}× by processor time)`);
    }
    const withCamera = await run(definition, TARGET_FLEET, FRAMES_HZ);
    const frames = timeFrames(largeOffice(1), 200);
    const p50 = quantile(frames.wallMs, 0.5);
    return {
      results: {
        simulated_s: SIMULATED_SEC,
        fleets,
        with_camera: {
          rovers: TARGET_FLEET,
          real_time_factor: SIMULATED_SEC / withCamera.wallSec,
          camera_frames: withCamera.frames,
          frames_hz_per_rover: FRAMES_HZ,
        },
        camera_320x240: { p50_ms: p50, p99_ms: quantile(frames.wallMs, 0.99), cpu_ms: frames.cpuMs },
      },
      targets: { real_time_factor_50_rovers: atLeast(factor50, 5), camera_frame_p50_ms: atMost(p50, 8) },
    };
  },
};
