// Host functions `vision` by OpenCV compiled to WebAssembly: loaded once per process, shared by all modules in it.
import { OutriderError } from '../../errors.ts';
import type { Blob } from '../host/vision.ts';
import { loadOpenCv, type OpenCv } from './opencv.ts';

/** The functions that a module with the host interface `vision` may call. */
// oxlint-disable-next-line typescript/consistent-type-definitions -- an interface has no index signature, and host functions are looked up by name
export type VisionHost = {
  readonly findBlobs: (labels: Uint8Array, width: number, height: number, labelCount: number, minAreaPx: number, closePx: number) => Blob[];
};

type Mat = InstanceType<OpenCv['Mat']>;

/** A frame beyond this is a mistake or an attack: 32 megapixels. */
const MAX_PIXELS = 1 << 25;
/** Regions returned at most, largest labels' worth first: noise must not flood the guest. */
const MAX_BLOBS = 4096;

let loading: Promise<VisionHost> | null = null;

/** Loads OpenCV at the first call (about 0.2 s, 35 MB); later calls get the same functions. */
export function loadVisionHost(): Promise<VisionHost> {
  loading ??= loadOpenCv().then(({ cv }) => createVisionHost(cv));
  return loading;
}

function createVisionHost(cv: OpenCv): VisionHost {
  return {
    findBlobs(labels, width, height, labelCount, minAreaPx, closePx) {
      const sound = Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0 && width * height <= MAX_PIXELS;
      if (!sound || labels.length !== width * height) {
        throw new OutriderError(
          'OUT_MODULE_VALUE',
          `findBlobs: ${labels.length} labels for ${width} × ${height} pixels (at most ${MAX_PIXELS})`,
        );
      }
      const present = new Set(labels);
      const blobs: Blob[] = [];
      for (let label = 1; label <= Math.min(255, labelCount) && blobs.length < MAX_BLOBS; label += 1) {
        if (present.has(label)) collectBlobs(cv, { labels, width, height, label, minAreaPx, closePx }, blobs);
      }
      return blobs.slice(0, MAX_BLOBS);
    },
  };
}

interface LabelImage {
  readonly labels: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly label: number;
  readonly minAreaPx: number;
  readonly closePx: number;
}

function collectBlobs(cv: OpenCv, image: LabelImage, blobs: Blob[]): void {
  const mats: Mat[] = [];
  const mat = <M extends Mat>(created: M): M => {
    mats.push(created);
    return created;
  };
  try {
    const mask = mat(new cv.Mat(image.height, image.width, cv.CV_8UC1));
    const { data } = mask;
    for (let at = 0; at < image.labels.length; at += 1) data[at] = image.labels[at] === image.label ? 255 : 0;
    if (image.closePx > 0) {
      const size = 2 * Math.min(31, image.closePx) + 1;
      const kernel = mat(cv.getStructuringElement(cv.MORPH_RECT, new cv.Size(size, size)));
      cv.morphologyEx(mask, mask, cv.MORPH_CLOSE, kernel);
    }
    const [regions, stats, centroids] = [mat(new cv.Mat()), mat(new cv.Mat()), mat(new cv.Mat())];
    const count = cv.connectedComponentsWithStats(mask, regions, stats, centroids, 8, cv.CV_32S);
    for (let index = 1; index < count; index += 1) {
      const [x = 0, y = 0, width = 0, height = 0, areaPx = 0] = stats.data32S.subarray(index * 5, index * 5 + 5);
      const [centroidX = 0, centroidY = 0] = centroids.data64F.subarray(index * 2, index * 2 + 2);
      if (areaPx >= image.minAreaPx) blobs.push({ label: image.label, x, y, width, height, areaPx, centroidX, centroidY });
    }
  } finally {
    for (const created of mats) created.delete();
  }
}
