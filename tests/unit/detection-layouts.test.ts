// Each layout of detectors' outputs, decoded from small tables whose boxes are known; and outputs that are hostile.
import { describe, expect, it, vi } from 'vitest';
import type { DetectorLayout, DetectorProfile, NamedTensor } from '../../shared/modules/host/nn.ts';
import { NeuralDetector } from '../../shared/modules/neural-detection/neural-detection.ts';
import type { NeuralFrame } from '../../shared/modules/neural-detection/records.ts';

const host = vi.hoisted(() => ({ profile: null as unknown, outputs: [] as unknown[], input: null as unknown }));
vi.mock('../../shared/modules/host/nn.ts', () => ({
  describe: () => host.profile,
  compute: (_: string, inputs: unknown[]) => {
    host.input = inputs[0];
    return host.outputs;
  },
}));
vi.mock('../../shared/modules/host/image.ts', () => ({ decodeJpeg: () => ({ width: 1, height: 1, pixels: new Uint8Array(3) }) }));

const CLASSES = ['survivor', 'fire', 'drum'];
let models = 0;

function profile(layout: DetectorLayout, changes: Partial<DetectorProfile> = {}): DetectorProfile {
  return {
    layout,
    classes: CLASSES,
    inputName: 'images',
    inputWidth: 64,
    inputHeight: 64,
    blueFirst: false,
    white: 1,
    centred: true,
    padding: 114,
    leastScores: Float64Array.of(0.25, 0.25, 0.25),
    maxOverlap: 0.45,
    maxDetections: 100,
    ...changes,
  };
}

const tensor = (name: string, dimensions: number[], data: ArrayLike<number>): NamedTensor => ({
  name,
  dimensions: Int32Array.from(dimensions),
  data: Float32Array.from(data),
});

/** A frame of a new model each time: the detector remembers what the host said of a name. */
const frame = (width = 128, height = 64): NeuralFrame => ({
  model: `model-${(models += 1)}`,
  encoding: 'rgb8',
  width,
  height,
  data: new Uint8Array(width * height * 3),
});

function detect(described: DetectorProfile, outputs: NamedTensor[], searched = frame()) {
  Object.assign(host, { profile: described, outputs });
  return new NeuralDetector()
    .detect(searched)
    .map(({ className, score, x, y, width, height }) => [
      className,
      Number(score.toFixed(4)),
      ...[x, y, width, height].map((value) => Number(value.toFixed(2))),
    ]);
}

/** A frame of 128 × 64 in an input of 64 × 64 is halved and lies in rows 16 to 48. */
describe('boxes come back in pixels of the frame', () => {
  it('from yolov8: columns of candidates', () => {
    // Two candidates: a fire of 20 × 10 around (32, 32), and one below the threshold.
    const table = [
      [32, 10],
      [32, 30],
      [20, 8],
      [10, 8],
      [0.1, 0.2],
      [0.9, 0.1],
      [0.2, 0.24],
    ];
    expect(detect(profile('yolov8'), [tensor('output0', [1, 7, 2], table.flat())])).toEqual([['fire', 0.9, 44, 22, 40, 20]]);
  });

  it('from yolov5: rows with objectness', () => {
    const rows = [
      [32, 32, 20, 10, 0.8, 0.1, 0.1, 0.9],
      [10, 30, 8, 8, 0.3, 0.5, 0.1, 0.1],
    ];
    expect(detect(profile('yolov5'), [tensor('output', [1, 2, 8], rows.flat())])).toEqual([['drum', 0.72, 44, 22, 40, 20]]);
  });

  it('from outputs with built-in suppression, whose empty rows count for nothing', () => {
    const rows = [
      [22, 27, 42, 37, 0.9, 1],
      [23, 27, 43, 37, 0.8, 1],
      [0, 0, 0, 0, 0, 0],
      [1, 20, 9, 30, 0.7, 7],
      [1, 20, 9, 30, 0.7, -1],
    ];
    // What overlaps was left in by the network, and stays.
    expect(detect(profile('end-to-end'), [tensor('output0', [1, 5, 6], rows.flat())])).toEqual([
      ['fire', 0.9, 44, 22, 40, 20],
      ['fire', 0.8, 46, 22, 40, 20],
    ]);
  });

  it('from yolox: offsets and log sizes in cells of three strides', () => {
    // 64 + 16 + 4 cells. Cell (3, 2) of stride 8 is number 19; cell (1, 1) of stride 16 is 64 + 5; cell (1, 0) of stride 32 is 80 + 1.
    const data = new Float32Array(84 * 8);
    data.set([0.5, 0.25, Math.log(2.5), Math.log(1.25), 0.9, 0.1, 0.9, 0.1], 19 * 8);
    data.set([0.5, 0.5, 0, 0, 0.8, 1, 0, 0], 69 * 8);
    data.set([0, 1, -1, -1, 0.7, 0, 0, 1], 81 * 8);
    expect(detect(profile('yolox'), [tensor('output', [1, 84, 8], data)])).toEqual([
      ['fire', 0.81, 36, 0, 40, 14],
      ['survivor', 0.8, 32, 0, 32, 32],
      ['drum', 0.7, 52.23, 20.23, 23.54, 23.54],
    ]);
  });

  it('from yolov4 as Darknet exports it: edges as fractions, scores apart', () => {
    const boxes = tensor('boxes', [1, 2, 1, 4], [22 / 64, 27 / 64, 42 / 64, 37 / 64, 0, 0, 1, 1]);
    const confs = tensor('confs', [1, 2, 3], [0.1, 0.95, 0.3, 0.1, 0.2, 0.1]);
    expect(detect(profile('yolov4-darknet'), [boxes, confs])).toEqual([['fire', 0.95, 44, 22, 40, 20]]);
  });

  it('where the picture lies in the upper left corner', () => {
    const described = profile('yolov5', { centred: false });
    expect(detect(described, [tensor('output', [1, 1, 8], [32, 16, 20, 10, 0.8, 0.1, 0.1, 1])])).toEqual([['drum', 0.8, 44, 22, 40, 20]]);
  });

  it('cut off at the edges of the frame, and not at all from the grey around it', () => {
    const rows = [
      [0, 32, 20, 10, 1, 0.1, 0.9, 0.1],
      [32, 5, 8, 8, 1, 0.9, 0.1, 0.1],
    ];
    expect(detect(profile('yolov5'), [tensor('output', [1, 2, 8], rows.flat())])).toEqual([['fire', 0.9, 0, 22, 20, 20]]);
  });
});

describe('suppression', () => {
  const box = (x: number, score: number, label: number): number[] => [
    x,
    32,
    20,
    10,
    score,
    ...CLASSES.map((_, index) => (index === label ? 1 : 0)),
  ];

  it('keeps the best of each class where boxes overlap, and neighbours', () => {
    const rows = [box(30, 0.6, 1), box(31, 0.9, 1), box(31, 0.7, 2), box(50, 0.5, 1)];
    expect(detect(profile('yolov5'), [tensor('output', [1, 4, 8], rows.flat())]).map(([name, score]) => [name, score])).toEqual([
      ['fire', 0.9],
      ['drum', 0.7],
      ['fire', 0.5],
    ]);
  });

  it('uses the least score of each class', () => {
    const rows = [box(12, 0.4, 0), box(50, 0.4, 1)];
    const described = profile('yolov5', { leastScores: Float64Array.of(0.5, 0.3, 0.3) });
    expect(detect(described, [tensor('output', [1, 2, 8], rows.flat())]).map(([name]) => name)).toEqual(['fire']);
  });
});

describe('the input', () => {
  const colours = (): NeuralFrame => {
    const picture = frame(2, 1);
    picture.data.set([255, 51, 0, 0, 102, 255]);
    return picture;
  };
  const planes = (): number[] => [...(host.input as NamedTensor).data].map((value) => Number(value.toFixed(3)));

  it('has a plane per colour, and grey where there is no picture', () => {
    detect(profile('end-to-end', { inputWidth: 2, inputHeight: 3, padding: 51 }), [tensor('output0', [1, 0, 6], [])], colours());
    expect((host.input as NamedTensor).dimensions).toEqual(Int32Array.of(1, 3, 3, 2));
    expect(planes()).toEqual([0.2, 0.2, 1, 0, 0.2, 0.2, 0.2, 0.2, 0.2, 0.4, 0.2, 0.2, 0.2, 0.2, 0, 1, 0.2, 0.2]);
  });

  it('has blue first and bytes where the network was trained so', () => {
    const described = profile('end-to-end', { inputWidth: 2, inputHeight: 1, blueFirst: true, white: 255 });
    detect(described, [tensor('output0', [1, 0, 6], [])], colours());
    expect(planes()).toEqual([0, 255, 51, 102, 255, 0]);
  });

  it('is interpolated where the picture has another size', () => {
    detect(profile('end-to-end', { inputWidth: 4, inputHeight: 2, white: 255 }), [tensor('output0', [1, 0, 6], [])], colours());
    expect(planes().slice(0, 4)).toEqual([255, 191.25, 63.75, 0]);
    expect(planes().slice(4, 8)).toEqual([255, 191.25, 63.75, 0]);
  });
});

describe('hostile outputs', () => {
  it('NaN, infinite and empty boxes are none', () => {
    const wild = [Number.NaN, Infinity, -Infinity, 1e30, 0, -5];
    const rows = wild.flatMap((value) => [
      [value, 32, 20, 10, 1, 0, 1, 0],
      [32, 32, value, 10, 1, 0, 1, 0],
      [32, 32, 20, 10, value, 0, 1, 0],
      [32, 32, 20, 10, 1, 0, value, 0],
    ]);
    const found = detect(profile('yolov5'), [tensor('output', [1, rows.length, 8], rows.flat())]);
    for (const [name, score, x, y, width, height] of found) {
      expect(name).toBe('fire');
      expect(score).toBeLessThanOrEqual(1);
      for (const value of [x, y, width, height]) expect(Number.isFinite(value)).toBe(true);
    }
    expect(found.length).toBeLessThan(3);
  });

  it('no candidates at all are no detections', () => {
    expect(detect(profile('yolov8'), [tensor('output0', [1, 7, 0], [])])).toEqual([]);
  });

  it('ten thousand detections end in as many as are allowed', () => {
    const rows = Array.from({ length: 10_000 }, (_, at) => [4 + (at % 56), 20 + ((at * 7) % 24), 3, 3, 0.5 + at / 30_000, 0, 1, 0]);
    const found = detect(profile('yolov5', { maxOverlap: 0.9 }), [tensor('output', [1, 10_000, 8], rows.flat())]);
    expect(found).toHaveLength(100);
    expect(found.map(([, score]) => score)).toEqual(found.map(([, score]) => score).toSorted((a, b) => Number(b) - Number(a)));
  });

  it.each([
    ['no output', profile('yolov8'), []],
    ['too few rows', profile('yolov8'), [tensor('output0', [1, 6, 2], new Float32Array(12))]],
    ['too wide rows', profile('yolox'), [tensor('output', [1, 84, 9], new Float32Array(84 * 9))]],
    ['boxes without scores', profile('yolov4-darknet'), [tensor('boxes', [1, 2, 1, 4], new Float32Array(8))]],
    [
      'fewer boxes than scores',
      profile('yolov4-darknet'),
      [tensor('b', [1, 1, 1, 4], new Float32Array(4)), tensor('s', [1, 2, 3], new Float32Array(6))],
    ],
  ])('%s: is refused', (_, described, outputs) => {
    expect(() => detect(described, outputs)).toThrow(RangeError);
  });
});

describe('frames that are none', () => {
  it.each([
    ['too few bytes', { data: new Uint8Array(5) }, /came with 5 bytes/],
    ['no width', { width: 0 }, /impossible size/],
    ['a gigantic size', { width: 65_535, height: 65_535 }, /impossible size/],
    ['a JPEG of another size', { encoding: 'jpeg' as const }, /a JPEG of 1 × 1 pixels/],
  ])('are refused for %s', (_, broken, message) => {
    expect(() => detect(profile('yolov8'), [], { ...frame(), ...broken })).toThrow(message);
  });
});
