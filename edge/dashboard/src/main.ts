// The dashboard: an MQTT client in the browser that shows a fleet. Messages → store → views; commands go straight to the broker.
import { z } from 'zod';
import { BrokerLink } from './link/broker-link.ts';
import { readMessage } from './link/inbox.ts';
import { MapView } from './map/map-view.ts';
import { chooseMission, wishOf, type Wish } from './state/choose-mission.ts';
import { shownRovers } from './state/fleet-state.ts';
import { Store } from './state/store.ts';
import { exposeReadOnly } from './test-hook.ts';
import { createConnectionState } from './view/connection-state.ts';
import { byId, reconcile } from './view/dom.ts';
import { createEventLog } from './view/event-log.ts';
import { createFindingsList } from './view/findings-list.ts';
import { createHostsList } from './view/hosts-list.ts';
import { createMapControls } from './view/map-controls.ts';
import { createMissionControl } from './view/mission-control.ts';
import { createMissionHeader } from './view/mission-header.ts';
import { createRoverCard, type RoverCard } from './view/rover-card.ts';

// The page's content security policy allows no generated code.
z.config({ jitless: true });

/** Clocks, stale marks and the elapsed time go on without messages [ms]. */
const TICK_MS = 500;
const now = (): number => performance.now();

let wish: Wish = wishOf(location.search);
const store = new Store({ schedule: (flush) => void requestAnimationFrame(flush), nowMs: now });
const address = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/mqtt`;
const link = new BrokerLink(address, wish.site, {
  onPhase: (phase) => store.dispatch({ kind: 'connection', phase }),
  onMessage: (topic, payload) => {
    const message = readMessage(topic, payload);
    if (message === null) return;
    store.dispatch(message);
    if (message.kind === 'status') follow();
  },
});

function follow(): void {
  const choice = chooseMission(store.state, wish);
  if (choice === null) return;
  store.dispatch({ kind: 'choose', ...choice });
  link.follow(choice.site, choice.mission);
}

const controls = createMapControls();
const map = new MapView(byId('map', HTMLCanvasElement), store, controls.onView);
controls.attach(map);
const header = createMissionHeader((site, mission) => {
  wish = { site, mission };
  follow();
});
const connection = createConnectionState();
const fleet = byId('fleet', HTMLElement);
const cards = new Map<string, RoverCard>();

function showFleet(): void {
  const rovers = shownRovers(store.state);
  fleet.setAttribute('data-empty', rovers.length === 0 ? 'No rover has reported yet.' : '');
  reconcile(
    fleet,
    rovers,
    (rover) => rover.id,
    (rover) => {
      const card = createRoverCard(rover.id);
      cards.set(rover.id, card);
      return card.root;
    },
    (_, rover, index) => cards.get(rover.id)?.update(rover, index, now()),
  );
}

store.show(['rovers', 'mission'], showFleet);
store.show(['mission', 'rovers'], (state) => header(state, now()));
store.show(['connection'], (state) => connection(state, now()));
store.show(['map'], controls.onState);
store.show(
  ['objects'],
  createFindingsList(byId('findings', HTMLElement), { onPoint: (id) => map.highlight(id), onChoose: (x, y) => map.goTo(x, y) }),
);
store.show(['hosts'], createHostsList(byId('hosts', HTMLElement)));
store.show(['log'], createEventLog(byId('log', HTMLElement)));
store.show(
  ['mission', 'connection'],
  createMissionControl(
    (site, mission, command) => link.command(site, mission, command),
    (text) => store.dispatch({ kind: 'notice', text }),
  ),
);
setInterval(() => {
  header(store.state, now());
  connection(store.state, now());
  showFleet();
}, TICK_MS);
follow();
exposeReadOnly(store, map);
