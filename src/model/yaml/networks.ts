/** `networks:` of a cloud.yaml, with their subnets. */
import {
  items,
  type JsonNode,
  member,
  records,
  reportUnknownKeys,
  wrong,
} from '../../text/json-text.ts';
import {
  type CloudAddress,
  type CloudPrefix,
  type NeutronNetwork,
  type NeutronSubnet,
} from '../neutron.ts';
import {
  address,
  addresses,
  idOf,
  type Names,
  nameOf,
  oneOf,
  prefix,
  text,
  truth,
  whole,
} from './reading.ts';

const NETWORK_KEYS = [
  'name',
  'project',
  'type',
  'segmentation_id',
  'physical_network',
  'mtu',
  'external',
  'shared',
  'admin_up',
  'port_security',
  'subnets',
] as const;
const SUBNET_KEYS = [
  'name',
  'cidr',
  'gateway',
  'dhcp',
  'pools',
  'dns',
  'routes',
  'ipv6_mode',
] as const;
const TYPES = ['flat', 'vlan', 'vxlan', 'gre', 'geneve', 'local'] as const;
/** What an underlay of 1500 leaves (RFC 7348 §4, RFC 2784, RFC 8926). */
const OVERHEAD = { flat: 0, vlan: 0, local: 0, vxlan: 50, gre: 42, geneve: 58 } as const;
/** Segmentation ids by type: 12 bits of 802.1Q, 24 of VXLAN and Geneve, 32 of GRE's key. */
const LARGEST_ID = { vlan: 4094, vxlan: 0xff_ffff, gre: 0xffff_ffff, geneve: 0xff_ffff } as const;

export interface NamedSubnet {
  readonly subnet: NeutronSubnet;
  readonly network: NeutronNetwork;
}

export function readNetworks(
  root: JsonNode,
  networks: Names<NeutronNetwork>,
  subnets: Names<NamedSubnet>,
  physicalMtu: number,
): void {
  const segments = new Map<string, string>();
  for (const node of records(member(root, 'networks'))) {
    reportUnknownKeys(node, NETWORK_KEYS);
    const name = nameOf(node);
    if (name === '') continue;
    const id = idOf('network', name);
    const type = oneOf(node, 'type', TYPES, 'vxlan');
    const provider = readProvider(node, type);
    const rows = records(member(node, 'subnets'));
    const network: NeutronNetwork = {
      id,
      name,
      project: text(node, 'project', 'default'),
      adminUp: truth(node, 'admin_up', true),
      mtu: whole(node, 'mtu', 68, 65535) ?? physicalMtu - OVERHEAD[type],
      external: truth(node, 'external', false),
      shared: truth(node, 'shared', false),
      portSecurity: truth(node, 'port_security', true),
      provider,
      subnets: rows.map((row) => idOf('subnet', name, text(row, 'name', text(row, 'cidr')))),
    };
    claimSegment(node, network, segments);
    networks.add(name, network, node);
    readSubnets(rows, network, subnets);
  }
}

function readProvider(node: JsonNode, type: (typeof TYPES)[number]): NeutronNetwork['provider'] {
  const physicalNetwork = text(node, 'physical_network') || null;
  const segmentationId =
    type === 'flat' || type === 'local'
      ? null
      : whole(node, 'segmentation_id', 1, LARGEST_ID[type]);
  if ((type === 'flat' || type === 'vlan') && physicalNetwork === null) {
    wrong(node, `A ${type} network needs a physical_network`);
  }
  if (segmentationId === null && type !== 'flat' && type !== 'local') {
    wrong(node, `A ${type} network needs a segmentation_id`);
  }
  return { type, physicalNetwork, segmentationId };
}

/** One VLAN of a physical network, or one key of a tunnel type, belongs to one network. */
function claimSegment(node: JsonNode, network: NeutronNetwork, taken: Map<string, string>): void {
  const { type, physicalNetwork, segmentationId } = network.provider;
  if (type === 'local') return;
  const key =
    type === 'flat' ? `flat ${physicalNetwork}` : `${type} ${physicalNetwork} ${segmentationId}`;
  const other = taken.get(key);
  if (other !== undefined) {
    const what = type === 'flat' ? `flat on ${physicalNetwork}` : `${type} ${segmentationId}`;
    wrong(node, `Network ${JSON.stringify(other)} is already ${what}`);
  } else taken.set(key, network.name);
}

function readSubnets(
  rows: readonly JsonNode[],
  network: NeutronNetwork,
  subnets: Names<NamedSubnet>,
): void {
  const taken: { readonly name: string; readonly prefix: CloudPrefix }[] = [];
  for (const row of rows) {
    reportUnknownKeys(row, SUBNET_KEYS);
    const cidr = prefix(member(row, 'cidr'));
    if (cidr === null) {
      if (member(row, 'cidr') === undefined) wrong(row, 'A subnet needs a cidr');
      continue;
    }
    const name = text(row, 'name', text(row, 'cidr'));
    const other = taken.find((each) => overlaps(each.prefix, cidr));
    if (other !== undefined)
      wrong(row, `Overlaps subnet ${JSON.stringify(other.name)} of its network`);
    taken.push({ name, prefix: cidr });
    const subnet: NeutronSubnet = {
      id: idOf('subnet', network.name, name),
      name,
      networkId: network.id,
      prefix: cidr,
      gateway: readGateway(row, cidr),
      dhcp: truth(row, 'dhcp', true),
      dnsServers: addresses(row, 'dns'),
      hostRoutes: readRoutes(member(row, 'routes')),
      pools: readPools(row, cidr),
      ipv6AddressMode: readMode(row, cidr),
      ipv6RaMode: readMode(row, cidr),
      subnetPoolId: null,
    };
    subnets.add(name, { subnet, network }, row);
  }
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
  if (found !== null && !contains(cidr, found)) wrong(at, 'The gateway is not in the subnet');
  return found;
}

function readPools(row: JsonNode, cidr: CloudPrefix): NeutronSubnet['pools'] {
  const pools = records(member(row, 'pools')).flatMap((node) => {
    reportUnknownKeys(node, ['from', 'to']);
    const from = address(member(node, 'from'));
    const to = address(member(node, 'to'));
    if (from === null || to === null) return [];
    if (!contains(cidr, from) || !contains(cidr, to) || from.value > to.value) {
      wrong(node, 'This pool is not a range of the subnet');
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
  return records(node).flatMap((row) => {
    reportUnknownKeys(row, ['to', 'via']);
    const to = prefix(member(row, 'to'));
    const via = address(member(row, 'via'));
    return to === null || via === null ? [] : [{ to, via }];
  });
}

export function contains(within: CloudPrefix, { version, value }: CloudAddress): boolean {
  if (version !== within.address.version) return false;
  const rest = BigInt((version === 4 ? 32 : 128) - within.length);
  return value >> rest === within.address.value >> rest;
}

function overlaps(a: CloudPrefix, b: CloudPrefix): boolean {
  return a.length <= b.length ? contains(a, b.address) : contains(b, a.address);
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
  for (const node of records(member(root, 'address_groups'))) {
    reportUnknownKeys(node, ['name', 'addresses']);
    const name = nameOf(node);
    const all = items(member(node, 'addresses')).flatMap((each) => prefix(each) ?? []);
    if (name !== '')
      groups.add(name, { id: idOf('address-group', name), name, addresses: all }, node);
  }
}
