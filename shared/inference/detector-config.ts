// How to use a detector: what pictures it takes and what its outputs mean. Lies beside the network as `<name>.json`, so that any
// ONNX detector in one of the usual layouts can be brought along.
import { z } from 'zod';

/**
 * The layouts of detectors' outputs, with A candidates, C classes; boxes in pixels of the network's input unless said otherwise.
 * - `yolov5`: [N, A, 5 + C] cx, cy, w, h, objectness, class scores.
 * - `yolov8`: [N, 4 + C, A] cx, cy, w, h, class scores. Also YOLOv9, v11 and v12.
 * - `end-to-end`: [N, K, 6] x1, y1, x2, y2, score, class: suppression is built in (YOLOv5 and v8 exported with NMS, v10).
 * - `yolox`: [N, A, 5 + C] as yolov5, but offsets and log sizes in cells of strides 8, 16 and 32.
 * - `yolov4-darknet`: [N, A, 1, 4] x1, y1, x2, y2 as fractions of the input, and [N, A, C] class scores.
 */
export const DETECTOR_LAYOUTS = ['yolov5', 'yolov8', 'end-to-end', 'yolox', 'yolov4-darknet'] as const;

/** Names under which these layouts are known, too. */
const ALIASES: Readonly<Record<string, (typeof DETECTOR_LAYOUTS)[number]>> = {
  yolov9: 'yolov8',
  yolov11: 'yolov8',
  yolov12: 'yolov8',
  yolov10: 'end-to-end',
  'yolov5-nms': 'end-to-end',
  'yolov8-nms': 'end-to-end',
  'yolov11-nms': 'end-to-end',
};

const share = z.number().gt(0).lt(1);
const size = z.int().min(16).max(4096);

export const detectorConfigSchema = z
  .strictObject({
    layout: z
      .preprocess(
        (given) => (typeof given === 'string' && Object.hasOwn(ALIASES, given) ? ALIASES[given] : given),
        z.enum(DETECTOR_LAYOUTS),
      )
      .describe('What the outputs mean.'),
    classes: z.array(z.string().min(1).max(64)).min(1).max(1000).describe('Names of the classes, in the order of the network.'),
    input: z.strictObject({
      width: size.describe('Of the network’s input [px].'),
      height: size,
      channels: z.enum(['rgb', 'bgr']).default('rgb'),
      range: z.enum(['unit', 'bytes']).default('unit').describe('Values from 0 to 1, or from 0 to 255.'),
      letterbox: z.enum(['centre', 'top-left']).default('centre').describe('Where the scaled picture lies in the input.'),
      padding: z.int().min(0).max(255).default(114).describe('Grey value around it.'),
    }),
    thresholds: z
      .strictObject({
        score: share.default(0.25).describe('Candidates below are dropped.'),
        classScores: z.record(z.string(), share).default({}).describe('The same for single classes.'),
        overlap: share.default(0.45).describe('Of two boxes of a class that overlap more (intersection over union), the better one stays.'),
        maxDetections: z.int().min(1).max(1000).default(100),
      })
      .prefault({}),
    about: z.record(z.string(), z.unknown()).optional().describe('For people: origin, licence, metrics.'),
  })
  .superRefine(({ classes, thresholds }, context) => {
    for (const name of Object.keys(thresholds.classScores))
      if (!classes.includes(name))
        context.addIssue({
          code: 'custom',
          path: ['thresholds', 'classScores', name],
          message: `is none of the classes ${classes.join(', ')}`,
        });
    if (new Set(classes).size !== classes.length)
      context.addIssue({ code: 'custom', path: ['classes'], message: 'a class is named twice' });
  });

export type DetectorConfig = z.infer<typeof detectorConfigSchema>;
export type DetectorConfigInput = z.input<typeof detectorConfigSchema>;

/** Cells of all levels of a YOLOX head. */
export const YOLOX_STRIDES = [8, 16, 32] as const;
