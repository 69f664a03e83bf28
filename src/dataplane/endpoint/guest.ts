/**
 * A guest whose inside nobody captured, as its Neutron port configures it: the addresses DHCP
 * gives, the gateway and host routes of its subnets (RFC 3442), the network's MTU. It answers on
 * every port, which the trace names as an assumption.
 */
import {
  type CloudAddress,
  type CloudPrefix,
  type Neutron,
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

/** The guest's only interface. */
export const GUEST_INTERFACE = 'eth0';
/** Its index; loopback has 1. */
const NIC_INDEX = 2;
const FIRST_FREE_INDEX = 3;
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

/** What is known of a guest without Neutron: its address on the wire. */
export interface BareGuest {
  readonly host: string;
  readonly tap: string;
  readonly mac: bigint;
  readonly addresses: readonly CloudAddress[];
}

/** What a DHCP server gives a guest beside its address. */
export interface GivenSettings {
  /** Options 121 and 3 as RFC 3442 joins them; null is the default route. */
  readonly routes: readonly { readonly to: CloudPrefix | null; readonly via: CloudAddress }[];
  readonly mtu: number | null;
}

/**
 * Builds the namespace; without a port it knows its addresses but no routes.
 *
 * @param given what the DHCP server of its network says; without it the cloud's own words count
 */
export function guestNamespace(
  guest: BareGuest,
  neutron: Neutron,
  port: NeutronPort | null,
  given: GivenSettings | null = null,
): Namespace {
  const network = neutron.networks.find(({ id }) => id === port?.networkId);
  const subnets = subnetsOf(neutron, port);
  const own = [...guest.addresses, ...virtualAddresses(neutron, port)];
  const addresses = own.map((address) => interfaceAddress(address, subnets));
  const mtu = given?.mtu ?? network?.mtu ?? DEFAULT_MTU;
  const interfaces = [
    loopback(),
    plainInterface(GUEST_INTERFACE, NIC_INDEX, guest.mac, mtu, [
      ...addresses,
      linkLocal(guest.mac),
    ]),
    ...(port === null ? [] : subInterfaces(neutron, port, mtu)),
  ];
  return {
    host: guest.host,
    name: guestName(guest.tap),
    interfaces,
    rules: [],
    routes: [
      ...connectedRoutes(interfaces, 4),
      ...connectedRoutes(interfaces, 6),
      ...subnets.filter((one) => given === null || !isFour(one)).flatMap(routesOf),
      ...(given?.routes ?? []).map(({ to, via }) => route(4, { table: MAIN, prefix: to }, via)),
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

/** Who owns ports that stand for an address only, and are bound nowhere (octavia-lib constants). */
const VIRTUAL_OWNER = 'Octavia';

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
function subInterfaces(neutron: Neutron, parent: NeutronPort, mtu: number): readonly Interface[] {
  const trunk = neutron.trunks.find(({ portId }) => portId === parent.id);
  return (trunk?.subPorts ?? []).flatMap(({ portId, segmentationId }, at) => {
    const port = neutron.ports.find(({ id }) => id === portId);
    if (port === undefined) return [];
    const subnets = subnetsOf(neutron, port);
    const addresses = port.fixedIps.map(({ address }) => interfaceAddress(address, subnets));
    return [
      {
        ...plainInterface(
          `${GUEST_INTERFACE}.${segmentationId}`,
          FIRST_FREE_INDEX + at,
          port.mac,
          mtu,
          [...addresses, linkLocal(port.mac)],
        ),
        kind: 'vlan',
        linkIndex: NIC_INDEX,
        details: { protocol: '802.1Q', id: segmentationId },
      },
    ];
  });
}

function subnetsOf(neutron: Neutron, port: NeutronPort | null): readonly NeutronSubnet[] {
  const ids = new Set(port?.fixedIps.map(({ subnetId }) => subnetId));
  return neutron.subnets.filter(({ id }) => ids.has(id));
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

function route(
  version: 4 | 6,
  of: Partial<Route> & Pick<Route, 'prefix' | 'table'>,
  gateway: CloudAddress | null = null,
): Route {
  return {
    version,
    type: 'unicast',
    metric: 0,
    source: null,
    scope: gateway === null ? 'link' : 'global',
    hops: [{ gateway, device: GUEST_INTERFACE, weight: 1, onLink: false, dead: false }],
    mtu: null,
    origin: { file: 'Neutron subnet', line: 0 },
    ...of,
  };
}

/** Option 121 replaces the router option where it is given; dnsmasq sends both alike. */
function routesOf({ prefix, gateway, hostRoutes }: NeutronSubnet): readonly Route[] {
  const { version } = prefix.address;
  const routes = hostRoutes.map(({ to, via }) => route(version, { table: MAIN, prefix: to }, via));
  return gateway === null
    ? routes
    : [...routes, route(version, { table: MAIN, prefix: null }, gateway)];
}
