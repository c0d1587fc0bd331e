// OpenCV compiled to WebAssembly, loaded once per process.
import type { cv as openCv } from 'opencv-wasm';

export type OpenCv = typeof openCv;

let loading: Promise<{ readonly cv: OpenCv }> | null = null;

/** Loads it at the first call (about 0.2 s, 35 MB). */
export function loadOpenCv(): Promise<{ readonly cv: OpenCv }> {
  loading ??= loadQuietly();
  return loading;
}

/**
 * Loading installs process-wide handlers that abort on any unhandled rejection; they are taken off again. The library object has
 * a `then` that resolves to itself: awaiting it would never end, so it travels inside another object.
 */
async function loadQuietly(): Promise<{ readonly cv: OpenCv }> {
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const before = events.map((event) => process.listeners(event as 'uncaughtException'));
  const { cv } = await import('opencv-wasm');
  for (const [index, event] of events.entries()) {
    for (const listener of process.listeners(event as 'uncaughtException')) {
      if (before[index]?.includes(listener) !== true) process.off(event, listener);
    }
  }
  return { cv };
}
