/**
 * Anti-spoofing of ports that Open vSwitch does not filter itself (iptables_hybrid): tables 24
 * and 25 of br-int check ARP, neighbour advertisements and MACs; addresses of IP packets are the
 * business of iptables (neutron/plugins/ml2/drivers/openvswitch/agent/ovs_neutron_agent.py).
 */
import { linkLocalAddress } from '../../model/ids.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { flow, ip, mac, prefixText } from './flow-text.ts';
import { INT } from './tables.ts';

const NA = 'icmp_type=136';

export function spoofingFlows(port: NeutronPort, ofport: number): string[] {
  if (!port.portSecurity || port.deviceOwner.startsWith('network:')) return [];
  const at = `in_port=${ofport}`;
  const macs = [
    ...new Set([port.mac, ...port.allowedAddressPairs.map((pair) => pair.mac ?? port.mac)]),
  ];
  const prefixes = [
    ...port.fixedIps.map(({ address }) => ({ address, length: address.version === 4 ? 32 : 128 })),
    ...port.allowedAddressPairs.map(({ prefix }) => prefix),
  ];
  const four = prefixes.filter(({ address }) => address.version === 4).map(prefixText);
  const six = [
    ...macs.map((each) => ip(linkLocalAddress(each))),
    ...prefixes.filter(({ address }) => address.version === 6).map(prefixText),
  ];
  const open = ([4, 6] as const).filter((version) =>
    prefixes.some(({ length, address }) => length === 0 && address.version === version),
  );
  return [
    flow(INT.LOCAL_SWITCHING, 9, at, `goto_table:${INT.MAC_SPOOF}`),
    ...macs.map((each) =>
      flow(INT.MAC_SPOOF, 2, [at, `dl_src=${mac(each)}`], `goto_table:${INT.LOCAL_EGRESS}`),
    ),
    // Whoever may send from every IPv4 address has no check of ND left either: the agent deletes
    // both (`delete_arp_spoofing_protection`).
    ...(open.length > 0 ? [] : advertisements(at, six)),
    ...(open.includes(4) ? [] : requests(at, four)),
  ];
}

function advertisements(at: string, targets: readonly string[]): readonly string[] {
  return [
    flow(INT.LOCAL_SWITCHING, 10, ['icmp6', at, NA], `goto_table:${INT.ARP_SPOOF}`),
    ...[...new Set(targets)].map((target) =>
      flow(
        INT.ARP_SPOOF,
        2,
        ['icmp6', at, NA, `nd_target=${target}`],
        `goto_table:${INT.PACKET_RATE_LIMIT}`,
      ),
    ),
  ];
}

function requests(at: string, senders: readonly string[]): readonly string[] {
  return [
    flow(INT.LOCAL_SWITCHING, 10, ['arp', at], `goto_table:${INT.ARP_SPOOF}`),
    ...[...new Set(senders)].map((sender) =>
      flow(INT.ARP_SPOOF, 2, ['arp', at, `arp_spa=${sender}`], `goto_table:${INT.MAC_SPOOF}`),
    ),
  ];
}
