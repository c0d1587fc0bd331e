// report.html: the mission on one self-contained page, for people.
import type { EventRow, HazardRow, MissionReport, RoverRow } from './report.ts';

/** Renders the page; `mapPng` is embedded as it is. */
export function renderReportHtml(report: MissionReport, mapPng: Uint8Array): string {
  const { hazards, map, offload, calls } = report;
  const good = report.outcome === 'completed';
  const figures: [string, string, string][] = [
    ['Duration', `${report.duration_s.toFixed(0)} s`, report.mode === 'headless' ? 'virtual time' : 'mission time'],
    ['Covered', percent(report.coverage), 'of the reachable floor'],
    [
      'Hazards found',
      `${hazards.found} of ${hazards.total}`,
      `${hazards.false_positives} false, ${metres(hazards.mean_error_m)} mean error`,
    ],
    ['Map F1', map.surface_f1.toFixed(3), `${map.known_m2.toFixed(0)} m² known`],
    ['Collisions', String(report.collisions), `${report.rovers} rovers`],
    ['Calls', String(calls.onboard + calls.edge), `${calls.onboard} on board, ${calls.edge} at the edge, ${calls.lost} lost`],
    [
      'Map Server',
      `${offload.map_server.deployed} deployed`,
      `${offload.map_server.redirected} redirected, ${offload.map_server.failovers} failed over`,
    ],
    [
      'Detection moved',
      `${offload.detection.offloads + offload.detection.recalls}×`,
      `${offload.detection.offloads} out, ${offload.detection.recalls} back`,
    ],
  ];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(report.title)}: mission report</title>
<style>${STYLE}</style>
<main>
<header>
  <p class="eyebrow">Outrider mission report</p>
  <h1>${escape(report.title)}</h1>
  <p><span class="badge ${good ? 'good' : 'bad'}">${escape(report.outcome)}</span> ${escape(report.reason)} · ${escape(report.scenario)} · seed ${report.seed} · ${report.mode}</p>
</header>
<section class="figures">${figures.map(([name, value, note]) => `<div><span>${name}</span><b>${escape(value)}</b><small>${escape(note)}</small></div>`).join('')}</section>
<figure><img alt="Merged map with hazards" src="data:image/png;base64,${Buffer.from(mapPng).toString('base64')}"><figcaption>Merged map at ${(map.resolution_m * 100).toFixed(0)} cm per cell: white free, black occupied, grey unknown.</figcaption></figure>
<h2>Hazards</h2>
${table(['Class', 'Position [m]', 'Sightings', 'Error', 'Verdict'], hazards.list.map(hazardCells))}
<h2>Fleet</h2>
${table(['Rover', 'Way', 'Battery', 'Hottest', 'Pose error', 'Calls on board / edge', 'Detection out / back'], report.fleet.map(roverCells))}
<h2>Log</h2>
<ol class="log">${report.events.map(eventItem).join('')}</ol>
<h2>What is measured and what is modelled</h2>
<ul>${report.provenance.map((line) => `<li>${escape(line)}</li>`).join('')}</ul>
<footer>Fingerprint <code>${report.fingerprint}</code><br>${report.wall.duration_s.toFixed(1)} s of wall time, ${report.wall.real_time_factor.toFixed(1)}× real time, ${report.wall.peak_rss_mb.toFixed(0)} MB peak.</footer>
</main>
</html>
`;
}

const STYLE = `
:root{color-scheme:light dark;--ink:#16202a;--soft:#5b6b7a;--line:#d9e0e6;--paper:#f6f8f9;--card:#fff;--good:#0a7f4f;--bad:#b3261e}
@media (prefers-color-scheme:dark){:root{--ink:#e8eef3;--soft:#94a4b2;--line:#2a3641;--paper:#0f151a;--card:#161e25;--good:#3ecf8e;--bad:#ff7b72}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:64rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}h1{margin:.1em 0;font-size:2.1rem;letter-spacing:-.02em}h2{margin:2.2rem 0 .6rem;font-size:1.15rem}
.eyebrow{margin:0;color:var(--soft);text-transform:uppercase;letter-spacing:.12em;font-size:.75rem}
.badge{padding:.15em .6em;border-radius:1em;color:#fff;font-weight:600}.good{background:var(--good)}.bad{background:var(--bad)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:.75rem;margin:1.5rem 0}
.figures div{background:var(--card);border:1px solid var(--line);border-radius:.7rem;padding:.8rem 1rem;display:flex;flex-direction:column}
.figures span,small,figcaption,footer{color:var(--soft);font-size:.85rem}.figures b{font-size:1.6rem;letter-spacing:-.01em}
figure{margin:0}img{width:100%;border:1px solid var(--line);border-radius:.7rem;image-rendering:pixelated;background:#cdcdcd}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}th,td{text-align:left;padding:.45rem .7rem;border-bottom:1px solid var(--line);white-space:nowrap}th{color:var(--soft);font-weight:500;font-size:.85rem}
.log{list-style:none;padding:0;margin:0}.log li{display:grid;grid-template-columns:4.5rem 6rem 1fr;gap:.5rem;padding:.25rem 0;border-bottom:1px solid var(--line)}.log time,.log i{color:var(--soft);font-style:normal;font-variant-numeric:tabular-nums}
footer{margin-top:2.5rem;word-break:break-all}
`.replaceAll('\n', '');

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (tag: string, row: readonly string[]): string => row.map((text) => `<${tag}>${escape(text)}</${tag}>`).join('');
  return `<div class="scroll"><table><thead><tr>${cells('th', head)}</tr></thead><tbody>${rows.map((row) => `<tr>${cells('td', row)}</tr>`).join('')}</tbody></table></div>`;
}

function hazardCells(row: HazardRow): string[] {
  return [
    row.class,
    `${row.x_m.toFixed(2)}, ${row.y_m.toFixed(2)}`,
    String(row.sightings),
    metres(row.error_m),
    row.status.replace('_', ' '),
  ];
}

function roverCells(row: RoverRow): string[] {
  const battery = row.battery_end === null ? 'not known' : percent(row.battery_end);
  const heat = row.temperature_max_c === null ? 'not known' : `${row.temperature_max_c.toFixed(1)} °C`;
  const moves = `${row.detection_offloads} / ${row.detection_recalls}`;
  return [
    row.rover,
    `${row.distance_m.toFixed(1)} m`,
    battery,
    heat,
    metres(row.pose_error_mean_m),
    `${row.calls_onboard} / ${row.calls_edge}`,
    moves,
  ];
}

function eventItem(row: EventRow): string {
  return `<li><time>${row.t_s.toFixed(1)} s</time><i>${escape(row.kind)}</i><span>${escape(row.text)}</span></li>`;
}

function metres(value: number | null): string {
  return value === null ? 'none' : `${value.toFixed(2)} m`;
}

function percent(value: number): string {
  return `${(value * 100).toFixed(1)} %`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
