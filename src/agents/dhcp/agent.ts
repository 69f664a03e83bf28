/**
 * The DHCP agent: a namespace `qdhcp-…` per network with a port in it, where dnsmasq gives the
 * addresses that the model has assigned.
 */
import { deviceName, NAMESPACES } from '../../model/ids.ts';
import { type NeutronNetwork, type NeutronPort, type NeutronSubnet } from '../../model/neutron.ts';
import { agentRules } from '../agent-chains.ts';
import { metadataProxy } from '../l3/metadata.ts';
import {
  addressesOf,
  linkLocalOf,
  listen,
  namespacePlug,
  portDevice,
  route,
} from '../namespace-parts.ts';
import { type DeviceAgent, joinParts, NOTHING, type Part, type Place } from '../part.ts';
import { type AddressPlan, emptyNamespace, type SocketPlan } from '../plan.ts';
import {
  additionalHosts,
  hostsText,
  optionsText,
  rangeOf,
  type ServedSubnet,
} from './options-text.ts';

const OWNER = 'network:dhcp';
const METADATA: AddressPlan = {
  address: { version: 4, value: 0xa9fe_a9fen },
  length: 32,
  scope: 'global',
};
const METADATA_6: AddressPlan = {
  address: { version: 6, value: (0xfe80n << 112n) | 0xa9fe_a9fen },
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
      return network === undefined ? [] : [server(at, network, port)];
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
  const isolated = at.host.dhcp?.isolatedMetadata === true;
  const alone = served.every((subnet) => !isRouted(at, subnet));
  const proxy =
    isolated && (alone || at.host.dhcp?.forceMetadata === true)
      ? metadataProxy('network', network.id, device)
      : null;
  const own = addressesOf(view, port.fixedIps);
  const plan = portDevice(at, port, device, [
    ...own,
    ...(isolated ? [METADATA, METADATA_6] : []),
    linkLocalOf(port.mac),
  ]);
  const gateway = served.find(({ gateway: each }) => each?.version === 4)?.gateway ?? null;
  const sockets: SocketPlan[] = [
    listen('udp', 67, 'dnsmasq'),
    // dnsmasq binds every address of its interface (--bind-dynamic).
    ...[...own, ...(isolated ? [METADATA] : [])].flatMap(({ address }) => [
      listen('udp', 53, 'dnsmasq', address),
      listen('tcp', 53, 'dnsmasq', address),
    ]),
    ...(proxy === null ? [] : [listen('tcp', 80, 'haproxy', METADATA.address)]),
  ];
  return {
    plugs: [namespacePlug(at, port, device, name)],
    namespaces: [
      {
        ...emptyNamespace(name),
        devices: [plan],
        routes: gateway === null ? [] : [route(null, gateway, device)],
        sysctls: new Map([['net.ipv4.ip_forward', '0']]),
        sockets,
        iptables: rules(4),
        ip6tables: rules(6),
      },
    ],
    files: new Map([...dnsmasqFiles(at, network, port, served), ...(proxy?.files ?? [])]),
    commandLines: [commandLine(at, network, served), ...(proxy?.commandLines ?? [])],
  };
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

function isRouted(at: Place, subnet: NeutronSubnet): boolean {
  return at.view
    .portsOfNetwork(subnet.networkId)
    .some(
      (port) =>
        /^network:(router_interface|ha_router_replicated_interface)/.test(port.deviceOwner) &&
        port.fixedIps.some((fixed) => fixed.subnetId === subnet.id),
    );
}

function dnsmasqFiles(
  at: Place,
  network: NeutronNetwork,
  own: NeutronPort,
  served: readonly NeutronSubnet[],
): readonly (readonly [string, string])[] {
  const { dnsDomain } = at.view.cloud.settings;
  const ids = new Set(served.map(({ id }) => id));
  const clients = at.view
    .portsOfNetwork(network.id)
    .filter((port) => port.deviceOwner !== OWNER)
    .map((port) => ({ ...port, fixedIps: port.fixedIps.filter((ip) => ids.has(ip.subnetId)) }))
    .filter((port) => port.fixedIps.length > 0);
  const isolated = at.host.dhcp?.isolatedMetadata === true;
  const answers: ServedSubnet[] = served.map((subnet) => {
    const routed = isRouted(at, subnet);
    const self = own.fixedIps.find((fixed) => fixed.subnetId === subnet.id)?.address ?? null;
    return {
      subnet,
      metadataVia: routed ? subnet.gateway : isolated ? self : null,
      servers: own.fixedIps.map(({ address }) => address),
      onLink: [],
    };
  });
  const path = `dhcp/${network.id}`;
  const bridged = at.host.layer2?.kind === 'linuxbridge';
  return [
    [`${path}/host`, hostsText(clients, dnsDomain)],
    [`${path}/addn_hosts`, additionalHosts(clients, dnsDomain)],
    [`${path}/opts`, optionsText(answers)],
    [`${path}/leases`, ''],
    [`${path}/interface`, deviceName(bridged ? 'ns-' : 'tap', own.id)],
  ];
}

function commandLine(at: Place, network: NeutronNetwork, served: readonly NeutronSubnet[]): string {
  const path = `/var/lib/neutron/dhcp/${network.id}`;
  const { dnsDomain, leaseDuration_s } = at.view.cloud.settings;
  return [
    'dnsmasq --no-hosts --no-resolv',
    `--pid-file=${path}/pid --dhcp-hostsfile=${path}/host --addn-hosts=${path}/addn_hosts`,
    `--dhcp-optsfile=${path}/opts --dhcp-leasefile=${path}/leases`,
    '--dhcp-match=set:ipxe,175 --dhcp-userclass=set:ipxe6,iPXE --local-service --bind-dynamic',
    ...served.map((subnet) => rangeOf(subnet, leaseDuration_s)),
    `--dhcp-option-force=option:mtu,${network.mtu ?? 1500}`,
    '--dhcp-lease-max=256 --conf-file=/dev/null',
    `--domain=${dnsDomain}`,
  ].join(' ');
}
