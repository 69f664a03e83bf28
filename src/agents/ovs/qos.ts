/**
 * QoS of the Open vSwitch agent: marks as flows of br-int's table 0, which send a packet through
 * the table once more when it is marked (br_int.py `install_dscp_marking_rule`), and limits of what a
 * guest sends as policing of its interface.
 *
 * Simplification: limits of bandwidth and of packets drop what comes too fast, which no single
 * packet is; policing is written and reported but drops nothing. Meters of packet rates (table
 * 59), queues, promised bandwidth and the flow of table 0 with which the agent's extension gives
 * every packet queue 0 are not written, so that a comparison tells them as extra.
 */
// Simplification: the Linux bridge agent limits rates by tc and marks packets in its mangle table
// (`neutron-linuxbri-qos-o…`); neither is compiled, as no answer hangs on a rate or, without a
// rule for it, on a mark.
// Simplification: minimum bandwidth places servers and shapes queues (tc, OVS QoS); it is read,
// and nothing is compiled of it.
import { type NeutronPort, type NeutronQosPolicy } from '../../model/neutron.ts';
import { type CloudView } from '../view.ts';
import { flow } from './flow-text.ts';
import { INT } from './tables.ts';

/** Before everything else in table 0. */
const PRIORITY = 65535;
/** Owners that a network's policy is not for (`should_apply_to_port`). */
const OF_NETWORK = /^(network|neutron):/;

/** The policy that counts for a port: its own, else its network's. */
export function policyOf(view: CloudView, port: NeutronPort): NeutronQosPolicy | null {
  const network = view.networks.get(port.networkId);
  const general = OF_NETWORK.test(port.deviceOwner) ? null : network?.qosPolicyId;
  const id = port.qosPolicyId ?? general ?? null;
  return view.cloud.neutron.qosPolicies.find((each) => each.id === id) ?? null;
}

/** Packets of a port that have not been marked yet get their DSCP and begin again. */
export function markingFlows(policy: NeutronQosPolicy | null, ofport: number): string[] {
  if (policy?.dscp == null) return [];
  const actions = `set_field:0x1->reg2,set_field:${policy.dscp}->ip_dscp,resubmit:${ofport}`;
  return ['ip', 'ipv6'].map((type) =>
    flow(INT.LOCAL_SWITCHING, PRIORITY, [type, 'reg2=0', `in_port=${ofport}`], actions),
  );
}

/** `ingress_policing_rate` of a port's interface, kbit/s; 0 is none, also where 0 was asked for. */
export function policedRate(policy: NeutronQosPolicy | null): number {
  return policy?.egressKbps ?? 0;
}
