// Who may publish and subscribe what: the broker's access control list, by the identity that a client proved at CONNECT.
import { filterCovers, topicMatches } from '../../shared/bus/topic-filter.ts';

/** `site` is the manager, the hosts and the gateway; `viewer` reads what dashboards need. */
export type ClientRole = 'site' | 'rover' | 'operator' | 'viewer';

export interface ClientIdentity {
  readonly role: ClientRole;
  /** Rover id for rovers; else a name for logs. */
  readonly name: string;
}

interface Rules {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** What a role may do at a site. A rover speaks only for itself; what it may say in a mission is what rovers say there. */
export function rulesFor(identity: ClientIdentity, site: string): Rules {
  const base = `outrider/${site}`;
  const readable = [`${base}/rover/#`, `${base}/mission/#`, `${base}/host/+/status`, `${base}/placement/#`, `${base}/manager/status`];
  switch (identity.role) {
    case 'site':
      return { publish: [`${base}/#`], subscribe: [`${base}/#`] };
    case 'viewer':
      return { publish: [], subscribe: readable };
    case 'operator':
      return { publish: [`${base}/mission/+/command`, `${base}/mission/+/status`, `${base}/mission/+/event`], subscribe: readable };
    case 'rover':
      return {
        publish: [
          `${base}/rover/${identity.name}/#`,
          `${base}/mission/+/inspected/${identity.name}/+`,
          `${base}/mission/+/event`,
          `${base}/offload/request/${identity.name}`,
          `${base}/data/+/${identity.name}/up`,
        ],
        subscribe: [
          ...readable,
          `${base}/offload/reply/${identity.name}`,
          `${base}/offload/advice/${identity.name}`,
          `${base}/data/+/${identity.name}/down`,
        ],
      };
  }
}

export function mayPublish(identity: ClientIdentity, site: string, topic: string): boolean {
  return rulesFor(identity, site).publish.some((filter) => topicMatches(filter, topic));
}

/** A filter is allowed when a permitted one covers it entirely. */
export function maySubscribe(identity: ClientIdentity, site: string, filter: string): boolean {
  return rulesFor(identity, site).subscribe.some((permitted) => filterCovers(permitted, filter));
}
