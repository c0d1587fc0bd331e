// What a spare worker does before anybody needs it: one small instance, from the handshake to the answer of a call. Code that runs for the
// first time is parsed and loaded then; without this every move would wait for that, half as long as it takes in all.
import { randomBytes } from 'node:crypto';
import type { ConnectionOptions } from 'node:tls';
import { TcpDataPlane } from '../../../shared/elastic/transports/tcp.ts';
import { interfaceIdOf } from '../../../shared/elastic/state-form.ts';
import { encodeValues } from '../../../shared/elastic/value-codec.ts';
import { encodeBare, encodeHello, encodeRequestHeader, encodeStateMark, FRAME } from '../../../shared/elastic/wire.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { Transport } from '../../../shared/ports/transport.ts';
import { localHost } from '../../local-host.ts';
import { issueToken } from '../../tokens.ts';
import { runnable } from './compiled-module.ts';
import type { Entrance } from './entrance.ts';
import { BYTES, rehearsalModule } from './rehearsal-module.ts';
import { runInstance } from './run-instance.ts';
import { DEFAULT_LIMITS } from './sandbox.ts';
import type { WorkerTls } from './worker-messages.ts';

const ROVER = 'rehearsal';
/** For a connection to this very process [ms]. */
const CONNECT_TIMEOUT_MS = 1000;

/**
 * Resolves when it is over. With TLS it shakes hands as rover and host do, with its own certificate at both ends and whatever names that has.
 * Rejects where it did not come to the answer: that costs time and nothing else.
 */
export async function rehearse(clock: Clock, entrance: Entrance): Promise<void> {
  const { tls, bindHost } = entrance.environment;
  const rover = new TcpDataPlane({ connectTimeoutMs: CONNECT_TIMEOUT_MS, ...(tls === null ? {} : { tls: { client: asClient(tls) } }) });
  // Nobody else can know it: what comes from elsewhere meanwhile is refused.
  const key = randomBytes(32).toString('hex');
  const module = runnable('', rehearsalModule());
  const none = (): void => undefined;
  const running = await runInstance(
    module,
    {
      ...{ instance: ROVER, epoch: 1, key, revoked: [], mission: ROVER, rover: ROVER, checkpoint: null, held: null },
      ...{ limits: DEFAULT_LIMITS, grants: [], storeCheckpoint: null },
      ...{ onActivated: none, onRetired: none, onFailed: none, onEffect: none },
    },
    { site: ROVER, clock, dataPlane: { listen: (name, accept) => entrance.listen(name, (one) => accept(unproven(one))) }, registry: {} },
  );
  try {
    const { protocol, port } = new URL(running.address);
    const transport = await rover.connect(`${protocol}//${localHost(bindHost)}:${port}`);
    const hello = {
      channelId: ROVER,
      token: issueToken(key, ROVER),
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

const asClient = ({ ca, cert, key }: WorkerTls): ConnectionOptions => ({
  ...{ cert, key, rejectUnauthorized: false },
  ...(ca === undefined ? {} : { ca }),
});

/** The certificate at the other end is the host's own, and no rover's. */
function unproven(inner: Transport): Transport {
  return {
    description: inner.description,
    get onFrame() {
      return inner.onFrame;
    },
    set onFrame(consumer) {
      inner.onFrame = consumer;
    },
    get onDrain() {
      return inner.onDrain;
    },
    set onDrain(listener) {
      inner.onDrain = listener;
    },
    get onClose() {
      return inner.onClose;
    },
    set onClose(listener) {
      inner.onClose = listener;
    },
    send: (parts) => inner.send(parts),
    close: (error) => inner.close(error),
  };
}
