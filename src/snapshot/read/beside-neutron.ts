/**
 * What is beside Neutron's own objects: load balancers as Octavia's API v2 (or LBaaS v2's, whose
 * objects are the same) answers them, and BGP speakers (neutron-dynamic-routing).
 */
import {
  type BgpSpeaker,
  type L7Policy,
  type Listener,
  type LoadBalancer,
  type Pool,
} from '../../model/neutron.ts';
import { readIp } from '../../text/address-text.ts';
import {
  isRecord,
  type JsonNode,
  keysOf,
  member,
  numberOf,
  readAs,
  textOf,
  wrong,
} from '../../text/json-text.ts';
import { column, needed, objectsOf, stateOf, word } from './columns.ts';

/** Rows of the API's files, by the name of the collection, and by the object that they belong to. */
export interface ServiceRows {
  readonly rows: (name: string) => readonly JsonNode[];
  readonly below: (name: string) => ReadonlyMap<string, readonly JsonNode[]>;
}

function number(row: JsonNode, name: string): number | null {
  return numberOf(column(row, name)) ?? null;
}

function isUp(row: JsonNode): boolean {
  return stateOf(column(row, 'admin_state_up')) ?? true;
}

/** Ids of `[{"id": …}]`, of a list of ids, or of the client's text of a line for each. */
function idsOf(node: JsonNode | undefined): readonly string[] {
  if (node === undefined) return [];
  if (typeof node.value === 'string') return node.value.split(/[\s,]+/).filter((id) => id !== '');
  if (!Array.isArray(node.value)) {
    wrong(node, 'Expected a list');
    return [];
  }
  return node.value.flatMap((each: unknown) => {
    if (typeof each === 'string') return [each];
    const id = isRecord(each) ? each['id'] : undefined;
    return typeof id === 'string' ? [id] : [];
  });
}

/** One of the words, whatever their case; a problem when the API has a word that nobody knows. */
function wordOf<const W extends string>(
  row: JsonNode,
  name: string,
  words: readonly W[],
  otherwise: W,
): W {
  const node = column(row, name);
  if (node === undefined) return otherwise;
  const text = textOf(node)?.toUpperCase();
  const found = words.find((each) => each === text);
  if (found === undefined) wrong(node, `Expected one of ${words.join(', ')}`);
  return found ?? otherwise;
}

const LISTENER_PROTOCOLS = ['TCP', 'HTTP', 'HTTPS', 'TERMINATED_HTTPS', 'UDP'] as const;
const POOL_PROTOCOLS = ['TCP', 'HTTP', 'HTTPS', 'UDP'] as const;
const ALGORITHMS = ['ROUND_ROBIN', 'LEAST_CONNECTIONS', 'SOURCE_IP'] as const;
const ACTIONS = ['REJECT', 'REDIRECT_TO_POOL', 'REDIRECT_TO_URL'] as const;
const MONITORS = ['PING', 'TCP', 'HTTP', 'HTTPS'] as const;
const RULE_TYPES = ['HOST_NAME', 'PATH', 'FILE_TYPE', 'HEADER', 'COOKIE'] as const;
const COMPARES = ['REGEX', 'STARTS_WITH', 'ENDS_WITH', 'CONTAINS', 'EQUAL_TO'] as const;
const PERSISTENCE = ['SOURCE_IP', 'HTTP_COOKIE', 'APP_COOKIE'] as const;

/** The load balancers, each with its listeners and pools in the order of their own files. */
export function balancersOf(api: ServiceRows): readonly LoadBalancer[] {
  const listeners = api.rows('listeners');
  const pools = api.rows('pools');
  const amphorae = api.rows('amphorae');
  return api.rows('loadbalancers').flatMap((row): LoadBalancer[] => {
    const vipAddress = readAs(needed(row, 'vip_address'), readIp, 'an address');
    if (vipAddress === undefined) return [];
    const id = word(row, 'id');
    const mine = (each: JsonNode): boolean => idsOf(column(each, 'loadbalancers')).includes(id);
    const listed = new Set([...idsOf(column(row, 'listeners')), ...idsOf(column(row, 'pools'))]);
    const isOwn = (each: JsonNode): boolean => listed.has(word(each, 'id')) || mine(each);
    return [
      {
        ...{ id, name: word(row, 'name'), project: word(row, 'project_id', 'tenant_id') },
        provider: providerOf(row),
        vipPortId: word(row, 'vip_port_id'),
        vipAddress,
        adminUp: isUp(row),
        host: null,
        amphoraPortIds: amphoraPorts(amphorae, id),
        listeners: listeners.filter(isOwn).map((each) => listenerOf(api, each)),
        pools: pools.filter(isOwn).map((each) => poolOf(api, each)),
      },
    ];
  });
}

/** LBaaS v2's haproxy, or Octavia's own driver under its names; others work in other ways. */
function providerOf(row: JsonNode): LoadBalancer['provider'] {
  const node = column(row, 'provider');
  const word = textOf(node) ?? 'amphora';
  if (node !== undefined && !/^(?:haproxy|amphora|amphorav2|octavia)$/.test(word)) {
    wrong(node, 'Load balancers are built by haproxy (LBaaS v2) or amphora (Octavia) alone');
  }
  return word === 'haproxy' ? 'haproxy' : 'amphora';
}

/** The master's port first (`role`); an amphora that is being replaced has no port any more. */
function amphoraPorts(rows: readonly JsonNode[], balancer: string): readonly string[] {
  const own = rows.filter((row) => word(row, 'loadbalancer_id') === balancer);
  const order = (row: JsonNode): number => (word(row, 'role') === 'BACKUP' ? 1 : 0);
  return own
    .sort((a, b) => order(a) - order(b))
    .map((row) => word(row, 'vrrp_port_id'))
    .filter((id) => id !== '');
}

function listenerOf(api: ServiceRows, row: JsonNode): Listener {
  const id = word(row, 'id');
  const named = new Set(idsOf(column(row, 'l7policies')));
  const limit = number(row, 'connection_limit');
  return {
    id,
    name: word(row, 'name'),
    protocol: wordOf(row, 'protocol', LISTENER_PROTOCOLS, 'TCP'),
    port: number(row, 'protocol_port') ?? 0,
    adminUp: isUp(row),
    connectionLimit: limit === -1 ? null : limit,
    defaultPoolId: textOf(column(row, 'default_pool_id')) ?? null,
    policies: api
      .rows('l7policies')
      .filter((each) => named.has(word(each, 'id')) || word(each, 'listener_id') === id)
      .map((each) => policyOf(api, each))
      .sort((a, b) => a.position - b.position),
  };
}

function policyOf(api: ServiceRows, row: JsonNode): L7Policy {
  const id = word(row, 'id');
  return {
    id,
    position: number(row, 'position') ?? 1,
    action: wordOf(row, 'action', ACTIONS, 'REJECT'),
    poolId: textOf(column(row, 'redirect_pool_id')) ?? null,
    url: textOf(column(row, 'redirect_url')) ?? null,
    rules: inside(row, 'rules', api.below('l7rules').get(id)).map((rule) => ({
      type: wordOf(rule, 'type', RULE_TYPES, 'PATH'),
      compare: wordOf(rule, 'compare_type', COMPARES, 'EQUAL_TO'),
      key: textOf(column(rule, 'key')) ?? null,
      value: word(rule, 'value'),
      invert: stateOf(column(rule, 'invert')) ?? false,
    })),
  };
}

/** Objects that stand in the row itself, as LBaaS v2's status tree has them, else the listed ones. */
function inside(
  row: JsonNode,
  name: string,
  listed: readonly JsonNode[] | undefined,
): readonly JsonNode[] {
  if (listed !== undefined) return listed;
  const node = column(row, name);
  return typeof node?.value === 'string'
    ? []
    : objectsOf(node).filter((each) => keysOf(each).length > 1);
}

function poolOf(api: ServiceRows, row: JsonNode): Pool {
  const id = word(row, 'id');
  const monitor = word(row, 'healthmonitor_id');
  return {
    id,
    name: word(row, 'name'),
    protocol: wordOf(row, 'protocol', POOL_PROTOCOLS, 'TCP'),
    algorithm: wordOf(row, 'lb_algorithm', ALGORITHMS, 'ROUND_ROBIN'),
    persistence: persistenceOf(column(row, 'session_persistence')),
    monitor: monitorOf(api.rows('healthmonitors').find((each) => word(each, 'id') === monitor)),
    members: inside(row, 'members', api.below('members').get(id)).flatMap((each) => {
      const address = readAs(needed(each, 'address'), readIp, 'an address');
      if (address === undefined) return [];
      return [
        {
          id: word(each, 'id'),
          address,
          port: number(each, 'protocol_port') ?? 80,
          weight: number(each, 'weight') ?? 1,
          subnetId: textOf(column(each, 'subnet_id')) ?? null,
          adminUp: isUp(each),
        },
      ];
    }),
  };
}

/** `{"type": "APP_COOKIE", …}`, or the client's text of a line `type=APP_COOKIE`. */
function persistenceOf(node: JsonNode | undefined): Pool['persistence'] {
  if (node === undefined) return null;
  const kind =
    typeof node.value === 'string'
      ? /^type=(\w+)$/m.exec(node.value)?.[1]
      : textOf(member(node, 'type'));
  const found = PERSISTENCE.find((each) => each === kind);
  if (found === undefined && kind !== 'NONE')
    wrong(node, `Expected one of ${PERSISTENCE.join(', ')}`);
  return found ?? null;
}

function monitorOf(row: JsonNode | undefined): Pool['monitor'] {
  if (row === undefined) return null;
  return {
    type: wordOf(row, 'type', MONITORS, 'TCP'),
    delay_s: number(row, 'delay') ?? 5,
    timeout_s: number(row, 'timeout') ?? 4,
    retries: number(row, 'max_retries') ?? 3,
    path: word(row, 'url_path') || '/',
  };
}

/** BGP speakers with their peers, which the speaker names by id. */
export function speakersOf({ rows }: ServiceRows): readonly BgpSpeaker[] {
  const peers = rows('bgp-peers');
  return rows('bgp-speakers').map((row) => {
    const own = new Set(idsOf(column(row, 'peers')));
    return {
      id: word(row, 'id'),
      name: word(row, 'name'),
      localAs: number(row, 'local_as') ?? 0,
      version: number(row, 'ip_version') === 6 ? 6 : 4,
      networkIds: idsOf(column(row, 'networks')),
      advertisesFloatingIps: stateOf(column(row, 'advertise_floating_ip_host_routes')) ?? true,
      advertisesTenantNetworks: stateOf(column(row, 'advertise_tenant_networks')) ?? true,
      peers: peers
        .filter((each) => own.has(word(each, 'id')))
        .flatMap((each) => {
          const address = readAs(needed(each, 'peer_ip'), readIp, 'an address');
          const as = number(each, 'remote_as') ?? 0;
          return address === undefined ? [] : [{ name: word(each, 'name'), address, as }];
        }),
    };
  });
}
