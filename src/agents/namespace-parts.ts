/** Parts that namespaces of several agents have in common: devices, addresses, sysctls, sockets. */
import { deviceName, linkLocalAddress } from '../model/ids.ts';
import {
  type CloudAddress,
  type FixedIp,
  type NeutronPort,
  type NeutronSubnet,
} from '../model/neutron.ts';
import { type Place, type Plug } from './part.ts';
import { type AddressPlan, type DevicePlan, type RoutePlan, type SocketPlan } from './plan.ts';
import { type CloudView } from './view.ts';

const MAIN_TABLE = 254;

/** The fixed addresses of a port with the length of their subnets. */
export function addressesOf(view: CloudView, fixedIps: readonly FixedIp[]): AddressPlan[] {
  return fixedIps.map(({ subnetId, address }) => ({
    address,
    length: view.subnets.get(subnetId)?.prefix.length ?? (address.version === 4 ? 32 : 128),
    scope: 'global',
  }));
}

/** The address that the kernel makes of a MAC when the link comes up (RFC 4862 §5.3). */
export function linkLocalOf(mac: bigint): AddressPlan {
  return { address: linkLocalAddress(mac), length: 64, scope: 'link' };
}

/**
 * An interface of a port inside of a namespace: an internal port of the switch that was moved
 * there, or beside Linux bridges the inner end of a veth whose other end is called `tap…`.
 */
export function portDevice(
  at: Place,
  port: NeutronPort,
  name: string,
  addresses: readonly AddressPlan[],
): DevicePlan {
  const bridged = isBridged(at);
  return {
    name,
    kind: bridged ? 'veth' : 'openvswitch',
    mac: port.mac,
    mtu: at.view.networks.get(port.networkId)?.mtu ?? 1500,
    up: true,
    master: null,
    peer: bridged ? { namespace: 'root', device: deviceName('tap', port.id) } : null,
    lower: null,
    addresses,
    details: {},
  };
}

/** Such an interface, waiting to be connected to its network on this host. */
export function namespacePlug(
  at: Place,
  port: NeutronPort,
  device: string,
  namespace: string,
): Plug {
  const here = { ...port, host: at.host.name };
  const kind = isBridged(at) ? 'veth' : 'internal';
  return { port: here, device, kind, namespace, bridge: null };
}

function isBridged(at: Place): boolean {
  return at.host.layer2?.kind === 'linuxbridge';
}

export function route(
  to: RoutePlan['prefix'],
  via: CloudAddress | null,
  device: string,
  table = MAIN_TABLE,
): RoutePlan {
  return {
    version: (via ?? to?.address)?.version ?? 4,
    prefix: to,
    table,
    type: 'unicast',
    gateway: via,
    device,
    others: [],
    source: null,
    scope: via === null ? 'link' : 'global',
    metric: 0,
    mtu: null,
  };
}

/**
 * A default route; a gateway that lies outside of its subnet gets a route to itself first
 * (`is_gateway_not_in_subnet`).
 */
export function gatewayRoutes(
  { prefix }: Pick<NeutronSubnet, 'prefix'>,
  gateway: CloudAddress,
  device: string,
  table = MAIN_TABLE,
): readonly RoutePlan[] {
  const whole = gateway.version === 4 ? 32 : 128;
  const rest = BigInt(whole - prefix.length);
  const inside = prefix.address.value >> rest === gateway.value >> rest;
  const itself = route({ address: gateway, length: whole }, null, device, table);
  return [...(inside ? [] : [itself]), route(null, gateway, device, table)];
}

/** What the L3 agent sets in every router (neutron/agent/l3/namespaces.py). */
export function routerSysctls(devices: readonly string[], forwards6 = true): Map<string, string> {
  const six = forwards6 ? '1' : '0';
  const sysctls = new Map([
    ['net.ipv4.ip_forward', '1'],
    ['net.ipv4.conf.all.forwarding', '1'],
    ['net.ipv4.conf.all.arp_ignore', '1'],
    ['net.ipv4.conf.all.arp_announce', '2'],
    ['net.ipv4.conf.all.rp_filter', '0'],
    ['net.ipv4.conf.default.rp_filter', '0'],
    ['net.ipv4.conf.all.send_redirects', '1'],
    ['net.ipv6.conf.all.forwarding', six],
    ['net.netfilter.nf_conntrack_tcp_loose', '1'],
  ]);
  for (const device of devices) {
    sysctls.set(`net.ipv4.conf.${device}.forwarding`, '1');
    sysctls.set(`net.ipv4.conf.${device}.rp_filter`, '0');
    sysctls.set(`net.ipv6.conf.${device}.forwarding`, six);
  }
  return sysctls;
}

export function listen(
  protocol: SocketPlan['protocol'],
  port: number,
  process: string,
  address: CloudAddress | null = null,
): SocketPlan {
  return { protocol, address, device: null, port, process };
}
