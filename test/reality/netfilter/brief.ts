/** One packet as the one line in which kernel and emulation are compared. */
import { ENCAPSULATION, field, TCP_FLAGS } from '../../../src/packet/fields.ts';
import { numberOf, type Packet } from '../../../src/traffic/one-packet.ts';
import { readField } from '../../../src/traffic/words.ts';

const get = (p: Packet, name: string): number => numberOf(p, field(name));

export function ipv4Text(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}

/** RFC 5952: the longest run of zero words is cut out. */
export function ipv6Text(value: bigint): string {
  const words = Array.from({ length: 8 }, (_, i) =>
    Number((value >> BigInt(112 - 16 * i)) & 0xffffn),
  );
  const text = words.map((word) => word.toString(16)).join(':');
  const runs = text.match(/\b0(:0)+\b/g) ?? [];
  const longest = runs.sort((a, b) => b.length - a.length)[0];
  if (longest === undefined) return text;
  const at = text.indexOf(longest);
  return `${text.slice(0, at).replace(/:$/, '')}::${text.slice(at + longest.length).replace(/^:/, '')}`;
}

export function macText(p: Packet, name: string): string {
  const digits = readField(p.words, field(name)).toString(16).padStart(12, '0');
  return (digits.match(/../g) ?? []).join(':');
}

const FLAGS = [
  ['F', TCP_FLAGS.fin],
  ['S', TCP_FLAGS.syn],
  ['R', TCP_FLAGS.rst],
  ['P', TCP_FLAGS.psh],
  ['A', TCP_FLAGS.ack],
  ['U', TCP_FLAGS.urg],
  ['E', TCP_FLAGS.ece],
  ['C', TCP_FLAGS.cwr],
] as const;

/** The text of a frame; `link` says whether VLAN and unknown Ethertypes are shown. */
export function brief(p: Packet): string {
  const tci = get(p, 'vlan_tci');
  const vlan = (tci & 0x1000) !== 0 ? `vlan${tci & 0xfff} ` : '';
  const type = get(p, 'eth_type');
  if (type === 0x0806) return vlan + arp(p);
  if (type === 0x0800 || type === 0x86dd) return vlan + ip(p, type === 0x0800);
  return `${vlan}eth 0x${type.toString(16).padStart(4, '0')}`;
}

function arp(p: Packet): string {
  const spa = ipv4Text(get(p, 'arp_spa'));
  const tpa = ipv4Text(get(p, 'arp_tpa'));
  const sha = macText(p, 'arp_sha');
  return get(p, 'arp_op') === 1
    ? `arp who-has ${tpa} tell ${spa}(${sha})`
    : `arp ${spa} is-at ${sha} > ${tpa}(${macText(p, 'arp_tha')})`;
}

function ip(p: Packet, four: boolean): string {
  const from = four ? ipv4Text(get(p, 'ip_src')) : ipv6Text(readField(p.words, field('ipv6_src')));
  const to = four ? ipv4Text(get(p, 'ip_dst')) : ipv6Text(readField(p.words, field('ipv6_dst')));
  let text = four
    ? `ip ${from}>${to} ttl${get(p, 'nw_ttl')}`
    : `ip6 ${from}>${to} hl${get(p, 'nw_ttl')}`;
  const tos = get(p, 'nw_tos');
  if (four && tos !== 0) text += ` tos0x${tos.toString(16)}`;
  if (four && get(p, 'ip_df') === 1) text += ' DF';
  const fragment = get(p, 'ip_frag');
  if (fragment !== 0) text += ` frag${get(p, 'ip_offset') * 8}`;
  if ((fragment & 2) !== 0) return `${text} proto${get(p, 'ip_proto')}`;
  return text + transport(p);
}

function transport(p: Packet): string {
  const protocol = get(p, 'ip_proto');
  const ports = `${get(p, 'tp_src')}>${get(p, 'tp_dst')}`;
  switch (protocol) {
    case 6: {
      const flags = FLAGS.filter(([, bit]) => (get(p, 'tcp_flags') & bit) !== 0).map(([f]) => f);
      const numbers = `seq${get(p, 'tcp_seq')} ack${get(p, 'tcp_ack')}`;
      const [kind, , high = 0, low = 0] = p.body.tcpOptions;
      const mss = kind === 2 ? ` mss${high * 256 + low}` : '';
      return ` tcp ${ports} [${flags.join('')}] ${numbers}${mss}`;
    }
    case 17:
      return ` udp ${ports}${tunnel(p)}`;
    case 132:
      return ` sctp ${ports}`;
    case 1:
    case 58:
      return icmp(p, protocol === 1);
    default:
      return ` proto${protocol}`;
  }
}

function icmp(p: Packet, four: boolean): string {
  const type = get(p, 'tp_src');
  const code = get(p, 'tp_dst');
  let text = ` icmp${four ? '' : '6'} ${type}/${code}`;
  const error = four ? [3, 4, 5, 11, 12].includes(type) : type < 128;
  if (!error && type !== 135 && type !== 136) {
    text += ` id${get(p, 'icmp_id')} seq${get(p, 'icmp_seq')}`;
  }
  if ((four && type === 3 && code === 4) || (!four && type === 2)) {
    text += ` mtu${get(p, 'icmp_mtu')}`;
  }
  if (error) text += p.quoted === null ? ' {}' : ` {${brief(p.quoted)}}`;
  return text;
}

function tunnel(p: Packet): string {
  if (get(p, 'encap_kind') !== ENCAPSULATION.vxlan || p.inner === null) return '';
  const macs = `${macText(p.inner, 'eth_src')}>${macText(p.inner, 'eth_dst')}`;
  return ` vxlan${get(p, 'encap_id')} {${macs} ${brief(p.inner)}}`;
}
