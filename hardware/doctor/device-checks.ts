// What is soldered, plugged and permitted: board, I²C, GPIO, serial lines, cameras, groups and the watchdog's unit.
import { type Finding, type Machine, missing, type Needs, notApplicable, ok } from './check.ts';

/** Kernel drivers of the 40-pin header's GPIO chip. */
const HEADER_CHIPS = ['pinctrl-bcm2835', 'pinctrl-bcm2711', 'pinctrl-rp1'];

export function checkBoard({ files }: Machine): Finding {
  const model = files.text('proc/device-tree/model')?.replaceAll('\0', '') ?? null;
  return model === null ? notApplicable('board', 'no device tree: an ordinary computer') : ok('board', false, model);
}

export function checkI2c({ files }: Machine, { i2cBus }: Needs): Finding {
  const buses = files.list('dev', /^i2c-\d+$/).map((path) => `/${path}`);
  const detail = buses.length === 0 ? 'no /dev/i2c-*' : buses.join(', ');
  if (i2cBus === null) return buses.length === 0 ? notApplicable('i2c', detail) : ok('i2c', false, detail);
  if (buses.includes(`/dev/i2c-${i2cBus}`)) return ok('i2c', true, detail);
  return missing(
    'i2c',
    true,
    `/dev/i2c-${i2cBus} is wanted, there is: ${detail}`,
    'Enable it: `sudo raspi-config nonint do_i2c 0`, then reboot; check `i2cBus`.',
  );
}

/** Since kernel 6.6 the header's lines begin at a base that differs from board to board; it is read from sysfs, so sysfs GPIO must be there. */
export function checkGpio({ files }: Machine, { gpio }: Needs): Finding {
  const chips = files.list('sys/class/gpio', /^gpiochip\d+$/).map((path) => ({
    label: files.text(`${path}/label`) ?? '',
    base: files.number(`${path}/base`),
  }));
  const header = chips.find(({ label, base }) => HEADER_CHIPS.includes(label) && base !== null);
  if (header !== undefined) return ok('gpio', gpio, `${header.label}: BCM 0 is line ${header.base}`);
  const detail = chips.length === 0 ? 'no chips in /sys/class/gpio' : `no header among ${chips.map(({ label }) => label).join(', ')}`;
  if (!gpio) return notApplicable('gpio', detail);
  return missing(
    'gpio',
    true,
    detail,
    'Run on a Raspberry Pi with a kernel that has sysfs GPIO (CONFIG_GPIO_SYSFS), or leave sonar, line sensors and buzzer out.',
  );
}

export function checkSerial({ files }: Machine, { serialPort }: Needs): Finding {
  const ports = files.list('dev', /^(ttyUSB\d+|ttyACM\d+|ttyAMA\d+|ttyTHS\d+|serial\d+|lidar)$/).map((path) => `/${path}`);
  const detail = ports.length === 0 ? 'no serial lines' : ports.join(', ');
  if (serialPort === null) return ports.length === 0 ? notApplicable('serial', detail) : ok('serial', false, detail);
  if (ports.includes(serialPort)) return ok('serial', true, serialPort);
  const remedy = serialPort.startsWith('/dev/ttyUSB')
    ? 'Plug the adapter in (`sudo dmesg --follow` shows it), or change `lidar.port`.'
    : 'Free the UART of the console: `sudo raspi-config nonint do_serial_cons 1 && sudo raspi-config nonint do_serial_hw 0`, then reboot.';
  return missing('serial', true, `${serialPort} is wanted; there is: ${detail}`, remedy);
}

const CAMERA_PROGRAMS = ['rpicam-vid', 'libcamera-vid', 'gst-launch-1.0', 'ffmpeg', 'v4l2-ctl'];

export function checkCamera({ files }: Machine, { camera }: Needs): Finding {
  const devices = files.list('dev', /^video\d+$/).map((path) => `/${path}`);
  const programs = CAMERA_PROGRAMS.filter((name) => files.list('usr/bin', new RegExp(`^${name.replaceAll('.', '\\.')}$`)).length > 0);
  const detail = `${devices.length === 0 ? 'no /dev/video*' : devices.join(', ')}; programs: ${programs.length === 0 ? 'none' : programs.join(', ')}`;
  if (devices.length > 0 && programs.length > 0) return ok('camera', camera, detail);
  if (!camera) return notApplicable('camera', detail);
  return missing(
    'camera',
    true,
    detail,
    'Plug the camera in; on a Raspberry Pi `sudo apt install rpicam-apps`, on a Jetson the package gstreamer1.0-tools.',
  );
}

/** Which group opens which devices. */
const GROUPS: readonly { readonly group: string; readonly opens: string; readonly isNeeded: (needs: Needs) => boolean }[] = [
  { group: 'i2c', opens: '/dev/i2c-*', isNeeded: ({ i2cBus }) => i2cBus !== null },
  { group: 'gpio', opens: '/sys/class/gpio', isNeeded: ({ gpio }) => gpio },
  { group: 'dialout', opens: 'serial lines', isNeeded: ({ serialPort }) => serialPort !== null },
  { group: 'video', opens: 'cameras', isNeeded: ({ camera }) => camera },
];

export function checkGroups({ files, user, groupIds }: Machine, needs: Needs): Finding[] {
  const lines = (files.text('etc/group') ?? '').split('\n').map((line) => line.split(':'));
  return GROUPS.map(({ group, opens, isNeeded }) => {
    const needed = isNeeded(needs);
    const name = `group:${group}`;
    const entry = lines.find(([candidate]) => candidate === group);
    if (user === 'root') return ok(name, needed, 'root opens everything');
    if (entry === undefined)
      return needed
        ? missing(name, true, `there is no group ${group}`, `\`sudo groupadd ${group}\` and the udev rules of docs/raspberry-pi.md.`)
        : notApplicable(name, `there is no group ${group}`);
    if (groupIds.includes(Number(entry[2]))) return ok(name, needed, `${user} may open ${opens}`);
    const listed = (entry[3] ?? '').split(',').includes(user);
    const remedy = listed
      ? 'Log out and in again: the membership is newer than this session.'
      : `\`sudo usermod -aG ${group} ${user}\`, then log in again.`;
    return needed
      ? missing(name, true, `${user} is not in ${group} (${opens})`, remedy)
      : notApplicable(name, `${user} is not in ${group}; nothing here needs it`);
  });
}

const UNIT = 'outrider-watchdog.service';

/** The motor driver keeps its last duty when the agent dies: a rover with motors needs the watchdog beside it. */
export function checkWatchdog({ files }: Machine, { watchdog }: Needs): Finding {
  const found = ['etc/systemd/system', 'usr/lib/systemd/system', 'lib/systemd/system'].find(
    (folder) => files.text(`${folder}/${UNIT}`) !== null,
  );
  const enabled = files.text(`etc/systemd/system/multi-user.target.wants/${UNIT}`) !== null;
  if (found !== undefined && enabled) return ok('watchdog', watchdog, `${UNIT} is installed and enabled`);
  if (!watchdog) return notApplicable('watchdog', found === undefined ? `${UNIT} is not installed` : `${UNIT} is not enabled`);
  return found === undefined
    ? missing(
        'watchdog',
        true,
        `${UNIT} is not installed`,
        'Run `sudo hardware/install/install.sh`, or copy the unit; see docs/raspberry-pi.md.',
      )
    : missing('watchdog', true, `${UNIT} is not enabled`, `\`sudo systemctl enable --now ${UNIT}\`.`);
}
