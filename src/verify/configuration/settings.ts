/**
 * Kernel settings that decide where packets go, with the kernel's rule for combining them, and
 * the sockets on which an agent's programs listen.
 */
import { ROOT } from '../../dataplane/network.ts';
import { deviceSettings } from '../../dataplane/routing/settings.ts';
import { type Interface } from '../../dataplane/routing/types.ts';
import { writeIp } from '../../text/address-text.ts';
import { countedInterfaces, deviceKey, type NamespaceSide, namespaceKey } from './devices.ts';
import { aboutDevice, aboutNamespace } from './objects.ts';
import { lineOf, section, statement } from './statement.ts';
import { type Section, type Statement } from './types.ts';

export function settingSections(side: NamespaceSide): readonly Section[] {
  const { host, namespace } = side;
  const devices = countedInterfaces(namespace).filter((device) => isRouted(side, device));
  return [
    section(host.name, namespace.name, 'settings', [
      ...bridgeSettings(side),
      ...devices.map((device) => deviceStatement(side, device)),
    ]),
    section(host.name, namespace.name, 'sockets', socketStatements(side)),
  ];
}

/** In a host's own namespace most devices are ports of bridges, whose packets IP never sees. */
function isRouted({ namespace }: NamespaceSide, { master, addresses }: Interface): boolean {
  if (master !== null) return false;
  return namespace.name !== ROOT || addresses.some(({ scope }) => scope !== 'link');
}

function deviceStatement(side: NamespaceSide, { name }: Interface): Statement {
  const { network, host, namespace } = side;
  const of = deviceSettings(namespace.state, name);
  const words = [
    of.forwarding ? 'forwarding' : 'not forwarding',
    of.forwarding6 ? 'forwarding IPv6' : 'not forwarding IPv6',
    `rp_filter ${of.reversePathFilter}`,
    `arp_ignore ${of.arpIgnore}`,
    ...(of.proxyArp ? ['proxy_arp'] : []),
    ...(of.proxyArpSameDevice ? ['proxy_arp_pvlan'] : []),
    ...(of.acceptLocal ? ['accept_local'] : []),
    ...(of.routeLocalnet ? ['route_localnet'] : []),
    ...(of.sourceValidMark ? ['src_valid_mark'] : []),
  ];
  return statement(`${name}: ${words.join(', ')}`, {
    subject: name,
    origin: lineOf(namespace, 'sysctl.txt', `.${name}.`),
    about: () => aboutDevice(network, host.name, name) ?? aboutNamespace(network, namespace.name),
    needs: [namespaceKey(namespace.name), deviceKey(namespace.name, name)],
  });
}

/** With br_netfilter, bridged packets are shown to iptables unless somebody turned it off. */
const BRIDGE_CALLS = [
  'net.bridge.bridge-nf-call-iptables',
  'net.bridge.bridge-nf-call-ip6tables',
] as const;

function bridgeSettings({ namespace }: NamespaceSide): readonly Statement[] {
  const { interfaces, sysctls } = namespace.state;
  if (!interfaces.some(({ kind }) => kind === 'bridge')) return [];
  return BRIDGE_CALLS.map((name) =>
    statement(`${name} = ${sysctls.get(name) ?? '1'}`, {
      subject: name,
      origin: lineOf(namespace, 'sysctl.txt', name),
      needs: [namespaceKey(namespace.name)],
    }),
  );
}

/** Programs of agents by their ports; those of the host itself are the operator's. */
function socketStatements(side: NamespaceSide): readonly Statement[] {
  const { network, namespace } = side;
  if (namespace.name === ROOT) return [];
  const texts = namespace.state.sockets
    .filter(({ protocol }) => protocol === 'tcp' || protocol === 'udp')
    .filter(({ address }) => address === null || !isLinkLocal(address.version, address.value))
    .filter(({ process }) => SERVERS.test(process))
    .map(({ protocol, address, port, process }) => {
      const at = address === null ? '*' : writeIp(address);
      return `${process} ${protocol} ${at} port ${port}`;
    });
  return [...new Set(texts)].map((text) =>
    statement(text, {
      origin: lineOf(namespace, 'ss-listen.txt', `:${text.split(' ').at(-1)}`),
      about: () => aboutNamespace(network, namespace.name),
      needs: [namespaceKey(namespace.name)],
    }),
  );
}

/** Programs that answer guests. */
const SERVERS = /^(dnsmasq|haproxy|radvd)$/;

/** Programs that serve an interface bind its link-local address and loopback as well. */
function isLinkLocal(version: 4 | 6, value: bigint): boolean {
  if (version === 4) return value >> 24n === 127n;
  return value === 1n || value >> 118n === 0x3fan;
}
