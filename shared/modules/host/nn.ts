// Host interface `nn`: inference in the shape of wasi:nn (graphs by name, named tensors in and out). A graph is named in each call, not
// held by a handle: a module moves between hosts while it is in use, and a handle of one host means nothing to the next.
import type { f64, i32 } from '../portable.ts';

/** Dense single-precision values, row-major; the last dimension varies fastest. */
export interface NamedTensor {
  readonly name: string;
  readonly dimensions: Int32Array;
  readonly data: Float32Array;
}

/** What the outputs of a detector mean; shared/inference/detector-config.ts says it in full. */
export type DetectorLayout = 'yolov5' | 'yolov8' | 'end-to-end' | 'yolox' | 'yolov4-darknet';

/** How to use a detector, as its configuration says. */
export interface DetectorProfile {
  readonly layout: DetectorLayout;
  readonly classes: string[];
  /** Name of the graph's input, of shape 1 × 3 × height × width. */
  readonly inputName: string;
  readonly inputWidth: i32;
  readonly inputHeight: i32;
  /** The input wants blue first. */
  readonly blueFirst: boolean;
  /** Value of the brightest byte in the input: 1 or 255. */
  readonly white: f64;
  /** The scaled picture lies in the middle of the input, or in its upper left corner. */
  readonly centred: boolean;
  /** Grey value around it, 0 to 255. */
  readonly padding: i32;
  /** Least score of each class. */
  readonly leastScores: Float64Array;
  /** Intersection over union beyond which two boxes of a class are one object. */
  readonly maxOverlap: f64;
  readonly maxDetections: i32;
}

/** How to use the detector of this name. @host nn */
export declare function describe(graph: string): DetectorProfile;

/** Runs a graph; waits for its turn where a host is shared. @host nn */
export declare function compute(graph: string, inputs: NamedTensor[]): NamedTensor[];
