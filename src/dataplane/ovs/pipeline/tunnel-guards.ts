/**
 * Which frames a userspace switch takes for its own tunnels: those to an address of the bridge's
 * own port with a tunnel's protocol (lib/tnl-ports.c tnl_port_map_lookup()).
 */
import { field } from '../../../packet/fields.ts';
import { type Guard, guard } from '../../../traffic/guard.ts';
import { and, type Match, or, test } from '../../../traffic/match.ts';
import { type PreparedPort, type PreparedSwitch } from './prepared.ts';

const ETH_TYPE = field('eth_type');
const IP_PROTO = field('ip_proto');
const UDP = 17n;
const GRE = 47n;

const guards = new WeakMap<PreparedSwitch, Map<string, Guard | null>>();

/** The condition for traffic that `port` hands to the tunnel code; null when it never does. */
export function ownTunnelGuard(sw: PreparedSwitch, port: PreparedPort): Guard | null {
  if (sw.source.datapath !== 'userspace' || sw.tunnels.length === 0) return null;
  let byPort = guards.get(sw);
  if (byPort === undefined) {
    byPort = new Map();
    guards.set(sw, byPort);
  }
  let found = byPort.get(port.name);
  if (found === undefined) {
    found = make(sw, port);
    byPort.set(port.name, found);
  }
  return found;
}

function make(sw: PreparedSwitch, port: PreparedPort): Guard | null {
  const addresses = sw.source.tunnelRoutes.flatMap((route) =>
    route.device === port.name && route.source !== null ? [route.source] : [],
  );
  if (addresses.length === 0) return null;
  const toUs: Match[] = addresses.map(({ version, address }) =>
    version === 4
      ? and(test(ETH_TYPE, 0x0800n), test(field('ip_dst'), address))
      : and(test(ETH_TYPE, 0x86ddn), test(field('ipv6_dst'), address)),
  );
  const protocols: Match[] = sw.tunnels.map(({ source }) => {
    const { kind, destinationPort } = source.tunnel ?? { kind: 'gre', destinationPort: 0 };
    return kind === 'gre' || kind === 'ip6gre' || kind === 'erspan' || kind === 'ip6erspan'
      ? test(IP_PROTO, GRE)
      : and(test(IP_PROTO, UDP), test(field('udp_dst'), BigInt(destinationPort)));
  });
  return guard(and(or(...toUs), or(...protocols)));
}
