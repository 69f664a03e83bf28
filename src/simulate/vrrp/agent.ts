/** What Neutron's L3 agent does about redundant routers, and how long it takes. */
import { type Namespace } from '../../dataplane/routing/types.ts';
import { setForwarding6, setSysctl } from '../network/changes.ts';

/** ha_vrrp_advert_int: the agent waits that long before it believes in a new primary. */
export const AGENT_PATIENCE_US = 2_000_000;
/** How often it looks for dead processes (check_child_processes_interval): at most this long. */
export const RESPAWN_US = 60_000_000;

/**
 * What the agent does with IPv6 (ha.py _configure_ipv6_params()): a primary forwards and listens
 * to routers on its gateway's side; a backup does neither there, and goes on forwarding elsewhere.
 */
export function configured6(before: Namespace, primary: boolean): Namespace {
  const gateways = before.interfaces.map(({ name }) => name).filter((name) => /^qg-/.test(name));
  let after = primary ? setForwarding6(before, 'all', true) : before;
  for (const name of gateways) {
    after = setForwarding6(after, name, primary);
    after = setSysctl(after, `net.ipv6.conf.${name}.accept_ra`, primary ? '2' : '0');
  }
  return after;
}
