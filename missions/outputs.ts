// The folder that a mission leaves behind: report.json, report.html, map.pgm + map.yaml (Nav2 map_server), map.png.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { OccupancyMap } from '../shared/mapping/occupancy-map.ts';
import { encodeMapServerMap } from '../shared/mapping/map-server-yaml.ts';
import { renderMapPng } from '../shared/mapping/map-image.ts';
import { renderReportHtml } from './report-html.ts';
import type { MissionReport } from './report.ts';

/** Writes everything but the recording, which is written while the mission runs. */
export async function writeOutputs(directory: string, report: MissionReport, map: OccupancyMap): Promise<void> {
  await mkdir(directory, { recursive: true });
  await Promise.all([
    writeFile(join(directory, 'report.json'), `${JSON.stringify(report, null, 2)}\n`),
    writeFile(join(directory, 'report.html'), renderReportHtml(report, renderMapPng(map))),
    writeMap(directory, map),
  ]);
}

/** map.pgm + map.yaml for map_server, map.png for people. */
export async function writeMap(directory: string, map: OccupancyMap): Promise<void> {
  const { yaml, pgm } = encodeMapServerMap(map, { image: 'map.pgm' });
  await Promise.all([
    writeFile(join(directory, 'map.png'), renderMapPng(map)),
    writeFile(join(directory, 'map.pgm'), pgm),
    writeFile(join(directory, 'map.yaml'), yaml),
  ]);
}
