// The part of opencv-wasm that Outrider uses; the package's own types are sources that strict settings refuse.

declare class Mat {
  constructor();
  constructor(rows: number, cols: number, type: number);
  readonly rows: number;
  readonly cols: number;
  readonly data: Uint8Array;
  readonly data32S: Int32Array;
  readonly data64F: Float64Array;
  delete(): void;
}

declare class Size {
  constructor(width: number, height: number);
  readonly width: number;
  readonly height: number;
}

export const cv: {
  readonly Mat: typeof Mat;
  readonly Size: typeof Size;
  readonly CV_8UC1: number;
  readonly CV_32S: number;
  readonly MORPH_RECT: number;
  readonly MORPH_CLOSE: number;
  getStructuringElement(shape: number, size: Size): Mat;
  morphologyEx(from: Mat, to: Mat, operation: number, kernel: Mat): void;
  connectedComponentsWithStats(from: Mat, labels: Mat, stats: Mat, centroids: Mat, connectivity: number, type: number): number;
};
