/** The pairs of ends between which two networks are compared. */
import { type Network } from '../../dataplane/network.ts';
import { writeIp } from '../../text/address-text.ts';
import { outsidePlace, withOutside } from '../../trace/outside.ts';

/** Two ends, as words. */
export interface Pair {
  readonly from: string;
  readonly to: string;
  /** Which of their addresses; without it IPv4 where both have one. */
  readonly version?: 4 | 6;
}

/** Somebody outside (RFC 5737: an address of documentation, which nobody has). */
export const SOMEBODY_OUTSIDE = 'external:198.51.100.77';

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

/** Servers to somebody outside, and somebody outside to their floating IPs of either network. */
export function outsidePairs(
  networks: readonly Network[],
  servers: readonly string[],
): readonly Pair[] {
  // Where nobody shows from where the outside sends, nothing can be asked.
  if (networks.some((one) => outsidePlace(withOutside(one), null) === null)) return [];
  const floating = networks.flatMap(({ neutron, endpoints }) => {
    const own = endpoints.filter(({ role, name }) => role === 'vm' && servers.includes(name));
    const ports = own.map(({ port }) => port?.id ?? null);
    return neutron.floatingIps.flatMap(({ address, portId }) =>
      address.version === 4 && portId !== null && ports.includes(portId) ? [writeIp(address)] : [],
    );
  });
  return [
    ...[...new Set(floating)].sort().map((to) => ({ from: SOMEBODY_OUTSIDE, to })),
    ...servers
      .filter((name) => versionsOf(networks, name).has(4))
      .map((from): Pair => ({ from, to: SOMEBODY_OUTSIDE })),
  ];
}

function versionsOf(networks: readonly Network[], name: string): ReadonlySet<4 | 6> {
  const owned = networks.flatMap(({ find }) => find(name));
  return new Set(owned.flatMap(({ addresses }) => addresses.map(({ version }) => version)));
}
