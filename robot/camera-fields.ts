// What a rover's YAML says about a camera's lens, whatever its body.
import { z } from 'zod';

const coefficient = z.number().min(-100).max(100).default(0);

const lensDistortionSchema = z
  .strictObject({ k1: coefficient, k2: coefficient, p1: coefficient, p2: coefficient, k3: coefficient })
  .describe('Brown-Conrady, in the order of OpenCV and ROS: k1 k2 p1 p2 k3.');

export const intrinsicsSchema = z.strictObject({
  fx: z.number().positive(),
  fy: z.number().positive(),
  cx: z.number().positive(),
  cy: z.number().positive(),
  distortion: lensDistortionSchema.exactOptional(),
});
