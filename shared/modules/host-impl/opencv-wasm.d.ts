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

declare class MatVector {
  constructor();
  push_back(mat: Mat): void;
  get(index: number): Mat;
  delete(): void;
}

declare class Size {
  constructor(width: number, height: number);
  readonly width: number;
  readonly height: number;
}

export const cv: {
  readonly Mat: typeof Mat;
  readonly MatVector: typeof MatVector;
  readonly Size: typeof Size;
  readonly CV_8UC1: number;
  readonly CV_32S: number;
  readonly CV_32FC2: number;
  readonly CV_32FC3: number;
  readonly CALIB_FIX_K3: number;
  readonly MORPH_RECT: number;
  readonly MORPH_CLOSE: number;
  getStructuringElement(shape: number, size: Size): Mat;
  morphologyEx(from: Mat, to: Mat, operation: number, kernel: Mat): void;
  matFromArray(rows: number, cols: number, type: number, values: readonly number[]): Mat;
  /** Root mean square reprojection error [px]; throws a number where it fails. */
  calibrateCameraExtended(
    objectPoints: MatVector,
    imagePoints: MatVector,
    imageSize: Size,
    cameraMatrix: Mat,
    distortion: Mat,
    rotations: MatVector,
    translations: MatVector,
    sigmaIntrinsics: Mat,
    sigmaExtrinsics: Mat,
    perViewErrors: Mat,
    flags: number,
  ): number;
  connectedComponentsWithStats(from: Mat, labels: Mat, stats: Mat, centroids: Mat, connectivity: number, type: number): number;
};
