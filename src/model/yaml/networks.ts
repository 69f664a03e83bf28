/** `networks:` of a cloud.yaml, with their subnets. */
import { prefixCovers } from '../../packet/prefix.ts';
import { items, type JsonNode, member, reportUnknownKeys, wrong } from '../../text/json-text.ts';
import {
  type CloudAddress,
  type CloudPrefix,
  type NeutronNetwork,
  type NeutronQosPolicy,
  type NeutronSubnet,
} from '../neutron.ts';
import {
  NO_SEGMENT,
  onlySegment,
  overheadOf,
  readSegment,
  readSegments,
} from './network-segments.ts';
import { claimPrefix, cutSubnet, type OpenPool, overlap } from './pools.ts';
import {
  address,
  addresses,
  idOf,
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

export const NETWORK_KEYS = [
  'name',
  'project',
  'type',
  'segmentation_id',
  'physical_network',
  'segments',
  'mtu',
  'external',
  'shared',
  'admin_up',
  'port_security',
  'manager',
  'network_host',
  'multi_host',
  'zone_hints',
  'dhcp_agents',
  'qos',
  'subnets',
] as const;
export const SUBNET_KEYS = [
  'name',
  'cidr',
  'pool',
  'prefix_length',
  'gateway',
  'dhcp',
  'pools',
  'dns',
  'routes',
  'ipv6_mode',
  'segment',
] as const;
export interface NamedSubnet {
  readonly subnet: NeutronSubnet;
  readonly network: NeutronNetwork;
}

/** Subnets by the id of their network; those of networks that are made later are found too. */
export function subnetIndex(
  subnets: Names<NamedSubnet>,
): (networkId: string) => readonly NeutronSubnet[] {
  const index = new Map<string, NeutronSubnet[]>();
  let indexed = 0;
  return (networkId) => {
    if (subnets.count !== indexed) {
      index.clear();
      for (const { subnet, network } of subnets.all) {
        const own = index.get(network.id);
        if (own === undefined) index.set(network.id, [subnet]);
        else own.push(subnet);
      }
      indexed = subnets.count;
    }
    return index.get(networkId) ?? [];
  };
}

/** What the readers of networks need to know of the rest. */
export interface NetworkContext {
  readonly networks: Names<NeutronNetwork>;
  readonly subnets: Names<NamedSubnet>;
  readonly pools: Names<OpenPool>;
  readonly qos: Names<NeutronQosPolicy>;
  readonly segments: Segments;
  readonly physicalMtu: number;
}

export function readNetworks(root: JsonNode, context: NetworkContext): void {
  const rows = objects(member(root, 'networks'));
  const named = rows.map((node) => readSegments(node, context.segments));
  for (const [i, node] of rows.entries()) {
    reportUnknownKeys(node, NETWORK_KEYS);
    const name = nameOf(node);
    if (name === '') continue;
    const segments = named[i] ?? [
      onlySegment(name, context.segments.take(node, name) ?? NO_SEGMENT),
    ];
    const { type, physicalNetwork, segmentationId } = segments[0] ?? NO_SEGMENT;
    const overhead = Math.max(...segments.map(overheadOf));
    const subnets = objects(member(node, 'subnets'));
    const network: NeutronNetwork = {
      id: idOf('network', name),
      name,
      project: text(node, 'project', 'default'),
      adminUp: truth(node, 'admin_up', true),
      mtu: whole(node, 'mtu', 68, 65535) ?? context.physicalMtu - overhead,
      external: truth(node, 'external', false),
      shared: truth(node, 'shared', false),
      portSecurity: truth(node, 'port_security', true),
      qosPolicyId: context.qos.find(member(node, 'qos'))?.id ?? null,
      provider: { type, physicalNetwork, segmentationId },
      segments,
      subnets: subnets.map((row, at) => idOf('subnet', name, subnetName(row, name, at))),
    };
    context.networks.add(name, network, node);
    readSubnets(subnets, network, context, text(node, 'manager') !== 'flat');
  }
}

function readSubnets(
  rows: readonly JsonNode[],
  network: NeutronNetwork,
  { subnets, pools }: NetworkContext,
  dhcp: boolean,
): void {
  const taken: { readonly name: string; readonly prefix: CloudPrefix }[] = [];
  for (const [i, row] of rows.entries()) {
    reportUnknownKeys(row, SUBNET_KEYS);
    const pool = pools.find(member(row, 'pool'));
    const cidr = readCidr(row, pool);
    if (cidr === null) continue;
    const name = subnetName(row, network.name, i);
    const other = taken.find((each) => overlap(each.prefix, cidr));
    if (other !== undefined)
      wrong(row, `Overlaps subnet ${JSON.stringify(other.name)} of its network`);
    taken.push({ name, prefix: cidr });
    const gateway = readGateway(row, cidr);
    const subnet: NeutronSubnet = {
      id: idOf('subnet', network.name, name),
      name,
      networkId: network.id,
      prefix: cidr,
      gateway,
      dhcp: truth(row, 'dhcp', dhcp),
      dnsServers: addresses(row, 'dns'),
      hostRoutes: readRoutes(member(row, 'routes')),
      pools: readPools(row, cidr, gateway),
      ipv6AddressMode: readMode(row, cidr),
      ipv6RaMode: readMode(row, cidr),
      subnetPoolId: pool?.pool.id ?? null,
      segmentId: readSegment(row, network),
    };
    subnets.add(name, { subnet, network }, row);
  }
  const without = rows.findIndex((row) => member(row, 'segment') === undefined);
  const row = rows[without];
  if (row !== undefined && rows.some((each) => member(each, 'segment') !== undefined)) {
    wrong(row, 'Either all subnets of a network name a segment, or none does');
  }
}

function subnetName(row: JsonNode, network: string, index: number): string {
  return text(row, 'name', text(row, 'cidr', `${network}-${index + 1}`));
}

/** A prefix that somebody chose, or one that is cut from a pool. */
function readCidr(row: JsonNode, pool: OpenPool | undefined): CloudPrefix | null {
  const at = member(row, 'cidr');
  const length = whole(row, 'prefix_length', 1, 128);
  if (at === undefined && pool !== undefined) return cutSubnet(row, pool, length);
  const cidr = prefix(at);
  if (at === undefined && member(row, 'pool') === undefined) wrong(row, 'A subnet needs a cidr');
  if (cidr !== null && pool !== undefined) claimPrefix(row, pool, cidr);
  return cidr;
}

function readMode(row: JsonNode, cidr: CloudPrefix): string | null {
  if (cidr.address.version === 4) {
    const at = member(row, 'ipv6_mode');
    if (at !== undefined) wrong(at, 'A subnet of IPv4 has no ipv6_mode');
    return null;
  }
  const modes = ['slaac', 'dhcpv6-stateful', 'dhcpv6-stateless', 'none'] as const;
  const mode = oneOf(row, 'ipv6_mode', modes, 'none');
  return mode === 'none' ? null : mode;
}

/** The first address unless another is named; `none` for no gateway. */
function readGateway(row: JsonNode, cidr: CloudPrefix): CloudAddress | null {
  const at = member(row, 'gateway');
  if (at?.value === 'none') return null;
  if (at === undefined) return { ...cidr.address, value: cidr.address.value + 1n };
  const found = address(at);
  if (found !== null && !prefixCovers(cidr, found)) wrong(at, 'The gateway is not in the subnet');
  return found;
}

function readPools(
  row: JsonNode,
  cidr: CloudPrefix,
  gateway: CloudAddress | null,
): NeutronSubnet['pools'] {
  const pools = objects(member(row, 'pools')).flatMap((node) => {
    reportUnknownKeys(node, ['from', 'to']);
    needs(node, 'from', 'to');
    const from = address(member(node, 'from'));
    const to = address(member(node, 'to'));
    if (from === null || to === null) return [];
    if (!prefixCovers(cidr, from) || !prefixCovers(cidr, to) || from.value > to.value) {
      wrong(node, 'This pool is not a range of the subnet');
    }
    // ipam_backend_mixin.py `validate_gw_out_of_pools`.
    if (gateway !== null && from.value <= gateway.value && gateway.value <= to.value) {
      wrong(node, 'The gateway of the subnet is in this pool');
    }
    return [{ from, to }];
  });
  for (const [i, a] of pools.entries()) {
    const overlapping = pools
      .slice(0, i)
      .some((b) => a.from.value <= b.to.value && b.from.value <= a.to.value);
    if (overlapping) wrong(row, 'Two allocation pools overlap');
  }
  return pools;
}

export function readRoutes(node: JsonNode | undefined): NeutronSubnet['hostRoutes'] {
  return objects(node).flatMap((row) => {
    reportUnknownKeys(row, ['to', 'via']);
    needs(row, 'to', 'via');
    const to = prefix(member(row, 'to'));
    const via = address(member(row, 'via'));
    return to === null || via === null ? [] : [{ to, via }];
  });
}

/** The network's own address and that for everybody in it, which no port has (ipam/utils.py). */
export function isReserved(
  { address, length }: CloudPrefix,
  { version, value }: CloudAddress,
): boolean {
  if (version !== 4 || address.version !== 4 || length > 30) return false;
  return value === address.value || value === address.value + (1n << BigInt(32 - length)) - 1n;
}

/** `address_groups:`; prefixes under one name. */
export function readAddressGroups(
  root: JsonNode,
  groups: Names<{
    readonly id: string;
    readonly name: string;
    readonly addresses: readonly CloudPrefix[];
  }>,
): void {
  for (const node of objects(member(root, 'address_groups'))) {
    reportUnknownKeys(node, ['name', 'addresses']);
    const name = nameOf(node);
    const all = items(member(node, 'addresses')).flatMap((each) => prefix(each) ?? []);
    if (name !== '')
      groups.add(name, { id: idOf('address-group', name), name, addresses: all }, node);
  }
}
