/**
 * Whom a question can name: servers, routers, DHCP servers, guests that only a namespace shows,
 * and hosts. The cloud's objects come first; what the hosts show fills in where they stand.
 */
import { seatBehind } from '../../dataplane/endpoint/guest-nics.ts';
import { type Endpoint, type Host, type NamespaceState, ROOT } from '../../dataplane/network.ts';
import { type InterfaceAddress, type IpAddress } from '../../dataplane/routing/types.ts';
import { deviceName, namespaceOwner, portIdPrefix } from '../../model/ids.ts';
import { type Neutron, type NeutronPort } from '../../model/neutron.ts';
import { readIp, readMac } from '../../text/address-text.ts';
import { once } from './folder.ts';
import { namespacesByOwner, ownedNamespaces } from './owned-namespaces.ts';
import { type OfTrunk, portsByPlace, roleOf, trunksOf } from './port-places.ts';
import { type Wires } from './wires.ts';

/** A guest namespace of a lab is called after its server. */
const GUEST = 'vm-';

export interface Directory {
  readonly all: readonly Endpoint[];
  /** Those of one host, of which no other host's files are read. */
  readonly of: (host: string) => readonly Endpoint[];
  find(word: string): readonly Endpoint[];
}

export function openDirectory(
  hosts: ReadonlyMap<string, Host>,
  wires: Pick<Wires, 'wire'>,
  neutron: Neutron,
): Directory {
  const names = once(() => namesOf(neutron));
  const around: Around = {
    hosts,
    wires,
    neutron,
    names,
    owned: once(() => ownedNamespaces(hosts)),
    trunks: once(() => trunksOf(neutron)),
  };
  const cloud = once(() => neutron.ports.flatMap((port) => endpointsOfPort(port, around)));
  const seenOn = (host: Host, own: readonly Endpoint[]): readonly Endpoint[] =>
    endpointsOfHost(host, new Set(own.map(({ namespace }) => namespace ?? '')));
  const all = once(() => {
    const byHost = new Map<string, Endpoint[]>();
    for (const each of cloud()) {
      const others = byHost.get(each.host);
      if (others === undefined) byHost.set(each.host, [each]);
      else others.push(each);
    }
    const seen = [...hosts.values()].map((host) => seenOn(host, byHost.get(host.name) ?? []));
    return [...cloud(), ...seen.flat()];
  });
  const portsBy = once(() => portsByPlace(neutron));
  const ofHost = (name: string): readonly Endpoint[] => {
    const host = hosts.get(name);
    const owners = host === undefined ? [] : [...namespacesByOwner(host).keys()];
    const keys = [name, ...owners];
    const ports = new Set(keys.flatMap((key) => portsBy().get(key) ?? []));
    const order = [...ports].sort((a, b) => a.index - b.index);
    const own = order.flatMap(({ port }) => endpointsOfPort(port, around));
    const here = own.filter((each) => each.host === name);
    return host === undefined ? here : [...here, ...seenOn(host, here)];
  };
  const places = new Map<string, readonly Endpoint[]>();
  const of = (name: string): readonly Endpoint[] => {
    let found = places.get(name);
    if (found === undefined) {
      found = ofHost(name);
      places.set(name, found);
    }
    return found;
  };
  const byCloud = (a: Endpoint, b: Endpoint): number => {
    const [x, y] = [a, b].map((each) => (inCloud(each, neutron) ? 0 : 1));
    return (x ?? 0) - (y ?? 0);
  };
  const find = (word: string): readonly Endpoint[] => {
    const wanted = wantedOf(word);
    const floating = neutron.floatingIps.filter((each) => isWanted(each.address, wanted));
    const behind = new Set(floating.flatMap((each) => each.portId ?? []));
    // What the cloud knows is asked first: it needs nothing of the hosts.
    const called = names();
    const ranked = neutron.ports
      .flatMap((port) => {
        const rank = behind.has(port.id) ? 1 : rankOfPort(port, called, wanted);
        return rank > 0 ? { port, rank } : [];
      })
      .sort((a, b) => a.rank - b.rank);
    const known = ranked.flatMap(({ port }) => endpointsOfPort(port, around));
    if (known.length > 0) return known;
    const hits = all()
      .map((each) => ({ each, rank: rankOf(each, wanted) }))
      .filter(({ rank }) => rank > 0)
      .sort((a, b) => a.rank - b.rank || byCloud(a.each, b.each))
      .map(({ each }) => each);
    // A host's name means the host: its interface towards the cloud's networks stands for it.
    const hosted = new Set<string>();
    return hits.filter((each) => {
      if (each.role !== 'host' || each.name !== word) return true;
      const first = !hosted.has(each.host);
      hosted.add(each.host);
      return first;
    });
  };
  return {
    get all() {
      return all();
    },
    of,
    find,
  };
}

/** What a word may mean, read once for all whom it is compared with. */
interface Wanted {
  readonly word: string;
  /** The port's id that a device's name begins with, or that the word itself begins. */
  readonly idPrefix: string | undefined;
  readonly address: IpAddress | undefined;
  readonly mac: bigint | undefined;
}

function wantedOf(word: string): Wanted {
  const idPrefix = portIdPrefix(word) ?? (/^[0-9a-f-]{8,}$/.test(word) ? word : undefined);
  return { word, idPrefix, address: readIp(word), mac: readMac(word) };
}

/** 0 is no match; the smaller the better. */
function rankOfPort(port: NeutronPort, names: ReadonlyMap<string, string>, of: Wanted): number {
  const { word, idPrefix } = of;
  if (names.get(port.deviceId) === word || port.name === word) return 1;
  if (port.id === word) return 2;
  if (port.deviceId === word) return 3;
  if (idPrefix !== undefined && port.id.startsWith(idPrefix)) return 4;
  return port.fixedIps.some(({ address }) => isWanted(address, of)) || port.mac === of.mac ? 6 : 0;
}

/** Of what only the hosts show: by name, `NAMESPACE`, `HOST/NAMESPACE`, address or MAC. */
function rankOf(each: Endpoint, of: Wanted): number {
  const { word } = of;
  if (each.name === word) return 1;
  const { namespace } = each;
  if (namespace !== null && namespace !== ROOT && namespace === word) return 3;
  if (namespace !== null && `${each.host}/${namespace}` === word) return 3;
  return each.addresses.some((address) => isWanted(address, of)) || each.mac === of.mac ? 6 : 0;
}

function isWanted({ version, value }: IpAddress, { address }: Wanted): boolean {
  return address !== undefined && address.version === version && address.value === value;
}

/** Whether an address lies in a subnet of the cloud, as an outside host's one does. */
function inCloud(each: Endpoint, neutron: Neutron): boolean {
  return each.addresses.some(({ version, value }) =>
    neutron.subnets.some(({ prefix }) => {
      const host = BigInt((version === 4 ? 32 : 128) - prefix.length);
      return prefix.address.version === version && value >> host === prefix.address.value >> host;
    }),
  );
}

/** Device id → the name a person gave it. */
function namesOf(neutron: Neutron): ReadonlyMap<string, string> {
  const servers = neutron.servers.map((server) => [server.id, server.name] as const);
  const routers = neutron.routers.map((router) => [router.id, router.name] as const);
  return new Map([...servers, ...routers]);
}

/** Where the places of ports are looked up. */
interface Around {
  readonly hosts: ReadonlyMap<string, Host>;
  readonly wires: Pick<Wires, 'wire'>;
  readonly neutron: Neutron;
  readonly names: () => ReadonlyMap<string, string>;
  /** Namespaces of agents on all hosts, by the id of what they belong to. */
  readonly owned: () => ReadonlyMap<string, readonly NamespaceState[]>;
  /** By the id of a sub-port. */
  readonly trunks: () => ReadonlyMap<string, OfTrunk>;
}

function endpointsOfPort(port: NeutronPort, around: Around): Endpoint[] {
  const { hosts, wires, names } = around;
  const role = roleOf(port);
  const named = names().get(port.deviceId);
  const name = named !== undefined && named !== '' ? named : port.name;
  const base = {
    name: name === '' ? port.id : name,
    mac: port.mac,
    addresses: port.fixedIps.map((fixed) => fixed.address),
    port,
    role,
  };
  if (role === 'router' || role === 'dhcp') {
    return placesOfAgent(port, role, around.owned()).map((place) => ({
      ...base,
      ...place,
      tap: null,
    }));
  }
  const trunk = around.trunks().get(port.id);
  if (trunk !== undefined)
    return [subPortEndpoint({ ...base, role: 'other' }, port, trunk, around)];
  const host = hosts.get(port.host);
  const tap = deviceName('tap', port.id);
  const inside = once(() => (host === undefined ? null : guestOf(host, tap, base.name, wires)));
  return [
    {
      ...base,
      host: port.host,
      tap: host === undefined ? null : tap,
      // Where the guest stands is looked up only for the endpoint that is asked for.
      get namespace() {
        return inside()?.namespace ?? null;
      },
      get interface() {
        return inside()?.name ?? tap;
      },
    },
  ];
}

/**
 * A sub-port stands in the guest of its trunk's parent: on the interface that has one of its
 * addresses, without any the one with its MAC, and in a guest that nobody captured `eth0.VLAN`.
 */
function subPortEndpoint(
  base: Pick<Endpoint, 'name' | 'mac' | 'addresses' | 'port' | 'role'>,
  port: NeutronPort,
  { parent, vlan }: OfTrunk,
  { hosts, wires, names, neutron }: Around,
): Endpoint {
  const hostName = port.host || parent.host;
  const host = hosts.get(hostName);
  const tap = deviceName('tap', parent.id);
  const parentName = names().get(parent.deviceId) ?? parent.name;
  const guest = once(() => (host === undefined ? null : guestOf(host, tap, parentName, wires)));
  const own = once(() => {
    const namespace = guest()?.namespace;
    const all = host?.namespaces.get(namespace ?? '')?.state.interfaces ?? [];
    const addressed = all.find(({ addresses }) =>
      addresses.some(({ address }) => base.addresses.some((one) => one.value === address.value)),
    );
    return addressed ?? all.find(({ mac, kind }) => mac === base.mac && kind !== '') ?? null;
  });
  return {
    ...base,
    host: hostName,
    tap: host === undefined ? null : tap,
    get namespace() {
      return guest()?.namespace ?? null;
    },
    get interface() {
      return own()?.name ?? `${seatBehind(neutron, hostName, tap).device}.${vlan}`;
    },
  };
}

/** The guest's interface: what the tap's wire leads to, when the guest is in the snapshot. */
function guestOf(
  host: Host,
  tap: string,
  name: string,
  wires: Pick<Wires, 'wire'>,
): { namespace: string; name: string } | null {
  if (!host.namespaces.has(ROOT)) return null;
  const wire = wires.wire({ host: host.name, namespace: ROOT, name: tap });
  if (wire.kind === 'interface') return wire.to;
  const fallback = host.namespaces.get(GUEST + name);
  const [only] = (fallback?.state.interfaces ?? []).filter((each) => !each.loopback);
  return fallback === undefined || only === undefined
    ? null
    : { namespace: fallback.name, name: only.name };
}

type Place = { host: string; namespace: string; interface: string };

/** A router's or DHCP server's interfaces; a distributed router stands on many hosts. */
function placesOfAgent(
  port: NeutronPort,
  role: 'router' | 'dhcp',
  owned: ReadonlyMap<string, readonly NamespaceState[]>,
): Place[] {
  const served = role === 'dhcp' ? port.networkId : port.deviceId;
  const spellings = (['tap', 'qr-', 'qg-', 'ha-', 'sg-', 'fg-', 'ns-'] as const).map((prefix) =>
    deviceName(prefix, port.id),
  );
  const floating = (owned.get(port.networkId) ?? []).filter(
    ({ name }) => namespaceOwner(name)?.kind === 'floating',
  );
  return [...new Set([...(owned.get(served) ?? []), ...floating])].flatMap((namespace): Place[] => {
    const found = namespace.state.interfaces.find((each) => spellings.includes(each.name));
    if (found === undefined) return [];
    return [{ host: namespace.host, namespace: namespace.name, interface: found.name }];
  });
}

/** Guests that Neutron does not know, and the host itself. */
function endpointsOfHost(host: Host, known: ReadonlySet<string>): Endpoint[] {
  const found: Endpoint[] = [];
  for (const namespace of host.namespaces.values()) {
    const guest = namespace.name.startsWith(GUEST);
    if (known.has(namespace.name) || namespaceOwner(namespace.name)) continue;
    const all = namespace.state.interfaces;
    const own = all.filter((each) => each.loopback).flatMap((each) => globalsOf(each.addresses));
    for (const each of all) {
      const addresses = globalsOf(each.addresses);
      if (each.loopback || (addresses.length === 0 && !guest)) continue;
      found.push({
        name: guest ? namespace.name.slice(GUEST.length) : host.name,
        host: host.name,
        namespace: namespace.name,
        interface: each.name,
        tap: null,
        mac: each.mac,
        // A kernel answers for all of its addresses on every interface.
        addresses: [...addresses, ...own],
        port: null,
        role: guest ? 'vm' : namespace.name === ROOT ? 'host' : 'other',
      });
    }
  }
  return found;
}

function globalsOf(addresses: readonly InterfaceAddress[]): readonly IpAddress[] {
  return addresses.filter((each) => each.scope === 'global').map((each) => each.address);
}
