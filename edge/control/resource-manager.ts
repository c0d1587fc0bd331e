// The Resource Manager: knows what every edge host has (from its retained status and its lease) and ranks hosts for a need.
import type { Clock } from '../../shared/ports/clock.ts';
import { type HostedInstance, type HostPresent, type HostStatus, isHostPresent } from '../../shared/protocol/host.ts';
import type { ModuleNeeds } from '../../shared/protocol/offload.ts';
import type { PlacementRecord } from '../../shared/protocol/placement.ts';

export interface ResourceManagerOptions {
  readonly clock: Clock;
  /** A host that says nothing for so long counts as lost [s]. */
  readonly leaseSec: number;
  /** How long a host whose connection broke may take to come back before it counts as lost [s]. */
  readonly graceSec: number;
  readonly onLost: (host: string, why: string) => void;
  readonly onChanged: (status: HostPresent) => void;
}

export interface Candidate {
  readonly host: string;
  /** Busy share with what was promised; the price of an offer. */
  readonly load: number;
  readonly warm: boolean;
  readonly accelerator: boolean;
  readonly addresses: readonly string[];
}

export interface Candidates {
  /** Best first. */
  readonly fit: readonly Candidate[];
  /** Why each other host does not fit, for people. */
  readonly unfit: readonly string[];
}

export interface CandidateQuery {
  readonly needs: ModuleNeeds;
  readonly digest: string;
  /** Whose module it is. */
  readonly tenant: string;
  readonly prefer?: string | null;
  readonly exclude?: string | null;
}

/** What an instance that runs needs of another host. */
export function needsOf(record: PlacementRecord): ModuleNeeds {
  const { memoryMaxBytes, needsAccelerator, hostInterfaces } = record;
  return { memoryBytes: memoryMaxBytes, accelerator: needsAccelerator, hostInterfaces, maxLatencyMs: null };
}

interface Entry {
  status: HostPresent;
  lastSeenSec: number;
  /** Set by its last will. */
  graceUntilSec: number | null;
}

/** What an instance adds to a host's price: keeps idle hosts filling up evenly. */
const LOAD_PER_INSTANCE = 0.02;
/** What a bundle that has to be sent adds to the price. */
const COLD_PRICE = 0.05;

export class ResourceManager {
  readonly #options: ResourceManagerOptions;
  readonly #hosts = new Map<string, Entry>();
  readonly #promises = new Map<string, { readonly host: string; readonly memoryBytes: number; readonly untilSec: number }>();

  constructor(options: ResourceManagerOptions) {
    this.#options = options;
  }

  /** Hosts present now, by id. */
  hosts(): HostPresent[] {
    return [...this.#hosts.values()].map((entry) => entry.status).toSorted((a, b) => (a.host < b.host ? -1 : 1));
  }

  host(id: string): HostPresent | null {
    return this.#hosts.get(id)?.status ?? null;
  }

  /** Whether a host is there and its connection stands. */
  isSound(host: string): boolean {
    return this.#hosts.get(host)?.graceUntilSec === null;
  }

  /** What a host says about one of its instances. */
  hosted(host: string, instance: string): HostedInstance | null {
    return this.#hosts.get(host)?.status.instances.find((hosted) => hosted.instance === instance) ?? null;
  }

  /** Takes a host's word, or its last will. */
  observe(status: HostStatus): void {
    const known = this.#hosts.get(status.host);
    if (!isHostPresent(status)) {
      // The will of an earlier process that comes late says nothing about the present one.
      if (known === undefined || known.status.session !== status.session) return;
      if (status.status === 'offline') this.#drop(status.host, 'it was shut down');
      else known.graceUntilSec ??= this.#options.clock.nowSec() + this.#options.graceSec;
      return;
    }
    // A broker that lost a node may say again what an earlier process of the host had said.
    if (known !== undefined && status.session < known.status.session) return;
    if (known !== undefined && known.status.session !== status.session) {
      this.#drop(status.host, 'it was restarted');
    }
    this.#hosts.set(status.host, { status, lastSeenSec: this.#options.clock.nowSec(), graceUntilSec: null });
    this.#options.onChanged(status);
  }

  /** Called now and then: drops hosts whose lease ran out. */
  expire(): void {
    const now = this.#options.clock.nowSec();
    for (const [id, entry] of [...this.#hosts]) {
      if (entry.graceUntilSec !== null && now >= entry.graceUntilSec) this.#drop(id, 'its connection broke');
      else if (now - entry.lastSeenSec > this.#options.leaseSec) this.#drop(id, `it has said nothing for ${this.#options.leaseSec} s`);
    }
    for (const [id, promise] of [...this.#promises]) if (promise.untilSec <= now) this.#promises.delete(id);
  }

  /** After an outage of the broker: nobody could say anything, so every lease starts anew. */
  renewLeases(): void {
    const now = this.#options.clock.nowSec();
    for (const entry of this.#hosts.values()) entry.lastSeenSec = now;
  }

  /** Counts memory as taken until the host's own status shows it, or until `untilSec`. */
  promise(id: string, host: string, memoryBytes: number, untilSec: number): void {
    this.#promises.set(id, { host, memoryBytes, untilSec });
  }

  /** The promise is settled: kept by the host, or void. */
  settle(id: string): void {
    this.#promises.delete(id);
  }

  /** Hosts that have what is needed, cheapest first (a preferred one before all), and why the others have not. */
  candidates(query: CandidateQuery): Candidates {
    const fit: Candidate[] = [];
    const unfit: string[] = [];
    for (const status of this.hosts()) {
      const problem = this.#misfit(status, query);
      if (problem !== null) {
        unfit.push(`${status.host}: ${problem}`);
        continue;
      }
      const warm = status.bundles.includes(query.digest);
      const load = this.price(status);
      fit.push({ host: status.host, load, warm, accelerator: status.accelerator !== null, addresses: status.addresses });
    }
    const price = (candidate: Candidate): number => candidate.load + (candidate.warm ? 0 : COLD_PRICE);
    const preferred = (candidate: Candidate): number => (candidate.host === query.prefer ? 0 : 1);
    fit.sort((a, b) => preferred(a) - preferred(b) || price(a) - price(b) || (a.host < b.host ? -1 : 1));
    return { fit, unfit };
  }

  /** What a place on a host costs: its load, with what it runs and has promised. */
  price(status: HostPresent): number {
    return status.loadFraction + (status.instances.length + this.#promised(status.host).count) * LOAD_PER_INSTANCE;
  }

  /** What all hosts together give to modules [bytes]. */
  capacityBytes(): number {
    return this.hosts().reduce((sum, { memoryTotalBytes }) => sum + memoryTotalBytes, 0);
  }

  #drop(host: string, why: string): void {
    this.#hosts.delete(host);
    this.#options.onLost(host, why);
  }

  #misfit(status: HostPresent, { needs, tenant, exclude }: CandidateQuery): string | null {
    if (status.host === exclude) return 'excluded by the request';
    if (status.tenants !== undefined && !status.tenants.includes(tenant)) return 'is for other fleets';
    if (status.status === 'draining') return 'is being drained';
    const promised = this.#promised(status.host);
    const free = status.memoryFreeBytes - promised.memoryBytes;
    if (needs.memoryBytes > free) return `${needs.memoryBytes} bytes of memory are needed, ${Math.max(0, free)} are free`;
    if (status.instances.length + promised.count >= status.instancesMax) return `runs its maximum of ${status.instancesMax} instances`;
    if (needs.accelerator && status.accelerator === null) return 'has no accelerator';
    const missing = needs.hostInterfaces.filter((name) => !status.hostInterfaces.includes(name));
    if (missing.length > 0) return `does not grant ${missing.join(', ')}`;
    return null;
  }

  #promised(host: string): { readonly memoryBytes: number; readonly count: number } {
    let memoryBytes = 0;
    let count = 0;
    for (const promise of this.#promises.values()) {
      if (promise.host !== host) continue;
      memoryBytes += promise.memoryBytes;
      count += 1;
    }
    return { memoryBytes, count };
  }
}
