// What a spare worker does before anybody needs it: one small instance, from the listener to the answer of a call. Code that runs for the
// first time is parsed and loaded then; without this every move would wait for that, half as long as it takes in all.
import { TcpDataPlane } from '../../../shared/elastic/transports/tcp.ts';
import { interfaceIdOf } from '../../../shared/elastic/state-form.ts';
import { encodeValues } from '../../../shared/elastic/value-codec.ts';
import { encodeBare, encodeHello, encodeRequestHeader, encodeStateMark, FRAME } from '../../../shared/elastic/wire.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import { issueToken } from '../../tokens.ts';
import { runnable } from './compiled-module.ts';
import { BYTES, rehearsalModule } from './rehearsal-module.ts';
import { runInstance } from './run-instance.ts';
import { DEFAULT_LIMITS } from './sandbox.ts';
import type { WorkerEnvironment } from './worker-messages.ts';

const ROVER = 'rehearsal';
const KEY = '00'.repeat(32);

/** Resolves when it is over. With `tls` it shakes hands as well, with itself and whatever names the certificate has. Rejects where it did not come to the answer (no loopback, say): that costs time and nothing else. */
export async function rehearse(clock: Clock, tls: WorkerEnvironment['tls'] = null): Promise<void> {
  const dataPlane = new TcpDataPlane(
    tls === null ? {} : { tls: { server: { ...tls, requestCert: false }, client: { rejectUnauthorized: false } } },
  );
  const module = runnable('', rehearsalModule());
  const none = (): void => undefined;
  const running = await runInstance(
    module,
    {
      ...{ instance: ROVER, epoch: 1, key: KEY, revoked: [], mission: ROVER, rover: ROVER, checkpoint: null, held: null },
      ...{ limits: DEFAULT_LIMITS, grants: [], storeCheckpoint: null },
      ...{ onActivated: none, onRetired: none, onFailed: none, onEffect: none },
    },
    { site: ROVER, clock, dataPlane, registry: {} },
  );
  try {
    const transport = await dataPlane.connect(running.address);
    const hello = {
      channelId: ROVER,
      token: issueToken(KEY, ROVER),
      module: ROVER,
      interfaceId: interfaceIdOf(module.manifest),
      epoch: 1,
      ack: 0,
    };
    await new Promise<void>((resolve, reject) => {
      let answered = false;
      transport.onClose = (error) =>
        answered ? resolve() : reject(error ?? new Error('the rehearsal ended before its call was answered'));
      transport.onFrame = ([kind]) => {
        if (kind === FRAME.welcome) transport.send([encodeStateMark(FRAME.activate, '', 0)]);
        else if (kind === FRAME.activated)
          transport.send([encodeRequestHeader(false, 0, 1, 0, 0), encodeValues([BYTES], [new Uint8Array(64)])]);
        else {
          answered = kind === FRAME.result;
          transport.send([encodeBare(FRAME.bye)]);
        }
      };
      transport.send([encodeHello({ ...hello, provision: true, held: [] })]);
    });
  } finally {
    await running.close();
  }
}
