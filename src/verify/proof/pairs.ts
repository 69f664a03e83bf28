/** The pairs of ends between which two networks are compared. */
import { type Network } from '../../dataplane/network.ts';
import { writeIp } from '../../text/address-text.ts';
import { askedQuestion } from '../../trace/ask.ts';
import { outsideEnds } from './outside-ends.ts';

/** Two ends, as words. */
export interface Pair {
  readonly from: string;
  readonly to: string;
  /** Which of their addresses; without it IPv4 where both have one. */
  readonly version?: 4 | 6;
}

/** The servers of both networks that have one name and an address in each. */
export function commonServers(a: Network, b: Network): readonly string[] {
  const names = ({ endpoints }: Network): ReadonlySet<string> =>
    new Set(endpoints.flatMap(({ role, name }) => (role === 'vm' ? [name] : [])));
  const other = names(b);
  return [...names(a)].filter((name) => other.has(name)).sort();
}

/** All ordered pairs of servers, over every IP version that both have in either network. */
export function serverPairs(
  networks: readonly Network[],
  servers: readonly string[],
): readonly Pair[] {
  const versions = new Map(servers.map((name) => [name, versionsOf(networks, name)]));
  return servers.flatMap((from) =>
    servers.flatMap((to): readonly Pair[] => {
      if (from === to) return [];
      const both = [...(versions.get(from) ?? [])].filter((one) => versions.get(to)?.has(one));
      if (both.length === 0) return [{ from, to }];
      return both.sort().map((version) => ({ from, to, version }));
    }),
  );
}

/** Servers to those outside, and those outside to their floating IPs of either network. */
export function outsidePairs(
  networks: readonly Network[],
  servers: readonly string[],
): readonly Pair[] {
  const ends = outsideEnds(networks);
  const floating = networks.flatMap(({ neutron, endpoints }) => {
    const own = endpoints.filter(({ role, name }) => role === 'vm' && servers.includes(name));
    const ports = own.map(({ port }) => port?.id ?? null);
    return neutron.floatingIps.flatMap(({ address, portId }) =>
      address.version === 4 && portId !== null && ports.includes(portId) ? [writeIp(address)] : [],
    );
  });
  return [
    ...[...new Set(floating)].sort().flatMap((to) => ends.map((from): Pair => ({ from, to }))),
    ...servers
      .filter((name) => versionsOf(networks, name).has(4))
      .flatMap((from) => ends.map((to): Pair => ({ from, to }))),
  ];
}

/** Servers to what agents run for their networks: gateways and DHCP servers, as far as routers lead. */
export function servicePairs(
  networks: readonly Network[],
  servers: readonly string[],
): readonly Pair[] {
  const found = new Map<string, Pair>();
  for (const { endpoints, neutron } of networks) {
    const interfaces = neutron.ports.filter(({ deviceOwner }) => OF_ROUTERS.test(deviceOwner));
    const services = neutron.ports.filter(
      ({ deviceOwner }) => deviceOwner === 'network:dhcp' || OF_ROUTERS.test(deviceOwner),
    );
    for (const { role, name, port } of endpoints) {
      if (role !== 'vm' || port === null || !servers.includes(name)) continue;
      const own = interfaces.filter(({ networkId }) => networkId === port.networkId);
      const routers = new Set(own.map(({ deviceId }) => deviceId));
      const near = interfaces.filter(({ deviceId }) => routers.has(deviceId));
      const nets = new Set([port.networkId, ...near.map(({ networkId }) => networkId)]);
      for (const { networkId, fixedIps } of services) {
        if (!nets.has(networkId)) continue;
        for (const { address } of fixedIps) {
          const pair: Pair = { from: name, to: writeIp(address), version: 4 };
          if (address.version === 4) found.set(`${pair.from} ${pair.to}`, pair);
        }
      }
    }
  }
  const isKnown = (pair: Pair): boolean =>
    networks.every((one) => askedQuestion(one, { ...pair, version: 4 }).kind === 'understood');
  return [...found.values()].filter(isKnown);
}

const OF_ROUTERS = /^network:(router_interface|ha_router_replicated_interface)/;

function versionsOf(networks: readonly Network[], name: string): ReadonlySet<4 | 6> {
  const owned = networks.flatMap(({ find }) => find(name));
  return new Set(owned.flatMap(({ addresses }) => addresses.map(({ version }) => version)));
}
