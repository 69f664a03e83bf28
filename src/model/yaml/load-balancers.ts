/**
 * `load_balancers:` of a cloud.yaml: a VIP with listeners, pools and members. The provider is
 * haproxy in a namespace of an agent (LBaaS v2), or amphorae, which are servers (Octavia).
 */
import {
  items,
  type JsonNode,
  member,
  reportUnknownKeys,
  textOf,
  wrong,
} from '../../text/json-text.ts';
import {
  type L7Policy,
  type Listener,
  type LoadBalancer,
  type NeutronPort,
  type Pool,
} from '../neutron.ts';
import { type PortContext, readPortOf } from './ports.ts';
import {
  address,
  idOf,
  Names,
  nameOf,
  needs,
  objects,
  oneOf,
  text,
  truth,
  whole,
} from './reading.ts';

export const BALANCER_KEYS = [
  'name',
  'project',
  'provider',
  'host',
  'vip',
  'amphorae',
  'admin_up',
  'listeners',
  'pools',
] as const;
export const LISTENER_KEYS = [
  'name',
  'protocol',
  'port',
  'connection_limit',
  'pool',
  'policies',
  'admin_up',
] as const;
export const POOL_KEYS = [
  'name',
  'protocol',
  'algorithm',
  'persistence',
  'monitor',
  'members',
] as const;
export const MONITOR_KEYS = ['type', 'delay', 'timeout', 'retries', 'path'] as const;
export const MEMBER_KEYS = ['port', 'address', 'service', 'weight', 'admin_up'] as const;
export const POLICY_KEYS = ['action', 'pool', 'url', 'rules'] as const;
export const L7_RULE_KEYS = ['type', 'compare', 'key', 'value', 'invert'] as const;

/** LBaaS v2 binds the VIP's port to the agent's host; Octavia's stays unbound. */
const OWNER = { haproxy: 'neutron:LOADBALANCERV2', amphora: 'Octavia' } as const;

export function readLoadBalancers(root: JsonNode, context: PortContext): readonly LoadBalancer[] {
  const names = new Names<LoadBalancer>('load balancer');
  for (const node of objects(member(root, 'load_balancers'))) {
    reportUnknownKeys(node, BALANCER_KEYS);
    const name = nameOf(node);
    if (name === '') continue;
    const balancer = readBalancer(node, name, context);
    if (balancer !== null) names.add(name, balancer, node);
  }
  return names.all;
}

function readBalancer(node: JsonNode, name: string, context: PortContext): LoadBalancer | null {
  const id = idOf('load-balancer', name);
  const provider = oneOf(node, 'provider', ['haproxy', 'amphora'], 'haproxy');
  const host = provider === 'haproxy' ? balancerHost(node, context) : null;
  const vip = vipOf(node, { id, name, owner: OWNER[provider], host: host ?? '' }, context);
  const [fixed] = vip?.fixedIps ?? [];
  if (vip === null || fixed === undefined) return null;
  const pools = new Names<Pool>('pool');
  for (const each of objects(member(node, 'pools'))) {
    const pool = readPool(each, id, context);
    if (pool !== null) pools.add(pool.name, pool, each);
  }
  return {
    id,
    name,
    project: text(node, 'project', vip.project),
    provider,
    vipPortId: vip.id,
    vipAddress: fixed.address,
    adminUp: truth(node, 'admin_up', true),
    host,
    amphoraPortIds: provider === 'amphora' ? readAmphorae(node, vip, context) : [],
    listeners: readListeners(node, id, pools),
    pools: pools.all,
  };
}

/** One amphora (SINGLE), or the master and its standby (ACTIVE_STANDBY), by their VIP networks' ports. */
function readAmphorae(node: JsonNode, vip: NeutronPort, context: PortContext): readonly string[] {
  const at = member(node, 'amphorae');
  const found = items(at).flatMap((each) => {
    const port = context.ports.find(each);
    if (port === undefined) return [];
    if (port.networkId !== vip.networkId) {
      const name = JSON.stringify(port.name);
      wrong(each, `Port ${name} is not on the network of the load balancer's address`);
    }
    return [port];
  });
  if (at !== undefined && found.length > MOST_AMPHORAE) {
    wrong(at, 'A load balancer has one amphora, or two of which one stands by');
  }
  const [first, second] = found;
  if (at !== undefined && first !== undefined && first.deviceId === second?.deviceId) {
    wrong(at, 'Two amphorae are two servers');
  }
  return found.map(({ id }) => id);
}

const MOST_AMPHORAE = 2;

/** The host that was named, else the first with a DHCP agent, where LBaaS agents stand. */
function balancerHost(node: JsonNode, context: PortContext): string | null {
  const at = member(node, 'host');
  if (at !== undefined) return context.hosts.find(at)?.name ?? null;
  const usual = context.hosts.all.find((host) => host.dhcp !== null);
  if (usual === undefined) wrong(node, 'A load balancer of this provider needs a host');
  return usual?.name ?? null;
}

function vipOf(
  node: JsonNode,
  vip: {
    readonly id: string;
    readonly name: string;
    readonly owner: string;
    readonly host: string;
  },
  context: PortContext,
): NeutronPort | null {
  const at = member(node, 'vip');
  const network = context.networks.find(member(at, 'network'));
  if (at === undefined || network === undefined) {
    if (at === undefined) wrong(node, 'A load balancer needs a vip with its network');
    return null;
  }
  const name = text(at, 'name', `vip-${vip.name}`);
  const port = readPortOf(at, name, network, context, {
    project: text(node, 'project', network.project),
    host: vip.host,
    deviceId: vip.id,
    owner: vip.owner,
  });
  context.ports.add(name, port, at);
  return port;
}

function readListeners(node: JsonNode, balancer: string, pools: Names<Pool>): readonly Listener[] {
  const taken = new Set<number>();
  return objects(member(node, 'listeners')).flatMap((row) => {
    reportUnknownKeys(row, LISTENER_KEYS);
    const port = whole(row, 'port', 1, 65535);
    if (port === null) {
      wrong(row, 'A listener needs a port');
      return [];
    }
    if (taken.has(port)) wrong(row, `Port ${port} is another listener's`);
    taken.add(port);
    const protocols = ['TCP', 'HTTP', 'HTTPS', 'TERMINATED_HTTPS', 'UDP'] as const;
    return [
      {
        id: idOf('listener', balancer, String(port)),
        name: text(row, 'name', `port ${port}`),
        protocol: oneOf(row, 'protocol', protocols, 'HTTP'),
        port,
        adminUp: truth(row, 'admin_up', true),
        connectionLimit: whole(row, 'connection_limit', -1, 0x7fff_ffff),
        defaultPoolId: pools.find(member(row, 'pool'))?.id ?? null,
        policies: readPolicies(row, balancer, port, pools),
      },
    ];
  });
}

function readPolicies(
  listener: JsonNode,
  balancer: string,
  port: number,
  pools: Names<Pool>,
): readonly L7Policy[] {
  return objects(member(listener, 'policies')).map((row, i) => {
    reportUnknownKeys(row, POLICY_KEYS);
    needs(row, 'action');
    const actions = ['REJECT', 'REDIRECT_TO_POOL', 'REDIRECT_TO_URL'] as const;
    const action = oneOf(row, 'action', actions, 'REJECT');
    const pool = pools.find(member(row, 'pool'));
    if (action === 'REDIRECT_TO_POOL' && member(row, 'pool') === undefined) {
      wrong(row, 'This action needs a pool');
    }
    return {
      id: idOf('l7-policy', balancer, String(port), String(i)),
      position: i + 1,
      action,
      poolId: pool?.id ?? null,
      url: textOf(member(row, 'url')) ?? null,
      rules: objects(member(row, 'rules')).map((rule) => {
        reportUnknownKeys(rule, L7_RULE_KEYS);
        needs(rule, 'type', 'value');
        const types = ['HOST_NAME', 'PATH', 'FILE_TYPE', 'HEADER', 'COOKIE'] as const;
        const compares = ['REGEX', 'STARTS_WITH', 'ENDS_WITH', 'CONTAINS', 'EQUAL_TO'] as const;
        return {
          type: oneOf(rule, 'type', types, 'PATH'),
          compare: oneOf(rule, 'compare', compares, 'EQUAL_TO'),
          key: textOf(member(rule, 'key')) ?? null,
          value: text(rule, 'value'),
          invert: truth(rule, 'invert', false),
        };
      }),
    };
  });
}

function readPool(node: JsonNode, balancer: string, context: PortContext): Pool | null {
  reportUnknownKeys(node, POOL_KEYS);
  const name = nameOf(node);
  if (name === '') return null;
  const id = idOf('pool', balancer, name);
  const algorithms = ['ROUND_ROBIN', 'LEAST_CONNECTIONS', 'SOURCE_IP'] as const;
  const kinds = ['NONE', 'SOURCE_IP', 'HTTP_COOKIE', 'APP_COOKIE'] as const;
  const persistence = oneOf(node, 'persistence', kinds, 'NONE');
  return {
    id,
    name,
    protocol: oneOf(node, 'protocol', ['TCP', 'HTTP', 'HTTPS', 'UDP'], 'HTTP'),
    algorithm: oneOf(node, 'algorithm', algorithms, 'ROUND_ROBIN'),
    persistence: persistence === 'NONE' ? null : persistence,
    monitor: readMonitor(member(node, 'monitor')),
    members: objects(member(node, 'members')).flatMap((row, i) => {
      const one = readMember(row, `${id} ${i}`, context);
      return one === null ? [] : [one];
    }),
  };
}

function readMonitor(node: JsonNode | undefined): Pool['monitor'] {
  if (node === undefined) return null;
  reportUnknownKeys(node, MONITOR_KEYS);
  const delay = whole(node, 'delay', 1, 86400) ?? 5;
  const timeout = whole(node, 'timeout', 1, 86400) ?? 4;
  // The API refuses a check that the next one overtakes.
  if (timeout >= delay) wrong(node, 'The timeout of a monitor is less than its delay');
  return {
    type: oneOf(node, 'type', ['PING', 'TCP', 'HTTP', 'HTTPS'], 'TCP'),
    delay_s: delay,
    timeout_s: timeout,
    retries: whole(node, 'retries', 1, 10) ?? 3,
    path: text(node, 'path', '/'),
  };
}

/** A member is a port of the cloud, or an address. */
function readMember(
  node: JsonNode,
  key: string,
  context: PortContext,
): Pool['members'][number] | null {
  reportUnknownKeys(node, MEMBER_KEYS);
  const port = context.ports.find(member(node, 'port'));
  const [own] = port?.fixedIps ?? [];
  const found = address(member(node, 'address')) ?? own?.address ?? null;
  if (found === null) {
    wrong(node, 'A member needs a port or an address');
    return null;
  }
  return {
    id: idOf('member', key),
    address: found,
    port: whole(node, 'service', 1, 65535) ?? 80,
    weight: whole(node, 'weight', 0, 256) ?? 1,
    subnetId: own?.subnetId ?? null,
    adminUp: truth(node, 'admin_up', true),
  };
}
