// What one rover agent takes of its computer: resident memory and CPU time of `outrider robot --sim` as a process of its own, joined to an
// edge site in another, at 10 Hz lidar and 5 frames a second searched; and the size of a production installation. The process also holds the simulated
// world and renders its camera, which a real rover does not: the figures are upper bounds for the agent.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeMessage, filterOf } from '../shared/protocol/message.ts';
import { type RoverState, roverState } from '../shared/protocol/rover.ts';
import { connectMqttBus } from '../shared/bus/mqtt-bus.ts';
import { atMost, type Bench } from './bench-result.ts';
import { benchSite } from './support/edge-bench-site.ts';
import { processTimes } from './support/process-times.ts';
import { productionInstall } from './support/install-size.ts';

const WARM_UP_SEC = 12;
const WINDOW_SEC = 20;
const RSS_TARGET_MB = 200;
const INSTALL_TARGET_MB = 400;
const OUTRIDER = fileURLToPath(new URL('../../bin/outrider.js', import.meta.url));

/** A room with something to detect; the device's modelled hold-back is the Jetson Nano's 60 ms, so that 5 frames a second are searched. */
const mission = (placement: string, detector: Detector): string => `
mission:
  { id: footprint, title: Footprint, timeLimitSec: 3600, detection: { detector: ${detector}, placement: ${placement}, periodSec: 0.2 } }
world:
  name: rooms
  sizeM: [14, 10]
  walls:
    - { path: [[6, 0], [6, 4]] }
    - { path: [[6, 6], [6, 10]] }
  hazards:
    - { class: survivor, at: [12, 2] }
    - { class: gas-cylinder, at: [3, 8] }
  starts:
    - { at: [1.4, 1.4], yawDeg: 45 }
fleet:
  rovers: [{ id: rover-1, device: jetson-nano }]
  lidar: { rateHz: 10, rays: 360 }
  camera: { rateHz: 10, width: 320, height: 240 }
`;

type Detector = 'classical' | 'network';
/** Names of their modules. */
const MODULES: Readonly<Record<Detector, string>> = { classical: 'object-detection', network: 'neural-detection' };

interface Usage {
  readonly rss_mb: number;
  readonly peak_rss_mb: number;
  readonly cpu_percent_of_one_core: number;
  readonly detection_placement: string;
  /** Frames that the detector answered. */
  readonly frames_per_s: number;
  readonly distance_m: number;
}

const pause = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** Runs one rover against a fresh site and measures it while it searches. */
async function measure(placement: 'edge' | 'onboard', detector: Detector, log: (line: string) => void): Promise<Usage> {
  const folder = await mkdtemp(join(tmpdir(), 'outrider-footprint-'));
  const site = await benchSite({ hosts: 1, spareWorkers: 1 });
  let rover: ChildProcess | null = null;
  try {
    const file = join(folder, 'mission.yaml');
    await writeFile(file, mission(placement, detector));
    const bus = await connectMqttBus({ url: site.live.brokerUrl, clientId: 'footprint' });
    const states: RoverState[] = [];
    await bus.subscribe(filterOf(roverState, { site: 'bench', mission: 'footprint' }), ({ payload }) => {
      states.splice(0, states.length, decodeMessage(roverState, payload));
    });
    const args = ['robot', '--sim', file, '--id', 'rover-1', '--site', 'bench', '--broker', site.live.brokerUrl];
    rover = spawn(process.execPath, [OUTRIDER, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    const { pid } = rover;
    if (pid === undefined) throw new Error('the rover did not start');
    const ended = once(rover, 'exit').then(() => Promise.reject(new Error('the rover ended too early')));
    ended.catch(() => {});
    await Promise.race([ended, pause(WARM_UP_SEC)]);
    const found = () => states[0]?.modules.find(({ module }) => module === MODULES[detector]);
    const framesBefore = found()?.calls ?? 0;
    const before = await processTimes(pid);
    const started = performance.now();
    const rss: number[] = [];
    while (performance.now() - started < WINDOW_SEC * 1000) {
      await Promise.race([ended, pause(0.5)]);
      rss.push((await processTimes(pid)).rssMb);
    }
    const after = await processTimes(pid);
    const seconds = (performance.now() - started) / 1000;
    const state = states[0];
    const detection = found();
    await bus.close();
    if (state === undefined || detection === undefined) throw new Error('the rover never reported');
    log(`${detector}, ${placement}: ${Math.max(...rss).toFixed(0)} MB`);
    return {
      rss_mb: Math.max(...rss),
      peak_rss_mb: after.peakMb,
      cpu_percent_of_one_core: (100 * (after.cpuSec - before.cpuSec)) / seconds,
      detection_placement: detection.placement,
      frames_per_s: (detection.calls - framesBefore) / seconds,
      distance_m: state.distanceM,
    };
  } finally {
    if (rover !== null && rover.exitCode === null) {
      const gone = once(rover, 'exit');
      rover.kill('SIGTERM');
      await Promise.race([gone, pause(5).then(() => rover?.kill('SIGKILL'))]);
    }
    await site.close();
    await rm(folder, { recursive: true, force: true });
  }
}

export const bench: Bench = {
  name: 'footprint',
  description: 'memory and CPU of one rover agent as a process (with its simulated world), and the size of a production installation',
  run: async ({ log }) => {
    // What the file of a real rover has where it says nothing; the network beside it.
    const offloaded = await measure('edge', 'classical', log);
    const onboard = await measure('onboard', 'classical', log);
    const network = { offloaded: await measure('edge', 'network', log), onboard: await measure('onboard', 'network', log) };
    const install = await productionInstall(log);
    return {
      results: {
        method:
          'measured on this machine; the process includes the simulated world, lidar and rendered camera; on-board detection is held back to 60 ms',
        offloaded,
        onboard,
        network,
        install,
      },
      targets: {
        'resident memory with detection offloaded [MB]': atMost(offloaded.rss_mb, RSS_TARGET_MB),
        'production installation on a rover [MB]': atMost(install.on_a_rover_mb, INSTALL_TARGET_MB),
      },
    };
  },
};
