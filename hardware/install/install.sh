#!/bin/sh
# Puts units, user, groups and udev rules into place on a rover. Run as root, from anywhere, after Outrider itself is installed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "$(id -u)" -ne 0 ]; then
  echo "run it as root: sudo $0" >&2
  exit 1
fi
for group in i2c gpio spi dialout video; do
  getent group "$group" >/dev/null || groupadd --system "$group"
done
install -D -m 644 "$here/outrider.sysusers.conf" /usr/lib/sysusers.d/outrider.conf
systemd-sysusers /usr/lib/sysusers.d/outrider.conf
install -D -m 644 "$here/99-outrider.rules" /etc/udev/rules.d/99-outrider.rules
udevadm control --reload
udevadm trigger
for unit in outrider-watchdog.service outrider-rover.service; do
  install -D -m 644 "$here/$unit" "/etc/systemd/system/$unit"
done
# Some packages bring the binaries of every system, some 250 MB; those of the others are of no use on a rover.
node "$here/../../bin/prune-install.js" --force
install -d -m 700 -o outrider -g outrider /var/lib/outrider
install -d -m 755 /etc/outrider
if [ ! -e /etc/outrider/rover.yaml ]; then
  install -m 644 "$here/../freenove-4wd/rover.yaml" /etc/outrider/rover.yaml
  echo "now edit /etc/outrider/rover.yaml"
fi
systemctl daemon-reload
echo "then: systemctl enable --now outrider-watchdog outrider-rover"
