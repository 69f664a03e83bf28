/**
 * Whether answers of the API can be one cloud that agents build: every object names objects that
 * there are, nothing is twice, and nothing is missing that only other commands of the client print.
 * Traces of a snapshot take what there is; compiling asks for all of it.
 */
import { prefixCovers } from '../../packet/prefix.ts';
import { readIp, readMac, readPrefix } from '../../text/address-text.ts';
import {
  isRecord,
  items,
  type JsonNode,
  jsonRoot,
  keysOf,
  member,
  textOf,
  wrong,
} from '../../text/json-text.ts';
import { type Problem } from '../../text/problem.ts';
import { nearest } from '../../text/suggest.ts';
import { type Catalog } from './catalog.ts';
import { column, hasColumn, listed, objectsOf } from './columns.ts';
import { type Folder, openStore, sourceAt } from './folder.ts';

/** A column that names objects of another file, itself, in a list, or in members of objects. */
interface Reference {
  readonly at: (row: JsonNode) => readonly (JsonNode | undefined)[];
  readonly to: string;
  readonly what: string;
}

/** What the client's `list` leaves out, and the command that prints it. */
interface Untold {
  readonly columns: readonly string[];
  readonly what: string;
  readonly command: string;
  /** Whether this row has it at all. */
  readonly of?: (row: JsonNode) => boolean;
  /** Another file that tells it. */
  readonly or?: string;
}

interface Kind {
  readonly references: readonly Reference[];
  readonly untold: readonly Untold[];
}

const one =
  (...names: readonly string[]) =>
  (row: JsonNode): readonly (JsonNode | undefined)[] => [column(row, ...names)];
const each =
  (...names: readonly string[]) =>
  (row: JsonNode): readonly JsonNode[] => {
    const node = column(row, ...names);
    return Array.isArray(node?.value) ? items(node) : [];
  };
const within =
  (names: readonly string[], key: string) =>
  (row: JsonNode): readonly (JsonNode | undefined)[] =>
    objectsOf(column(row, ...names)).map((inner) => member(inner, key));

function reference(to: string, what: string, at: Reference['at']): Reference {
  return { at, to, what };
}

function untold(what: string, command: string, ...columns: readonly string[]): Untold {
  return { columns, what, command };
}

const gateway = (row: JsonNode): JsonNode | undefined => column(row, 'external_gateway_info');

const KINDS: Readonly<Record<string, Kind>> = {
  networks: {
    references: [reference('qos-policies', 'QoS policy', one('qos_policy_id'))],
    untold: [
      {
        ...untold(
          'segmentation ids',
          'network show',
          'provider:segmentation_id',
          'segments',
          'provider:network_type',
        ),
        or: 'segments',
      },
    ],
  },
  segments: {
    references: [reference('networks', 'network', one('network_id', 'network'))],
    untold: [],
  },
  subnets: {
    references: [
      reference('networks', 'network', one('network_id', 'network')),
      reference('subnetpools', 'subnet pool', one('subnetpool_id')),
      reference('segments', 'segment', one('segment_id')),
    ],
    untold: [
      {
        ...untold('how IPv6 addresses are given', 'subnet show', 'ipv6_address_mode'),
        of: (row) => String(column(row, 'cidr', 'subnet')?.value).includes(':'),
      },
      untold('allocation pools and gateways', 'subnet show', 'gateway_ip', 'gateway'),
    ],
  },
  ports: {
    references: [
      reference('networks', 'network', one('network_id', 'network')),
      reference('subnets', 'subnet', within(['fixed_ips', 'Fixed IP Addresses'], 'subnet_id')),
      reference('security-groups', 'security group', each('security_groups', 'security_group_ids')),
      reference('qos-policies', 'QoS policy', one('qos_policy_id')),
    ],
    untold: [
      untold('networks of ports', 'port show', 'network_id'),
      untold('hosts of ports', 'port show', 'binding:host_id', 'binding_host_id'),
    ],
  },
  routers: {
    references: [
      reference('networks', 'network', (row) => [member(gateway(row), 'network_id')]),
      reference('subnets', 'subnet', (row) =>
        objectsOf(member(gateway(row), 'external_fixed_ips')).map((fixed) =>
          member(fixed, 'subnet_id'),
        ),
      ),
    ],
    untold: [untold('gateways', 'router show', 'external_gateway_info')],
  },
  floatingips: {
    references: [
      reference('networks', 'network', one('floating_network_id', 'floating_network')),
      reference('ports', 'port', one('port_id', 'port')),
      reference('routers', 'router', one('router_id', 'router')),
    ],
    untold: [
      untold('routers', 'floating ip list --long', 'router_id', 'router'),
      {
        ...untold('port forwardings', 'floating ip port forwarding list', 'port_forwardings'),
        of: (row) =>
          column(row, 'router_id', 'router') !== undefined &&
          column(row, 'port_id', 'port') === undefined,
        or: 'port-forwardings',
      },
    ],
  },
  'security-groups': {
    references: [],
    untold: [
      {
        ...untold('rules', 'security group show', 'security_group_rules', 'rules'),
        or: 'security-group-rules',
      },
    ],
  },
  'security-group-rules': {
    references: [
      reference('security-groups', 'security group', one('security_group_id', 'security_group')),
      reference(
        'security-groups',
        'security group',
        one('remote_group_id', 'remote_security_group'),
      ),
      reference(
        'address-groups',
        'address group',
        one('remote_address_group_id', 'remote_address_group'),
      ),
    ],
    untold: [],
  },
  trunks: {
    references: [
      reference('ports', 'port', one('port_id', 'parent_port')),
      reference('ports', 'port', within(['sub_ports'], 'port_id')),
    ],
    untold: [untold('sub-ports', 'network trunk show', 'sub_ports')],
  },
  agents: {
    references: [],
    untold: [untold('settings', 'network agent show', 'configurations', 'configuration')],
  },
  'rbac-policies': {
    references: [],
    untold: [
      untold(
        'projects',
        'network rbac show',
        'target_tenant',
        'target_project_id',
        'target_project',
      ),
    ],
  },
  'qos-policies': {
    references: [],
    untold: [{ ...untold('rules', 'network qos policy show', 'rules'), or: 'qos-rules' }],
  },
  'bgp-speakers': {
    references: [
      reference('networks', 'network', each('networks')),
      reference('bgp-peers', 'BGP peer', each('peers')),
    ],
    untold: [untold('networks and peers', 'bgp speaker show', 'networks')],
  },
  loadbalancers: {
    references: [reference('ports', 'port', one('vip_port_id'))],
    untold: [untold('ports of addresses', 'loadbalancer show', 'vip_port_id')],
  },
  listeners: {
    references: [reference('pools', 'pool', one('default_pool_id'))],
    untold: [untold('load balancers', 'loadbalancer listener show', 'loadbalancers')],
  },
  pools: {
    references: [reference('healthmonitors', 'health monitor', one('healthmonitor_id'))],
    untold: [untold('monitors and persistence', 'loadbalancer pool show', 'healthmonitor_id')],
  },
  healthmonitors: {
    references: [],
    untold: [untold('intervals', 'loadbalancer healthmonitor show', 'delay')],
  },
  l7policies: {
    references: [
      reference('listeners', 'listener', one('listener_id')),
      reference('pools', 'pool', one('redirect_pool_id')),
    ],
    untold: [untold('listeners', 'loadbalancer l7policy show', 'listener_id')],
  },
  amphorae: {
    references: [
      reference('loadbalancers', 'load balancer', one('loadbalancer_id')),
      reference('ports', 'port', one('vrrp_port_id')),
    ],
    untold: [untold('ports', 'loadbalancer amphora show', 'vrrp_port_id')],
  },
  subnetpools: { references: [], untold: [] },
  'address-groups': { references: [], untold: [] },
  'bgp-peers': { references: [], untold: [] },
};

/** Files that list rows below an object of another file. */
const BELOW = {
  'router-l3-agents': 'routers',
  'network-dhcp-agents': 'networks',
  'port-forwardings': 'floatingips',
  members: 'pools',
  l7rules: 'l7policies',
  'qos-rules': 'qos-policies',
} as const;

/** Problems of all answers, each at its place; no file is read twice. */
export function checkApi(folder: Folder, { api }: Pick<Catalog, 'api'>): readonly Problem[] {
  const store = openStore(folder);
  const files = new Map<string, readonly JsonNode[]>();
  const ids = new Map<string, ReadonlySet<string>>();
  const roots = new Map<string, JsonNode | undefined>();
  for (const [name, path] of api) {
    if (KINDS[name] === undefined && !(name in BELOW)) continue;
    const source = sourceAt(store, path);
    if (source === undefined) continue;
    const root = jsonRoot(source.file, source.text, store.problems);
    if (name in BELOW) roots.set(name, root);
    else files.set(name, listed(root));
  }
  for (const [name, rows] of files) ids.set(name, idsIn(rows));
  const known = new Set([...files.keys(), ...roots.keys()]);
  for (const [name, rows] of files) {
    const kind = KINDS[name];
    if (kind === undefined) continue;
    for (const missing of kind.untold) reportUntold(rows, missing, known);
    for (const each of kind.references) reportDangling(rows, each, ids.get(each.to));
  }
  for (const [name, parents] of Object.entries(BELOW)) {
    const root = roots.get(name);
    if (root !== undefined) reportParents(root, parents, ids.get(parents));
  }
  reportAddresses(files.get('ports') ?? [], files.get('subnets') ?? []);
  reportSegments(files.get('networks') ?? []);
  return store.problems;
}

/** Ids of the rows; a second row of one id, or a row without, is a problem. */
function idsIn(rows: readonly JsonNode[]): ReadonlySet<string> {
  const found = new Set<string>();
  for (const row of rows) {
    const node = column(row, 'id');
    const id = textOf(node);
    if (id === undefined || id === '') {
      if (node === undefined || id === '') wrong(row, 'An object of the API has an id');
    } else if (found.has(id)) wrong(node ?? row, `Another object has the id ${quoted(id)}`);
    else found.add(id);
  }
  return found;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

/** One problem for a file: a list has the same columns in all its rows. */
function reportUntold(
  rows: readonly JsonNode[],
  { columns, what, command, of, or }: Untold,
  known: ReadonlySet<string>,
): void {
  if (or !== undefined && known.has(or)) return;
  const row = rows.find((each) => isRecord(each.value) && (of?.(each) ?? true));
  if (row === undefined || hasColumn(row, ...columns)) return;
  wrong(row, `This does not tell ${what}; \`openstack ${command} -f json\` does`);
}

/** References to what a file of its own does not list; without that file nobody knows. */
function reportDangling(
  rows: readonly JsonNode[],
  { at, what }: Reference,
  ids: ReadonlySet<string> | undefined,
): void {
  if (ids === undefined) return;
  for (const row of rows) {
    for (const node of at(row)) {
      const id = textOf(node);
      if (node === undefined || id === undefined || id === '' || ids.has(id)) continue;
      wrong(node, `There is no ${what} ${quoted(id)}`, nearest(id, [...ids].slice(0, MOST_NEAR)));
    }
  }
}

const MOST_NEAR = 500;

function reportParents(
  root: JsonNode,
  parents: string,
  ids: ReadonlySet<string> | undefined,
): void {
  if (!isRecord(root.value)) {
    wrong(root, `Expected an object with a list for each of the ${parents}, by id`);
    return;
  }
  if (ids === undefined) return;
  for (const id of keysOf(root)) {
    const node = member(root, id);
    if (!ids.has(id)) wrong(node ?? root, `None of the ${parents} has the id ${quoted(id)}`);
  }
}

/** An address or a MAC of two ports, and addresses outside of their subnets. */
function reportAddresses(ports: readonly JsonNode[], subnets: readonly JsonNode[]): void {
  const prefixes = new Map(
    subnets.flatMap((row) => {
      const prefix = readPrefix(String(column(row, 'cidr', 'subnet')?.value));
      return prefix === undefined ? [] : [[String(column(row, 'id')?.value), prefix] as const];
    }),
  );
  const owners = new Map<string, string>();
  const claim = (node: JsonNode, key: string, what: string, port: string): void => {
    const owner = owners.get(key);
    if (owner === undefined) owners.set(key, port);
    else wrong(node, `${what} is that of port ${quoted(owner)} as well as of ${quoted(port)}`);
  };
  for (const row of ports) {
    const id = String(column(row, 'id')?.value);
    const network = String(column(row, 'network_id')?.value ?? '');
    const macNode = column(row, 'mac_address');
    const mac = typeof macNode?.value === 'string' ? readMac(macNode.value) : undefined;
    if (macNode !== undefined && mac !== undefined && network !== '') {
      claim(macNode, `${network} ${mac}`, `MAC ${String(macNode.value)}`, id);
    }
    for (const fixed of objectsOf(column(row, 'fixed_ips', 'Fixed IP Addresses'))) {
      const node = member(fixed, 'ip_address');
      const subnet = String(member(fixed, 'subnet_id')?.value);
      const address = typeof node?.value === 'string' ? readIp(node.value) : undefined;
      const prefix = prefixes.get(subnet);
      if (node === undefined || address === undefined) continue;
      const text = `Address ${String(node.value)}`;
      claim(node, `${subnet} ${address.value}`, `${text} of subnet ${quoted(subnet)}`, id);
      if (prefix === undefined || prefixCovers(prefix, address)) continue;
      wrong(node, `${text} of port ${quoted(id)} is not in its subnet ${quoted(subnet)}`);
    }
  }
}

/** A VLAN of one physical network, or a tunnel key, that two networks have. */
function reportSegments(networks: readonly JsonNode[]): void {
  const owners = new Map<string, string>();
  for (const row of networks) {
    const id = String(column(row, 'id')?.value);
    const inner = objectsOf(column(row, 'segments'));
    for (const at of inner.length > 0 ? inner : [row]) {
      const number = column(at, 'provider:segmentation_id');
      const type = column(at, 'provider:network_type')?.value;
      if (number === undefined || typeof number.value !== 'number') continue;
      const physical = column(at, 'provider:physical_network')?.value ?? '';
      const key = `${String(type)} ${String(physical)} ${number.value}`;
      const owner = owners.get(key);
      if (owner === undefined) owners.set(key, id);
      else if (owner !== id) {
        wrong(number, `Networks ${quoted(owner)} and ${quoted(id)} have the same segment`);
      }
    }
  }
}
