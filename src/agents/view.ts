/**
 * The cloud as its agents ask about it: objects by id, ports by network and by host, members of
 * security groups. Made once per compilation; every question is a lookup.
 */
import { type Cloud, type CloudHost } from '../model/cloud.ts';
import { carrierOf, networkOn } from '../model/network-segments.ts';
import {
  type CloudAddress,
  type FixedIp,
  type NeutronNetwork,
  type NeutronPort,
  type NeutronRouter,
  type NeutronSecurityGroup,
  type NeutronSubnet,
  type NeutronTrunk,
} from '../model/neutron.ts';

export interface CloudView {
  readonly cloud: Cloud;
  readonly hosts: ReadonlyMap<string, CloudHost>;
  readonly networks: ReadonlyMap<string, NeutronNetwork>;
  readonly subnets: ReadonlyMap<string, NeutronSubnet>;
  readonly ports: ReadonlyMap<string, NeutronPort>;
  readonly routers: ReadonlyMap<string, NeutronRouter>;
  readonly groups: ReadonlyMap<string, NeutronSecurityGroup>;
  /** Trunks by their parent port. */
  readonly trunks: ReadonlyMap<string, NeutronTrunk>;
  /** Ports of a network, in the order of the model. */
  portsOfNetwork(networkId: string): readonly NeutronPort[];
  /** Ports whose device is on the host, in the order of the model. */
  portsOnHost(host: string): readonly NeutronPort[];
  /** Ports of a router by its id (interfaces, gateway, HA, SNAT). */
  portsOfDevice(deviceId: string): readonly NeutronPort[];
  /** Addresses of a security group's members: fixed addresses and allowed pairs. */
  membersOf(groupId: string): readonly GroupMember[];
  /** Hosts whose layer 2 agent has a port of the network. */
  hostsOfNetwork(networkId: string): readonly string[];
}

export interface GroupMember {
  readonly address: CloudAddress;
  readonly length: number;
  readonly mac: bigint;
  readonly portId: string;
}

/** Indexes of the cloud. */
export function viewCloud(cloud: Cloud): CloudView {
  const { neutron } = cloud;
  const ports = boundPorts(neutron);
  const byNetwork = groupBy(ports, (port) => port.networkId);
  const byHost = groupBy(ports, (port) => port.host);
  const byDevice = groupBy(ports, (port) => port.deviceId);
  const members = new Map<string, GroupMember[]>();
  for (const port of ports) {
    for (const group of port.securityGroups) {
      const list = members.get(group) ?? [];
      members.set(group, list);
      list.push(...membersOfPort(port));
    }
  }
  return {
    cloud,
    hosts: byKey(cloud.hosts, (host) => host.name),
    networks: byKey(neutron.networks, (each) => each.id),
    subnets: byKey(neutron.subnets, (each) => each.id),
    ports: byKey(ports, (each) => each.id),
    routers: byKey(neutron.routers, (each) => each.id),
    groups: byKey(neutron.securityGroups, (each) => each.id),
    trunks: byKey(neutron.trunks, (each) => each.portId),
    portsOfNetwork: (id) => byNetwork.get(id) ?? [],
    portsOnHost: (name) => byHost.get(name) ?? [],
    portsOfDevice: (id) => byDevice.get(id) ?? [],
    membersOf: (id) => members.get(id) ?? [],
    hostsOfNetwork: (id) => [
      ...new Set((byNetwork.get(id) ?? []).map((port) => port.host).filter((name) => name !== '')),
    ],
  };
}

/** The cloud as a host sees it: a network of several segments is the one that its agent carries. */
export function viewOn(view: CloudView, { layer2 }: CloudHost): CloudView {
  const several = view.cloud.neutron.networks.filter(({ segments }) => segments.length > 1);
  if (several.length === 0) return view;
  const carrier = carrierOf(layer2);
  const networks = new Map(view.networks);
  for (const network of several) networks.set(network.id, networkOn(network, carrier));
  return { ...view, networks };
}

/** A sub-port is where its trunk's parent is, whether or not the agent has said so already. */
function boundPorts({ ports, trunks }: Cloud['neutron']): readonly NeutronPort[] {
  if (trunks.length === 0) return ports;
  const byId = byKey(ports, (each) => each.id);
  const hosts = new Map(
    trunks.flatMap(({ portId, subPorts }) =>
      subPorts.map((sub) => [sub.portId, byId.get(portId)?.host ?? ''] as const),
    ),
  );
  return ports.map((port) => {
    const host = hosts.get(port.id);
    if (host === undefined) return port;
    return { ...port, host: port.host || host, deviceOwner: 'trunk:subport' };
  });
}

function membersOfPort(port: NeutronPort): GroupMember[] {
  const own = port.fixedIps.map(({ address }: FixedIp) => ({
    address,
    length: address.version === 4 ? 32 : 128,
    mac: port.mac,
    portId: port.id,
  }));
  const pairs = port.allowedAddressPairs.map(({ prefix, mac }) => ({
    address: prefix.address,
    length: prefix.length,
    mac: mac ?? port.mac,
    portId: port.id,
  }));
  return [...own, ...pairs];
}

function byKey<T>(all: readonly T[], key: (each: T) => string): ReadonlyMap<string, T> {
  return new Map(all.map((each) => [key(each), each]));
}

function groupBy<T>(all: readonly T[], key: (each: T) => string): ReadonlyMap<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const each of all) {
    const list = groups.get(key(each));
    if (list === undefined) groups.set(key(each), [each]);
    else list.push(each);
  }
  return groups;
}
