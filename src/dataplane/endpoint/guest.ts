/**
 * A guest whose inside nobody captured, as its Neutron port configures it: the addresses DHCP
 * gives, the gateway and host routes of its subnets (RFC 3442), the network's MTU. It answers on
 * every port, which the trace names as an assumption.
 */
import {
  type CloudAddress,
  type CloudPrefix,
  type Neutron,
  type NeutronNetwork,
  type NeutronPort,
  type NeutronSubnet,
} from '../../model/neutron.ts';
import { connectedRoutes } from '../routing/kernel-routes.ts';
import { plainInterface } from '../routing/plain.ts';
import {
  type Interface,
  type InterfaceAddress,
  type Namespace,
  type Route,
} from '../routing/types.ts';
import { nicName, VIRTUAL_OWNER } from './guest-nics.ts';

/** The index of its first NIC; loopback has 1. */
const NIC_INDEX = 2;
/** MTU of a network whose own is unknown. */
const DEFAULT_MTU = 1500;

/** The name of the namespace that stands for a guest behind a tap. */
export function guestName(tap: string): string {
  return `guest behind ${tap}`;
}

/** The tap of a name made by `guestName`; null for the name of a real namespace. */
export function tapOfGuest(name: string): string | null {
  const start = guestName('');
  return name.startsWith(start) ? name.slice(start.length) : null;
}

/** A NIC: its address on the wire, and the port behind which it is, when Neutron is known. */
export interface GuestNic {
  readonly mac: bigint;
  readonly addresses: readonly CloudAddress[];
  readonly port: NeutronPort | null;
  /** What the DHCP server of its network says; without it the cloud's own words count. */
  readonly given: GivenSettings | null;
}

/** What a DHCP server gives a guest beside its address. */
export interface GivenSettings {
  /** Options 121 and 3 as RFC 3442 joins them; null is the default route. */
  readonly routes: readonly {
    readonly to: CloudPrefix | null;
    readonly via: CloudAddress | null;
  }[];
  readonly mtu: number | null;
}

/**
 * Builds the namespace behind the tap of its first NIC; without a port a NIC has its addresses but
 * no routes. Of several default routes that of the first NIC counts, as its metric is the lowest.
 */
export function guestNamespace(
  host: string,
  tap: string,
  nics: readonly GuestNic[],
  neutron: Neutron,
): Namespace {
  const mtus = nics.map(
    ({ given, port }) => given?.mtu ?? networkOf(neutron, port)?.mtu ?? DEFAULT_MTU,
  );
  const plain = nics.map(({ mac, addresses, port }, at) => {
    const subnets = subnetsOf(neutron, port);
    const own = [...addresses, ...virtualAddresses(neutron, port)];
    return plainInterface(nicName(at), NIC_INDEX + at, mac, mtus[at] ?? DEFAULT_MTU, [
      ...own.map((address) => interfaceAddress(address, subnets)),
      linkLocal(mac),
    ]);
  });
  const tagged = nics.flatMap(({ port }, at) =>
    port === null ? [] : subInterfaces(neutron, port, mtus[at] ?? DEFAULT_MTU, at),
  );
  const interfaces = [
    loopback(),
    ...plain,
    ...tagged.map((one, i) => ({ ...one, index: NIC_INDEX + nics.length + i })),
  ];
  return {
    host,
    name: guestName(tap),
    interfaces,
    rules: [],
    routes: [
      ...connectedRoutes(interfaces, 4),
      ...connectedRoutes(interfaces, 6),
      ...nics.flatMap((nic, at) => routesOfNic(nic, neutron, at, nics.length)),
    ],
    neighbours: [],
    proxyNeighbours: [],
    bridgeFdb: [],
    bridgePorts: [],
    bridgeVlans: [],
    sysctls: new Map([
      ['net.ipv4.ip_forward', '0'],
      ['net.ipv4.conf.all.rp_filter', '0'],
    ]),
    sockets: [],
    missing: ['ss-listen'],
  };
}

/**
 * Virtual addresses that an amphora holds: of unbound ports of the load balancer whose address the
 * amphora's port may use. Of two amphorae the first one is taken for the master.
 */
function virtualAddresses(neutron: Neutron, port: NeutronPort | null): readonly CloudAddress[] {
  if (port === null || port.allowedAddressPairs.length === 0) return [];
  const mayUse = (one: NeutronPort, { version, value }: CloudAddress): boolean =>
    one.networkId === port.networkId &&
    one.allowedAddressPairs.some(
      ({ prefix: { address } }) => address.version === version && address.value === value,
    );
  return neutron.ports
    .filter(({ deviceOwner, networkId, host }) => {
      return deviceOwner === VIRTUAL_OWNER && networkId === port.networkId && host === '';
    })
    .flatMap(({ fixedIps }) => fixedIps.map(({ address }) => address))
    .filter((address) => neutron.ports.find((one) => mayUse(one, address))?.id === port.id);
}

/**
 * Sub-ports of a trunk: VLAN interfaces with the MAC and addresses of their ports. Their networks
 * are connected; the default route is the parent's.
 */
function subInterfaces(
  neutron: Neutron,
  parent: NeutronPort,
  mtu: number,
  nic: number,
): readonly Interface[] {
  const trunk = neutron.trunks.find(({ portId }) => portId === parent.id);
  return (trunk?.subPorts ?? []).flatMap(({ portId, segmentationId }) => {
    const port = neutron.ports.find(({ id }) => id === portId);
    if (port === undefined) return [];
    const subnets = subnetsOf(neutron, port);
    const addresses = port.fixedIps.map(({ address }) => interfaceAddress(address, subnets));
    return [
      {
        ...plainInterface(`${nicName(nic)}.${segmentationId}`, 0, port.mac, mtu, [
          ...addresses,
          linkLocal(port.mac),
        ]),
        kind: 'vlan',
        linkIndex: NIC_INDEX + nic,
        details: { protocol: '802.1Q', id: segmentationId },
      },
    ];
  });
}

function subnetsOf(neutron: Neutron, port: NeutronPort | null): readonly NeutronSubnet[] {
  const known = subnetsById(neutron);
  const ids = new Set(port?.fixedIps.map(({ subnetId }) => subnetId));
  return [...ids]
    .flatMap((id) => known.get(id) ?? [])
    .sort((a, b) => a.order - b.order)
    .map(({ subnet }) => subnet);
}

/** A subnet, and its place in the list. */
interface Placed {
  readonly order: number;
  readonly subnet: NeutronSubnet;
}

/** Of a large cloud every guest asks for a few of each. */
const networkLists = new WeakMap<readonly NeutronNetwork[], ReadonlyMap<string, NeutronNetwork>>();
const subnetLists = new WeakMap<readonly NeutronSubnet[], ReadonlyMap<string, readonly Placed[]>>();

function networkOf({ networks }: Neutron, port: NeutronPort | null): NeutronNetwork | undefined {
  let known = networkLists.get(networks);
  if (known === undefined) {
    // The first of an id counts.
    known = new Map([...networks].reverse().map((one) => [one.id, one]));
    networkLists.set(networks, known);
  }
  return port === null ? undefined : known.get(port.networkId);
}

function subnetsById({ subnets }: Neutron): ReadonlyMap<string, readonly Placed[]> {
  let known = subnetLists.get(subnets);
  if (known === undefined) {
    const made = new Map<string, Placed[]>();
    for (const [order, subnet] of subnets.entries()) {
      const others = made.get(subnet.id);
      if (others === undefined) made.set(subnet.id, [{ order, subnet }]);
      else others.push({ order, subnet });
    }
    known = made;
    subnetLists.set(subnets, known);
  }
  return known;
}

function interfaceAddress(
  address: CloudAddress,
  subnets: readonly NeutronSubnet[],
): InterfaceAddress {
  const width = address.version === 4 ? 32 : 128;
  const subnet = subnets.find(({ prefix }) => {
    const host = BigInt(width - prefix.length);
    const same = prefix.address.version === address.version;
    return same && prefix.address.value >> host === address.value >> host;
  });
  return {
    address,
    length: subnet?.prefix.length ?? width,
    peer: null,
    scope: 'global',
    secondary: false,
    deprecated: false,
    tentative: false,
  };
}

function isFour({ prefix }: NeutronSubnet): boolean {
  return prefix.address.version === 4;
}

/** Every interface forms one (RFC 4862 §5.3), here with the modified EUI-64 of its MAC. */
function linkLocal(mac: bigint): InterfaceAddress {
  const identifier = (((mac >> 24n) ^ 0x02_0000n) << 40n) | (0xfffen << 24n) | (mac & 0xff_ffffn);
  return {
    address: { version: 6, value: (0xfe80n << 112n) | identifier },
    length: 64,
    peer: null,
    scope: 'link',
    secondary: false,
    deprecated: false,
    tentative: false,
  };
}

function loopback(): Interface {
  return {
    ...plainInterface('lo', 1, 0n, 65536),
    loopback: true,
    addresses: [
      {
        address: { version: 4, value: 0x7f00_0001n },
        length: 8,
        peer: null,
        scope: 'host',
        secondary: false,
        deprecated: false,
        tentative: false,
      },
    ],
  };
}

const MAIN = 254;

/** Metrics of default routes begin here where there are several, as network scripts set them. */
const FIRST_METRIC = 100;

function routesOfNic(
  { port, given }: GuestNic,
  neutron: Neutron,
  at: number,
  count: number,
): readonly Route[] {
  const device = nicName(at);
  const subnets = subnetsOf(neutron, port).filter((one) => given === null || !isFour(one));
  const told = (given?.routes ?? []).map(({ to, via }) =>
    route(4, { table: MAIN, prefix: to }, via, device),
  );
  const all = [...subnets.flatMap((one) => routesOf(one, device)), ...told];
  if (count < 2) return all;
  return all.map((one) => (one.prefix === null ? { ...one, metric: FIRST_METRIC + at } : one));
}

function route(
  version: 4 | 6,
  of: Partial<Route> & Pick<Route, 'prefix' | 'table'>,
  gateway: CloudAddress | null,
  device: string,
): Route {
  return {
    version,
    type: 'unicast',
    metric: 0,
    source: null,
    scope: gateway === null ? 'link' : 'global',
    hops: [{ gateway, device, weight: 1, onLink: false, dead: false }],
    mtu: null,
    origin: { file: 'Neutron subnet', line: 0 },
    ...of,
  };
}

/** Option 121 replaces the router option where it is given; dnsmasq sends both alike. */
function routesOf(
  { prefix, gateway, hostRoutes }: NeutronSubnet,
  device: string,
): readonly Route[] {
  const { version } = prefix.address;
  const routes = hostRoutes.map(({ to, via }) =>
    route(version, { table: MAIN, prefix: to }, via, device),
  );
  return gateway === null
    ? routes
    : [...routes, route(version, { table: MAIN, prefix: null }, gateway, device)];
}
