/** `servers:` of a cloud.yaml, each with ports; and what all ports are made of. */
import { prefixCovers } from '../../packet/prefix.ts';
import { items, type JsonNode, member, reportUnknownKeys, wrong } from '../../text/json-text.ts';
import { type CloudHost, type HostDevice } from '../cloud.ts';
import { carrierOf, isRoutedNetwork, subnetsOn } from '../network-segments.ts';
import {
  type DhcpOption,
  type FixedIp,
  type NeutronNetwork,
  type NeutronPort,
  type NeutronQosPolicy,
  type NeutronSecurityGroup,
  type NeutronSubnet,
  type NovaServer,
} from '../neutron.ts';
import { type Allocation, usualAddresses } from './allocation.ts';
import { INTERFACE } from './hosts.ts';
import { type NamedSubnet } from './networks.ts';
import {
  address,
  idOf,
  type Macs,
  mac,
  type Names,
  nameOf,
  needs,
  objects,
  oneOf,
  prefix,
  text,
  truth,
  whole,
} from './reading.ts';
import { type Segments } from './segments.ts';

export const SERVER_KEYS = ['name', 'host', 'project', 'ports'] as const;
export const PORT_KEYS = [
  'name',
  'network',
  'mac',
  'addresses',
  'security_groups',
  'port_security',
  'allowed_address_pairs',
  'admin_up',
  'owner',
  'dhcp_options',
  'qos',
] as const;
export const DHCP_OPTION_KEYS = ['name', 'value', 'version'] as const;

export const HOST_PORT_KEYS = [...PORT_KEYS, 'host', 'listens'] as const;

export const FREE_PORT_KEYS = [...PORT_KEYS, 'project'] as const;

/** What the readers of ports need to know of the rest. */
export interface PortContext {
  readonly hosts: Names<CloudHost>;
  readonly networks: Names<NeutronNetwork>;
  readonly subnets: Names<NamedSubnet>;
  readonly groups: Names<NeutronSecurityGroup>;
  readonly qos: Names<NeutronQosPolicy>;
  readonly allocation: Allocation;
  readonly ports: Names<NeutronPort>;
  readonly servers: NovaServer[];
  readonly segments: Segments;
  readonly macs: Macs;
  /** Subnets of a network, by its id. */
  subnetsOf(networkId: string): readonly NeutronSubnet[];
}

export function readServers(root: JsonNode, context: PortContext): void {
  for (const node of objects(member(root, 'servers'))) {
    reportUnknownKeys(node, SERVER_KEYS);
    const name = nameOf(node);
    if (name === '') continue;
    const host = context.hosts.find(member(node, 'host'));
    if (member(node, 'host') === undefined) wrong(node, 'A server needs a host');
    const id = idOf('server', name);
    context.servers.push({ id, name, host: host?.name ?? '' });
    const rows = objects(member(node, 'ports'));
    for (const [i, row] of rows.entries()) {
      reportUnknownKeys(row, PORT_KEYS);
      const network = context.networks.find(member(row, 'network'));
      if (network === undefined) {
        if (member(row, 'network') === undefined) wrong(row, 'A port needs a network');
        continue;
      }
      const portName = text(row, 'name', rows.length === 1 ? name : `${name}-${i + 1}`);
      const port = readPortOf(row, portName, network, context, {
        project: text(node, 'project', network.project),
        host: host?.name ?? '',
        deviceId: id,
      });
      context.ports.add(portName, port, row);
    }
  }
}

/** What a port belongs to. */
export interface PortOwner {
  readonly project: string;
  readonly host: string;
  readonly deviceId: string;
  /** `device_owner`; a server's is the usual one. */
  readonly owner?: string;
}

/** `host_ports:`; interfaces that somebody plugged into br-int of a host by hand. */
export function readHostPorts(root: JsonNode, context: PortContext): readonly HostDevice[] {
  return objects(member(root, 'host_ports')).flatMap((row) => {
    reportUnknownKeys(row, HOST_PORT_KEYS);
    const name = nameOf(row);
    const network = context.networks.find(member(row, 'network'));
    const host = context.hosts.find(member(row, 'host'));
    if (name === '' || network === undefined || host === undefined) {
      wrong(row, 'A port of a host needs a name, a network and a host');
      return [];
    }
    if (!INTERFACE.test(name)) {
      wrong(row, 'An interface name has 1 to 15 characters, no blank and no slash');
    }
    const port = readPortOf(row, name, network, context, {
      project: network.project,
      host: host.name,
      deviceId: '',
      owner: 'Octavia:health-mgr',
    });
    context.ports.add(name, port, row);
    const listens = objects(member(row, 'listens')).flatMap((each) => {
      reportUnknownKeys(each, ['protocol', 'port']);
      needs(each, 'port');
      const number = whole(each, 'port', 1, 65535);
      const protocol = oneOf(each, 'protocol', ['tcp', 'udp'], 'tcp');
      return number === null ? [] : [{ protocol, port: number }];
    });
    return [{ portId: port.id, device: name, listens }];
  });
}

/** `ports:`; ports that no host has, as those of addresses that servers share. */
export function readFreePorts(root: JsonNode, context: PortContext): void {
  for (const row of objects(member(root, 'ports'))) {
    reportUnknownKeys(row, FREE_PORT_KEYS);
    const name = nameOf(row);
    const network = context.networks.find(member(row, 'network'));
    needs(row, 'network');
    if (name === '' || network === undefined) continue;
    const project = text(row, 'project', network.project);
    const owner = { project, host: '', deviceId: '', owner: '' };
    context.ports.add(name, readPortOf(row, name, network, context, owner), row);
  }
}

/** A port as its row says, with everything that follows for it. */
export function readPortOf(
  row: JsonNode,
  name: string,
  network: NeutronNetwork,
  context: PortContext,
  { owner = 'compute:nova', ...device }: PortOwner,
): NeutronPort {
  const own = mac(row, 'mac') ?? context.macs.give(name);
  if (((own >> 40n) & 1n) === 1n) {
    wrong(member(row, 'mac') ?? row, 'This is the address of a group, and no port has it');
  }
  const subnets = subnetsForHost(row, name, network, context, device.host);
  const wanted = items(member(row, 'addresses'));
  const fixedIps =
    wanted.length === 0
      ? usualAddresses(context.allocation, network, subnets, own, `port ${name}`, row)
      : wanted.flatMap((each) => claimed(each, name, network, subnets, context.allocation));
  const security = truth(row, 'port_security', network.portSecurity);
  const groups = items(member(row, 'security_groups')).flatMap(
    (each) => context.groups.find(each)?.id ?? [],
  );
  reportStates(row, name, groups, context);
  if (!security && groups.length > 0) {
    wrong(row, 'A port without port security has no security groups');
  }
  return makePort(context, {
    name,
    network,
    mac: own,
    fixedIps,
    ...device,
    adminUp: truth(row, 'admin_up', true),
    deviceOwner: text(row, 'owner', owner),
    dhcpOptions: readDhcpOptions(row),
    qosPolicyId: context.qos.find(member(row, 'qos'))?.id ?? null,
    securityGroups: security ? groups : [],
    portSecurity: security,
    allowedAddressPairs: objects(member(row, 'allowed_address_pairs')).flatMap((pair) => {
      reportUnknownKeys(pair, ['address', 'mac']);
      needs(pair, 'address');
      const found = prefix(member(pair, 'address'));
      return found === null ? [] : [{ prefix: found, mac: mac(pair, 'mac') }];
    }),
  });
}

/** One port has stateful groups or stateless ones (SecurityGroupConflict of the API). */
function reportStates(
  row: JsonNode,
  name: string,
  ids: readonly string[],
  { groups }: PortContext,
): void {
  if (ids.length < 2) return;
  const own = groups.all.filter(({ id }) => ids.includes(id));
  const [stateful, stateless] = [true, false].map((kind) =>
    own.find((group) => group.stateful === kind),
  );
  if (stateful === undefined || stateless === undefined) return;
  const names = `${JSON.stringify(stateful.name)} and the stateless ${JSON.stringify(stateless.name)}`;
  wrong(row, `Port ${JSON.stringify(name)} cannot have both the stateful group ${names}`);
}

/** `dhcp_options:`; a name is dnsmasq's, a number is the option's own. */
function readDhcpOptions(row: JsonNode): readonly DhcpOption[] {
  return objects(member(row, 'dhcp_options')).flatMap((each) => {
    reportUnknownKeys(each, DHCP_OPTION_KEYS);
    const name = text(each, 'name');
    if (!/^[a-z0-9-]+$/i.test(name)) {
      wrong(member(each, 'name') ?? each, 'A DHCP option has a name or a number');
      return [];
    }
    const value = text(each, 'value');
    if (/[\n\r]/.test(value)) wrong(each, 'The value of a DHCP option is one line');
    return [{ name, value, version: whole(each, 'version', 4, 6) === 6 ? 6 : 4 }];
  });
}

/**
 * Subnets that a port on a host may have addresses of. In a routed provider network the host must
 * be connected to exactly one segment (neutron/db/ipam_backend_mixin.py,
 * `HostNotConnectedToAnySegment`, `HostConnectedToMultipleSegments`).
 */
function subnetsForHost(
  at: JsonNode,
  name: string,
  network: NeutronNetwork,
  context: Pick<PortContext, 'hosts' | 'subnetsOf'>,
  host: string,
): readonly NeutronSubnet[] {
  const subnets = context.subnetsOf(network.id);
  if (!isRoutedNetwork(subnets) || host === '') return subnets;
  const found = subnetsOn(network, subnets, carrierOf(context.hosts.get(host)?.layer2 ?? null));
  const segments = new Set(found.map(({ segmentId }) => segmentId));
  if (segments.size === 1) return found;
  const names = `Port ${JSON.stringify(name)}: host ${JSON.stringify(host)}`;
  const where = `of network ${JSON.stringify(network.name)}`;
  wrong(
    at,
    segments.size === 0
      ? `${names} is connected to no segment ${where}`
      : `${names} is connected to several segments ${where}`,
  );
  return found;
}

function claimed(
  node: JsonNode,
  name: string,
  network: NeutronNetwork,
  subnets: readonly NeutronSubnet[],
  allocation: Allocation,
): FixedIp[] {
  const found = address(node);
  if (found === null) return [];
  const subnet = subnets.find(
    (each) => each.networkId === network.id && prefixCovers(each.prefix, found),
  );
  if (subnet === undefined) {
    const where = isRoutedNetwork(subnets) ? ' on a segment of this host' : '';
    wrong(node, `No subnet of network ${JSON.stringify(network.name)}${where} has this address`);
    return [];
  }
  return [allocation.claim(subnet, found, `port ${name}`, node)];
}

/** What is not the same for every port. */
export interface PortParts {
  readonly name: string;
  readonly network: NeutronNetwork;
  readonly mac: bigint;
  readonly fixedIps: readonly FixedIp[];
  readonly project: string;
  readonly host: string;
  readonly deviceId: string;
  readonly deviceOwner: string;
  readonly adminUp?: boolean;
  readonly securityGroups?: readonly string[];
  readonly portSecurity?: boolean;
  readonly allowedAddressPairs?: NeutronPort['allowedAddressPairs'];
  readonly dhcpOptions?: readonly DhcpOption[];
  readonly qosPolicyId?: string | null;
}

/** A bound port, as the API would show it once its host has plugged it in. */
export function makePort(context: Pick<PortContext, 'hosts'>, parts: PortParts): NeutronPort {
  const layer2 = context.hosts.get(parts.host)?.layer2 ?? null;
  const { network, ...rest } = parts;
  return {
    adminUp: true,
    securityGroups: [],
    portSecurity: false,
    allowedAddressPairs: [],
    ...rest,
    id: idOf('port', parts.name),
    networkId: network.id,
    status: parts.adminUp === false ? 'DOWN' : 'ACTIVE',
    vifType: layer2 === null ? 'unbound' : layer2.kind === 'linuxbridge' ? 'bridge' : 'ovs',
    hybridPlug: layer2?.firewall === 'iptables_hybrid',
    drivers: layer2 === null ? [] : [layer2.kind],
  };
}
