/**
 * haproxy.conf of a load balancer as the agent of LBaaS v2 writes it for its namespace
 * (neutron_lbaas/services/loadbalancer/drivers/haproxy/templates/haproxy_base.j2).
 */
import { type L7Policy, type Listener, type LoadBalancer, type Pool } from '../../model/neutron.ts';
import { writeIp } from '../../text/address-text.ts';

const BALANCE = {
  ROUND_ROBIN: 'roundrobin',
  LEAST_CONNECTIONS: 'leastconn',
  SOURCE_IP: 'source',
} as const satisfies Record<Pool['algorithm'], string>;

export function haproxyText(balancer: LoadBalancer, folder: string): string {
  const lines = [
    'global',
    '    daemon',
    '    log /dev/log local0',
    '    maxconn 2000',
    `    stats socket ${folder}/haproxy_stats.sock mode 0666 level user`,
    'defaults',
    '    log global',
    '    retries 3',
    '    option redispatch',
    '    timeout connect 5000',
    '    timeout client 50000',
    '    timeout server 50000',
    ...balancer.listeners
      .filter(({ adminUp }) => adminUp)
      .flatMap((one) => frontend(balancer, one)),
    ...balancer.pools.flatMap(backend),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function isHttp(protocol: string): boolean {
  return protocol === 'HTTP' || protocol === 'TERMINATED_HTTPS';
}

function frontend(balancer: LoadBalancer, listener: Listener): readonly string[] {
  const http = isHttp(listener.protocol);
  return [
    `frontend ${listener.id}`,
    `    option ${http ? 'httplog' : 'tcplog'}`,
    ...(http ? ['    option forwardfor'] : []),
    ...(listener.connectionLimit === null ? [] : [`    maxconn ${listener.connectionLimit}`]),
    `    bind ${writeIp(balancer.vipAddress)}:${listener.port}`,
    `    mode ${http ? 'http' : 'tcp'}`,
    ...listener.policies.toSorted((a, b) => a.position - b.position).flatMap(policyLines),
    ...(listener.defaultPoolId === null ? [] : [`    default_backend ${listener.defaultPoolId}`]),
  ];
}

const FETCH = {
  HOST_NAME: 'req.hdr(host)',
  PATH: 'path',
  FILE_TYPE: 'path_end',
  HEADER: 'req.hdr',
  COOKIE: 'req.cook',
} as const satisfies Record<L7Policy['rules'][number]['type'], string>;

const COMPARE = {
  REGEX: '-m reg',
  STARTS_WITH: '-m beg',
  ENDS_WITH: '-m end',
  CONTAINS: '-m sub',
  EQUAL_TO: '-m str',
} as const satisfies Record<L7Policy['rules'][number]['compare'], string>;

function policyLines({ id, action, poolId, url, rules }: L7Policy): readonly string[] {
  const names = rules.map((_, at) => `${id}_${at}`);
  const acls = rules.map(({ type, compare, key, value }, at) => {
    const fetch = key === null ? FETCH[type] : `${FETCH[type]}(${key})`;
    return `    acl ${names[at]} ${fetch} -i ${COMPARE[compare]} ${value}`;
  });
  const condition = rules.map(({ invert }, at) => `${invert ? '!' : ''}${names[at]}`).join(' ');
  const done =
    action === 'REJECT'
      ? 'http-request deny'
      : action === 'REDIRECT_TO_URL'
        ? `redirect location ${url ?? ''}`
        : `use_backend ${poolId ?? ''}`;
  return [...acls, `    ${done} if ${condition}`];
}

function backend(pool: Pool): readonly string[] {
  const { id, protocol, algorithm, persistence, monitor, members } = pool;
  const http = isHttp(protocol);
  const asks = monitor !== null && (monitor.type === 'HTTP' || monitor.type === 'HTTPS');
  const check = monitor === null ? '' : ` check inter ${monitor.delay_s}s fall ${monitor.retries}`;
  return [
    `backend ${id}`,
    `    mode ${http ? 'http' : 'tcp'}`,
    `    balance ${BALANCE[algorithm]}`,
    ...(persistence === 'SOURCE_IP'
      ? ['    stick-table type ip size 10k', '    stick on src']
      : persistence === null
        ? []
        : ['    cookie SRV insert indirect nocache']),
    ...(asks ? [`    option httpchk GET ${monitor.path}`] : []),
    ...members
      .filter(({ adminUp }) => adminUp)
      .map(({ id: name, address, port, weight }) => {
        const cookie = persistence === 'HTTP_COOKIE' ? ` cookie ${name}` : '';
        return `    server ${name} ${writeIp(address)}:${port} weight ${weight}${check}${cookie}`;
      }),
  ];
}
