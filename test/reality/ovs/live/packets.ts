/** Packets for generated cases, in the words of `ofproto/trace`, and matches that meet them. */

import { type Rng } from './rng.ts';
import { PORTS } from './world.ts';

export type PacketKind =
  | 'tcp'
  | 'udp'
  | 'sctp'
  | 'icmp'
  | 'ip'
  | 'tcp6'
  | 'udp6'
  | 'icmp6'
  | 'sctp6'
  | 'nd'
  | 'arp'
  | 'mpls'
  | 'eth';

export interface PacketPlan {
  readonly kind: PacketKind;
  readonly inPort: number;
  /** Words of the flow text, protocol first. */
  readonly words: readonly string[];
}

const MACS = ['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:0a'];
const GROUP_MACS = ['ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:fb', '01:80:c2:00:00:0e'];
const IPS = ['10.0.0.1', '10.0.0.2', '10.0.1.1', '192.0.2.3'];
const IP6 = ['2001:db8::1', '2001:db8::2', 'fe80::1'];
const NUMBERS = [22, 53, 80, 443, 1000, 40_000];

export const isIp4 = (kind: PacketKind): boolean =>
  ['tcp', 'udp', 'sctp', 'icmp', 'ip'].includes(kind);
export const isIp6 = (kind: PacketKind): boolean =>
  ['tcp6', 'udp6', 'icmp6', 'sctp6', 'nd'].includes(kind);
export const isIp = (kind: PacketKind): boolean => isIp4(kind) || isIp6(kind);
export const hasPorts = (kind: PacketKind): boolean =>
  ['tcp', 'udp', 'sctp', 'tcp6', 'udp6', 'sctp6'].includes(kind);

/** A packet that enters br0. */
export function packetPlan(rng: Rng, wanted: readonly PacketKind[], tunnel: boolean): PacketPlan {
  const kind = rng.pick(wanted);
  const inPort = tunnel ? rng.pick(PORTS.tunnels) : rng.pick(PORTS.plain);
  const words: string[] = kind === 'eth' ? [] : [kind === 'nd' ? 'icmp6' : kind];
  words.push(`in_port=${inPort}`, `dl_src=${rng.pick(MACS)}`);
  words.push(`dl_dst=${rng.chance(0.8) ? rng.pick(MACS) : rng.pick(GROUP_MACS)}`);
  if (kind === 'eth') words.push(`dl_type=${rng.pick(['0x88cc', '0x1234'])}`);
  if (rng.chance(0.4)) words.push(...tagWords(rng));
  words.push(...addressWords(rng, kind));
  if (tunnel) {
    words.push(
      `tun_id=${rng.pick([5, 77, 5001])}`,
      `tun_src=${rng.pick(['192.0.2.1', '192.0.2.3'])}`,
    );
    words.push('tun_dst=192.0.2.100');
    if (rng.chance(0.5)) words.push(`tun_metadata0=${rng.pick(['0x7', '0x11'])}`);
    if (rng.chance(0.2)) words.push('tun_metadata1=0x1122334455');
  } else if (rng.chance(0.1)) words.push('tun_id=9');
  if (rng.chance(0.15)) words.push(`pkt_mark=${rng.pick(['0x1', '0xff'])}`);
  return { kind, inPort, words };
}

function tagWords(rng: Rng): string[] {
  const vid = rng.pick([0, 1, 2, 100, 4094]);
  const pcp = rng.pick([0, 3, 7]);
  return vid === 0
    ? [`vlan_tci=0x${(0x1000 | (pcp << 13)).toString(16)}`]
    : [`dl_vlan=${vid}`, `dl_vlan_pcp=${pcp}`];
}

function addressWords(rng: Rng, kind: PacketKind): string[] {
  if (kind === 'arp') {
    return [
      `arp_op=${rng.pick([1, 2])}`,
      `arp_spa=${rng.pick(IPS)}`,
      `arp_tpa=${rng.pick(IPS)}`,
      `arp_sha=${rng.pick(MACS)}`,
      `arp_tha=${rng.pick(MACS)}`,
    ];
  }
  if (kind === 'mpls') {
    const label = rng.pick([16, 100, 101]);
    const bottom = rng.chance(0.8) ? 1 : 0;
    return [
      `mpls_label=${label}`,
      `mpls_tc=${rng.pick([0, 5])}`,
      `mpls_ttl=${rng.pick([1, 64])}`,
      `mpls_bos=${bottom}`,
    ];
  }
  if (!isIp(kind)) return [];
  const words = isIp4(kind)
    ? [`nw_src=${rng.pick(IPS)}`, `nw_dst=${rng.pick(IPS)}`]
    : [`ipv6_src=${rng.pick(IP6)}`, `ipv6_dst=${rng.pick(IP6)}`];
  words.push(`nw_ttl=${rng.pick([0, 1, 2, 64, 255])}`, `nw_tos=${rng.pick([0, 32, 184])}`);
  words.push(`nw_ecn=${rng.pick([0, 1, 3])}`);
  if (kind === 'ip') words.push(`nw_proto=${rng.pick([47, 50])}`);
  const frag = isIp4(kind) && rng.chance(0.06) ? rng.pick(['first', 'later']) : 'no';
  if (frag !== 'no') words.push(`nw_frag=${frag}`);
  if (frag === 'later') return words;
  if (hasPorts(kind)) {
    const name = kind.replace('6', '');
    words.push(`${name}_src=${rng.pick(NUMBERS)}`, `${name}_dst=${rng.pick(NUMBERS)}`);
    if (name === 'tcp') words.push(`tcp_flags=${rng.pick(['0x002', '0x010', '0x011'])}`);
  }
  if (kind === 'icmp') words.push(`icmp_type=${rng.pick([0, 3, 8])}`, 'icmp_code=0');
  if (kind === 'nd') {
    const type = rng.pick([135, 136]);
    words.push(`icmpv6_type=${type}`, 'icmpv6_code=0', `nd_target=${rng.pick(IP6)}`);
    if (rng.chance(0.7)) words.push(`${type === 135 ? 'nd_sll' : 'nd_tll'}=${rng.pick(MACS)}`);
  }
  if (kind === 'icmp6') words.push(`icmpv6_type=${rng.pick([128, 129])}`, 'icmpv6_code=0');
  return words;
}

/** What a flow asks, and what is known about packets that meet it. */
export interface MatchPlan {
  readonly words: readonly string[];
  readonly kind: PacketKind | 'any';
  readonly tagged: boolean;
}

/** Matches with masks that the packet mostly meets. */
function maskedWords(rng: Rng, { kind, words }: PacketPlan): string[] {
  const choices = [
    'dl_dst=02:00:00:00:00:00/fe:ff:ff:ff:ff:00',
    'dl_src=00:00:00:00:00:00/01:00:00:00:00:00',
  ];
  if (isIp4(kind)) choices.push('nw_src=10.0.0.0/255.0.0.0', 'nw_dst=0.0.0.0/0.0.0.128');
  if (isIp6(kind)) choices.push('ipv6_src=2001:db8::/32', 'ipv6_dst=::/::8');
  if (isIp(kind)) choices.push('nw_frag=no', 'ip_dscp=8', 'nw_ecn=1', 'nw_frag=not_later');
  const isLater = words.includes('nw_frag=later');
  if (hasPorts(kind) && !isLater) choices.push('tp_dst=0x40/0xffc0', 'tp_src=0/0x8000');
  if (kind.startsWith('tcp') && !isLater) choices.push('tcp_flags=+syn-ack', 'tcp_flags=0x10/0x10');
  if (kind === 'arp')
    choices.push('arp_spa=10.0.0.0/8', 'arp_tha=02:00:00:00:00:00/ff:ff:ff:ff:ff:00');
  if (kind === 'nd') choices.push('nd_target=2001:db8::/32');
  const picked = rng.pick(choices);
  const name = picked.slice(0, picked.indexOf('='));
  return words.some((word) => word.startsWith(`${name}=`) && rng.chance(0.5)) ? [] : [picked];
}

const NOT_IN_FLOWS = /^(tun_(src|dst|id|metadata\d)|vlan_tci|nw_ecn|tcp_flags)=/;

/** A match that the packet meets, prerequisites included. */
export function matchPlan(rng: Rng, packet: PacketPlan, resumed: boolean): MatchPlan {
  const { kind } = packet;
  const words: string[] = [];
  let known: MatchPlan['kind'] = 'any';
  if (kind !== 'eth' && rng.chance(0.75)) {
    known = kind;
    words.push(kind === 'nd' ? 'icmp6' : kind);
    // The fields of neighbour discovery exist in two types of messages only.
    if (kind === 'nd') words.push(...packet.words.filter((word) => /^icmpv6_/.test(word)));
    for (const word of packet.words.slice(1)) {
      if (/^(in_port|dl_|pkt_mark)/.test(word) || NOT_IN_FLOWS.test(word)) continue;
      if (rng.chance(0.12)) words.push(word);
    }
  }
  const isTagged = packet.words.some((word) => /^dl_vlan=/.test(word));
  let tagged = false;
  for (const word of packet.words) {
    if (/^(in_port|dl_src|dl_dst|tun_id)=/.test(word) && rng.chance(0.12)) words.push(word);
    if (/^dl_vlan=/.test(word) && rng.chance(0.4)) {
      words.push(word);
      tagged = true;
    }
  }
  if (!isTagged && !packet.words.some((word) => word.startsWith('vlan_tci=')) && rng.chance(0.1)) {
    words.push('dl_vlan=0xffff');
  }
  if (rng.chance(0.06)) words.push(rng.pick(['reg0=0', 'reg1=0x10/0xf0', 'metadata=0', 'xreg1=0']));
  if (known !== 'any' && rng.chance(0.25)) words.push(...maskedWords(rng, packet));
  if (resumed && isIp(kind) && known !== 'any' && rng.chance(0.1)) {
    const original = isIp4(kind)
      ? ['ct_nw_src=0.0.0.0/1', 'ct_nw_proto=0', 'ct_nw_dst=10.0.0.0/8']
      : ['ct_ipv6_src=::/1', 'ct_nw_proto=0', 'ct_ipv6_dst=2001:db8::/32'];
    words.push(
      'ct_state=+trk',
      rng.pick([...original, 'ct_zone=5', 'ct_mark=0x1/0x1', 'ct_label=0x11']),
    );
  } else if (resumed && isIp(kind) && rng.chance(0.25)) {
    words.push(`ct_state=${rng.pick(['+trk', '+new', '+est', '-trk', '+trk-inv'])}`);
  }
  // The first word about a field counts; a second one would be refused.
  const names = new Set<string>();
  const once = words.filter((word) => {
    const name = word.split('=')[0] ?? word;
    const isNew = !names.has(name);
    names.add(name);
    return isNew;
  });
  return { words: once, kind: known, tagged };
}
