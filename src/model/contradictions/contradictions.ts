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
    ...ofSubnets(cloud),
    ...ofPorts(cloud),
    ...ofTrunks(cloud),
    ...ofRouters(cloud),
    ...ofFloatingIps(cloud),
    ...ofRules(cloud),
  ];
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
