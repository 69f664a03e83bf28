/**
 * Names of IP protocols as /etc/protocols gives them to iptables. Where distributions differ
 * (`ipencap` on Debian is `ipv4` on Fedora), both are read; a rule keeps the name it was read with.
 */

/** Number → name that `iptables-save` prints on Debian. */
export const PROTOCOL_NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'all'],
  [1, 'icmp'],
  [2, 'igmp'],
  [3, 'ggp'],
  [4, 'ipencap'],
  [5, 'st'],
  [6, 'tcp'],
  [8, 'egp'],
  [9, 'igp'],
  [12, 'pup'],
  [17, 'udp'],
  [20, 'hmp'],
  [22, 'xns-idp'],
  [27, 'rdp'],
  [29, 'iso-tp4'],
  [33, 'dccp'],
  [36, 'xtp'],
  [37, 'ddp'],
  [38, 'idpr-cmtp'],
  [41, 'ipv6'],
  [43, 'ipv6-route'],
  [44, 'ipv6-frag'],
  [45, 'idrp'],
  [46, 'rsvp'],
  [47, 'gre'],
  [50, 'esp'],
  [51, 'ah'],
  [57, 'skip'],
  [58, 'ipv6-icmp'],
  [59, 'ipv6-nonxt'],
  [60, 'ipv6-opts'],
  [73, 'rspf'],
  [81, 'vmtp'],
  [88, 'eigrp'],
  [89, 'ospf'],
  [93, 'ax.25'],
  [94, 'ipip'],
  [97, 'etherip'],
  [98, 'encap'],
  [103, 'pim'],
  [108, 'ipcomp'],
  [112, 'vrrp'],
  [115, 'l2tp'],
  [124, 'isis'],
  [132, 'sctp'],
  [133, 'fc'],
  [135, 'mobility-header'],
  [136, 'udplite'],
  [137, 'mpls-in-ip'],
  [138, 'manet'],
  [139, 'hip'],
  [140, 'shim6'],
  [141, 'wesp'],
  [142, 'rohc'],
  [143, 'ethernet'],
]);

const ALIASES: readonly (readonly [string, number])[] = [
  ['any', 0],
  ['ipv4', 4],
  ['icmpv6', 58],
  ['icmp6', 58],
  ['mh', 135],
  ['ipv6-mh', 135],
];

/** Name → number. */
const PROTOCOL_NUMBERS: ReadonlyMap<string, number> = new Map([
  ...[...PROTOCOL_NAMES].map(([number, name]) => [name, number] as const),
  ...ALIASES,
]);

/** A protocol and the name it was written with. */
export interface Protocol {
  readonly number: number;
  /** As written: `tcp`, `ipencap`, `253`. */
  readonly name: string;
}

/** Reads a protocol name or number in any case; null when it is neither. */
export function readProtocol(text: string): Protocol | null {
  const name = text.toLowerCase();
  const known = PROTOCOL_NUMBERS.get(name);
  // A name that no distribution prints is replaced; `ipv4` is what Fedora prints for 4.
  if (known !== undefined) return name === 'ipv4' ? { number: 4, name } : protocol(known);
  // A leading zero makes it octal, as strtoul(3) has it.
  const number = /^0[0-7]+$/.test(name) ? Number.parseInt(name, 8) : Number(name);
  if (!/^(\d{1,4}|0x[0-9a-f]{1,2})$/.test(name) || !(number <= 255)) return null;
  return protocol(number);
}

/** The protocol of that number under the name that iptables prints. */
export function protocol(number: number): Protocol {
  return { number, name: PROTOCOL_NAMES.get(number) ?? String(number) };
}

/** Service names that occur in hand-written rules (/etc/services). */
export const SERVICES: ReadonlyMap<string, number> = new Map([
  ['ftp-data', 20],
  ['ftp', 21],
  ['ssh', 22],
  ['telnet', 23],
  ['smtp', 25],
  ['domain', 53],
  ['bootps', 67],
  ['bootpc', 68],
  ['tftp', 69],
  ['http', 80],
  ['www', 80],
  ['kerberos', 88],
  ['pop3', 110],
  ['sunrpc', 111],
  ['auth', 113],
  ['ntp', 123],
  ['netbios-ns', 137],
  ['netbios-dgm', 138],
  ['netbios-ssn', 139],
  ['imap', 143],
  ['imap2', 143],
  ['snmp', 161],
  ['snmp-trap', 162],
  ['bgp', 179],
  ['ldap', 389],
  ['https', 443],
  ['microsoft-ds', 445],
  ['isakmp', 500],
  ['syslog', 514],
  ['ldaps', 636],
  ['rsync', 873],
  ['imaps', 993],
  ['pop3s', 995],
  ['openvpn', 1194],
  ['nfs', 2049],
  ['mysql', 3306],
  ['sip', 5060],
  ['postgresql', 5432],
  ['xmpp-client', 5222],
  ['amqp', 5672],
  ['mdns', 5353],
  ['http-alt', 8080],
]);
