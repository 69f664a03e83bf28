/** A frame in the words of a flow's match: what tells it from others of its kind. */
import { field } from '../../packet/fields.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';
import { type FrameKind } from './frames.ts';

/** `ip,dl_src=fa:16:3e:00:00:01,nw_src=10.0.0.9,nw_proto=6` */
export function frameText(kind: FrameKind, words: Uint32Array): string {
  const value = (name: string): bigint => {
    const of = field(name);
    let sum = 0n;
    for (let i = 0; i < Math.ceil(of.width / 32); i++)
      sum = (sum << 32n) | BigInt(words[of.word + i]!);
    return sum & ((1n << BigInt(of.width)) - 1n);
  };
  const mac = `dl_src=${writeMac(value('eth_src'))}`;
  switch (kind) {
    case 'arp':
      return `arp,${mac},arp_spa=${writeIp({ version: 4, value: value('arp_spa') })}`;
    case 'ipv4':
      return `ip,${mac},nw_src=${writeIp({ version: 4, value: value('ip_src') })},nw_proto=${value('ip_proto')}`;
    case 'icmpv6':
      return `icmp6,${mac},ipv6_src=${writeIp({ version: 6, value: value('ipv6_src') })},icmp_type=${value('tp_src')}`;
    case 'ipv6':
      return `ipv6,${mac},ipv6_src=${writeIp({ version: 6, value: value('ipv6_src') })},nw_proto=${value('ip_proto')}`;
    case 'other':
      return `${mac},dl_type=0x${value('eth_type').toString(16)}`;
  }
}
