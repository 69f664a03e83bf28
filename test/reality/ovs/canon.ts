/**
 * The canonical form of a pass: what was hit, what leaves with which header, the packet at the
 * end. Flooding orders and the spelling of datapath actions do not show in it, so two engines
 * that forward alike agree.
 */
import {
  type DatapathAction,
  type TrackRequest,
} from '../../../src/dataplane/ovs/pipeline/part.ts';
import { parseFlow } from '../../../src/dataplane/ovs/text/flow-mods.ts';
import { type Nat } from '../../../src/dataplane/ovs/types/flow.ts';
import { FIELDS, field } from '../../../src/packet/fields.ts';
import { type Packet } from '../../../src/traffic/one-packet.ts';
import { readField } from '../../../src/traffic/words.ts';
import { packetOf } from './cases.ts';

/** Header values by name; absent is zero. */
type Header = Map<string, bigint>;

export interface Headers {
  readonly fields: Header;
  /** Tags, outermost first: vid, pcp, tpid. */
  vlans: [number, number, number][];
  /** Label stack entries, outermost first. */
  labels: number[];
}

const L2 = ['eth_src', 'eth_dst', 'pkt_mark'];
const IPV4 = ['ip_src', 'ip_dst', 'nw_tos', 'nw_ttl'];
const IPV6 = ['ipv6_src', 'ipv6_dst', 'nw_tos', 'nw_ttl', 'ipv6_label'];
const ARP = ['arp_op', 'arp_spa', 'arp_tpa', 'arp_sha', 'arp_tha'];
const PORTS = ['tp_src', 'tp_dst'];

/** Names that exist in a packet of that type. */
function namesFor(get: (name: string) => bigint): string[] {
  const type = get('eth_type');
  if (type === 0x0806n || type === 0x8035n) return [...L2, 'eth_type', ...ARP];
  if (type !== 0x0800n && type !== 0x86ddn) return [...L2, 'eth_type'];
  const ip = type === 0x0800n ? IPV4 : IPV6;
  const proto = get('ip_proto');
  // Without a protocol the switch takes the packet for one without an IP header when it writes.
  if (proto === 0n) return [...L2, 'eth_type'];
  const names = [...L2, 'eth_type', 'ip_proto', ...ip];
  if ((get('ip_frag') & 2n) !== 0n) return names;
  if ([6n, 17n, 132n, 1n, 58n].includes(proto)) names.push(...PORTS);
  if (type === 0x86ddn && proto === 58n && [135n, 136n].includes(get('tp_src'))) {
    names.push('nd_target', get('tp_src') === 135n ? 'nd_sll' : 'nd_tll');
  }
  return names;
}

function num(p: Packet, name: string): bigint {
  return readField(p.words, field(name));
}

export function headersOf(p: Packet): Headers {
  const fields: Header = new Map();
  for (const [name, of] of FIELDS) fields.set(name, readField(p.words, of));
  const vlans: Headers['vlans'] = [];
  for (const [tci, tpid] of [
    ['vlan_tci', 'vlan_tpid'],
    ['vlan_tci2', 'vlan_tpid2'],
  ] as const) {
    const value = Number(num(p, tci));
    if ((value & 0x1000) === 0) break;
    vlans.push([value & 0xfff, value >> 13, Number(num(p, tpid)) || 0x8100]);
  }
  const labels: number[] = [];
  const type = num(p, 'eth_type');
  if (type === 0x8847n || type === 0x8848n) {
    const all = ['mpls_lse', 'mpls_lse2', 'mpls_lse3'].map((name) => Number(num(p, name)));
    const bottom = all.findIndex((value) => (value & 0x100) !== 0);
    labels.push(...(bottom < 0 ? all.filter((value) => value !== 0) : all.slice(0, bottom + 1)));
  }
  return { fields, vlans, labels };
}

export function printHeaders({ fields, vlans, labels }: Headers, extra: readonly string[]): string {
  const get = (name: string) => fields.get(name) ?? 0n;
  const parts = [...namesFor(get), ...extra]
    .sort()
    .map((name) => `${name}=${get(name).toString(16)}`);
  return `${parts.join(',')} vlans=${JSON.stringify(vlans)} mpls=${JSON.stringify(labels)}`;
}

export const REAL_NAMES: Readonly<Record<string, string>> = {
  'eth.src': 'eth_src',
  'eth.dst': 'eth_dst',
  'ipv4.src': 'ip_src',
  'ipv4.dst': 'ip_dst',
  'ipv4.tos': 'nw_tos',
  'ipv4.ttl': 'nw_ttl',
  'ipv6.src': 'ipv6_src',
  'ipv6.dst': 'ipv6_dst',
  'ipv6.tclass': 'nw_tos',
  'ipv6.hlimit': 'nw_ttl',
  'ipv6.label': 'ipv6_label',
  'tcp.src': 'tp_src',
  'tcp.dst': 'tp_dst',
  'udp.src': 'tp_src',
  'udp.dst': 'tp_dst',
  'sctp.src': 'tp_src',
  'sctp.dst': 'tp_dst',
  'icmp.type': 'tp_src',
  'icmp.code': 'tp_dst',
  'icmpv6.type': 'tp_src',
  'icmpv6.code': 'tp_dst',
  'arp.sip': 'arp_spa',
  'arp.tip': 'arp_tpa',
  'arp.op': 'arp_op',
  'arp.sha': 'arp_sha',
  'arp.tha': 'arp_tha',
  'nd.target': 'nd_target',
  'nd.sll': 'nd_sll',
  'nd.tll': 'nd_tll',
  skb_mark: 'pkt_mark',
  'tunnel.ipv6_src': 'tun_ipv6_src',
  'tunnel.ipv6_dst': 'tun_ipv6_dst',
  'tunnel.tun_id': 'tun_id',
  'tunnel.src': 'tun_src',
  'tunnel.dst': 'tun_dst',
  'tunnel.ttl': 'tun_ttl',
  'tunnel.tos': 'tun_tos',
};

export function valueOf(text: string): bigint {
  if (text.split(':').length === 6 && !text.includes('::')) {
    return BigInt(`0x${text.replaceAll(':', '')}`);
  }
  if (text.includes('.')) {
    return text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  }
  if (text.includes(':')) {
    const [head = '', tail] = text.split('::');
    const left = head === '' ? [] : head.split(':');
    const right = tail === undefined || tail === '' ? [] : tail.split(':');
    const zeros = Array<string>(8 - left.length - right.length).fill('0');
    const all = tail === undefined ? left : [...left, ...zeros, ...right];
    return all.reduce((sum, part) => (sum << 16n) | BigInt(`0x${part}`), 0n);
  }
  return BigInt(text);
}

export function pairsOf(text: string): Map<string, string> {
  return new Map(
    text.split(',').map((part) => {
      const [key = '', value = ''] = part.split('=');
      return [key, value] as const;
    }),
  );
}

interface RealEffect {
  readonly out?: string;
  readonly ct?: string | string[];
  readonly recirc?: string;
  readonly set?: Readonly<Record<string, string>>;
  readonly vlan?: readonly (readonly [number, number, string?])[];
  readonly hdr?: readonly string[];
  readonly trunc?: string;
  readonly userspace?: string;
  readonly check_pkt_len?: number;
  readonly gt?: readonly RealEffect[];
  readonly le?: readonly RealEffect[];
  readonly other?: string;
}

function applyReal(base: Packet, effect: RealEffect): Headers {
  const headers = headersOf(base);
  for (const [key, text] of Object.entries(effect.set ?? {})) {
    const name = REAL_NAMES[key];
    if (key === 'mpls') {
      const lse = lseOf(text);
      headers.labels[0] = lse;
      continue;
    }
    if (name === undefined) continue;
    const [value = '', mask] = text.split('/');
    const bits = mask === undefined ? -1n : valueOf(mask);
    const old = headers.fields.get(name) ?? 0n;
    headers.fields.set(name, mask === undefined ? valueOf(value) : (old & ~bits) | valueOf(value));
  }
  if (effect.vlan !== undefined) {
    headers.vlans = effect.vlan
      .map(([vid, pcp, tpid]): [number, number, number] => [vid, pcp, Number(tpid ?? 0x8100)])
      .reverse();
  }
  for (const header of effect.hdr ?? []) applyHeader(headers, header);
  return headers;
}

export function lseOf(text: string): number {
  const pairs = pairsOf(text);
  const n = (key: string) => Number(pairs.get(key) ?? 0);
  return ((n('label') << 12) | (n('tc') << 9) | (n('bos') << 8) | n('ttl')) >>> 0;
}

function applyHeader(headers: Headers, text: string): void {
  const inside = /\((.*)\)/.exec(text)?.[1] ?? '';
  const pairs = pairsOf(inside);
  if (text === 'pop_vlan') headers.vlans.shift();
  else if (text.startsWith('push_vlan')) {
    const tpid = Number(pairs.get('tpid') ?? 0x8100);
    headers.vlans.unshift([Number(pairs.get('vid')), Number(pairs.get('pcp') ?? 0), tpid]);
  } else if (text.startsWith('push_mpls')) {
    headers.labels.unshift(lseOf(inside));
    headers.fields.set('eth_type', BigInt(pairs.get('eth_type') ?? '0x8847'));
  } else if (text.startsWith('pop_mpls')) {
    headers.labels.shift();
    headers.fields.set('eth_type', BigInt(pairs.get('eth_type') ?? '0x800'));
  }
}

export const TUNNEL = [
  'tun_id',
  'tun_src',
  'tun_dst',
  'tun_ipv6_src',
  'tun_ipv6_dst',
  'tun_ttl',
  'tun_tos',
];
/** What a tunnel header shows beside its frame's own fields. */
export const OUTER = ['encap_id', 'ip_df'];

/** The frame as it leaves; one that the switch encapsulated with what it carries. */
function frameText(p: Packet, extra: readonly string[]): string {
  if (p.inner === null) return printHeaders(headersOf(p), extra);
  const outer = headersOf(p);
  // The source port is a hash of what is inside.
  outer.fields.set('tp_src', 0n);
  return `${printHeaders(outer, OUTER)} around ${printHeaders(headersOf(p.inner), [])}`;
}

/** One real effect in canonical form; null when it says nothing about forwarding. */
export function realEffect(base: Packet, effect: RealEffect): string | null {
  if (effect.check_pkt_len !== undefined) {
    return `larger than ${effect.check_pkt_len}: ${realEffects(base, effect.gt ?? [])} else ${realEffects(base, effect.le ?? [])}`;
  }
  const headers = applyReal(base, effect);
  if (effect.recirc !== undefined) {
    const hash = (effect.hdr ?? []).some((header) => header.startsWith('hash(')) ? ' hash' : '';
    return `recirc${hash} ${printHeaders(headers, [])} ${ctText(effect.ct)}`;
  }
  if (effect.out !== undefined) {
    const trunc = effect.trunc === undefined ? '' : ` trunc ${/\d+/.exec(effect.trunc)?.[0]}`;
    const isTunnel = Object.keys(effect.set ?? {}).some((key) => key.startsWith('tunnel.'));
    return `out ${effect.out}${trunc} ${printHeaders(headers, isTunnel ? TUNNEL : [])}`;
  }
  if (effect.userspace !== undefined) {
    const length = /max_len=(\d+)/.exec(effect.userspace)?.[1];
    const reason = /reason=(\d+)/.exec(effect.userspace)?.[1];
    return `controller ${length} ${reason} ${printHeaders(headers, [])}`;
  }
  if (effect.ct !== undefined) return ctText(effect.ct);
  return effect.other === undefined ? null : `other ${effect.other}`;
}

function realEffects(base: Packet, effects: readonly RealEffect[]): string {
  return effects
    .map((effect) => realEffect(base, effect))
    .filter((text) => text !== null)
    .sort()
    .join('\n');
}

/** Arguments of a ct action, sorted; masks that cover everything are not written. */
export function ctText(ct: string | readonly string[] | undefined): string {
  if (ct === undefined) return 'ct none';
  const text = typeof ct === 'string' ? ct : (ct.at(-1) ?? '');
  const parts: string[] = [];
  let depth = 0;
  let word = '';
  for (const char of text) {
    if (char === '(') depth++;
    if (char === ')') depth--;
    if (char === ',' && depth === 0) {
      parts.push(word);
      word = '';
    } else word += char;
  }
  if (word !== '') parts.push(word);
  const clean = parts
    .map((part) => {
      const marked = /^(mark|label)=([^/]+)(?:\/(.*))?$/.exec(part);
      if (marked === null) return part;
      const full = marked[1] === 'mark' ? 0xffff_ffffn : (1n << 128n) - 1n;
      return `${marked[1]}=${BigInt(marked[2] ?? 0)}/${marked[3] === undefined ? full : BigInt(marked[3])}`;
    })
    .filter((part) => part !== 'zone=0');
  return `ct ${clean.sort().join(',')}`;
}

function natText(nat: Nat): string {
  if (nat.direction === null) return 'nat';
  const range = nat.addresses;
  let text = `nat(${nat.direction}`;
  if (range !== null) {
    const hasPorts = nat.ports !== null && nat.ports.from !== 0;
    const shown = (end: typeof range.from): string =>
      end.version === 6 && hasPorts ? `[${addressText(end)}]` : addressText(end);
    text += `=${shown(range.from)}`;
    if (range.to.address > range.from.address) text += `-${shown(range.to)}`;
    if (nat.ports !== null && hasPorts) {
      text += `:${nat.ports.from}`;
      if (nat.ports.to > nat.ports.from) text += `-${nat.ports.to}`;
    }
  }
  for (const flag of ['persistent', 'hash', 'random'] as const) {
    if (nat.flags.includes(flag)) text += `,${flag}`;
  }
  return `${text})`;
}

function addressText({ version, address }: { version: 4 | 6; address: bigint }): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((s) => String((address >> s) & 255n)).join('.');
  const words = Array.from({ length: 8 }, (_, i) =>
    ((address >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  ).join(':');
  return words.replace(/(^|:)0(:0)+(:|$)/, '::');
}

function ourCtText({ ct, zone, markMask, labelMask }: TrackRequest, p: Packet): string {
  const parts: string[] = [];
  if (ct.commit) parts.push(ct.force ? 'force_commit' : 'commit');
  if (zone !== 0) parts.push(`zone=${zone}`);
  const mark = BigInt(markMask >>> 0);
  if (mark !== 0n) parts.push(`mark=${num(p, 'ct_mark') & mark}/${mark}`);
  if (labelMask !== 0n) parts.push(`label=${num(p, 'ct_label') & labelMask}/${labelMask}`);
  if (ct.alg !== null) parts.push(`helper=${ct.alg}`);
  if (ct.nat !== null) parts.push(natText(ct.nat));
  return `ct ${parts.sort().join(',')}`;
}

/** Why a controller gets a packet, by number (enum ofp_packet_in_reason). */
const REASONS = [
  'no_match',
  'action',
  'invalid_ttl',
  'action_set',
  'group',
  'packet_out',
  'table_miss',
];

/** Our datapath actions in canonical form, clones flattened. */
export function ourEffects(
  actions: readonly DatapathAction<Packet>[],
  before = 'ct none',
): string[] {
  let tracked = before;
  return actions.flatMap((action): string[] => {
    switch (action.kind) {
      case 'clone':
      case 'tunnel-push':
        return ourEffects(action.actions, tracked);
      case 'ended':
        return [];
      case 'meter':
        return ['meter'];
      case 'tunnel-pop':
        return [`pop ${frameText(action.p, [])}`];
      case 'ct-clear':
        tracked = 'ct clear';
        return ['ct clear'];
      case 'output': {
        const trunc = action.truncate === null ? '' : ` trunc ${action.truncate}`;
        return [`out ${action.port.name}${trunc} ${frameText(action.p, [])}`];
      }
      case 'tunnel': {
        const { kind, destinationPort } = action.port.source.tunnel ?? {
          kind: '',
          destinationPort: 0,
        };
        const name =
          kind === 'gre'
            ? 'gre_sys'
            : `${kind === 'geneve' ? 'genev' : kind}_sys_${destinationPort}`;
        // Without a far end the datapath is not told any tunnel field.
        const isSet = num(action.p, 'tun_dst') !== 0n || num(action.p, 'tun_ipv6_dst') !== 0n;
        return [`out ${name} ${printHeaders(headersOf(action.p), isSet ? TUNNEL : [])}`];
      }
      case 'controller':
        return [
          `controller ${action.maxLength} ${REASONS.indexOf(action.reason)} ${printHeaders(headersOf(action.p), [])}`,
        ];
      case 'check-length':
        return [
          `larger than ${action.bytes}: ${ourEffects(action.larger, tracked).sort().join('\n')} else ${ourEffects(action.other, tracked).sort().join('\n')}`,
        ];
      case 'ct': {
        tracked = ourCtText(action.request, action.p);
        if (action.resume === null) return [tracked];
        return [tracked, `recirc ${printHeaders(headersOf(action.p), [])} ${tracked}`];
      }
      case 'recirculate': {
        const hash = action.hashes ? ' hash' : '';
        return [`recirc${hash} ${printHeaders(headersOf(action.resume.p), [])} ${tracked}`];
      }
    }
  });
}

/** The real effects of one pass in canonical form. */
export function realEffectList(base: Packet, effects: readonly unknown[]): string[] {
  return effects
    .map((effect) => realEffect(base, effect as RealEffect))
    .filter((text) => text !== null);
}

const WIDE_ICMP = /^icmp(?:v6)?_(type|code)=(\d{4,}|[3-9]\d\d|2[6-9]\d|25[6-9])$/;

/** What a flow text says, as a packet; port names by `portNumber`. */
export function packetOfFlowText(
  text: string,
  portNumber: (name: string) => number | undefined,
): Packet {
  const words = text
    .split(/,(?![^()]*\))/)
    .map((word) => word.trim())
    .filter(
      (word) =>
        !/^(recirc_id|actset_output|skb_priority|mpls_lse[123]|packet_type|dp_hash|gtpu_\w+|tun_(?:erspan_ver|flags|gbp_\w+|ipv6_\w+|tos|ttl)|dl_vlan[12]|dl_vlan_pcp[12]|vlan_tci[12])=/.test(
          word,
        ),
    )
    // A trace translates ICMP as if it had ports; no flow could say such a type.
    .filter((word) => !WIDE_ICMP.test(word))
    .map((word) =>
      word.startsWith('ct_state=')
        ? `ct_state=${word
            .slice(9)
            .split('|')
            .map((state) => `+${state}`)
            .join('')}`
        : word.replace(/^skb_mark=/, 'pkt_mark=').replace(/^tp_(src|dst)=/, 'tp_$1='),
    );
  const { value, problems } = parseFlow(`${words.join(',')} actions=drop`, 'final', { portNumber });
  const wrong = problems.filter(({ message }) => !message.includes('no OpenFlow version'));
  if (wrong.length > 0) throw new Error(`${text}: ${JSON.stringify(wrong)}`);
  const p = packetOf(value.tests);
  for (const [, end, number] of text.matchAll(new RegExp(WIDE_ICMP.source.slice(1, -1), 'g'))) {
    p.words[field(end === 'type' ? 'tp_src' : 'tp_dst').word] = Number(number);
  }
  for (const [i, name] of [
    [1, 'mpls_lse2'],
    [2, 'mpls_lse3'],
  ] as const) {
    const found = new RegExp(`\\bmpls_lse${i}=(\\d+)`).exec(text);
    if (found !== null) p.words[field(name).word] = Number(found[1]);
  }
  return p;
}

const METADATA_NAMES = [
  ...Array.from({ length: 16 }, (_, n) => `reg${n}`),
  'metadata',
  'in_port',
  'tun_id',
  'tun_src',
  'tun_dst',
  'ct_state',
  'ct_zone',
  'ct_mark',
  'ct_label',
];

/**
 * A packet as text, for comparing the ends of passes. Behind a label that was pushed or popped
 * the pipeline does not know the headers any more, and they are not compared.
 */
export function wholePacket(p: Packet, labelled: boolean, hidden: readonly string[] = []): string {
  const headers = headersOf(p);
  if (labelled) headers.fields.set('eth_type', 0n);
  const names = METADATA_NAMES.filter((name) => !hidden.includes(name));
  return printHeaders(
    { ...headers, vlans: headers.vlans.slice(0, 1).map(([a, b]) => [a, b, 0]) },
    names,
  );
}
