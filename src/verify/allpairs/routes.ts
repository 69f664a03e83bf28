/** The route that a namespace takes to an address, where nothing but the main table decides. */

import { connectedRoutes } from '../../dataplane/routing/kernel-routes.ts';
import { type DeviceSettings, deviceSettings } from '../../dataplane/routing/settings.ts';
import { type Namespace, type Route } from '../../dataplane/routing/types.ts';
import { type Cuts, cutsAt } from './extent.ts';
import { NotCarried } from './frame.ts';

export interface TakenRoute {
  readonly device: string;
  /** null: the address is on the link. */
  readonly gateway: number | null;
  /** The source address a sender takes; null: none. */
  readonly source: number | null;
}

interface Entry {
  readonly bits: number;
  /** How many addresses it takes. */
  readonly size: number;
  /** Its first address, counted in networks of its size. */
  readonly network: number;
  readonly route: Route;
  /** What it says, once somebody has asked. */
  taken: TakenRoute | NotCarried | null;
}

const tables = new WeakMap<Namespace, readonly Entry[] | NotCarried>();
const MAIN = 254;
const LOCAL = 255;

/** null: no route. Local addresses are not asked for here. */
export function routeTo(state: Namespace, address: number): TakenRoute | null {
  let entries = tables.get(state);
  if (entries === undefined) {
    entries = entriesOf(state);
    tables.set(state, entries);
  }
  if (entries instanceof NotCarried) throw entries;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!;
    if (Math.floor(address / entry.size) !== entry.network) continue;
    entry.taken ??= takenBy(entry.route);
    if (entry.taken instanceof NotCarried) throw entry.taken;
    return entry.taken;
  }
  return null;
}

function takenBy({ type, hops, source }: Route): TakenRoute | NotCarried {
  const [hop] = hops;
  if (type !== 'unicast' || hops.length !== 1 || hop === undefined) {
    return new NotCarried('a route of another kind');
  }
  if (hop.device === null || hop.dead || hop.gateway?.version === 6) {
    return new NotCarried('a next hop of another kind');
  }
  return {
    device: hop.device,
    gateway: hop.gateway === null ? null : Number(hop.gateway.value),
    source: source === null ? null : Number(source.value),
  };
}

function entriesOf(state: Namespace): readonly Entry[] | NotCarried {
  const rules = state.rules.filter(({ version }) => version === 4);
  const usual = rules.every(
    ({ from, to, mark, inputDevice, outputDevice, not, action, protocol }) =>
      !not &&
      (from ?? to ?? mark ?? inputDevice ?? outputDevice ?? protocol) === null &&
      action.kind === 'lookup' &&
      [LOCAL, MAIN, 253].includes(action.table),
  );
  if (!usual) return new NotCarried('policy routing');
  const shown = state.routes.filter(({ version, table }) => version === 4 && table === MAIN);
  const rest = state.routes.some(
    ({ version, table }) => version === 4 && ![MAIN, LOCAL].includes(table),
  );
  if (rest) return new NotCarried('more routing tables');
  const routes =
    shown.length > 0
      ? shown
      : connectedRoutes(state.interfaces, 4).filter(({ table }) => table === MAIN);
  const entries = routes.map((route): Entry => {
    const bits = route.prefix?.length ?? 0;
    const size = 2 ** (32 - bits);
    const network = Math.floor(Number(route.prefix?.address.value ?? 0n) / size);
    return { bits, size, network, route, taken: null };
  });
  const keys = new Set(entries.map(({ bits, network }) => `${bits} ${network}`));
  if (keys.size !== entries.length) return new NotCarried('several routes to one network');
  return entries.sort((a, b) => b.bits - a.bits);
}

const locals = new WeakMap<Namespace, ReadonlyMap<number, string>>();

/** The device on which an address is the namespace's own; null when it is not. */
export function localDevice(state: Namespace, address: number): string | null {
  return devices(state).get(address) ?? null;
}

/** The IPv4 addresses of a namespace. */
export function localAddresses(state: Namespace): Iterable<number> {
  return devices(state).keys();
}

function devices(state: Namespace): ReadonlyMap<number, string> {
  let known = locals.get(state);
  if (known === undefined) {
    const found = new Map<number, string>();
    for (const { name, addresses, up } of state.interfaces) {
      for (const one of up ? addresses : []) {
        const value = Number(one.address.value);
        if (one.address.version === 4 && !found.has(value)) found.set(value, name);
      }
    }
    known = found;
    locals.set(state, known);
  }
  return known;
}

const settings = new WeakMap<Namespace, Map<string, DeviceSettings>>();

/** The settings of a device, read once. */
export function settingsOf(state: Namespace, device: string): DeviceSettings {
  let known = settings.get(state);
  if (known === undefined) {
    known = new Map();
    settings.set(state, known);
  }
  let found = known.get(device);
  if (found === undefined) {
    found = deviceSettings(state, device);
    known.set(device, found);
  }
  return found;
}

/**
 * How a namespace sends from one of its addresses, as a text: equal texts take the same routes.
 * null where that is not carried.
 */
export function sendingText(state: Namespace, own: number): string | null {
  const entries = tables.get(state) ?? entriesOf(state);
  tables.set(state, entries);
  if (entries instanceof NotCarried) return null;
  let text = '';
  for (const { bits, network, route } of entries) {
    const source = route.source === null ? '' : Number(route.source.value);
    text += `${network}/${bits} ${route.type} ${source === own ? 'own' : source}`;
    for (const { device, gateway, dead } of route.hops) {
      text += ` ${device} ${gateway?.version} ${gateway?.value} ${dead}`;
    }
    text += ',';
  }
  for (const [address, device] of devices(state)) {
    text += ` ${address === own ? 'own' : address} ${device}`;
  }
  return text;
}

const cuts = new WeakMap<Namespace, Cuts | null>();

/** Runs of addresses that a namespace routes alike, its own addresses by themselves. */
export function routeCuts(state: Namespace): Cuts | null {
  let found = cuts.get(state);
  if (found === undefined) {
    const networks = [...devices(state).keys()].map((value) => ({ value, mask: ALL_ONES }));
    const entries = tables.get(state) ?? entriesOf(state);
    tables.set(state, entries);
    for (const { bits, network } of entries instanceof NotCarried ? [] : entries) {
      const mask = 2 ** 32 - 2 ** (32 - bits);
      networks.push({ value: network * 2 ** (32 - bits), mask });
    }
    found = cutsAt(networks);
    cuts.set(state, found);
  }
  return found;
}

const ALL_ONES = 0xffff_ffff;
