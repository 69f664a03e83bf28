/** Values of matches and targets that few rules use: programs of `u32`, lists with their own names. */
import { readAddress, writeAddress } from './address.ts';
import { type Bad, type Codec, readNumber } from './codec.ts';

/** One word that is kept in the form in which iptables prints it. */
function spelled(
  print: (given: string) => string | null,
  wants: string,
  quote: boolean,
  examples: readonly string[],
): Codec<string> {
  return {
    words: 1,
    read([given = '']): { readonly value: string } | Bad {
      const value = print(given);
      return value === null ? { bad: `not ${wants}` } : { value };
    },
    write: (value) => (quote ? ` "${value}"` : ` ${value}`),
    examples,
  };
}

const FULL = 0xffff_ffff;
const hex = (value: number): string => `0x${value.toString(16)}`;

/** A number, or a number behind an operator: the text that was used, and it printed. */
function u32Number(text: string): { readonly used: string; readonly printed: string } | null {
  const used = /^\s*(0[xX][0-9a-fA-F]+|\d+)\s*/.exec(text);
  const value = used === null ? null : readNumber(used[1] ?? '', FULL);
  return used === null || value === null ? null : { used: used[0], printed: hex(value) };
}

/** `6&0xFF=1&&4&0x3FFF=0` as `0x6&0xff=0x1&&0x4&0x3fff=0x0` (xt_u32.h: location, then values). */
function printU32(given: string): string | null {
  let rest = given;
  let out = '';
  for (;;) {
    const number = u32Number(rest);
    if (number === null) return null;
    out += number.printed;
    rest = rest.slice(number.used.length);
    const next = /^(&&|<<|>>|[&@=:,])/.exec(rest)?.[0];
    if (next === undefined) return rest === '' && out.includes('=') ? equalEnds(out) : null;
    out += next;
    rest = rest.slice(next.length);
  }
}

/** `0x5:0x5` is printed as `0x5`. */
function equalEnds(text: string): string {
  return text.replace(/(0x[0-9a-f]+):\1(?![0-9a-f])/g, '$1');
}

/** Tests of 32-bit words. */
export const u32Program = spelled(printU32, 'a program of u32', true, [
  '0x0=0x0',
  '0x6&0xff=0x1&&0x4&0x3fff=0x0:0x5',
]);

/** A list in a fixed order, each member under the name that is printed. */
function named(
  names: readonly (readonly [printed: string, ...others: string[]])[],
  wants: string,
): Codec<string> {
  const print = (given: string): string | null => {
    const parts = given.toLowerCase().split(',');
    const found = new Set<string>();
    for (const part of parts) {
      const name = names.find((each) => each.some((other) => other.toLowerCase() === part));
      if (name === undefined) return null;
      found.add(name[0]);
    }
    return names.flatMap(([printed]) => (found.has(printed) ? [printed] : [])).join(',');
  };
  const [first = [''], second = ['']] = names;
  return spelled(print, wants, false, [first[0], `${first[0]},${second[0]}`]);
}

/** Extension headers; `ipv6header` prints them as /etc/protocols names them. */
export const extensionHeaders = named(
  [
    ['hop-by-hop', 'hop', '0'],
    ['ipv6-opts', 'dst', '60'],
    ['ipv6-route', 'route', '43'],
    ['ipv6-frag', 'frag', '44'],
    ['ah', 'auth', '51'],
    ['esp', '50'],
    ['ipv6-nonxt', 'none', '59'],
    ['protocol', 'prot', '255'],
  ],
  'a list of extension headers',
);

/** IPv6 addresses of a routing header. */
export const addressList = spelled(
  (given) => {
    const addresses = given.split(',').map((each) => readAddress(each, 6));
    if (addresses.some((each) => each === null)) return null;
    return addresses.map((each) => writeAddress(each ?? 0n, 6)).join(',');
  },
  'a list of IPv6 addresses',
  false,
  ['2001:db8::1', '2001:db8::1,2001:db8::2'],
);

/** Packet types of DCCP (RFC 4340 §5.1). */
export const dccpTypes = named(
  [
    ['REQUEST', '0'],
    ['RESPONSE', '1'],
    ['DATA', '2'],
    ['ACK', '3'],
    ['DATAACK', '4'],
    ['CLOSEREQ', '5'],
    ['CLOSE', '6'],
    ['RESET', '7'],
    ['SYNC', '8'],
    ['SYNCACK', '9'],
    ['INVALID', '10'],
  ],
  'a list of DCCP packet types',
);

const TCP_OPTIONS: Readonly<Record<string, number>> = {
  mss: 2,
  wscale: 3,
  'sack-permitted': 4,
  sack: 5,
  timestamp: 8,
  md5: 19,
};

/** Kinds of TCP options, printed as numbers (TCPOPTSTRIP). */
export const tcpOptionKinds = spelled(
  (given) => {
    const kinds = given.split(',').map((each) => TCP_OPTIONS[each] ?? readNumber(each, 255));
    if (kinds.some((kind) => kind === null)) return null;
    return [...new Set(kinds.map(Number))].sort((a, b) => a - b).join(',');
  },
  'a list of TCP options',
  false,
  ['2,3', '19'],
);

/** A conntrack zone, or `mark` for the mark of the packet. */
export const trackingZone = spelled(
  (given) => {
    const number = readNumber(given, 0xffff);
    return given === 'mark' ? given : number === null ? null : String(number);
  },
  'a zone up to 65535, or mark',
  false,
  ['1', '65535', 'mark'],
);

const TIME_UNITS: Readonly<Record<string, number>> = {
  s: 1e6,
  sec: 1e6,
  secs: 1e6,
  ms: 1e3,
  msec: 1e3,
  msecs: 1e3,
  us: 1,
  usec: 1,
  usecs: 1,
  '': 1,
};

/** A time as tc(8) writes it: `250.0ms` (RATEEST). */
export const trafficTime = spelled(
  (given) => {
    const found = /^(\d+(?:\.\d+)?)([a-z]*)$/i.exec(given);
    const unit = TIME_UNITS[(found?.[2] ?? '-').toLowerCase()];
    if (found === null || unit === undefined) return null;
    const microseconds = Math.floor(Number(found[1]) * unit);
    if (microseconds >= 1e6) return `${(microseconds / 1e6).toFixed(1)}s`;
    return microseconds >= 1000 ? `${(microseconds / 1000).toFixed(1)}ms` : `${microseconds}us`;
  },
  'a time such as 250ms',
  false,
  ['250.0ms', '1.0s'],
);

/** Types of the mobility header by name (RFC 6275 §6.1), in the order of their numbers. */
const MOBILITY: readonly (readonly string[])[] = [
  ['binding-refresh-request', 'brr'],
  ['home-test-init', 'hoti'],
  ['careof-test-init', 'coti'],
  ['home-test', 'hot'],
  ['careof-test', 'cot'],
  ['binding-update', 'bu'],
  ['binding-acknowledgement', 'ba'],
  ['binding-error', 'be'],
];

/** One type or a range, printed as numbers. */
export const mobilityTypes = spelled(
  (given) => {
    const type = (word: string, open: number): number | null => {
      const name = MOBILITY.findIndex((names) => names.includes(word));
      return word === '' ? open : name >= 0 ? name : readNumber(word, 255);
    };
    const [head = '', tail, more] = given.split(':');
    const from = type(head, 0);
    const to = tail === undefined ? from : type(tail, 255);
    if (from === null || to === null || from > to || more !== undefined) return null;
    return from === to ? String(from) : `${from}:${to}`;
  },
  'a type of the mobility header',
  false,
  ['0', '1:5'],
);
