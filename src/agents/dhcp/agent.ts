/**
 * The DHCP agent: a namespace `qdhcp-…` per network with a port in it, where dnsmasq gives the
 * addresses that the model has assigned.
 *
 * Simplification: an agent that missed the server's notice of another DHCP server's port on the
 * network names that server to nobody for DNS until it writes its files anew; compiled ones know of
 * all, so that a comparison tells the option as missing.
 */
// Simplification: of a network's subnets without DHCP an agent hears only when it starts (dhcp_rpc.py
// `get_active_networks_info` and `get_network_info`), and then its clients are given routes to them
// as well; compiled ones are given none.
import { deviceName, NAMESPACES } from '../../model/ids.ts';
import { METADATA } from '../../model/metadata-address.ts';
import { carrierOf, subnetsOn } from '../../model/network-segments.ts';
import {
  type CloudAddress,
  type NeutronNetwork,
  type NeutronPort,
  type NeutronSubnet,
} from '../../model/neutron.ts';
import { agentRules } from '../agent-chains.ts';
import { metadataProxy } from '../l3/metadata.ts';
import {
  addressesOf,
  gatewayRoutes,
  linkLocalOf,
  listen,
  namespacePlug,
  portDevice,
} from '../namespace-parts.ts';
import { type DeviceAgent, joinParts, NOTHING, type Part, type Place } from '../part.ts';
import { type AddressPlan, emptyNamespace, type RoutePlan, type SocketPlan } from '../plan.ts';
import {
  additionalHosts,
  gatewayOf,
  hostsText,
  isKnownToServer,
  isRanged,
  optionsText,
  portOptions,
  rangesOf,
  type ServedSubnet,
} from './options-text.ts';

const OWNER = 'network:dhcp';
const METADATA_4: AddressPlan = {
  address: METADATA[4],
  length: 32,
  scope: 'global',
};
const METADATA_6: AddressPlan = {
  address: METADATA[6],
  length: 64,
  scope: 'link',
};

export const dhcpAgent: DeviceAgent = (at) => {
  if (at.host.dhcp === null) return NOTHING;
  const parts = at.view
    .portsOnHost(at.host.name)
    .filter((port) => port.deviceOwner === OWNER)
    .flatMap((port) => {
      const network = at.view.networks.get(port.networkId);
      // `configure_dhcp_for_network`: a network that is down has no server.
      return network?.adminUp === true ? [server(at, network, port)] : [];
    });
  return joinParts(parts);
};

function server(at: Place, network: NeutronNetwork, port: NeutronPort): Part {
  const { view } = at;
  // A Linux bridge host has a veth, whose inner end is called ns-.
  const bridged = at.host.layer2?.kind === 'linuxbridge';
  const device = deviceName(bridged ? 'ns-' : 'tap', port.id);
  const name = NAMESPACES.dhcp + network.id;
  const subnets = view.cloud.neutron.subnets.filter((each) => each.networkId === network.id);
  const served = subnets.filter((each) => each.dhcp);
  // Of a routed provider network the server stands on the segments of its host alone; clients of
  // others come by a relay (`non_local_subnets`).
  const near = subnetsOn(network, served, carrierOf(at.host.layer2));
  const { isolatedMetadata = false, forceMetadata = false } = at.host.dhcp ?? {};
  const asked = isolatedMetadata || forceMetadata;
  const proxied = forceMetadata || (isolatedMetadata && served.some((one) => !isRouted(at, one)));
  const proxy = proxied && served.length > 0 ? metadataProxy('network', network.id, device) : null;
  // Addresses of subnets without DHCP, which SLAAC gives to every port, are none of the agent's.
  const own = addressesOf(
    view,
    port.fixedIps.filter(({ subnetId }) => served.some(({ id }) => id === subnetId)),
  );
  const plan = portDevice(at, port, device, [
    ...own,
    ...(asked ? [METADATA_4, METADATA_6] : []),
    linkLocalOf(port.mac),
  ]);
  return {
    plugs: [namespacePlug(at, port, device, name)],
    namespaces: [
      {
        ...emptyNamespace(name),
        devices: [plan],
        routes: ([4, 6] as const).flatMap((version) => defaultRoute(near, version, device)),
        sysctls: new Map([['net.ipv4.ip_forward', '0']]),
        sockets: socketsOf(asked ? [...own, METADATA_4] : own, served, proxy !== null),
        iptables: rules(4),
        ip6tables: rules(6),
      },
    ],
    files: new Map([...dnsmasqFiles(at, network, port, subnets), ...(proxy?.files ?? [])]),
    commandLines: [commandLine(at, network, served), ...(proxy?.commandLines ?? [])],
  };
}

/** The first gateway of a version, reached on-link when its subnet does not hold it. */
function defaultRoute(
  served: readonly NeutronSubnet[],
  version: 4 | 6,
  device: string,
): readonly RoutePlan[] {
  const subnet = served.find((each) => each.gateway?.version === version && isUsable(each));
  return subnet?.gateway == null ? [] : gatewayRoutes(subnet, subnet.gateway, device);
}

/** `_set_default_route_ip_version`: prefixes that SLAAC cannot use lead nowhere. */
function isUsable({ prefix, ipv6AddressMode, ipv6RaMode }: NeutronSubnet): boolean {
  const { address, length } = prefix;
  if (address.version === 4) return true;
  const forms = [ipv6AddressMode, ipv6RaMode].some(
    (mode) => mode === 'slaac' || mode === 'dhcpv6-stateless',
  );
  return length > 0 && length <= 126 && (length === 64 || !forms);
}

/** dnsmasq binds every address of its interface (--bind-dynamic). */
function socketsOf(
  addresses: readonly AddressPlan[],
  served: readonly NeutronSubnet[],
  proxied: boolean,
): readonly SocketPlan[] {
  const six = served.some((one) => one.prefix.address.version === 6 && isRanged(one));
  return [
    ...(served.some(({ prefix }) => prefix.address.version === 4)
      ? [listen('udp', 67, 'dnsmasq')]
      : []),
    ...(six ? [listen('udp', 547, 'dnsmasq')] : []),
    ...addresses.flatMap(({ address }) => [
      listen('udp', 53, 'dnsmasq', address),
      listen('tcp', 53, 'dnsmasq', address),
    ]),
    ...(proxied ? [listen('tcp', 80, 'haproxy', METADATA[4])] : []),
  ];
}

/** Answers leave with their checksums filled in, for guests that check what virtio does not fill. */
function rules(version: 4 | 6): string {
  const all = agentRules('neutron-dhcp-agent', ['mangle', 'raw', 'filter'], version);
  const mangle = all.table('mangle');
  if (version === 4) mangle.rule('PREROUTING', `-j ${mangle.chain('mark')}`);
  const port = version === 4 ? 68 : 546;
  mangle.rule('POSTROUTING', `-p udp -m udp --dport ${port} -j CHECKSUM --checksum-fill`);
  return all.text();
}

/** Whether a router has the subnet's gateway address (`get_isolated_subnets`). */
function isRouted(at: Place, { networkId, id, gateway }: NeutronSubnet): boolean {
  return at.view
    .portsOfNetwork(networkId)
    .some(
      (port) =>
        ROUTER_INTERFACES.has(port.deviceOwner) &&
        port.fixedIps.some(
          ({ subnetId, address }) => subnetId === id && address.value === gateway?.value,
        ),
    );
}

const ROUTER_INTERFACES = new Set([
  'network:router_interface',
  'network:ha_router_replicated_interface',
  'network:router_interface_distributed',
]);

function dnsmasqFiles(
  at: Place,
  network: NeutronNetwork,
  own: NeutronPort,
  subnets: readonly NeutronSubnet[],
): readonly (readonly [string, string])[] {
  const { dnsDomain, dialect } = at.view.cloud.settings;
  const ports = at.view.portsOfNetwork(network.id);
  const named = {
    tagged: dialect !== 'pike',
    domain: dnsDomain,
    subnets: new Map(subnets.map((each) => [each.id, each])),
    clients: ports.filter(isKnownToServer),
  };
  const servers = ports.filter(({ deviceOwner }) => deviceOwner === OWNER);
  const answers = subnets
    .filter(({ dhcp }) => dhcp)
    .map((subnet) => served(at, subnet, subnets, own, servers));
  const path = `dhcp/${network.id}`;
  const bridged = at.host.layer2?.kind === 'linuxbridge';
  return [
    [`${path}/host`, hostsText(named)],
    [`${path}/addn_hosts`, additionalHosts(named)],
    [`${path}/opts`, optionsText(answers, dnsDomain, portOptions(named))],
    [`${path}/leases`, ''],
    [`${path}/interface`, deviceName(bridged ? 'ns-' : 'tap', own.id)],
  ];
}

function served(
  at: Place,
  subnet: NeutronSubnet,
  subnets: readonly NeutronSubnet[],
  own: NeutronPort,
  servers: readonly NeutronPort[],
): ServedSubnet {
  const { isolatedMetadata = false, forceMetadata = false } = at.host.dhcp ?? {};
  const addressOf = ({ fixedIps }: NeutronPort): CloudAddress[] =>
    fixedIps.filter(({ subnetId }) => subnetId === subnet.id).map(({ address }) => address);
  const routed = isRouted(at, subnet);
  const self = addressOf(own)[0] ?? null;
  const own4 = subnet.prefix.address.version === 4 ? self : null;
  const bySelf = own4 !== null && (forceMetadata || (isolatedMetadata && !routed));
  return {
    subnet,
    metadataVia: bySelf ? own4 : routed ? gatewayOf(subnet) : null,
    servers: servers.flatMap(addressOf),
    onLink: subnets
      .filter(
        ({ id, prefix, segmentId, dhcp }) =>
          dhcp &&
          id !== subnet.id &&
          prefix.address.version === 4 &&
          segmentId === subnet.segmentId,
      )
      .map(({ prefix }) => prefix),
  };
}

function commandLine(at: Place, network: NeutronNetwork, served: readonly NeutronSubnet[]): string {
  const path = `/var/lib/neutron/dhcp/${network.id}`;
  const { dnsDomain, leaseDuration_s } = at.view.cloud.settings;
  return [
    'dnsmasq --no-hosts --no-resolv',
    `--pid-file=${path}/pid --dhcp-hostsfile=${path}/host --addn-hosts=${path}/addn_hosts`,
    `--dhcp-optsfile=${path}/opts --dhcp-leasefile=${path}/leases`,
    '--dhcp-match=set:ipxe,175 --dhcp-userclass=set:ipxe6,iPXE --local-service --bind-dynamic',
    ...rangesOf(served, leaseDuration_s),
    `--dhcp-option-force=option:mtu,${network.mtu ?? 1500}`,
    '--conf-file=/dev/null',
    ...(dnsDomain === '' ? [] : [`--domain=${dnsDomain}`]),
  ].join(' ');
}
