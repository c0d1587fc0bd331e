// Who may publish and subscribe what: the broker's access control list, by the identity that a client proved at CONNECT.
import { memberClientId } from '../../shared/bus/member-client-id.ts';
import { filterCovers, topicMatches } from '../../shared/bus/topic-filter.ts';

/** `site` is the manager, its own hosts and the gateway; `host` one that joined from elsewhere; `viewer` reads what dashboards need. */
export type ClientRole = 'site' | 'host' | 'rover' | 'operator' | 'viewer';

export interface ClientIdentity {
  readonly role: ClientRole;
  /** Rover or host id; else a name for logs. */
  readonly name: string;
}

interface Rules {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** What a role may do at a site. A rover speaks only for itself; what it may say in a mission is what rovers say there. */
export function rulesFor(identity: ClientIdentity, site: string): Rules {
  const base = `outrider/${site}`;
  const readable = [`${base}/rover/#`, `${base}/mission/#`, `${base}/host/+/status`, `${base}/placement/#`, `${base}/manager/+`];
  switch (identity.role) {
    case 'site':
      return { publish: [`${base}/#`], subscribe: [`${base}/#`] };
    case 'viewer':
      return { publish: [], subscribe: readable };
    case 'operator':
      return { publish: [`${base}/mission/+/command`, `${base}/mission/+/status`, `${base}/mission/+/event`], subscribe: readable };
    case 'host':
      return {
        publish: [
          `${base}/host/${identity.name}/status`,
          `${base}/host/${identity.name}/session`,
          `${base}/host/${identity.name}/reply/+`,
          `${base}/mission/+/map/#`,
          `${base}/data/${identity.name}/+/+/down`,
        ],
        subscribe: [...readable, `${base}/host/${identity.name}/#`, `${base}/revoked`, `${base}/data/${identity.name}/+/+/up`],
      };
    case 'rover':
      return {
        publish: [
          `${base}/rover/${identity.name}/#`,
          `${base}/mission/+/inspected/${identity.name}/+`,
          `${base}/mission/+/event`,
          `${base}/offload/request/${identity.name}`,
          `${base}/data/+/${identity.name}/+/up`,
        ],
        subscribe: [
          ...readable,
          `${base}/offload/reply/${identity.name}`,
          `${base}/offload/advice/${identity.name}`,
          `${base}/data/+/${identity.name}/+/down`,
        ],
      };
  }
}

/** Rules by identity: a broker asks for every message, thousands of times a second. */
const known = new WeakMap<ClientIdentity, { readonly site: string; readonly rules: Rules; readonly allowed: Set<string> }>();
/** Topics that an identity was found to be allowed to publish, at most: a rover uses a dozen. */
const MAX_REMEMBERED_TOPICS = 64;

export function mayPublish(identity: ClientIdentity, site: string, topic: string): boolean {
  let entry = known.get(identity);
  if (entry === undefined || entry.site !== site) {
    entry = { site, rules: rulesFor(identity, site), allowed: new Set() };
    known.set(identity, entry);
  }
  if (entry.allowed.has(topic)) return true;
  if (!entry.rules.publish.some((filter) => topicMatches(filter, topic))) return false;
  if (entry.allowed.size < MAX_REMEMBERED_TOPICS) entry.allowed.add(topic);
  return true;
}

/** A filter is allowed when a permitted one covers it entirely. */
export function maySubscribe(identity: ClientIdentity, site: string, filter: string): boolean {
  return rulesFor(identity, site).subscribe.some((permitted) => filterCovers(permitted, filter));
}

/**
 * Whether an identity may connect by this client id. A broker lets one connection at a time have an id, so an id is a lock: whoever may
 * take the manager's or another rover's could push it off the broker.
 */
export function mayUseClientId({ role, name }: ClientIdentity, clientId: string): boolean {
  switch (role) {
    case 'site':
      return true;
    case 'rover':
    case 'host':
      return clientId === memberClientId(role, name) || clientId === memberClientId('doctor', name);
    case 'operator':
    case 'viewer':
      return clientId.startsWith('dashboard-') || clientId.startsWith('operator-');
  }
}
