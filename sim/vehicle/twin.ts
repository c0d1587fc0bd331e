// A simulated twin of a real rover: the vehicle of the simulator with the constants that calibration wrote into the rover's YAML.
import { z } from 'zod';
import { loadYaml } from '../../shared/config/load-yaml.ts';
import { DEFAULT_VEHICLE, type VehicleSpec } from './vehicle-spec.ts';

const geometrySchema = z.looseObject({
  wheelRadiusM: z.number().min(0.005).max(0.5),
  wheelBaseM: z.number().min(0.02).max(2),
});

/** Only what the simulator needs is read here; the body's own schema checks the rest. */
const twinSchema = z.looseObject({
  freenove: z.looseObject({
    geometry: geometrySchema,
    speedCurve: z
      .array(z.looseObject({ radPerSec: z.number().min(0).max(100) }))
      .min(2)
      .optional(),
  }),
});

/**
 * The twin's vehicle. Its wheels are built as the file says, without the spread that the simulator draws for a rover of the data sheet; slip and
 * encoder steps stay. Throws OUT_CONFIG_INVALID for a file without `freenove.geometry`.
 */
export async function loadTwin(path: string): Promise<VehicleSpec> {
  const { freenove } = await loadYaml(path, twinSchema);
  const { wheelRadiusM, wheelBaseM } = freenove.geometry;
  const fastest = freenove.speedCurve?.at(-1)?.radPerSec;
  return {
    ...DEFAULT_VEHICLE,
    geometry: { wheelRadiusM, wheelBaseM },
    maxWheelSpeedRadPerSec: fastest ?? DEFAULT_VEHICLE.maxWheelSpeedRadPerSec,
    noise: { ...DEFAULT_VEHICLE.noise, wheelRadiusError: 0, wheelBaseError: 0 },
  };
}
