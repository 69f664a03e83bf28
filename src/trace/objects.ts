/**
 * What things on hosts are in Neutron: the port behind a device, the network behind a local VLAN
 * or a tunnel key, the group behind an ipset. Agents name devices after ids; where a name says
 * nothing, the switch's own database and MAC addresses do.
 */

import { type Network } from '../dataplane/network.ts';
import { type Port } from '../dataplane/ovs/types/switch.ts';
import { type IpAddress } from '../dataplane/routing/types.ts';
import { namespaceOwner, portIdPrefix } from '../model/ids.ts';
import { networkOn, reportedCarrier } from '../model/network-segments.ts';
import {
  type NeutronNetwork,
  type NeutronPort,
  type NeutronRouter,
  type NeutronSecurityGroup,
} from '../model/neutron.ts';
import { sameAddress } from '../packet/prefix.ts';
import { readIp, writeIp } from '../text/address-text.ts';

/** One of Neutron's objects, as a person and a script refer to it. */
export interface NeutronRef {
  readonly kind: 'port' | 'network' | 'router' | 'security-group' | 'floating-ip';
  readonly id: string;
  readonly name: string;
}

/** The integration bridge: the only one whose tags are local VLANs. */
const INTEGRATION = 'br-int';

/** The Neutron port that a device's name or the switch's database tells of. */
export function portOfDevice(network: Network, host: string, device: string): NeutronPort | null {
  const { ports } = network.neutron;
  const id = switchPort(network, host, device)?.externalIds['iface-id'];
  const prefix = id ?? portIdPrefix(device);
  if (prefix === undefined || prefix === '') return null;
  return ports.find((port) => port.id.startsWith(prefix)) ?? null;
}

/** The port of any bridge of a host with this name. */
export function switchPort(network: Network, host: string, name: string): Port | null {
  for (const bridge of network.hosts.get(host)?.switch?.bridges ?? []) {
    const found = bridge.ports.find((port) => port.name === name);
    if (found !== undefined) return found;
  }
  return null;
}

/** The port of a bridge by its OpenFlow number. */
export function portByNumber(
  network: Network,
  host: string,
  bridge: string,
  ofport: number,
): Port | null {
  const of = network.hosts.get(host)?.switch?.bridges.find((one) => one.name === bridge);
  return of?.ports.find((port) => port.ofport === ofport) ?? null;
}

/** Ports that own an address, on one network when it is known. */
export function portsWithAddress(
  network: Network,
  address: IpAddress,
  networkId: string | null,
): readonly NeutronPort[] {
  return network.neutron.ports.filter(
    (port) =>
      (networkId === null || port.networkId === networkId) &&
      port.fixedIps.some(({ address: own }) => sameAddress(own, address)),
  );
}

/** The network whose ports carry a local VLAN on the host's integration bridge. */
export function networkOfTag(network: Network, host: string, tag: number): NeutronNetwork | null {
  const bridges = network.hosts.get(host)?.switch?.bridges ?? [];
  for (const port of bridges.find(({ name }) => name === INTEGRATION)?.ports ?? []) {
    if (port.vlan.tag !== tag) continue;
    const owner = portOfDevice(network, host, port.name);
    if (owner !== null) return networkById(network, owner.networkId);
  }
  return null;
}

/** The network of a tunnel key; null when none or more than one uses it. */
export function networkOfKey(network: Network, key: bigint): NeutronNetwork | null {
  const found = network.neutron.networks.filter(({ segments }) =>
    segments.some(
      ({ type, segmentationId }) =>
        /^(vxlan|gre|geneve)$/.test(type) && segmentationId === Number(key),
    ),
  );
  return found.length === 1 ? (found[0] ?? null) : null;
}

export function networkById(network: Network, id: string): NeutronNetwork | null {
  return network.neutron.networks.find((one) => one.id === id) ?? null;
}

/** A network with the provider attributes of the segment that a host uses. */
export function networkAt(network: Network, id: string, host: string): NeutronNetwork | null {
  const found = networkById(network, id);
  return found === null ? null : networkOn(found, reportedCarrier(network.neutron.agents, host));
}

/** The router that a namespace serves. */
export function routerOfNamespace(network: Network, namespace: string): NeutronRouter | null {
  const owner = namespaceOwner(namespace);
  if (owner === undefined || (owner.kind !== 'router' && owner.kind !== 'snat')) return null;
  return network.neutron.routers.find(({ id }) => id === owner.id) ?? null;
}

/** Groups of a port, in the port's order. */
export function groupsOf(network: Network, port: NeutronPort): readonly NeutronSecurityGroup[] {
  return port.securityGroups.flatMap(
    (id) => network.neutron.securityGroups.find((group) => group.id === id) ?? [],
  );
}

/** The host whose agent has this tunnel address. */
export function hostOfTunnelAddress(network: Network, address: IpAddress): string | null {
  const agent = network.neutron.agents.find(({ configurations }) => {
    const ip = configurations['tunneling_ip'];
    const own = typeof ip === 'string' ? readIp(ip) : undefined;
    return own !== undefined && sameAddress(own, address);
  });
  return agent?.host ?? null;
}

/** The tunnel address of a host's agent. */
export function tunnelAddressOf(network: Network, host: string): IpAddress | null {
  for (const agent of network.neutron.agents) {
    const ip = agent.host === host ? agent.configurations['tunneling_ip'] : undefined;
    const address = typeof ip === 'string' ? readIp(ip) : undefined;
    if (address !== undefined) return address;
  }
  return null;
}

/** What a person calls a port: its server, its router, else its own name or address. */
export function portLabel(network: Network, port: NeutronPort): string {
  const { servers, routers } = network.neutron;
  const owner =
    servers.find(({ id }) => id === port.deviceId) ??
    routers.find(({ id }) => id === port.deviceId);
  if (owner !== undefined && owner.name !== '') return owner.name;
  if (port.name !== '') return port.name;
  if (port.deviceOwner === 'network:dhcp') {
    return `DHCP server of ${networkById(network, port.networkId)?.name ?? 'the network'}`;
  }
  const [first] = port.fixedIps;
  return first === undefined ? port.id : `port ${writeIp(first.address)}`;
}

export function portRef(network: Network, port: NeutronPort): NeutronRef {
  return { kind: 'port', id: port.id, name: portLabel(network, port) };
}

export function networkRef({ id, name }: NeutronNetwork): NeutronRef {
  return { kind: 'network', id, name: name === '' ? id : name };
}

export function routerRef({ id, name }: NeutronRouter): NeutronRef {
  return { kind: 'router', id, name: name === '' ? id : name };
}

export function groupRef({ id, name }: NeutronSecurityGroup): NeutronRef {
  return { kind: 'security-group', id, name: name === '' ? id : name };
}
