/**
 * What stands behind every port of every bridge: another bridge, a tunnel, a station with a
 * namespace of its own, a NIC on a segment. Worked out once, from the wires of the network.
 */
import { guestName } from '../../dataplane/endpoint/guest.ts';
import { seatBehind } from '../../dataplane/endpoint/guest-nics.ts';
import { type InterfaceId } from '../../dataplane/network.ts';
import { type Port, type Switch } from '../../dataplane/ovs/types/switch.ts';
import { type Interface, type Namespace } from '../../dataplane/routing/types.ts';
import { type CompiledNetwork } from '../../trace/compiled-network.ts';
import { namespaceOf } from '../../trace/world.ts';
import { emptyAsked } from './asks.ts';
import { type Mac } from './frame.ts';
import { type IndexedBridge, indexBridge } from './indexed-bridge.ts';
import { type Upkeep } from './upkeep.ts';

/** An interface of a namespace behind a port of a bridge. */
export interface Station {
  readonly id: number;
  readonly bridge: IndexedBridge;
  readonly ofport: number;
  readonly host: string;
  readonly namespace: string;
  readonly device: Interface;
  readonly mac: Mac;
  /** IPv4 addresses of the device. */
  readonly addresses: readonly number[];
  readonly state: Namespace;
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
  const peers = new Map<string, { bridge: IndexedBridge; inPort: number }>();
  for (const [host, { switch: of }] of network.hosts) {
    if (of === null) continue;
    switches.set(host, of);
    for (const bridge of of.bridges) {
      const indexed = indexBridge(host, bridge, asked, upkeep);
      bridges.set(`${host} ${bridge.name}`, indexed);
      for (const port of bridge.ports) {
        peers.set(`${host} ${port.name}`, { bridge: indexed, inPort: port.ofport });
      }
    }
  }
  const stations: Station[] = [];
  const kinds = new Map<IndexedBridge, Map<number, Behind>>();
  for (const bridge of bridges.values()) {
    const byPort = new Map<number, Behind>();
    for (const port of bridge.ports.values()) {
      byPort.set(port.ofport, behindOf(compiled, bridge, port, peers, stations));
    }
    kinds.set(bridge, byPort);
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

function behindOf(
  compiled: CompiledNetwork,
  bridge: IndexedBridge,
  port: Port,
  peers: ReadonlyMap<string, { bridge: IndexedBridge; inPort: number }>,
  stations: Station[],
): Behind {
  const { network } = compiled;
  const { host } = bridge;
  if (port.ofport < 0) return NOBODY;
  if (port.type === 'patch') {
    const peer = peers.get(`${host} ${port.peer}`);
    return peer === undefined ? NOBODY : { kind: 'bridge', ...peer };
  }
  if (port.tunnel !== null) return { kind: 'tunnel', port };
  const inside = network.interfaceOf({ host, bridge: bridge.name, port: port.name });
  if (inside === null) return { kind: 'unknown', why: `${host} has no interface ${port.name}` };
  const wire = network.wire(inside);
  const reached = (to: InterfaceId): Behind => {
    const state = namespaceOf(compiled, to.host, to.namespace);
    const device = state?.interfaces.find(({ name }) => name === to.name);
    if (state === undefined || device === undefined) {
      return { kind: 'unknown', why: `${to.host} ${to.namespace} ${to.name} was not captured` };
    }
    const own = network.switchPortOf(to);
    const isInside = inside.namespace === to.namespace && inside.name === to.name;
    if (device.master !== null || (own !== null && !isInside)) {
      return { kind: 'unknown', why: `${to.name} is a port of a bridge` };
    }
    const station: Station = {
      id: stations.length,
      bridge,
      ofport: port.ofport,
      host: to.host,
      namespace: to.namespace,
      device,
      mac: Number(device.mac),
      addresses: device.addresses.flatMap(({ address }) =>
        address.version === 4 ? [Number(address.value)] : [],
      ),
      state,
    };
    stations.push(station);
    return { kind: 'station', station };
  };
  switch (wire.kind) {
    case 'switch-port':
      return reached(inside);
    case 'interface':
      return isLive(compiled, inside)
        ? reached(wire.to)
        : { kind: 'unknown', why: `${inside.name} is down` };
    case 'guest': {
      const seat = seatBehind(network.neutron, host, inside.name);
      return reached({ host, namespace: guestName(seat.tap), name: seat.device });
    }
    case 'segment':
      return { kind: 'nic', segment: wire.segment.name, at: inside };
    case 'kernel':
      return NOBODY;
    case 'unknown':
      return { kind: 'unknown', why: wire.why };
  }
}

function isLive({ network }: CompiledNetwork, { host, namespace, name }: InterfaceId): boolean {
  const device = network
    .namespace(host, namespace)
    ?.state.interfaces.find((one) => one.name === name);
  return device === undefined || (device.up && device.running);
}
