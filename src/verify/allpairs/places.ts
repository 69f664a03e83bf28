/**
 * What stands behind every port of every bridge: another bridge, a tunnel, a station with a
 * namespace of its own, a NIC on a segment. Worked out once. Before: `wiring.ts`.
 */
import { type InterfaceId } from '../../dataplane/network.ts';
import { type Bridge, type Port, type Switch } from '../../dataplane/ovs/types/switch.ts';
import { type CompiledNetwork } from '../../trace/compiled-network.ts';
import { emptyAsked } from './asks.ts';
import { type IndexedBridge, indexBridge } from './indexed-bridge.ts';
import { type Upkeep } from './upkeep.ts';
import { type Seat, type Wired, wiringOf } from './wiring.ts';

/** An interface of a namespace behind a port of a bridge. */
export interface Station extends Seat {
  readonly id: number;
  readonly bridge: IndexedBridge;
  readonly ofport: number;
}

/** What stands behind a port. */
export type Behind =
  | { readonly kind: 'bridge'; readonly bridge: IndexedBridge; readonly inPort: number }
  | { readonly kind: 'tunnel'; readonly port: Port }
  | { readonly kind: 'station'; readonly station: Station }
  | { readonly kind: 'nic'; readonly segment: string; readonly at: InterfaceId }
  | { readonly kind: 'nobody' }
  | { readonly kind: 'unknown'; readonly why: string };

export interface Places {
  readonly compiled: CompiledNetwork;
  readonly switches: ReadonlyMap<string, Switch>;
  bridge(host: string, name: string): IndexedBridge | undefined;
  behind(bridge: IndexedBridge, ofport: number): Behind;
  /** Ports on a segment, by the NIC that is a switch port there. */
  onSegment(segment: string): readonly Landing[];
  readonly stations: readonly Station[];
  stationsOf(host: string, namespace: string): readonly Station[];
  /** Stations that have an IPv4 address. */
  having(address: number): readonly Station[];
}

/** Where a frame comes in off a segment. */
export interface Landing {
  readonly at: InterfaceId;
  /** null: a namespace's own NIC, with which the engine does nothing. */
  readonly into: { readonly bridge: IndexedBridge; readonly inPort: number } | null;
}

/** Works out the places of a network. */
export function openPlaces(compiled: CompiledNetwork, upkeep: Upkeep): Places {
  const { network } = compiled;
  const asked = emptyAsked();
  const switches = new Map<string, Switch>();
  const bridges = new Map<string, IndexedBridge>();
  const byBridge = new Map<Bridge, IndexedBridge>();
  const peers = new Map<string, { bridge: IndexedBridge; inPort: number }>();
  for (const [host, { switch: of }] of network.hosts) {
    if (of === null) continue;
    switches.set(host, of);
    for (const bridge of of.bridges) {
      const indexed = indexBridge(host, bridge, asked, upkeep);
      bridges.set(`${host} ${bridge.name}`, indexed);
      byBridge.set(bridge, indexed);
      for (const port of bridge.ports) {
        peers.set(`${host} ${port.name}`, { bridge: indexed, inPort: port.ofport });
      }
    }
  }
  const stations: Station[] = [];
  const kinds = new Map<IndexedBridge, Map<number, Behind>>();
  const behindOf = (bridge: IndexedBridge, { ofport }: Port, wired: Wired): Behind => {
    if (wired.kind === 'namespace') {
      const { host, namespace, device, mac, addresses, state } = wired.seat;
      const id = stations.length;
      const station = { id, bridge, ofport, host, namespace, device, mac, addresses, state };
      stations.push(station);
      return { kind: 'station', station };
    }
    if (wired.kind !== 'patch') return wired;
    const peer = peers.get(`${bridge.host} ${wired.peer}`);
    return peer === undefined ? NOBODY : { kind: 'bridge', ...peer };
  };
  for (const [bridge, wires] of wiringOf(compiled)) {
    const indexed = byBridge.get(bridge)!;
    const byPort = new Map<number, Behind>();
    for (const [port, wired] of wires) byPort.set(port.ofport, behindOf(indexed, port, wired));
    kinds.set(indexed, byPort);
  }
  const byNamespace = groupBy(stations, ({ host, namespace }) => `${host} ${namespace}`);
  const byAddress = new Map<number, Station[]>();
  for (const station of stations) {
    for (const address of station.addresses) {
      const list = byAddress.get(address);
      if (list === undefined) byAddress.set(address, [station]);
      else list.push(station);
    }
  }
  const segments = new Map<string, readonly Landing[]>();
  const onSegment = (name: string): readonly Landing[] => {
    let found = segments.get(name);
    if (found === undefined) {
      const segment = network.segments.find((one) => one.name === name);
      found = (segment?.members ?? []).map((at) => {
        const port = network.switchPortOf(at);
        const into = port === null ? undefined : peers.get(`${at.host} ${port.port}`);
        return { at, into: into ?? null };
      });
      segments.set(name, found);
    }
    return found;
  };
  return {
    compiled,
    switches,
    bridge: (host, name) => bridges.get(`${host} ${name}`),
    behind: (bridge, ofport) => kinds.get(bridge)?.get(ofport) ?? NOBODY,
    onSegment,
    stations,
    stationsOf: (host, namespace) => byNamespace.get(`${host} ${namespace}`) ?? [],
    having: (address) => byAddress.get(address) ?? [],
  };
}

const NOBODY: Behind = { kind: 'nobody' };

function groupBy<T>(list: readonly T[], keyOf: (one: T) => string): ReadonlyMap<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of list) {
    const group = groups.get(keyOf(one));
    if (group === undefined) groups.set(keyOf(one), [one]);
    else group.push(one);
  }
  return groups;
}
