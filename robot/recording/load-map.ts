// Maps from files: pictures (PNG, PGM; with map_server YAML or a resolution) and CARMEN logs or parts of them (`LOG#0-0.5`).
import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { OutriderError } from '../../shared/errors.ts';
import type { OccupancyMap } from '../../shared/mapping/occupancy-map.ts';
import { decodeGreyImage } from '../../shared/mapping/map-image.ts';
import { defaultMapServerInfo, parseMapServerYaml, toOccupancyMap } from '../../shared/mapping/map-server-yaml.ts';
import { loadCarmenLog } from './carmen-log.ts';
import { mapOfLog } from './evaluate-log.ts';

/** CARMEN logs; anything else is taken for a picture. */
const LOG_EXTENSIONS = new Set(['.log', '.gz', '.clf', '.carmen', '.txt', '']);

export interface LoadMapOptions {
  /** Edge of a cell of pictures that have no YAML [m]. */
  readonly resolutionM?: number | undefined;
}

/** Throws OUT_CLI_USAGE, OUT_MAP_IMAGE, OUT_CONFIG_*, OUT_LOG_*; each names the file. */
export async function loadMap(argument: string, options: LoadMapOptions): Promise<OccupancyMap> {
  const { path, from, to } = parseArgument(argument);
  const extension = extname(path).toLowerCase();
  if (extension === '.yaml' || extension === '.yml') {
    const info = parseMapServerYaml(await readText(path), path);
    const imagePath = resolve(dirname(path), info.image);
    return toOccupancyMap(decodeGreyImage(await readBytes(imagePath), imagePath), info);
  }
  if (!LOG_EXTENSIONS.has(extension)) return loadPicture(path, options);
  const { scans } = await loadCarmenLog(path);
  const part = scans.slice(Math.floor(from * scans.length), Math.floor(to * scans.length));
  if (part.length === 0) throw new OutriderError('OUT_CLI_USAGE', `${argument}: this part holds none of the log's ${scans.length} scans`);
  return mapOfLog(part);
}

async function loadPicture(path: string, { resolutionM }: LoadMapOptions): Promise<OccupancyMap> {
  const image = decodeGreyImage(await readBytes(path), path);
  const yamlPath = path.slice(0, -extname(path).length) + '.yaml';
  const yaml = await readFile(yamlPath, 'utf8').catch(() => null);
  if (yaml !== null) return toOccupancyMap(image, parseMapServerYaml(yaml, yamlPath));
  if (resolutionM === undefined) {
    throw new OutriderError('OUT_CLI_USAGE', `${path}: there is no ${basename(yamlPath)} beside it; say --resolution <metres per pixel>`);
  }
  return toOccupancyMap(image, defaultMapServerInfo(basename(path), resolutionM));
}

function parseArgument(argument: string): { path: string; from: number; to: number } {
  const at = argument.lastIndexOf('#');
  if (at < 0) return { path: argument, from: 0, to: 1 };
  const match = /^(\d*\.?\d+)-(\d*\.?\d+)$/.exec(argument.slice(at + 1));
  const [from, to] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || from >= to || to > 1) {
    throw new OutriderError('OUT_CLI_USAGE', `${argument}: a part of a log is written LOG#FROM-TO with fractions, e.g. #0-0.5`);
  }
  return { path: argument.slice(0, at), from, to };
}

async function readBytes(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    throw new OutriderError('OUT_MAP_IMAGE', `${path}: cannot be read: ${(cause as Error).message}`, { cause });
  });
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new OutriderError('OUT_CONFIG_UNREADABLE', `${path}: ${(cause as Error).message}`, { cause });
  });
}
