// `outrider doctor --identity DIR`: whether an enrolled identity is whole, holds now, and is good for what its member does at the site.
// First what can be told from the folder; only an identity that is in order is shown to the site, over real connections.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { memberClientId } from '../../shared/bus/member-client-id.ts';
import { connectMqttBus } from '../../shared/bus/mqtt-bus.ts';
import { isOutriderError, OutriderError } from '../../shared/errors.ts';
import type { MessageBus } from '../../shared/ports/message-bus.ts';
import { hostStatus } from '../../shared/protocol/host.ts';
import { filterOf } from '../../shared/protocol/message.ts';
import { offloadAdvice, offloadReply } from '../../shared/protocol/offload.ts';
import { askSite } from '../../shared/security/ask-site.ts';
import { certificateLife } from '../../shared/security/certificate-life.ts';
import { type Identity, loadIdentity } from '../../shared/security/identity-folder.ts';
import { type Finding, missing, notApplicable, ok } from './check.ts';

/** Nothing that the site would tell a member takes longer [s]. */
const CONNECT_SEC = 8;
const ECHO_SEC = 5;

/** Looks at an identity from its folder to its own topics. Every finding that is missing has a code and a way out; nothing throws. */
export async function examineIdentity(folder: string, now: () => Date = () => new Date()): Promise<Finding[]> {
  let identity: Identity;
  try {
    identity = await loadIdentity(folder);
  } catch (error) {
    return [failed('identity:folder', error)];
  }
  const { site, role, id, tenant } = identity;
  const own = [ok('identity:folder', true, `${role} ${id} of site ${site}, fleet ${tenant}`), ...checkFolder(identity, now(), folder)];
  if (own.some(({ state, needed }) => state === 'missing' && needed))
    return [...own, ...['gateway', 'broker', 'topics'].map((name) => notApplicable(`identity:${name}`, 'the identity itself first'))];
  return [...own, await checkGateway(identity, now), ...(await checkBroker(identity))];
}

/** Key, issuer, name and time of the certificate. */
function checkFolder({ tls, id, role }: Identity, now: Date, folder: string): Finding[] {
  const enrolAgain = 'Enroll again with a new token (`outrider site enroll`), into a new folder.';
  const broken = (name: string, detail: string): Finding => coded(name, 'OUT_SITE_FOLDER', detail, enrolAgain);
  let cert: X509Certificate;
  let ca: X509Certificate;
  try {
    [cert, ca] = [new X509Certificate(tls.cert), new X509Certificate(tls.ca)];
  } catch (error) {
    return [broken('identity:certificate', `${folder}: a certificate cannot be read: ${(error as Error).message}`)];
  }
  const findings: Finding[] = [];
  let matches = false;
  try {
    matches = cert.checkPrivateKey(createPrivateKey(tls.key));
  } catch {
    // Not a key at all: it does not match.
  }
  findings.push(
    matches ? ok('identity:key', true, 'the certificate is for this key') : broken('identity:key', 'the certificate is for another key'),
  );
  const issued = cert.checkIssued(ca) && cert.verify(ca.publicKey);
  findings.push(
    issued
      ? ok('identity:issuer', true, 'signed by the CA of the site')
      : coded('identity:issuer', 'OUT_SITE_WRONG_CA', 'the certificate was not signed by the CA beside it', enrolAgain),
  );
  const subject = new Map(cert.subject.split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
  findings.push(
    subject.get('CN') === id && subject.get('OU') === role
      ? ok('identity:name', true, `${role} ${id}`)
      : broken('identity:name', `the certificate is that of ${subject.get('OU')} ${subject.get('CN')}, the folder says ${role} ${id}`),
  );
  return [...findings, checkTime(cert, tls.cert, now, folder)];
}

function checkTime(cert: X509Certificate, pem: string, now: Date, folder: string): Finding {
  const name = 'identity:validity';
  const { until, renewFrom } = certificateLife(pem);
  const from = new Date(cert.validFrom);
  const clock = `this machine's clock says ${now.toISOString()}`;
  if (now < from)
    return coded(
      name,
      'OUT_SITE_CLOCK',
      `valid from ${from.toISOString()} only; ${clock}`,
      'Set the clock: `sudo timedatectl set-ntp true`.',
    );
  if (now >= until) {
    const remedy = 'If the clock is right, enroll again with a new token: a certificate that has ended is not renewed.';
    return coded(name, 'OUT_SITE_CLOCK', `ended at ${until.toISOString()}; ${clock}`, remedy);
  }
  const detail = `until ${until.toISOString()}`;
  if (now < renewFrom) return ok(name, true, detail);
  const remedy = `It renews itself while its rover or host runs; otherwise now: \`outrider site renew --identity ${folder}\`.`;
  return { ...missing(name, false, `${detail}: it is time to renew it`, remedy), code: 'OUT_SITE_CLOCK' };
}

/** The gateway answers members that may not look with a refusal that names them: it knows them. */
async function checkGateway({ gatewayUrl, tls, role, id }: Identity, now: () => Date): Promise<Finding> {
  const name = 'identity:gateway';
  try {
    await askSite(new URL('/api/site', gatewayUrl), { tls, now });
  } catch (error) {
    const known = isOutriderError(error) && error.code === 'OUT_SITE_LOGIN' && error.message.includes(`${role} ${id} may not`);
    if (!known) return failed(name, error, gatewayUrl);
  }
  return ok(name, true, `${gatewayUrl} knows ${role} ${id}`);
}

async function checkBroker(identity: Identity): Promise<Finding[]> {
  const { brokerUrl: url, tls, role, id } = identity;
  // Ids of its own: one that a running rover or host has would push that off the broker.
  const clientId = role === 'operator' ? `operator-doctor-${process.pid}` : memberClientId('doctor', id);
  let bus: MessageBus;
  try {
    bus = await connectMqttBus({ url, clientId, tls, connectTimeoutSec: CONNECT_SEC });
  } catch (error) {
    return [failed('identity:broker', error, url), notApplicable('identity:topics', 'no broker')];
  }
  try {
    return [ok('identity:broker', true, `${url} accepts ${role} ${id}`), await checkTopics(bus, identity)];
  } finally {
    await bus.close();
  }
}

/** What the member must hear, and for a rover what it says of itself, there and back. */
async function checkTopics(bus: MessageBus, { site, role, id }: Identity): Promise<Finding> {
  const name = 'identity:topics';
  const filters = [filterOf(hostStatus, { site }), ...OWN[role](site, id)];
  try {
    await Promise.all(filters.map((filter) => bus.subscribe(filter, () => undefined)));
    if (role === 'rover') await echo(bus, `outrider/${site}/rover/${id}/doctor`);
    return ok(name, true, `may use its own: ${filters.join(', ')}${role === 'rover' ? ', and speak as itself' : ''}`);
  } catch (error) {
    return failed(name, error);
  }
}

const OWN: Readonly<Record<Identity['role'], (site: string, id: string) => readonly string[]>> = {
  rover: (site, rover) => [filterOf(offloadReply, { site, rover }), filterOf(offloadAdvice, { site, rover })],
  host: (site, host) => [`outrider/${site}/host/${host}/command`, `outrider/${site}/revoked`],
  operator: (site) => [`outrider/${site}/mission/#`],
};

/** Rejects with OUT_BUS_REFUSED when what is published does not come back. */
async function echo(bus: MessageBus, topic: string): Promise<void> {
  const mark = `${process.pid}-${performance.now()}`;
  let stop: (() => Promise<void>) | null = null;
  let timer: NodeJS.Timeout | undefined;
  try {
    const back = new Promise<void>((resolve, reject) => {
      const lost = (why: string): void => reject(new OutriderError('OUT_BUS_REFUSED', `${topic}: ${why}`));
      timer = setTimeout(() => lost(`what was published did not come back within ${ECHO_SEC} s`), ECHO_SEC * 1000);
      bus.onConnectionChange((connected) => {
        if (!connected) lost('the broker cut the connection when something was published');
      });
      bus
        .subscribe(topic, ({ payload }) => {
          if (Buffer.from(payload).toString() === mark) resolve();
        })
        .then(async (unsubscribe) => {
          stop = unsubscribe;
          await bus.publish(topic, mark, { qos: 1 });
        })
        .catch(reject);
    });
    await back;
  } finally {
    clearTimeout(timer);
    await (stop as (() => Promise<void>) | null)?.();
  }
}

function coded(name: string, code: string, detail: string, remedy: string): Finding {
  return { ...missing(name, true, detail, remedy), code };
}

function failed(name: string, error: unknown, where = ''): Finding {
  if (isOutriderError(error)) return coded(name, error.code, error.message, error.remedy);
  return coded(name, 'OUT_SITE_UNREACHABLE', `${where}: ${(error as Error).message}`, new OutriderError('OUT_SITE_UNREACHABLE', '').remedy);
}
