// Figures as people read them. Pure.

/** 0:42, 12:07, 1:02:30. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}

/** 0 %, 87 %; a dash for what is not known. */
export function formatPercent(fraction: number | null): string {
  return fraction === null ? '–' : `${Math.round(fraction * 100)}\u202f%`;
}

/** A number with a unit: 54.2 °C; a dash for what is not known. */
export function formatUnit(value: number | null, unit: string, digits: number): string {
  return value === null ? '–' : `${value.toFixed(digits)}\u202f${unit}`;
}

/** A latency of three figures at most: 0.42 ms, 8.3 ms, 65 ms, 1.30 s. */
export function formatLatency(milliseconds: number): string {
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(2)}\u202fs`;
  const digits = milliseconds >= 20 ? 0 : milliseconds >= 1 ? 1 : 2;
  return `${milliseconds.toFixed(digits)}\u202fms`;
}

/** 940, 12 480: thin spaces between thousands. */
export function formatCount(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, '\u2009');
}

export function formatBytes(bytes: number): string {
  const mebibytes = bytes / 2 ** 20;
  return mebibytes >= 1024 ? `${(mebibytes / 1024).toFixed(1)}\u202fGiB` : `${Math.round(mebibytes)}\u202fMiB`;
}

/** `object-detection` → `Object detection`. */
export function formatName(id: string): string {
  const words = id.replaceAll(/[-_]+/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}
