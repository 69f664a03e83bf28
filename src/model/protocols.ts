/** IP protocols that a security group's rule may name (neutron_lib constants `IP_PROTOCOL_MAP`). */

/** The number of each name; a rule may also give the number itself. */
export const IP_PROTOCOLS: Readonly<Record<string, number>> = {
  tcp: 6,
  udp: 17,
  icmp: 1,
  icmpv6: 58,
  'ipv6-icmp': 58,
  sctp: 132,
  ah: 51,
  dccp: 33,
  egp: 8,
  esp: 50,
  gre: 47,
  hopopt: 0,
  igmp: 2,
  ip: 4,
  ipip: 4,
  'ipv6-encap': 41,
  'ipv6-frag': 44,
  'ipv6-nonxt': 59,
  'ipv6-opts': 60,
  'ipv6-route': 43,
  ospf: 89,
  pgm: 113,
  rsvp: 46,
  udplite: 136,
  vrrp: 112,
};

/** The number that a rule's protocol stands for; undefined for a name that nobody knows. */
export function protocolNumberOf(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text);
  return Object.hasOwn(IP_PROTOCOLS, text) ? IP_PROTOCOLS[text] : undefined;
}
