/**
 * A network with somebody outside: the gateways of provider networks that no host of the snapshot
 * owns belong to one outside host, which stands on the segments of those networks. What it is
 * taken to do is said by `outsideNamespace`; every answer that used it names the assumption.
 */
import {
  type OutsideLink,
  outsideInterface,
  outsideNamespace,
} from '../dataplane/endpoint/outside.ts';
import {
  type InterfaceId,
  type NamespaceState,
  type Network,
  ROOT,
  type Segment,
} from '../dataplane/network.ts';
import { type IpAddress } from '../dataplane/routing/types.ts';
import { namespaceOwner } from '../model/ids.ts';
import { segmentOfSubnet } from '../model/network-segments.ts';
import {
  type NetworkSegment,
  type NeutronNetwork,
  type NeutronSubnet,
  type ProviderSegment,
} from '../model/neutron.ts';
import { prefixCovers, sameAddress } from '../packet/prefix.ts';
import { type Borrowed, owns } from './borrowed-address.ts';
import { type TraceEnd } from './types.ts';

/** The name of the host that stands for the outside. */
export const OUTSIDE = 'outside';

/** Where an outside address sends from. */
export interface OutsidePlace {
  readonly host: string;
  readonly namespace: string;
}

interface Outside {
  readonly links: readonly OutsideLink[];
  readonly state: NamespaceState;
}

/** The network with its outside; everything about it is found out when it is first asked for. */
export function withOutside(network: Network): Network {
  if (network.hosts.has(OUTSIDE)) return network;
  const outside = once(() => outsideOf(network));
  const segments = new Map<Segment, Segment>();
  const extended = (segment: Segment): Segment => {
    let made = segments.get(segment);
    if (made === undefined) {
      made = { ...segment, members: [...segment.members, ...membersAt(outside(), segment)] };
      segments.set(segment, made);
    }
    return made;
  };
  return {
    hosts: network.hosts,
    get neutron() {
      return network.neutron;
    },
    get segments() {
      return network.segments.map(extended);
    },
    get missing() {
      return network.missing;
    },
    get problems() {
      return network.problems;
    },
    get endpoints() {
      return network.endpoints;
    },
    endpointsOf: network.endpointsOf,
    namespace: (host, name) =>
      host === OUTSIDE
        ? name === ROOT
          ? (outside()?.state ?? undefined)
          : undefined
        : network.namespace(host, name),
    wire: (at) => {
      if (at.host === OUTSIDE) return wireOf(network, at, extended);
      const wire = network.wire(at);
      return wire.kind === 'segment' ? { ...wire, segment: extended(wire.segment) } : wire;
    },
    interfaceOf: network.interfaceOf,
    placeOf: network.placeOf,
    switchPortOf: (at) => (at.host === OUTSIDE ? null : network.switchPortOf(at)),
    find: network.find,
  };
}

/**
 * Who sends from an address that no host of the snapshot shows: the one who stands behind the
 * gateway of an external network, of the destination's network where that is one.
 */
export function outsidePlace(network: Network, to: IpAddress | null): OutsidePlace | null {
  const { networks, subnets } = network.neutron;
  const external = subnets.filter(({ networkId, gateway }) => {
    return gateway !== null && networks.some(({ id, external: is }) => is && id === networkId);
  });
  const near = external.filter(({ prefix }) => to !== null && prefixCovers(prefix, to));
  for (const { gateway } of [...near, ...external]) {
    const owner = gateway === null ? null : ownerOf(network, gateway);
    if (owner !== null) return owner;
  }
  return network.namespace(OUTSIDE, ROOT) === undefined ? null : { host: OUTSIDE, namespace: ROOT };
}

/**
 * The address that a question places outside, when it lies in a subnet that the outside is
 * connected to: there the outside answers only for addresses that somebody says it has.
 */
export function outsideTarget(
  network: Network,
  { kind, host, address }: TraceEnd,
): readonly Borrowed[] {
  if (kind !== 'external' || host !== null || address === null) return [];
  const { ports, floatingIps } = network.neutron;
  const ofCloud =
    floatingIps.some((one) => sameAddress(one.address, address)) ||
    ports.some(({ fixedIps }) => fixedIps.some((one) => sameAddress(one.address, address)));
  return ofCloud ? [] : [{ host: OUTSIDE, namespace: ROOT, address }];
}

function outsideOf(network: Network): Outside | null {
  const { neutron } = network;
  const links = neutron.networks.flatMap((of) => linksOf(network, of));
  if (links.length === 0) return null;
  const linked = new Set(links.map(outsideInterface));
  const unrouted = neutron.subnets.filter((subnet) => {
    const { networkId } = subnet;
    const of = neutron.networks.find(({ id }) => id === networkId);
    const link = of === undefined ? null : placeOf(segmentOfSubnet(of, subnet));
    return link === null || (!of?.external && !linked.has(outsideInterface(link)));
  });
  // Routers outside follow what the cloud's BGP speakers tell them.
  const { advertised = [] } = neutron;
  const told = ({ prefix }: NeutronSubnet): boolean =>
    advertised.some(({ to }) => to.length === prefix.length && prefixCovers(to, prefix.address));
  const state = outsideNamespace(
    OUTSIDE,
    ROOT,
    links,
    unrouted.filter((subnet) => !told(subnet)).map(({ prefix }) => prefix),
    advertised,
  );
  return {
    links,
    state: { host: OUTSIDE, name: ROOT, state, connections: [], source: () => undefined },
  };
}

/** Flat and VLAN networks leave the cloud; null for those that only tunnels carry. */
function placeOf(segment: ProviderSegment | null): Pick<OutsideLink, 'physical' | 'vlan'> | null {
  if (segment === null) return null;
  const { type, physicalNetwork, segmentationId } = segment;
  if (physicalNetwork === null || (type !== 'flat' && type !== 'vlan')) return null;
  return { physical: physicalNetwork, vlan: type === 'vlan' ? segmentationId : null };
}

/** One link for each segment that has gateways outside. */
function linksOf(network: Network, of: NeutronNetwork): readonly OutsideLink[] {
  return of.segments.flatMap((segment) => linkOf(network, of, segment));
}

function linkOf(
  network: Network,
  of: NeutronNetwork,
  segment: NetworkSegment,
): readonly OutsideLink[] {
  const place = placeOf(segment);
  if (place === null) return [];
  const free = network.neutron.subnets.filter(
    (subnet) =>
      subnet.networkId === of.id &&
      segmentOfSubnet(of, subnet) === segment &&
      gatewayIsOutside(network, subnet),
  );
  const addresses = free.flatMap(({ gateway, prefix }) =>
    gateway === null ? [] : [{ address: gateway, length: prefix.length }],
  );
  if (addresses.length === 0) return [];
  const mac = rememberedMac(
    network,
    addresses.map(({ address }) => address),
  );
  return [{ ...place, mtu: of.mtu, addresses, mac }];
}

/** The MAC address in the neighbour tables of the hosts, unless it is one of the cloud's own. */
function rememberedMac(network: Network, wanted: readonly IpAddress[]): bigint | null {
  const { hosts, neutron } = network;
  const own = new Set(neutron.ports.map(({ mac }) => mac));
  for (const host of hosts.values()) {
    for (const { name, state } of host.namespaces.values()) {
      if (namespaceOwner(name) === undefined && name !== ROOT) continue;
      const known = state.neighbours.find(({ address, mac, state: is }) => {
        const usable = mac !== null && is !== 'failed' && is !== 'incomplete' && !own.has(mac);
        return usable && wanted.some((one) => sameAddress(one, address));
      });
      if (known !== undefined) return known.mac;
    }
  }
  return null;
}

function gatewayIsOutside(network: Network, { gateway, networkId }: NeutronSubnet): boolean {
  if (gateway === null) return false;
  const ofCloud = network.neutron.ports.some(
    (port) =>
      port.networkId === networkId &&
      port.fixedIps.some(({ address }) => sameAddress(address, gateway)),
  );
  return !ofCloud && ownerOf(network, gateway) === null;
}

/** Who of the dumped hosts has the address, apart from the agents' own namespaces. */
function ownerOf({ hosts }: Network, wanted: IpAddress): OutsidePlace | null {
  for (const host of hosts.values()) {
    for (const { name, state } of host.namespaces.values()) {
      if (namespaceOwner(name) !== undefined) continue;
      const owns = state.interfaces.some(({ addresses }) =>
        addresses.some(({ address }) => sameAddress(address, wanted)),
      );
      if (owns) return { host: host.name, namespace: name };
    }
  }
  return null;
}

function membersAt(outside: Outside | null, { name }: Segment): readonly InterfaceId[] {
  const joined = outside?.links.some(({ physical }) => physical === name) === true;
  return joined ? [{ host: OUTSIDE, namespace: ROOT, name }] : [];
}

function wireOf(
  network: Network,
  at: InterfaceId,
  extended: (segment: Segment) => Segment,
): ReturnType<Network['wire']> {
  const segment = network.segments.find(({ name }) => name === at.name);
  if (segment !== undefined) return { kind: 'segment', segment: extended(segment) };
  return { kind: 'unknown', why: `no host is known to be connected to ${at.name}` };
}

/** What people call hosts outside, with an address of each. */
export interface OutsideName {
  readonly name: string;
  readonly address: IpAddress;
}

/**
 * The name of whoever received at the outside: the one that has the address, else the one that
 * has a gateway address, as everything behind a gateway is reached through it; null when nobody
 * is named.
 */
export function outsideName(
  network: Network,
  names: readonly OutsideName[],
  destination: IpAddress,
): string | null {
  const direct = names.find(({ address }) => sameAddress(address, destination));
  if (direct !== undefined) return direct.name;
  const own = network.namespace(OUTSIDE, ROOT)?.state;
  const atGateway = names.filter(({ address }) => own !== undefined && owns(own, address));
  const [first, ...others] = new Set(atGateway.map(({ name }) => name));
  return others.length === 0 ? (first ?? null) : null;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
