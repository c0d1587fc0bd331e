// The MQTT client id of a member of a site.

/** `<role>-<name>`, cut to what every broker takes: always with the role, so that a rover called `host-a` cannot take the id of host `a`. */
export function memberClientId(role: 'rover' | 'host' | 'doctor', name: string): string {
  return `${role}-${name}`.slice(0, 64);
}
