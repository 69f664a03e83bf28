/** `virtual_routes` and `virtual_rules`, in the words of ip-route(8) and ip-rule(8). */
import { readIp, readPrefix, writeIp } from '../../../text/address-text.ts';
import { type IpAddress } from '../../routing/types.ts';
import {
  type Attribute,
  type VirtualRoute,
  type VirtualRouteHop,
  type VirtualRule,
} from '../types.ts';
import { writeAttributes } from './address.ts';
import { type Complaints, complain, type Line, quoted, type Word, wordSet } from './lexer.ts';
import { type Draft } from './setting.ts';

const TYPES = ['unicast', 'blackhole', 'unreachable', 'prohibit', 'throw', 'local'] as const;

/** Metrics and options that do not change where packets go. */
const WITH_VALUE = wordSet(`
  tos dsfield mtu hoplimit advmss rtt rttvar reordering window cwnd ssthresh realms rto_min
  initcwnd initrwnd vrf features quickack pref congctl ttl-propagate fastopen_no_cookie encap
  track_group
`);
const ALONE = new Set(['inet', 'inet6', 'add', 'append', 'prepend', 'lock']);
/** Metrics that take `lock` before their value. */
const LOCKABLE = new Set([
  'mtu',
  'hoplimit',
  'advmss',
  'rtt',
  'rttvar',
  'reordering',
  'window',
  'cwnd',
  'ssthresh',
  'rto_min',
  'congctl',
]);

type RouteDraft = Draft<VirtualRoute>;
type HopDraft = Draft<VirtualRouteHop>;

/** The words of one route while they are read. */
interface Reading {
  readonly words: readonly Word[];
  at: number;
  readonly route: RouteDraft;
  readonly hops: HopDraft[];
  readonly attributes: Attribute[];
  readonly complaints: Complaints;
}

type RouteWord = (reading: Reading, word: Word, value: Word) => void;

const ROUTE_WORDS: ReadonlyMap<string, RouteWord> = new Map<string, RouteWord>([
  ['to', (reading, _word, value) => destination(reading, value)],
  ['via', (reading, _word, value) => gateway(hopOf(reading), reading, value)],
  ['gw', (reading, _word, value) => gateway(hopOf(reading), reading, value)],
  // `via A or B` is two hops of equal weight.
  ['or', (reading, _word, value) => gateway(newHop(reading), reading, value)],
  [
    'dev',
    (reading, _word, value) => {
      hopOf(reading).device = value.text;
    },
  ],
  [
    'oif',
    (reading, _word, value) => {
      hopOf(reading).device = value.text;
    },
  ],
  [
    'weight',
    (reading, _word, value) => {
      hopOf(reading).weight = Number(value.text);
    },
  ],
  [
    'src',
    (reading, _word, value) => {
      reading.route.source = address(reading, value);
    },
  ],
  [
    'table',
    (reading, _word, value) => {
      reading.route.table = value.text;
    },
  ],
  [
    'scope',
    (reading, _word, value) => {
      reading.route.scope = value.text;
    },
  ],
  [
    'protocol',
    (reading, _word, value) => {
      reading.route.protocol = value.text;
    },
  ],
  [
    'proto',
    (reading, _word, value) => {
      reading.route.protocol = value.text;
    },
  ],
  ['metric', (reading, _word, value) => metric(reading, value)],
  ['priority', (reading, _word, value) => metric(reading, value)],
  ['preference', (reading, _word, value) => metric(reading, value)],
]);

const KNOWN = [
  ...ROUTE_WORDS.keys(),
  ...WITH_VALUE,
  ...ALONE,
  ...TYPES,
  'onlink',
  'nexthop',
  'no_track',
  'default',
];

/** One route per line. */
export const VIRTUAL_ROUTE = {
  read(line: Line, complaints: Complaints): VirtualRoute | undefined {
    const [first] = line.words;
    if (first === undefined) return undefined;
    const reading = open(line.words, first, complaints);
    let seen = false;
    for (; reading.at < line.words.length; reading.at++) {
      const word = line.words[reading.at];
      if (word !== undefined) seen = readWord(reading, word, seen);
    }
    const { route, hops, attributes } = reading;
    const six = attributes.some(({ name }) => name === 'inet6') || isSix(route, hops);
    if (!seen) complain(complaints, first, 'the destination is missing');
    return { ...route, hops, attributes, version: six ? 6 : 4 };
  },

  write(route: VirtualRoute): readonly string[] {
    const { type, to, source, table, metric: own, scope, protocol, attributes, noTrack } = route;
    const pair = (name: string, value: string | number | null): readonly string[] =>
      value === null ? [] : [name, quoted(String(value))];
    const [only, ...more] = route.hops;
    return [
      ...(type === 'unicast' ? [] : [type]),
      ...pair('src', source === null ? null : writeIp(source)),
      to === null ? 'default' : `${writeIp(to.address)}/${to.length}`,
      ...(only !== undefined && more.length === 0 ? writeHop(only) : []),
      ...pair('table', table),
      ...pair('metric', own),
      ...pair('scope', scope),
      ...pair('protocol', protocol),
      ...writeAttributes(attributes),
      ...(more.length === 0 ? [] : route.hops.flatMap((hop) => ['nexthop', ...writeHop(hop)])),
      ...(noTrack ? ['no_track'] : []),
    ];
  },
};

function open(words: readonly Word[], first: Word, complaints: Complaints): Reading {
  const origin = { file: complaints.file, line: first.line };
  const route: RouteDraft = {
    type: 'unicast',
    to: null,
    version: 4,
    hops: [],
    source: null,
    table: null,
    metric: null,
    scope: null,
    protocol: null,
    attributes: [],
    noTrack: false,
    origin,
  };
  return { words, at: 0, route, hops: [], attributes: [], complaints };
}

/** Reads one word and its value; returns whether the destination was stated by now. */
function readWord(reading: Reading, word: Word, seen: boolean): boolean {
  const { route, attributes, complaints } = reading;
  const name = word.text;
  if (name === 'no_track') route.noTrack = true;
  else if (name === 'onlink') hopOf(reading).onLink = true;
  else if (name === 'nexthop') newHop(reading);
  else if (ALONE.has(name)) attributes.push({ name, value: null });
  else if (ROUTE_WORDS.has(name) || WITH_VALUE.has(name)) {
    let value = reading.words[++reading.at];
    const behind = reading.words[reading.at + 1];
    // `via inet6 ADDRESS` names the family first; `mtu lock 1400` says a metric is fixed.
    const prefixed = value?.text === 'inet' || value?.text === 'inet6' || value?.text === 'lock';
    const locked = value?.text === 'lock' && LOCKABLE.has(name);
    if (prefixed && behind !== undefined) {
      value = behind;
      reading.at++;
    }
    if (value === undefined) complain(complaints, word, 'a value is missing');
    else if (locked) attributes.push({ name, value: 'lock' }, { name: value.text, value: null });
    else if (WITH_VALUE.has(name)) attributes.push({ name, value: value.text });
    else ROUTE_WORDS.get(name)?.(reading, word, value);
    return seen || name === 'to';
  } else if (!seen && TYPES.some((type) => type === name)) route.type = name;
  else if (!seen && (name === 'default' || readPrefix(name) !== undefined)) {
    destination(reading, word);
    return true;
  } else complain(complaints, word, 'unknown word of a route', KNOWN);
  return seen;
}

function destination({ route, complaints }: Reading, word: Word): void {
  if (word.text === 'default') {
    route.to = null;
    return;
  }
  const prefix = readPrefix(word.text);
  if (prefix === undefined) complain(complaints, word, 'expected a prefix');
  // 0.0.0.0/0 and ::/0 are the default route; the version is told by the gateway.
  else {
    if (prefix.address.version === 6) route.version = 6;
    route.to = prefix;
  }
}

function hopOf(reading: Reading): HopDraft {
  return reading.hops.at(-1) ?? newHop(reading);
}

function newHop({ hops }: Reading): HopDraft {
  const hop: HopDraft = { gateway: null, device: null, weight: null, onLink: false };
  hops.push(hop);
  return hop;
}

function gateway(hop: HopDraft, reading: Reading, word: Word): void {
  hop.gateway = address(reading, word);
}

function address({ complaints }: Reading, word: Word): IpAddress | null {
  const found = readIp(word.text);
  if (found === undefined) complain(complaints, word, 'expected an address');
  return found ?? null;
}

function metric({ route, complaints }: Reading, word: Word): void {
  if (/^\d+$/.test(word.text)) route.metric = Number(word.text);
  else complain(complaints, word, 'expected a number');
}

function isSix({ to, source }: RouteDraft, hops: readonly VirtualRouteHop[]): boolean {
  return [to?.address, source, ...hops.map((hop) => hop.gateway)].some((one) => one?.version === 6);
}

function writeHop({ gateway: via, device, weight, onLink }: VirtualRouteHop): readonly string[] {
  return [
    ...(via === null ? [] : ['via', writeIp(via)]),
    ...(device === null ? [] : ['dev', quoted(device)]),
    ...(onLink ? ['onlink'] : []),
    ...(weight === null ? [] : ['weight', String(weight)]),
  ];
}

const RULE_WITH_VALUE = wordSet(`
  from to table lookup iif oif tos dsfield fwmark preference order priority pref realms goto
  uidrange protocol ip_proto ipproto sport dport suppress_prefixlength suppress_prefixlen
  suppress_ifgroup tun_id track_group
`);
const RULE_ALONE = new Set([
  'inet',
  'inet6',
  'not',
  'l3mdev',
  'nop',
  'blackhole',
  'unreachable',
  'prohibit',
  'unicast',
]);

/** One rule per line; the words of ip-rule(8) stay as they are. */
export const VIRTUAL_RULE = {
  read(line: Line, complaints: Complaints): VirtualRule | undefined {
    const [first] = line.words;
    if (first === undefined) return undefined;
    const attributes: Attribute[] = [];
    let noTrack = false;
    for (let at = 0; at < line.words.length; at++) {
      const word = line.words[at];
      if (word === undefined) break;
      const name = word.text;
      if (name === 'no_track') noTrack = true;
      else if (RULE_ALONE.has(name)) attributes.push({ name, value: null });
      else if (RULE_WITH_VALUE.has(name)) {
        const value = line.words[++at];
        if (value === undefined) complain(complaints, word, 'a value is missing');
        else attributes.push({ name, value: value.text });
      } else {
        complain(complaints, word, 'unknown word of a rule', [...RULE_WITH_VALUE, ...RULE_ALONE]);
      }
    }
    return { attributes, noTrack, origin: { file: complaints.file, line: first.line } };
  },

  write({ attributes, noTrack }: VirtualRule): readonly string[] {
    return [...writeAttributes(attributes), ...(noTrack ? ['no_track'] : [])];
  },
};
