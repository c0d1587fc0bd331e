// The computer: Node, packages with native parts, disk, clock, and ROS 2.
import { planLimits, processLimitsSchema } from '../../shared/process-limits/process-limits.ts';
import { type Finding, type Machine, missing, type Needs, notApplicable, ok } from './check.ts';

/** As package.json demands. */
const NODE_LEAST = [20, 20] as const;
/** A recording of ten minutes and a bundle of each module [bytes]. */
const FREE_LEAST = 500 * 1024 * 1024;

export function checkNode({ nodeVersion }: Machine): Finding {
  const [major = 0, minor = 0] = nodeVersion.replace(/^v/, '').split('.').map(Number);
  const enough = major > NODE_LEAST[0] || (major === NODE_LEAST[0] && minor >= NODE_LEAST[1]);
  return enough
    ? ok('node', true, `Node.js ${nodeVersion}`)
    : missing(
        'node',
        true,
        `Node.js ${nodeVersion}`,
        `Install Node.js ${NODE_LEAST.join('.')} or newer, for example from NodeSource's packages.`,
      );
}

interface NativePackage {
  readonly name: string;
  readonly purpose: string;
  readonly isNeeded: (needs: Needs) => boolean;
  readonly remedy: string;
}

const BUILD = 'with g++, make and python3 present (`sudo apt install build-essential python3`)';

const PACKAGES: readonly NativePackage[] = [
  {
    name: 'sharp',
    purpose: 'decodes camera pictures',
    isNeeded: ({ camera }) => camera,
    remedy: '`npm install sharp`: it brings prebuilt binaries for x64 and arm64.',
  },
  {
    name: 'onnxruntime-node',
    purpose: 'runs neural networks on board',
    isNeeded: () => false,
    remedy: '`npm install onnxruntime-node`: prebuilt for x64 and arm64; without it networks run at the edge only.',
  },
  {
    name: 'i2c-bus',
    purpose: 'motors, battery and sensors on I²C',
    isNeeded: ({ i2cBus }) => i2cBus !== null,
    remedy: `\`npm install i2c-bus\`, ${BUILD}.`,
  },
  {
    name: 'onoff',
    purpose: 'ultrasonic sensor, line sensors, buzzer',
    isNeeded: ({ gpio }) => gpio,
    remedy: `\`npm install onoff\`, ${BUILD}.`,
  },
  {
    name: 'serialport',
    purpose: 'lidars on a serial line',
    isNeeded: ({ serialPort }) => serialPort !== null,
    remedy: '`npm install serialport`: it brings prebuilt binaries for x64 and arm64.',
  },
];

export async function checkPackages(machine: Machine, needs: Needs): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { name, purpose, isNeeded, remedy } of PACKAGES) {
    const reason = await machine.loadPackage(name);
    const key = `package:${name}`;
    findings.push(reason === null ? ok(key, isNeeded(needs), purpose) : missing(key, isNeeded(needs), `${purpose}: ${reason}`, remedy));
  }
  return findings;
}

/** rclnodejs is loaded in a sourced environment only: imported without one it removes its own addon. */
export async function checkRos(machine: Machine, needs: Needs): Promise<Finding> {
  const needed = needs.body === 'ros2';
  const { AMENT_PREFIX_PATH: prefix = '', ROS_DISTRO: distribution = 'unknown' } = machine.environment;
  if (prefix === '') {
    return needed
      ? missing(
          'ros2',
          true,
          'AMENT_PREFIX_PATH is not set',
          'Source ROS 2 in this shell: `source /opt/ros/jazzy/setup.bash`; see docs/ros2.md.',
        )
      : notApplicable('ros2', 'no ROS 2 environment is sourced');
  }
  const reason = await machine.loadPackage('rclnodejs');
  if (reason === null) return ok('ros2', needed, `ROS 2 ${distribution} with rclnodejs`);
  return missing(
    'ros2',
    needed,
    `ROS 2 ${distribution}, but ${reason}`,
    'In this sourced shell: `npm install rclnodejs@2.2.0`; see docs/ros2.md.',
  );
}

export async function checkDisk(machine: Machine): Promise<Finding> {
  const free = await machine.freeBytes();
  const detail = `${(free / 2 ** 20).toFixed(0)} MiB free`;
  return free >= FREE_LEAST
    ? ok('disk', true, detail)
    : missing('disk', true, detail, `Make room: at least ${FREE_LEAST / 2 ** 20} MiB for modules, logs and recordings.`);
}

const ANY_LIMIT = processLimitsSchema.parse({ memoryBytes: 2 ** 30, cores: 1, tasks: 256, openFiles: 1024, niceness: 1 });

/** What an edge site with `host.limits` could enforce on this machine, and by what; a rover needs none of it. */
export function checkLimits({ limitMeans }: Machine): Finding {
  const { enforced, unenforced } = planLimits(ANY_LIMIT, limitMeans);
  const can = enforced.map(({ resource, mechanism }) => `${resource} by ${mechanism}`).join(', ');
  const lacking = unenforced.map(({ resource, why }) => `${resource} not: ${why}`).join('; ');
  const detail = [can === '' ? 'nothing is enforced' : can, ...(lacking === '' ? [] : [lacking])].join('; ');
  if (unenforced.length === 0) return ok('process-limits', false, detail);
  const remedy =
    'For an edge site with `host.limits`: run it as a systemd service with `Delegate=yes`, on Linux with util-linux (docs/cluster.md).';
  return missing('process-limits', false, detail, remedy);
}

/** Stamps of rovers meet on one map: their clocks must agree to a fraction of a second. */
export function checkClock({ files }: Machine): Finding {
  if (files.text('run/systemd/timesync/synchronized') !== null) return ok('clock', false, 'synchronised by systemd-timesyncd');
  if (files.list('run/chrony', /./).length > 0 || files.text('var/lib/chrony/drift') !== null) return ok('clock', false, 'kept by chrony');
  if (files.text('var/lib/ntpsec/ntp.drift') !== null) return ok('clock', false, 'kept by ntpd');
  return missing('clock', false, 'no sign of a time service', 'Let the clock be set: `sudo timedatectl set-ntp true`, or install chrony.');
}
