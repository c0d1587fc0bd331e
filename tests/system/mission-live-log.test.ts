// The log of a live mission, at the terminal and in the report: what is told until its end, nothing of what comes after.
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { MissionReport } from '../../missions/report.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { encodeMessage, topicOf } from '../../shared/protocol/message.ts';
import { missionEvent } from '../../shared/protocol/mission.ts';
import { startOutrider } from '../support/cli-running.ts';

const MISSION = `
mission: { id: one-room, title: One room, timeLimitSec: 90, detection: { detector: classical } }
world: { name: one room, sizeM: [6, 6], walls: [], hazards: [], starts: [{ at: [1.4, 1.4], yawDeg: 45 }] }
fleet: { rovers: [{ id: rover-1 }] }
`;

test.skipIf(!existsSync('dist/bin/cli.js'))(
  'a live mission whose dashboard stays tells at its terminal what belongs to it, and is silent afterwards',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'outrider-live-log-'));
    const file = join(folder, 'one-room.yaml');
    await writeFile(file, MISSION);
    const command = startOutrider(['sim', file, '--port', '0', '--keep', '--json'], folder);
    try {
      const [, url = ''] = await command.until(/broker\s+(mqtt:\S+)/);
      const bus = await connectMqttBus({ url, clientId: 'stranger' });
      const tell = (stampSec: number, text: string): Promise<void> =>
        bus.publish(
          topicOf(missionEvent, { site: 'site', mission: 'one-room' }),
          encodeMessage(missionEvent, { stampSec, kind: 'edge', rover: null, text }),
          { qos: 1 },
        );
      await command.until(/search(?:es)? .*Ctrl-C ends it/);
      await tell(1, 'a word in time');
      await command.until(/edge +a word in time/);
      await command.until(/the dashboard stays/);
      await tell(60, 'a word too late');
      await bus.close();
      await command.stop();
      expect(command.output()).not.toContain('a word too late');
      const [line = ''] = /^\{.*"fingerprint".*\}$/m.exec(command.output()) ?? [];
      const report = JSON.parse(line) as MissionReport;
      expect(report).toMatchObject({ outcome: 'completed', mode: 'live' });
      expect(report.events.map(({ text }) => text)).toContain('a word in time');
    } finally {
      await command.stop();
      await rm(folder, { recursive: true, force: true });
    }
  },
  120_000,
);
