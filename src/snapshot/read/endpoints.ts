/**
 * Whom a question can name: servers, routers, DHCP servers, guests that only a namespace shows,
 * and hosts. The cloud's objects come first; what the hosts show fills in where they stand.
 */
import { seatBehind } from '../../dataplane/endpoint/guest-nics.ts';
import { type Endpoint, type Host, ROOT } from '../../dataplane/network.ts';
import { type InterfaceAddress, type IpAddress } from '../../dataplane/routing/types.ts';
import { deviceName, namespaceOwner, portIdPrefix } from '../../model/ids.ts';
import { type Neutron, type NeutronPort } from '../../model/neutron.ts';
import { readIp, readMac } from '../../text/address-text.ts';
import { once } from './folder.ts';
import { namespacesByOwner } from './owned-namespaces.ts';
import { type Wires } from './wires.ts';

/** A guest namespace of a lab is called after its server. */
const GUEST = 'vm-';

export interface Directory {
  readonly all: readonly Endpoint[];
  find(word: string): readonly Endpoint[];
}

export function openDirectory(
  hosts: ReadonlyMap<string, Host>,
  wires: Pick<Wires, 'wire'>,
  neutron: Neutron,
): Directory {
  const names = once(() => namesOf(neutron));
  const around = { hosts, wires, neutron, names };
  const cloud = once(() => neutron.ports.flatMap((port) => endpointsOfPort(port, around)));
  const seen = once(() => {
    const known = new Set(cloud().map((each) => `${each.host} ${each.namespace ?? ''}`));
    return [...hosts.values()].flatMap((host) => endpointsOfHost(host, known));
  });
  const all = once(() => [...cloud(), ...seen()]);
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
    return placesOfAgent(port, role, hosts).map((place) => ({ ...base, ...place, tap: null }));
  }
  const trunk = trunkOf(port, around.neutron);
  if (trunk !== null) return [subPortEndpoint({ ...base, role: 'other' }, port, trunk, around)];
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

/** The trunk that a port is a sub-port of: its parent, and the VLAN on the parent's tap. */
interface OfTrunk {
  readonly parent: NeutronPort;
  readonly vlan: number;
}

function trunkOf({ id }: NeutronPort, { trunks, ports }: Neutron): OfTrunk | null {
  for (const { portId, subPorts } of trunks) {
    const sub = subPorts.find((each) => each.portId === id);
    const parent = sub === undefined ? undefined : ports.find((each) => each.id === portId);
    if (sub !== undefined && parent !== undefined) return { parent, vlan: sub.segmentationId };
  }
  return null;
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

function roleOf(port: NeutronPort): Endpoint['role'] {
  const { deviceOwner } = port;
  if (deviceOwner.startsWith('compute:')) return 'vm';
  if (deviceOwner === 'network:dhcp') return 'dhcp';
  if (/^network:(router|ha_router|floatingip_agent)/.test(deviceOwner)) return 'router';
  return deviceOwner === '' && port.host !== '' ? 'vm' : 'other';
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
  hosts: ReadonlyMap<string, Host>,
): Place[] {
  const served = role === 'dhcp' ? port.networkId : port.deviceId;
  const spellings = (['tap', 'qr-', 'qg-', 'ha-', 'sg-', 'fg-', 'ns-'] as const).map((prefix) =>
    deviceName(prefix, port.id),
  );
  const places: Place[] = [];
  for (const host of hosts.values()) {
    const owned = namespacesByOwner(host);
    const floating = (owned.get(port.networkId) ?? []).filter(
      ({ name }) => namespaceOwner(name)?.kind === 'floating',
    );
    for (const namespace of new Set([...(owned.get(served) ?? []), ...floating])) {
      const found = namespace.state.interfaces.find((each) => spellings.includes(each.name));
      if (found === undefined) continue;
      places.push({ host: host.name, namespace: namespace.name, interface: found.name });
    }
  }
  return places;
}

/** Guests that Neutron does not know, and the host itself. */
function endpointsOfHost(host: Host, known: ReadonlySet<string>): Endpoint[] {
  const found: Endpoint[] = [];
  for (const namespace of host.namespaces.values()) {
    const guest = namespace.name.startsWith(GUEST);
    if (known.has(`${host.name} ${namespace.name}`) || namespaceOwner(namespace.name)) continue;
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
