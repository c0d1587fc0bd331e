// `outrider doctor` on file trees of machines that are not here: a Raspberry Pi 4 and 5, a Jetson, a bare computer; each fault with its way out.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Finding, Machine, Needs } from '../../hardware/doctor/check.ts';
import { NOTHING_NEEDED } from '../../hardware/doctor/check.ts';
import { examine, isHealthy } from '../../hardware/doctor/doctor.ts';
import { needsOf } from '../../hardware/doctor/main.ts';
import { SystemFiles } from '../../hardware/linux/system-files.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function tree(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'outrider-doctor-'));
  folders.push(root);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}

/** A Raspberry Pi 4 on which nothing is amiss. */
const PI: Readonly<Record<string, string>> = {
  'proc/device-tree/model': 'Raspberry Pi 4 Model B Rev 1.4\0',
  'dev/i2c-1': '',
  'dev/ttyAMA0': '',
  'dev/serial0': '',
  'dev/video0': '',
  'usr/bin/rpicam-vid': '',
  'sys/class/gpio/gpiochip512/label': 'pinctrl-bcm2711\n',
  'sys/class/gpio/gpiochip512/base': '512\n',
  'sys/class/gpio/gpiochip570/label': 'raspberrypi-exp-gpio\n',
  'sys/class/gpio/gpiochip570/base': '570\n',
  'etc/group': 'root:x:0:\ni2c:x:994:rover\ngpio:x:986:rover\ndialout:x:20:rover\nvideo:x:44:rover\n',
  'etc/systemd/system/outrider-watchdog.service': '[Unit]',
  'etc/systemd/system/multi-user.target.wants/outrider-watchdog.service': '[Unit]',
  'run/systemd/timesync/synchronized': '',
};

const CAR: Needs = {
  ...{ body: 'freenove-4wd', i2cBus: 1, gpio: true, serialPort: '/dev/serial0', watchdog: true, camera: true },
  ...{ broker: 'mqtt://10.0.0.1:1883', site: 'site' },
};

function without(files: Readonly<Record<string, string>>, ...names: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(files).filter(([path]) => !names.some((name) => path.startsWith(name))));
}

async function machine(files: Readonly<Record<string, string>>, change: Partial<Machine> = {}): Promise<Machine> {
  return {
    files: new SystemFiles(await tree(files)),
    nodeVersion: 'v20.20.2',
    environment: {},
    user: 'rover',
    groupIds: [994, 986, 20, 44],
    loadPackage: async () => null,
    freeBytes: async () => 8e9,
    limitMeans: { cgroup: { folder: '/group' }, rlimits: { data: true, files: true }, affinity: true, cpus: [0, 1, 2, 3] },
    askSite: async () => ({ connected: true, hosts: ['edge-1'], reason: '' }),
    ...change,
  };
}

const of = (findings: readonly Finding[], name: string): Finding => {
  const finding = findings.find((candidate) => candidate.name === name);
  if (finding === undefined) throw new Error(`no finding ${name} among ${findings.map((f) => f.name).join(', ')}`);
  return finding;
};

describe('the doctor', () => {
  it('finds nothing amiss on a whole Raspberry Pi, and tells the GPIO base of its kernel', async () => {
    const findings = await examine(await machine(PI), CAR);
    expect(findings.filter(({ state }) => state === 'missing')).toEqual([]);
    expect(isHealthy(findings)).toBe(true);
    expect(of(findings, 'gpio').detail).toBe('pinctrl-bcm2711: BCM 0 is line 512');
    expect(of(findings, 'board').detail).toBe('Raspberry Pi 4 Model B Rev 1.4');
    expect(of(findings, 'ros2').state).toBe('not-applicable');
    expect(of(findings, 'edge-site').detail).toContain('edge-1');
  });

  it('knows a Raspberry Pi 5 by its RP1 chip', async () => {
    const five = {
      ...without(PI, 'sys/class/gpio'),
      'sys/class/gpio/gpiochip569/label': 'pinctrl-rp1',
      'sys/class/gpio/gpiochip569/base': '569',
    };
    expect(of(await examine(await machine(five), CAR), 'gpio')).toMatchObject({ state: 'ok', detail: 'pinctrl-rp1: BCM 0 is line 569' });
  });

  const broken: [string, string, Readonly<Record<string, string>>, Partial<Machine>, RegExp][] = [
    ['node', 'Node.js is too old', PI, { nodeVersion: 'v20.19.9' }, /20\.20/],
    ['i2c', 'I²C is not enabled', without(PI, 'dev/i2c'), {}, /raspi-config/],
    ['gpio', 'there is no sysfs GPIO', without(PI, 'sys/class'), {}, /CONFIG_GPIO_SYSFS/],
    ['serial', 'the UART is the console', without(PI, 'dev/serial0'), {}, /console/],
    ['camera', 'the camera is unplugged', without(PI, 'dev/video'), {}, /rpicam-apps/],
    ['watchdog', 'the watchdog is not installed', without(PI, 'etc/systemd'), {}, /install\.sh/],
    ['watchdog', 'the watchdog is not enabled', without(PI, 'etc/systemd/system/multi-user'), {}, /systemctl enable/],
    ['group:i2c', 'the user is not in a group', { ...PI, 'etc/group': 'i2c:x:994:\n' }, { groupIds: [] }, /usermod -aG i2c rover/],
    ['group:i2c', 'the membership is newer than the session', PI, { groupIds: [986, 20, 44] }, /Log out/],
    [
      'package:onoff',
      'a native package is missing',
      PI,
      { loadPackage: async (name) => (name === 'onoff' ? 'it is not installed' : null) },
      /npm install onoff/,
    ],
    ['disk', 'the disk is full', PI, { freeBytes: async () => 1e8 }, /Make room/],
    [
      'broker',
      'the broker does not answer',
      PI,
      { askSite: async () => ({ connected: false, hosts: [], reason: 'refused' }) },
      /outrider edge/,
    ],
  ];

  it.each(broken)('%s: says that %s, and what to do', async (name, _what, files, change, remedy) => {
    const findings = await examine(await machine(files, change), CAR);
    expect(of(findings, name)).toMatchObject({ state: 'missing', needed: true });
    expect(of(findings, name).remedy).toMatch(remedy);
    expect(isHealthy(findings)).toBe(false);
  });

  it('says what can bound processes of fleets here, and needs none of it', async () => {
    const whole = of(await examine(await machine(PI), CAR), 'process-limits');
    expect(whole).toMatchObject({ state: 'ok', detail: expect.stringMatching(/^memoryBytes by cgroup, cores by cgroup, /) as string });
    const limitMeans = { cgroup: { why: 'no cgroup v2' }, rlimits: { data: true, files: true }, affinity: false, cpus: [0, 1] };
    const findings = await examine(await machine(PI, { limitMeans }), CAR);
    expect(of(findings, 'process-limits')).toMatchObject({ state: 'missing', needed: false });
    expect(of(findings, 'process-limits').detail).toMatch(
      /^memoryBytes by rlimit, openFiles by rlimit, niceness by nice; cores not: no cgroup v2/,
    );
    expect(of(findings, 'process-limits').remedy).toContain('Delegate=yes');
    expect(isHealthy(findings)).toBe(true);
  });

  it('lacks nothing that is not needed: without a rover, a bare computer is well', async () => {
    const findings = await examine(await machine({}, { loadPackage: async () => 'it is not installed', groupIds: [] }), NOTHING_NEEDED);
    expect(isHealthy(findings)).toBe(true);
    expect(findings.filter(({ needed }) => needed).map(({ name }) => name)).toEqual(['node', 'disk']);
    expect(of(findings, 'clock')).toMatchObject({ state: 'missing', needed: false });
  });

  it('does not load rclnodejs outside a ROS 2 environment, and wants one for a ROS body', async () => {
    const loaded: string[] = [];
    const loadPackage = async (name: string): Promise<null> => {
      loaded.push(name);
      return null;
    };
    const needs: Needs = { ...NOTHING_NEEDED, body: 'ros2' };
    expect(of(await examine(await machine({}, { loadPackage }), needs), 'ros2')).toMatchObject({ state: 'missing', needed: true });
    expect(loaded).not.toContain('rclnodejs');
    const environment = { AMENT_PREFIX_PATH: '/opt/ros/jazzy', ROS_DISTRO: 'jazzy' };
    expect(of(await examine(await machine({}, { loadPackage, environment }), needs), 'ros2')).toMatchObject({ state: 'ok' });
    expect(loaded).toContain('rclnodejs');
  });
});

describe('what a rover needs', () => {
  const needsOfText = async (text: string): Promise<Needs> => needsOf({ config: join(await tree({ 'rover.yaml': text }), 'rover.yaml') });

  it('is read from its file', async () => {
    const car = 'body: freenove-4wd\nid: car-1\nbroker: mqtt://10.0.0.1:1883\nlidar: { model: ld19, port: /dev/serial0 }\n';
    expect(await needsOfText(car)).toEqual({ ...CAR, camera: false });
    expect(await needsOfText(`${car}watchdog: null\nfreenove: { sonar: null, buzzerLine: null, i2cBus: 3 }\n`)).toMatchObject({
      ...{ watchdog: false, gpio: false, i2cBus: 3 },
    });
    expect(await needsOfText('body: ros2\nid: r\n')).toMatchObject({ body: 'ros2', i2cBus: null, gpio: false, serialPort: null });
  });

  it('is refused for a body that does not exist', async () => {
    await expect(needsOfText('body: tank\n')).rejects.toMatchObject({ code: 'OUT_CONFIG_INVALID' });
  });
});
