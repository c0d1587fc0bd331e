// A simulated twin of a real rover: vehicle and camera of the simulator with the constants that calibration wrote into the rover's YAML.
import { z } from 'zod';
import { loadYaml } from '../../shared/config/load-yaml.ts';
import { DEFAULT_VEHICLE, type VehicleSpec } from './vehicle-spec.ts';

const geometrySchema = z.looseObject({
  wheelRadiusM: z.number().min(0.005).max(0.5),
  wheelBaseM: z.number().min(0.02).max(2),
});

const positive = z.number().positive();
const coefficient = z.number().default(0);

const cameraSchema = z.looseObject({
  width: z.number().int().min(64).max(1920).default(640),
  height: z.number().int().min(64).max(1080).default(480),
  framesPerSec: z.number().min(1).max(30).default(5),
  intrinsics: z.looseObject({
    fx: positive,
    fy: positive,
    cx: positive,
    cy: positive,
    distortion: z.looseObject({ k1: coefficient, k2: coefficient, p1: coefficient, p2: coefficient, k3: coefficient }).exactOptional(),
  }),
  mount: z
    .looseObject({
      xM: z.number().default(0.1),
      yM: z.number().default(0),
      zM: positive.default(0.12),
      pitchDownRad: z.number().default(0),
    })
    .prefault({}),
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
  camera: cameraSchema.nullable().default(null),
});

/**
 * The twin's vehicle. Its wheels are built as the file says, without the spread that the simulator draws for a rover of the data sheet; slip and
 * encoder steps stay. A file without a camera leaves the fleet's. Throws OUT_CONFIG_INVALID for a file without `freenove.geometry`.
 */
export async function loadTwin(path: string): Promise<VehicleSpec> {
  const { freenove, camera } = await loadYaml(path, twinSchema);
  const { wheelRadiusM, wheelBaseM } = freenove.geometry;
  const fastest = freenove.speedCurve?.at(-1)?.radPerSec;
  return {
    ...DEFAULT_VEHICLE,
    geometry: { wheelRadiusM, wheelBaseM },
    maxWheelSpeedRadPerSec: fastest ?? DEFAULT_VEHICLE.maxWheelSpeedRadPerSec,
    noise: { ...DEFAULT_VEHICLE.noise, wheelRadiusError: 0, wheelBaseError: 0 },
    ...(camera === null ? {} : { camera: { ...camera, rateHz: camera.framesPerSec } }),
  };
}
