// The shortest way of a query through a chain of layers, each run at the client or at the server: IONN's graph with three nodes per layer.
import type { LayerCosts } from './edge-costs.ts';

export interface PathOptions {
  /** Share of the upload cost that is left out, 0…1: how far the weights count as being at the server already. */
  readonly uploadedShare: number;
  /** The first layers that stay at the client. */
  readonly minLayersOnboard: number;
}

/** Where a query came from on the cheapest way to a node. */
type Step = 'client' | 'server';

/**
 * Layer i has the nodes "at the client" (a), "input at the server" (a+1) and "output at the server" (a+2). Edges:
 * a → a+1 sends the input, a+1 → a+2 runs the layer there (and brings its weights), a+2 → a of the next layer sends the output back,
 * a → a of the next layer runs it at the client, a+2 → a+1 of the next layer is free. All edges go forward, so that one sweep finds
 * the shortest path. Equal ways stay at the client. Returns whether each layer runs at the server.
 */
export function cheapestPlaces(costs: readonly LayerCosts[], options: PathOptions): readonly boolean[] {
  const { uploadedShare, minLayersOnboard } = options;
  let atClient = 0;
  let outAtServer = Number.POSITIVE_INFINITY;
  /** For each layer: how its input reached the server, and how its output reached the client. */
  const intoServer: Step[] = [];
  const intoClient: Step[] = [];
  for (const [index, cost] of costs.entries()) {
    const allowed = index >= minLayersOnboard;
    const sent = allowed ? atClient + cost.toServer : Number.POSITIVE_INFINITY;
    const inAtServer = Math.min(sent, outAtServer);
    intoServer.push(outAtServer < sent ? 'server' : 'client');
    outAtServer = inAtServer + cost.onServer + cost.upload * (1 - uploadedShare);
    const stayed = atClient + cost.onClient;
    const returned = outAtServer + cost.toClient;
    intoClient.push(returned < stayed ? 'server' : 'client');
    atClient = Math.min(stayed, returned);
  }
  const places = costs.map(() => false);
  let place: Step = 'client';
  for (let index = costs.length - 1; index >= 0; index -= 1) {
    if (place === 'client') place = intoClient[index] ?? 'client';
    if (place === 'client') continue;
    places[index] = true;
    place = intoServer[index] ?? 'client';
  }
  return places;
}

/** What a query costs when these layers run at the server, their weights being there: the length of its path. */
export function queryCost(costs: readonly LayerCosts[], atServer: readonly boolean[]): number {
  let total = 0;
  for (const [index, cost] of costs.entries()) {
    if (atServer[index] !== true) {
      total += cost.onClient;
      continue;
    }
    if (index === 0 || atServer[index - 1] !== true) total += cost.toServer;
    total += cost.onServer;
    if (atServer[index + 1] !== true) total += cost.toClient;
  }
  return total;
}
