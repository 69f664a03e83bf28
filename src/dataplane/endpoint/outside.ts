/**
 * Somebody outside: the network behind the gateways of provider networks, of which no host of
 * the snapshot shows anything. It owns the gateway addresses, forwards between the networks it is
 * connected to, and is taken to own every address that is not the cloud's; to the tenants' own
 * subnets it has no route, as nobody announces them there.
 */
import { type CloudAddress, type CloudPrefix } from '../../model/neutron.ts';
import { type Origin } from '../../text/problem.ts';
import { connectedRoutes, defaultRules, ruleForAll } from '../routing/kernel-routes.ts';
import { plainInterface } from '../routing/plain.ts';
import {
  type Interface,
  type InterfaceAddress,
  type Namespace,
  type PolicyRule,
  ROUTE_TABLES,
  type Route,
} from '../routing/types.ts';

/** One provider network that the outside is connected to. */
export interface OutsideLink {
  /** The physical network: name of the interface as well. */
  readonly physical: string;
  /** VLAN of the provider network; null for flat ones. */
  readonly vlan: number | null;
  readonly mtu: number | null;
  readonly addresses: readonly CloudPrefix[];
  /** The MAC address that somebody in the snapshot remembers of them; null when nobody does. */
  readonly mac: bigint | null;
}

const MAIN = ROUTE_TABLES['main'] ?? 254;
/** Locally administered, so that no vendor and no agent has given it (IEEE 802 §8.4). */
const FIRST_MAC = 0x026f_7574_0000n;
const ETHERNET_MTU = 1500;
const ASSUMED: Origin = { file: 'the outside network, as it is assumed', line: 0 };

/** A prefix that the cloud announces, and the next hop towards it. */
export interface Advertised {
  readonly to: CloudPrefix;
  readonly via: CloudAddress;
}

/** The interface that a link's provider network is reached by. */
export function outsideInterface({
  physical,
  vlan,
}: Pick<OutsideLink, 'physical' | 'vlan'>): string {
  return vlan === null ? physical : `${physical}.${vlan}`;
}

/**
 * The namespace that stands for the outside.
 *
 * @param unrouted subnets of the cloud that nobody outside has a route to
 * @param advertised what BGP speakers of the cloud told
 */
export function outsideNamespace(
  host: string,
  name: string,
  links: readonly OutsideLink[],
  unrouted: readonly CloudPrefix[],
  advertised: readonly Advertised[] = [],
): Namespace {
  const interfaces = interfacesOf(links);
  return {
    host,
    name,
    interfaces,
    rules: [...defaultRules(4), ...defaultRules(6), ...unrouted.flatMap(passedOver), ...LAST_RULES],
    routes: [
      ...connectedRoutes(interfaces, 4),
      ...connectedRoutes(interfaces, 6),
      ...advertised.flatMap((route) => routeTold(route, links)),
      localDefault(4),
      localDefault(6),
    ],
    neighbours: [],
    proxyNeighbours: [],
    bridgeFdb: [],
    bridgePorts: [],
    bridgeVlans: [],
    sysctls: new Map([
      ['net.ipv4.ip_forward', '1'],
      ['net.ipv6.conf.all.forwarding', '1'],
      ['net.ipv4.conf.all.rp_filter', '0'],
      ['net.ipv4.conf.all.send_redirects', '0'],
      ['net.ipv4.conf.default.send_redirects', '0'],
    ]),
    sockets: [],
    missing: ['ss-listen'],
  };
}

function interfacesOf(links: readonly OutsideLink[]): readonly Interface[] {
  const interfaces: Interface[] = [loopback()];
  const add = (made: Interface, mac: bigint | null): Interface => {
    const index = interfaces.length + 1;
    const device = { ...made, index, mac: mac ?? FIRST_MAC + BigInt(index) };
    interfaces.push(device);
    return device;
  };
  for (const physical of new Set(links.map((link) => link.physical))) {
    const here = links.filter((link) => link.physical === physical);
    const flat = here.filter(({ vlan }) => vlan === null);
    const mtu = Math.max(...here.map((link) => link.mtu ?? ETHERNET_MTU));
    const mac = here.find((link) => link.mac !== null)?.mac ?? null;
    const nic = add(plainInterface(physical, 0, 0n, mtu, flat.flatMap(addressesOf)), mac);
    for (const link of here) {
      if (link.vlan === null) continue;
      const child = plainInterface(
        outsideInterface(link),
        0,
        0n,
        link.mtu ?? ETHERNET_MTU,
        addressesOf(link),
      );
      const details = { id: link.vlan, protocol: '802.1Q' };
      add({ ...child, kind: 'vlan', linkIndex: nic.index, details }, link.mac ?? nic.mac);
    }
  }
  return interfaces;
}

function loopback(): Interface {
  const own = interfaceAddress({ version: 4, value: 0x7f00_0001n }, 8, 'host');
  return { ...plainInterface('lo', 0, 0n, 65536, [own]), index: 1, mac: 0n, loopback: true };
}

function addressesOf({ addresses }: OutsideLink): readonly InterfaceAddress[] {
  return addresses.map(({ address, length }) => interfaceAddress(address, length, 'global'));
}

function interfaceAddress(
  address: CloudAddress,
  length: number,
  scope: InterfaceAddress['scope'],
): InterfaceAddress {
  return {
    address,
    length,
    peer: null,
    scope,
    secondary: false,
    deprecated: false,
    tentative: false,
  };
}

/** A route that a BGP speaker told, by the link on which its next hop is. */
function routeTold({ to, via }: Advertised, links: readonly OutsideLink[]): readonly Route[] {
  const rest = (length: number): bigint => BigInt((via.version === 4 ? 32 : 128) - length);
  const link = links.find(({ addresses }) =>
    addresses.some(
      ({ address, length }) =>
        address.version === via.version &&
        address.value >> rest(length) === via.value >> rest(length),
    ),
  );
  if (link === undefined) return [];
  const device = outsideInterface(link);
  return [
    {
      ...localDefault(to.address.version),
      type: 'unicast',
      prefix: to,
      scope: 'global',
      hops: [{ gateway: via, device, weight: 1, onLink: false, dead: false }],
    },
  ];
}

/**
 * Every address is the outside's own, unless a rule passed over this table.
 * Simplification: which addresses exist outside is not known; all of them do that are not the
 * cloud's, and nobody outside has a route to a subnet of tenants that no BGP speaker announces.
 */
function localDefault(version: 4 | 6): Route {
  return {
    version,
    type: 'local',
    prefix: null,
    table: MAIN,
    metric: 0,
    source: null,
    scope: 'host',
    hops: [{ gateway: null, device: 'lo', weight: 1, onLink: false, dead: false }],
    mtu: null,
    origin: ASSUMED,
  };
}

/** Behind the rules of the main table there is no route any more. */
const LAST = 40_000;

function rule(
  version: 4 | 6,
  priority: number,
  to: CloudPrefix | null,
  action: PolicyRule['action'],
): PolicyRule {
  return { ...ruleForAll(version, priority, ASSUMED), to, action };
}

function passedOver(prefix: CloudPrefix): readonly PolicyRule[] {
  return [rule(prefix.address.version, 100, prefix, { kind: 'goto', priority: LAST })];
}

const LAST_RULES = [rule(4, LAST, null, { kind: 'nop' }), rule(6, LAST, null, { kind: 'nop' })];
