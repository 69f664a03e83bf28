/**
 * Kernel settings that Neutron's agents make in their namespaces (neutron/agent/linux/ip_lib.py,
 * l3/namespaces.py, l3/dvr_fip_ns.py): what is known of them where no `sysctl -a` was captured.
 */

import { ROOT } from '../../dataplane/network.ts';
import { type Interface } from '../../dataplane/routing/types.ts';
import { namespaceOwner } from '../../model/ids.ts';

const FORWARDING = { 'net.ipv4.ip_forward': '1', 'net.ipv6.conf.all.forwarding': '1' } as const;

/**
 * Security groups in iptables have bridged frames pass netfilter: the agents load br_netfilter,
 * whose own defaults these are too (neutron/agent/linux/iptables_firewall.py).
 */
const BRIDGED_FRAMES = {
  'net.bridge.bridge-nf-call-iptables': '1',
  'net.bridge.bridge-nf-call-ip6tables': '1',
  'net.bridge.bridge-nf-call-arptables': '1',
} as const;

/** Settings by name; empty for a namespace that no agent makes. */
export function agentSettings(
  namespace: string,
  interfaces: readonly Interface[],
): ReadonlyMap<string, string> {
  if (namespace === ROOT) return new Map(Object.entries(BRIDGED_FRAMES));
  const kind = namespaceOwner(namespace)?.kind;
  if (kind !== 'router' && kind !== 'snat' && kind !== 'floating') return new Map();
  const settings = new Map<string, string>(Object.entries(FORWARDING));
  settings.set('net.ipv4.conf.all.arp_ignore', '1');
  settings.set('net.ipv4.conf.all.arp_announce', '2');
  if (kind === 'snat') settings.set('net.netfilter.nf_conntrack_tcp_loose', '0');
  if (kind === 'floating') {
    // The gateway interface answers for the floating IPs behind it.
    for (const { name } of interfaces) {
      if (name.startsWith('fg-')) settings.set(`net.ipv4.conf.${name}.proxy_arp`, '1');
    }
  }
  return settings;
}
