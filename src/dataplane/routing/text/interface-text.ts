/**
 * The text form of `ip [-d] [-s] link` and `ip [-d] address`: a line per interface, then
 * indented lines that add to it. Read into the same drafts as the JSON form.
 */
import { readIp, readMac, readPrefix } from '../../../text/address-text.ts';
import { complain, type Lines, linesOf } from '../../../text/lines.ts';
import { type Problem } from '../../../text/problem.ts';
import { type InterfaceAddress } from '../types.ts';
import { groupOf, type InterfaceDraft, scopeOf } from './interface-draft.ts';

type Mutable = { -readonly [K in keyof InterfaceDraft]: InterfaceDraft[K] } & {
  addresses: InterfaceAddress[];
  details: Record<string, unknown>;
};

const HEAD = /^(\d+): ([^\s@:]+|\S+?)(?:@(\S+?))?: <([A-Z0-9_,-]*)>(.*)$/;

/** First words of detail lines that say nothing about forwarding. */
const SILENT = new Set(
  'valid_lft RX: TX: RX TX altname vf prog alias xdp promiscuity bond_slave team_slave parentdev'.split(
    ' ',
  ),
);

/** Kinds whose own line (`ip -d`) names them. */
const KINDS = new Set(
  (
    'veth tun bridge vlan vxlan dummy openvswitch macvlan macvtap ipvlan bond team gre gretap ip6gre ' +
    'ip6gretap geneve vrf sit ipip ip6tnl ifb nlmon vti wireguard macsec hsr erspan'
  ).split(' '),
);

export function interfacesOfText(file: string, text: string, problems: Problem[]): Mutable[] {
  const lines = linesOf(file, text);
  const found: Mutable[] = [];
  let current: Mutable | undefined;
  for (const [i, line] of lines.lines.entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const head = HEAD.exec(line);
    if (head !== null) {
      current = interfaceOfHead(head);
      found.push(current);
    } else if (current === undefined || !/^\s/.test(line)) {
      complain(lines, i, line, 'This is no line of `ip link` or `ip address`');
    } else readDetail(lines, i, line.trim().split(/\s+/), current);
  }
  problems.push(...lines.problems);
  return found;
}

function interfaceOfHead(head: RegExpExecArray): Mutable {
  const [, index = '0', name = '', at, flagText = '', rest = ''] = head;
  const flags = new Set(flagText.split(','));
  const words = rest.trim().split(/\s+/);
  const after = (word: string): string | undefined => {
    const place = words.indexOf(word);
    return place < 0 ? undefined : words[place + 1];
  };
  const peer = at === undefined ? null : /^if(\d+)$/.exec(at);
  return {
    name,
    index: Number(index),
    ...groupOf(after('group')),
    mac: 0n,
    mtu: Number(after('mtu') ?? 1500),
    up: flags.has('UP'),
    running: flags.has('LOWER_UP'),
    loopback: flags.has('LOOPBACK'),
    promiscuous: flags.has('PROMISC'),
    kind: '',
    // Open vSwitch's datapath is printed as a master too; a bridge is what routing knows.
    master: after('master') ?? null,
    linkIndex: peer === null ? null : Number(peer[1]),
    linkName: at === undefined || at === 'NONE' || peer !== null ? null : at,
    linkNamespace: null,
    addresses: [],
    details: {},
  };
}

function readDetail(lines: Lines, i: number, words: readonly string[], to: Mutable): void {
  const [first = ''] = words;
  if (first.startsWith('link/')) readLinkLayer(lines, i, words, to);
  else if (first === 'inet' || first === 'inet6') readAddress(lines, i, words, to);
  else if (first === 'vlan' || first === 'vxlan') {
    to.kind = first;
    Object.assign(to.details, first === 'vlan' ? vlanDetails(words) : vxlanDetails(words));
  } else if (first === 'bond') {
    to.kind = first;
    Object.assign(to.details, bondDetails(words));
  } else if (first === 'bond_slave') {
    to.details['slave'] = 'bond';
    Object.assign(to.details, memberDetails(words));
  } else if (KINDS.has(first)) to.kind = first;
  else if (first === 'bridge_slave') to.details['slave'] = 'bridge';
  else if (first.endsWith('_slave') || SILENT.has(first) || /^[\d-]+$/.test(first)) return;
  else complain(lines, i, first, 'This detail of an interface is not known', KINDS);
}

function readLinkLayer(lines: Lines, i: number, words: readonly string[], to: Mutable): void {
  const type = (words[0] ?? '').slice('link/'.length);
  if (type === 'ether') {
    const mac = readMac(words[1] ?? '');
    if (mac === undefined) complain(lines, i, words[1] ?? '', 'This is not a MAC address');
    to.mac = mac ?? 0n;
  }
  const after = (word: string): string | undefined => words[words.indexOf(word) + 1];
  const name = words.includes('link-netns') ? after('link-netns') : undefined;
  if (name !== undefined) to.linkNamespaceName = name;
  if (words.includes('link-netnsid')) to.linkNamespace = Number(after('link-netnsid'));
  // Without `-d` the kind is not printed; only a veth has its other end elsewhere by index.
  const elsewhere = name !== undefined || to.linkNamespace !== null;
  if (elsewhere && to.linkIndex !== null) to.kind = 'veth';
}

function readAddress(lines: Lines, i: number, words: readonly string[], to: Mutable): void {
  const after = (word: string): string | undefined => {
    const place = words.indexOf(word);
    return place < 0 ? undefined : words[place + 1];
  };
  const prefix = readPrefix(words[1] ?? '');
  if (prefix === undefined) {
    complain(lines, i, words[1] ?? '', 'This is not an address with its length');
    return;
  }
  const peerWord = after('peer');
  const peer = peerWord === undefined ? undefined : readIp(peerWord.split('/')[0] ?? '');
  to.addresses.push({
    address: prefix.address,
    length: peerWord === undefined ? prefix.length : (readPrefix(peerWord)?.length ?? 32),
    peer: peer ?? null,
    scope: scopeOf(after('scope') ?? 'global'),
    secondary: words.includes('secondary'),
    deprecated: words.includes('deprecated'),
    tentative: words.includes('tentative') || words.includes('dadfailed'),
  });
}

function vlanDetails(words: readonly string[]): Record<string, unknown> {
  const after = (word: string): string | undefined => words[words.indexOf(word) + 1];
  return { protocol: after('protocol') ?? '802.1Q', id: Number(after('id')) };
}

/** `bond mode 802.3ad miimon 100 … ad_aggregator 1` (iproute2 `ip/iplink_bond.c`). */
function bondDetails(words: readonly string[]): Record<string, unknown> {
  const after = (word: string): string | undefined =>
    words.includes(word) ? words[words.indexOf(word) + 1] : undefined;
  const aggregator = after('ad_aggregator');
  const active = after('active_slave');
  return {
    mode: after('mode') ?? 'balance-rr',
    ...(active === undefined ? {} : { active_slave: active }),
    ...(aggregator === undefined ? {} : { ad_info: { aggregator: Number(aggregator) } }),
  };
}

/** `bond_slave state ACTIVE mii_status UP … ad_aggregator_id 1`. */
function memberDetails(words: readonly string[]): Record<string, unknown> {
  const after = (word: string): string | undefined =>
    words.includes(word) ? words[words.indexOf(word) + 1] : undefined;
  const aggregator = after('ad_aggregator_id');
  return {
    mii_status: after('mii_status') ?? 'UP',
    ...(aggregator === undefined ? {} : { ad_aggregator_id: Number(aggregator) }),
  };
}

/** The names are those of the JSON form (iproute2 `ip/iplink_vxlan.c vxlan_print_opt()`). */
function vxlanDetails(words: readonly string[]): Record<string, unknown> {
  const details: Record<string, unknown> = {
    learning: !words.includes('nolearning'),
    proxy: words.includes('proxy'),
    l2miss: words.includes('l2miss'),
    l3miss: words.includes('l3miss'),
    udp_csum: !words.includes('noudpcsum'),
  };
  for (const [word, key] of [
    ['id', 'id'],
    ['dstport', 'port'],
    ['ageing', 'ageing'],
    ['local', 'local'],
    ['remote', 'remote'],
    ['group', 'group'],
    ['dev', 'link'],
  ] as const) {
    const value = words[words.indexOf(word) + 1];
    if (!words.includes(word) || value === undefined) continue;
    details[key] = /^\d+$/.test(value) ? Number(value) : value;
  }
  return details;
}
