/** What an agent's flows do with frames that no other flow of theirs wants. */
import { type Flow } from '../../dataplane/ovs/types/flow.ts';

/** The agents' last flows of a table: for everything, or for all that comes by one port. */
const HIGHEST = 2;

/**
 * Whether a lookup ended in what is left when nothing else matches: no flow at all, or one of low
 * priority that asks for no more than the port (ovs_neutron_agent.py setup_integration_br(),
 * setup_physical_bridges()). Every other drop is somebody's purpose.
 */
export function isFallback(flow: Flow | null): boolean {
  if (flow === null) return true;
  return flow.priority <= HIGHEST && flow.tests.every(({ field }) => field.name === 'in_port');
}

/**
 * Until Neutron sent such packets to a table of their own, a port's rules ended with these; what
 * is established and allowed no more is marked by one that asks for the IP version as well.
 */
const REST: ReadonlySet<string> = new Set(['ct_state', 'reg5', 'eth_type']);

/** Whether a flow refuses what no rule of a port has let pass (firewall.py `ct_state=-est`). */
export function refusesRest(flow: Flow | null): boolean {
  const asked = flow?.tests.map(({ field }) => field.name) ?? [];
  return asked.includes('reg5') && asked.every((name) => REST.has(name));
}
