// All checks of `outrider doctor` in order, and what they come to.
import { checkBoard, checkCamera, checkGpio, checkGroups, checkI2c, checkSerial, checkWatchdog } from './device-checks.ts';
import { type Finding, type Machine, missing, type Needs, notApplicable, ok } from './check.ts';
import { checkClock, checkDisk, checkLimits, checkNode, checkPackages, checkRos } from './machine-checks.ts';

/** Looks at everything; nothing is changed. */
export async function examine(machine: Machine, needs: Needs): Promise<Finding[]> {
  return [
    checkNode(machine),
    ...(await checkPackages(machine, needs)),
    await checkRos(machine, needs),
    checkBoard(machine),
    checkI2c(machine, needs),
    checkGpio(machine, needs),
    checkSerial(machine, needs),
    checkCamera(machine, needs),
    ...checkGroups(machine, needs),
    checkWatchdog(machine, needs),
    checkClock(machine),
    await checkDisk(machine),
    checkLimits(machine),
    ...(await checkSite(machine, needs)),
  ];
}

/** Whether the rover can work: nothing that it needs is missing. */
export function isHealthy(findings: readonly Finding[]): boolean {
  return findings.every(({ state, needed }) => state !== 'missing' || !needed);
}

async function checkSite(machine: Machine, { broker, site }: Needs): Promise<Finding[]> {
  if (broker === null) return [notApplicable('broker', 'none was named (--broker or --config)'), notApplicable('edge-site', 'no broker')];
  const answer = await machine.askSite(broker, site);
  if (!answer.connected) {
    const remedy = 'Start the edge site (`outrider edge`), check address, port and firewall.';
    return [missing('broker', true, `${broker}: ${answer.reason}`, remedy), notApplicable('edge-site', 'no broker')];
  }
  const reached = ok('broker', true, broker);
  if (answer.hosts.length > 0) return [reached, ok('edge-site', false, `site ${site}: ${answer.hosts.join(', ')}`)];
  const remedy = 'The rover works on board until then; start `outrider edge`, or name the right site.';
  return [reached, missing('edge-site', false, `no edge host of site ${site}`, remedy)];
}
