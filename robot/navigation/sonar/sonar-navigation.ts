// How a rover drives that sees by one swept ultrasonic sensor: slowly, with more room, and never backwards, where it is blind.
import { defineNavigatorConfig, type NavigatorOptions } from '../behaviour/navigator-config.ts';

/** Speeds at which a sweep of the sector ahead is over before its room is used up. */
const LINEAR_M_PER_SEC = 0.22;
const ANGULAR_RAD_PER_SEC = 1.2;

/** Everything but the rover's id. */
export function sonarNavigation(): Omit<NavigatorOptions, 'id'> {
  const options = {
    maxLinearMPerSec: LINEAR_M_PER_SEC,
    maxAngularRadPerSec: ANGULAR_RAD_PER_SEC,
    maxAccelerationMPerSec2: 0.6,
    // What the camera can look at is seen farther than what pings make known.
    camera: { fovRad: Math.PI / 2, minRangeM: 0.3, maxRangeM: 2.2 },
  };
  const base = defineNavigatorConfig({ id: 'rover', ...options });
  return {
    ...options,
    overrides: {
      // The walls of such a map are bands, and pings on the move come one after the other.
      monitor: { ...base.monitor, marginM: 0.07, reactionSec: 0.7, scanTimeoutSec: 0.5 },
      obstacles: { rangeM: 1.2, decaySec: 3 },
      search: { ...base.search, spacingM: 0.5, minGainM2: 0.3, minFrontierM: 0.5, overheadSec: 8, maxTries: 2 },
      // A sweep is no lack of progress, and a look is over only after one.
      timing: { ...base.timing, stuckSec: 9, dwellSec: 4.5, banSec: 30 },
    },
  };
}
