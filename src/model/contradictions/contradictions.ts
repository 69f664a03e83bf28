/** Every contradiction of a cloud, kind by kind. */
import { type Cloud } from '../cloud.ts';
import { ofFloatingIps } from './floating-ips.ts';
import { ofPorts, ofTrunks } from './ports.ts';
import { ofRouters } from './routers.ts';
import { ofSubnets } from './subnets.ts';
import { type Contradiction } from './types.ts';

/**
 * What Neutron's server would not have let happen. An object that others name but that was not
 * given counts for nothing here: who has only a part of the answers learns of that elsewhere.
 */
export function contradictionsOf(cloud: Cloud): readonly Contradiction[] {
  return [
    ...ofAgents(cloud),
    ...ofSubnets(cloud),
    ...ofPorts(cloud),
    ...ofTrunks(cloud),
    ...ofRouters(cloud),
    ...ofFloatingIps(cloud),
    ...ofRules(cloud),
  ];
}

/** Two hosts cannot both be where a tunnel ends (`tunnel_sync` of ml2/drivers/type_tunnel.py). */
function ofAgents({ neutron }: Cloud): readonly Contradiction[] {
  const ends = new Map<string, string>();
  return neutron.agents.flatMap(({ id, host, configurations }) => {
    const end = configurations['tunneling_ip'];
    if (typeof end !== 'string' || end === '') return [];
    const other = ends.get(end) ?? host;
    ends.set(end, other);
    if (other === host) return [];
    const names = `${JSON.stringify(other)} and ${JSON.stringify(host)}`;
    const message = `Tunnels of hosts ${names} end at the same address ${end}`;
    return [{ kind: 'agents' as const, id, message }];
  });
}

/** Ports of a rule go upwards; of ICMP they are a type and a code. */
function ofRules({ neutron }: Cloud): readonly Contradiction[] {
  return neutron.securityGroups.flatMap(({ rules, name }) =>
    rules.flatMap(({ id, protocol, portMin, portMax }) => {
      if (portMin === null || portMax === null || portMin <= portMax) return [];
      if (protocol !== null && /^(icmp|icmpv6|ipv6-icmp|1|58)$/.test(protocol)) return [];
      const message = `A rule of group ${JSON.stringify(name)} has ports ${portMin} to ${portMax}, backwards`;
      return [{ kind: 'security-group-rules' as const, id, message }];
    }),
  );
}
