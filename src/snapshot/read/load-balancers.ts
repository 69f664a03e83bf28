/**
 * Load balancers of LBaaS v2 behind a snapshot: what a namespace's haproxy was told. The API that
 * knew them is gone from newer clouds, and captures hold the files of their hosts.
 */

import { parseHaproxy } from '../../dataplane/endpoint/haproxy/text/proxies.ts';
import {
  type Bind,
  type Haproxy,
  type HaproxyProxy,
} from '../../dataplane/endpoint/haproxy/types.ts';
import { type Host, type Network } from '../../dataplane/network.ts';
import {
  type Listener,
  type LoadBalancer,
  type NeutronPort,
  type Pool,
} from '../../model/neutron.ts';

const CONFIG = /^(?:.*\/)?lbaas\/v2\/([0-9a-f-]{36})\/haproxy\.conf$/;

/** Balancers of the API, those of haproxy on the host of their port, and those that only files tell. */
export function loadBalancersOf(network: Network): readonly LoadBalancer[] {
  const told = (network.neutron.loadBalancers ?? []).map((each): LoadBalancer => {
    const port = network.neutron.ports.find(({ id }) => id === each.vipPortId);
    return each.provider === 'haproxy' ? { ...each, host: port?.host || null } : each;
  });
  const known = new Set(told.map(({ id }) => id));
  return [...told, ...fromFiles(network).filter(({ id }) => !known.has(id))];
}

function fromFiles(network: Network): readonly LoadBalancer[] {
  return [...network.hosts.values()].flatMap((host) =>
    [...host.configs].flatMap(([path, source]) => {
      const id = CONFIG.exec(path)?.[1];
      if (id === undefined) return [];
      const port = network.neutron.ports.find((each) => each.deviceId === id);
      if (port === undefined) return [];
      const { file, text } = source();
      return balancerOf(host, id, port, parseHaproxy(text, file).value);
    }),
  );
}

function balancerOf(
  host: Host,
  id: string,
  port: NeutronPort,
  { proxies }: Haproxy,
): readonly LoadBalancer[] {
  const vip = port.fixedIps[0]?.address;
  if (vip === undefined) return [];
  return [
    {
      id,
      name: port.name,
      project: port.project,
      provider: 'haproxy',
      vipPortId: port.id,
      vipAddress: vip,
      adminUp: port.adminUp,
      host: host.name,
      amphoraPortIds: [],
      listeners: proxies
        .filter(({ kind }) => kind !== 'backend')
        .flatMap((each) => each.binds.map((bind) => listenerOf(each, bind))),
      pools: proxies.filter(({ kind }) => kind !== 'frontend').map(poolOf),
    },
  ];
}

/**
 * Simplification: L7 policies of a load balancer that only its haproxy.conf tells of are not
 * turned back into policies; its default pool gets all connections.
 */
function listenerOf({ name, mode, disabled, defaultBackend }: HaproxyProxy, bind: Bind): Listener {
  return {
    id: name,
    name,
    protocol: bind.tls ? 'TERMINATED_HTTPS' : mode === 'http' ? 'HTTP' : 'TCP',
    port: bind.ports[0],
    adminUp: !disabled,
    connectionLimit: null,
    defaultPoolId: defaultBackend,
    policies: [],
  };
}

function poolOf({ name, mode, balance, servers, check, persistence }: HaproxyProxy): Pool {
  const algorithms = { leastconn: 'LEAST_CONNECTIONS', source: 'SOURCE_IP' } as const;
  const checked = servers.some((each) => each.checked);
  return {
    id: name,
    name,
    protocol: mode === 'http' ? 'HTTP' : 'TCP',
    algorithm:
      balance.algorithm === 'leastconn' || balance.algorithm === 'source'
        ? algorithms[balance.algorithm]
        : 'ROUND_ROBIN',
    persistence: persistence.some((line) => line.startsWith('stick'))
      ? 'SOURCE_IP'
      : persistence.length > 0
        ? 'HTTP_COOKIE'
        : null,
    monitor: !checked
      ? null
      : {
          type: check === null ? 'TCP' : 'HTTP',
          delay_s: 2,
          timeout_s: 5,
          retries: 3,
          path: check?.split(' ').at(1) ?? '/',
        },
    members: servers.flatMap((each) =>
      each.address === null
        ? []
        : [
            {
              id: each.name,
              address: each.address,
              port: each.port ?? 80,
              weight: each.weight,
              subnetId: null,
              adminUp: !each.disabled,
            },
          ],
    ),
  };
}
