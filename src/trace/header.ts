/** A packet's header as a person reads it: field names and values, only what the packet has. */
import { formatIpv4, formatIpv6, formatMac } from '../packet/addresses.ts';
import { CT_STATE, FIELDS, type Field, TCP_FLAGS } from '../packet/fields.ts';
import { fullMask, type Match } from '../traffic/match.ts';
import { readField } from '../traffic/words.ts';
import { type HeaderView } from './types.ts';

/** Overlays show what another field already shows; bookkeeping is no header. */
const HIDDEN =
  /^(xreg|xxreg|meta_|nw_tos$|vlan_vid$|vlan_pcp$|(tcp|udp|sctp)_(src|dst)$|icmp|mpls_(label|tc|bos|ttl)$|tun_option|packet_type|frame_len|encap_csum|conj_id|dp_hash|recirc_id|ip_id$)/;

const SHOWN: readonly Field[] = [...FIELDS.values()].filter(({ name }) => !HIDDEN.test(name));

/** The fields with a value, by name, in the order of the field table. */
export function headerView(words: Uint32Array): HeaderView {
  const view: Record<string, string> = {};
  for (const field of SHOWN) {
    const value = readField(words, field);
    if (value === 0n) continue;
    if (field.name === 'vlan_tci') {
      view['vlan'] = String(value & 0xfffn);
      if (value >> 13n !== 0n) view['vlan_pcp'] = String(value >> 13n);
    } else view[field.name] = formatValue(field, value);
  }
  return view;
}

/** One value as the field table says it is written. */
export function formatValue(field: Field, value: bigint): string {
  switch (field.format) {
    case 'ipv4':
      return formatIpv4(value);
    case 'ipv6':
      return formatIpv6(value);
    case 'mac':
      return formatMac(value);
    case 'ethertype':
      return `0x${value.toString(16).padStart(4, '0')}`;
    case 'ct-state':
      return flagWords(value, CT_STATE);
    case 'tcp-flags':
      return flagWords(value, TCP_FLAGS);
    case 'hex':
    case 'tunnel-flags':
    case 'packet-type':
      return `0x${value.toString(16)}`;
    default:
      return String(value);
  }
}

/** What a condition wants of its field: `22`, `10.0.0.0/255.0.0.0`, `1-1024`, `not 22`. */
export function wantedText(match: Match): string {
  switch (match.kind) {
    case 'test': {
      const value = formatValue(match.field, match.value);
      if (match.mask === fullMask(match.field)) return value;
      return `${value}/${formatValue(match.field, match.mask)}`;
    }
    case 'within':
      return match.ranges
        .map(({ from, to }) => {
          const low = formatValue(match.field, from);
          return from === to ? low : `${low}-${formatValue(match.field, to)}`;
        })
        .join(' or ');
    case 'and':
      return match.of.map(wantedText).join(' and ');
    case 'or':
      return match.of.map(wantedText).join(' or ');
    case 'not':
      return `not ${wantedText(match.of)}`;
    default:
      return match.kind === 'opaque' ? match.text : match.kind;
  }
}

function flagWords(value: bigint, names: Readonly<Record<string, number>>): string {
  return Object.entries(names)
    .filter(([, bit]) => (value & BigInt(bit)) !== 0n)
    .map(([name]) => name)
    .join('|');
}

/** Registers and conntrack fields of an earlier device are no header of the packet. */
export function isOnTheWire(name: string): boolean {
  return !/^(reg\d|ct_|in_port$|metadata$|pkt_mark$|skb_)/.test(name);
}

/** The fields that differ between two headers, as `field: before → after` pairs. */
export function changedFields(
  before: HeaderView,
  after: HeaderView,
): readonly { readonly field: string; readonly before: string; readonly after: string }[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names]
    .filter((name) => before[name] !== after[name])
    .map((name) => ({ field: name, before: before[name] ?? '—', after: after[name] ?? '—' }));
}
