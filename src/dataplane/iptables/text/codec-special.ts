/** Values that only one match or target uses: ICMP types, rates, NAT ranges, set references. */
import { SERVICES } from '../protocols.ts';
import { ALL_ONES, readAddress, writeAddress } from './address.ts';
import { type Codec, type Interval, readNumber } from './codec.ts';

/** An ICMP type, and a code unless any code will do. */
export interface IcmpType {
  /** 255 of IPv4 stands for any type. */
  readonly type: number;
  readonly code: Interval;
}

const ANY_CODE: Interval = { from: 0, to: 255 };

export type IcmpName = readonly [name: string, type: number, code?: number];

/** Names of extensions/libxt_icmp.h; where two names mean the same, each stands. */
export const ICMP4_NAMES: readonly IcmpName[] = [
  ['any', 255],
  ['echo-reply', 0],
  ['pong', 0],
  ['destination-unreachable', 3],
  ['network-unreachable', 3, 0],
  ['host-unreachable', 3, 1],
  ['protocol-unreachable', 3, 2],
  ['port-unreachable', 3, 3],
  ['fragmentation-needed', 3, 4],
  ['source-route-failed', 3, 5],
  ['network-unknown', 3, 6],
  ['host-unknown', 3, 7],
  ['network-prohibited', 3, 9],
  ['host-prohibited', 3, 10],
  ['TOS-network-unreachable', 3, 11],
  ['TOS-host-unreachable', 3, 12],
  ['communication-prohibited', 3, 13],
  ['host-precedence-violation', 3, 14],
  ['precedence-cutoff', 3, 15],
  ['source-quench', 4],
  ['redirect', 5],
  ['network-redirect', 5, 0],
  ['host-redirect', 5, 1],
  ['TOS-network-redirect', 5, 2],
  ['TOS-host-redirect', 5, 3],
  ['echo-request', 8],
  ['ping', 8],
  ['router-advertisement', 9],
  ['router-solicitation', 10],
  ['time-exceeded', 11],
  ['ttl-exceeded', 11],
  ['ttl-zero-during-transit', 11, 0],
  ['ttl-zero-during-reassembly', 11, 1],
  ['parameter-problem', 12],
  ['ip-header-bad', 12, 0],
  ['required-option-missing', 12, 1],
  ['timestamp-request', 13],
  ['timestamp-reply', 14],
  ['address-mask-request', 17],
  ['address-mask-reply', 18],
];

export const ICMP6_NAMES: readonly IcmpName[] = [
  ['destination-unreachable', 1],
  ['no-route', 1, 0],
  ['communication-prohibited', 1, 1],
  ['beyond-scope', 1, 2],
  ['address-unreachable', 1, 3],
  ['port-unreachable', 1, 4],
  ['failed-policy', 1, 5],
  ['reject-route', 1, 6],
  ['packet-too-big', 2],
  ['time-exceeded', 3],
  ['ttl-exceeded', 3],
  ['ttl-zero-during-transit', 3, 0],
  ['ttl-zero-during-reassembly', 3, 1],
  ['parameter-problem', 4],
  ['bad-header', 4, 0],
  ['unknown-header-type', 4, 1],
  ['unknown-option', 4, 2],
  ['echo-request', 128],
  ['ping', 128],
  ['echo-reply', 129],
  ['pong', 129],
  ['router-solicitation', 133],
  ['router-advertisement', 134],
  ['neighbour-solicitation', 135],
  ['neighbor-solicitation', 135],
  ['neighbour-advertisement', 136],
  ['neighbor-advertisement', 136],
  ['redirect', 137],
];

function icmpCodec(
  names: readonly IcmpName[],
  any: boolean,
  examples: readonly IcmpType[],
): Codec<IcmpType> {
  const byName = new Map(names.map(([name, type, code]) => [name.toLowerCase(), { type, code }]));
  return {
    words: 1,
    read([given = '']) {
      const named = byName.get(given.toLowerCase());
      if (named !== undefined) {
        const { type, code } = named;
        return { value: { type, code: code === undefined ? ANY_CODE : { from: code, to: code } } };
      }
      const [head = '', tail] = given.split('/');
      const type = readNumber(head, 255);
      const code = tail === undefined ? undefined : readNumber(tail, 255);
      if (type === null || code === null) return { bad: 'not an ICMP type' };
      return { value: { type, code: code === undefined ? ANY_CODE : { from: code, to: code } } };
    },
    write({ type, code }) {
      if (any && type === 255 && code.to === 255) return ' any';
      return ` ${type}${code.from === code.to ? `/${code.from}` : ''}`;
    },
    examples,
  };
}

/** `8`, `3/4`, `echo-request`, `any`. */
export const icmpType: Codec<IcmpType> = icmpCodec(ICMP4_NAMES, true, [
  { type: 8, code: ANY_CODE },
  { type: 3, code: { from: 4, to: 4 } },
  { type: 255, code: ANY_CODE },
]);

/** `128`, `1/4`, `router-advertisement`. */
export const icmp6Type: Codec<IcmpType> = icmpCodec(ICMP6_NAMES, false, [
  { type: 128, code: ANY_CODE },
  { type: 1, code: { from: 4, to: 4 } },
]);

/** A share of 2^31: the kernel compares it with a random number of 31 bits (xt_statistic). */
export const probability: Codec<number> = {
  words: 1,
  read([given = '']) {
    const share = Number(given);
    if (!/^\d*\.?\d+$/.test(given) || share > 1) return { bad: 'not a probability' };
    return { value: Math.round(share * 0x8000_0000) };
  },
  write: (value) => ` ${(value / 0x8000_0000).toFixed(11)}`,
  examples: [0x2aaaaaab, 0x4000_0000, 0x8000_0000],
};

/** A set and which address or port of the packet stands for each of its dimensions. */
export interface SetReference {
  readonly set: string;
  readonly directions: readonly ('src' | 'dst')[];
}

/** `NAME src,dst`. */
export const setReference: Codec<SetReference> = {
  words: 2,
  read([set = '', list = '']) {
    const directions: ('src' | 'dst')[] = [];
    for (const part of list.split(',')) {
      if (part !== 'src' && part !== 'dst') return { bad: 'not a list of src and dst' };
      directions.push(part);
    }
    if (directions.length > 6) return { bad: 'more than six directions' };
    if (set.length === 0 || set.length > 31) return { bad: 'a set name has 1 to 31 characters' };
    return { value: { set, directions } };
  },
  write: ({ set, directions }) => ` ${set} ${directions.join(',')}`,
  examples: [
    { set: 'blue', directions: ['src'] },
    { set: 'green', directions: ['dst', 'src'] },
  ],
};

/** What NAT may choose from. */
export interface NatRange {
  readonly version: 4 | 6;
  /** null leaves the address alone. */
  readonly addresses: { readonly from: bigint; readonly to: bigint } | null;
  /** null leaves the port alone. `base` makes the mapping a shift (DNAT only). */
  readonly ports: {
    readonly from: number;
    readonly to: number;
    readonly base: number | null;
  } | null;
}

function readNatPorts(given: string): NatRange['ports'] | undefined {
  const [range = '', shift, more] = given.split('/');
  // `ftp-data` is one name; only where the whole is none, a dash makes a range.
  const whole = readPort(range);
  const cut = range.indexOf('-');
  const from = whole ?? readPort(range.slice(0, cut));
  const to = whole ?? readPort(range.slice(cut + 1));
  const base = shift === undefined ? null : readPort(shift);
  if (from === null || to === null || from > to || more !== undefined) return undefined;
  if (shift !== undefined && (base === null || whole !== null)) return undefined;
  return { from, to, base };
}

function readPort(given: string): number | null {
  return readNumber(given, 0xffff) ?? SERVICES.get(given) ?? null;
}

function readNatRange(given: string, version: 4 | 6): NatRange | null {
  const bracket = /^\[([^\]]+)\](?:-\[?([^\]]+)\]?)?(?::(.*))?$/.exec(given);
  let head = given;
  let tail: string | undefined;
  if (bracket !== null) {
    head = bracket[2] === undefined ? (bracket[1] ?? '') : `${bracket[1]}-${bracket[2]}`;
    tail = bracket[3];
  } else if ((version === 4 && given.includes(':')) || /^:[^:]+$/.test(given)) {
    head = given.slice(0, given.indexOf(':'));
    tail = given.slice(head.length + 1);
  }
  const ports = tail === undefined ? null : readNatPorts(tail);
  if (ports === undefined) return null;
  if (head === '') return ports === null ? null : { version, addresses: null, ports };
  const [first = '', second = first] = head.split('-');
  const from = readAddress(first, version);
  const to = readAddress(second, version);
  if (from === null || to === null || from > to) return null;
  return { version, addresses: { from, to }, ports };
}

function writeNatPorts(ports: NatRange['ports']): string {
  if (ports === null) return '';
  const { from, to, base } = ports;
  return `${from}${to === from ? '' : `-${to}`}${base === null ? '' : `/${base}`}`;
}

/** `10.0.0.5`, `10.0.0.5-10.0.0.9:80-90`, `[2001:db8::1]:80`, `:8080`. */
export const natRange: Codec<NatRange> = {
  words: 1,
  read([given = ''], version) {
    const value = readNatRange(given, version);
    return value === null ? { bad: 'not ADDRESS[-ADDRESS][:PORT[-PORT]]' } : { value };
  },
  write({ version, addresses, ports }) {
    let head = '';
    if (addresses !== null) {
      head = writeAddress(addresses.from, version);
      if (addresses.from !== addresses.to) head += `-${writeAddress(addresses.to, version)}`;
      if (version === 6 && ports !== null) head = `[${head}]`;
    }
    return ` ${head}${ports === null ? '' : `:${writeNatPorts(ports)}`}`;
  },
  examples: [
    { version: 4, addresses: { from: 0x0a00_0005n, to: 0x0a00_0005n }, ports: null },
    {
      version: 4,
      addresses: { from: 0x0a00_0005n, to: 0x0a00_0009n },
      ports: { from: 80, to: 90, base: null },
    },
    { version: 4, addresses: null, ports: { from: 8080, to: 8080, base: null } },
  ],
};

/** `9697`, `1024-65535` (MASQUERADE and REDIRECT). */
export const natPorts: Codec<NonNullable<NatRange['ports']>> = {
  words: 1,
  read([given = '']) {
    const value = readNatPorts(given);
    if (value === undefined || value === null) return { bad: 'not PORT[-PORT]' };
    return { value };
  },
  write: (value) => ` ${writeNatPorts(value)}`,
  examples: [
    { from: 9697, to: 9697, base: null },
    { from: 1024, to: 65535, base: null },
  ],
};

/** The mask of `recent --mask`, printed as an address. */
export const addressMask: Codec<{ readonly version: 4 | 6; readonly value: bigint }> = {
  words: 1,
  read([given = ''], version) {
    const value = readAddress(given, version);
    return value === null ? { bad: 'not a mask' } : { value: { version, value } };
  },
  write: ({ value, version }) => ` ${writeAddress(value, version)}`,
  examples: [{ version: 4, value: ALL_ONES[4] }],
};

/** Which TCP flags are looked at and which of them must be set. */
export interface FlagTest {
  /** Bits of RFC 9293 §3.1: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32. */
  readonly mask: number;
  readonly set: number;
}

const FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'] as const;

function readFlags(given: string): number | null {
  let bits = 0;
  for (const name of given.toUpperCase().split(',')) {
    if (name === 'ALL') bits |= 0x3f;
    else if (name !== 'NONE') {
      const index = FLAGS.findIndex((flag) => flag === name);
      if (index < 0) return null;
      bits |= 1 << index;
    }
  }
  return bits;
}

function writeFlags(bits: number): string {
  if (bits === 0) return 'NONE';
  return FLAGS.filter((_, i) => (bits & (1 << i)) !== 0).join(',');
}

/** `FIN,SYN,RST,ACK SYN`. */
export const tcpFlags: Codec<FlagTest> = {
  words: 2,
  read([first = '', second = '']) {
    const mask = readFlags(first);
    const set = readFlags(second);
    if (mask === null || set === null) return { bad: 'not two lists of TCP flags' };
    return { value: { mask, set } };
  },
  write: ({ mask, set }) => ` ${writeFlags(mask)} ${writeFlags(set)}`,
  examples: [
    { mask: 0x17, set: 2 },
    { mask: 0x3f, set: 0 },
  ],
};

/** An IPv6 address and a prefix length; unlike elsewhere no bit is cleared (`srh --srh-psid`). */
export const segment: Codec<{ readonly value: bigint; readonly length: number }> = {
  words: 1,
  read([given = '']) {
    const [head = '', tail = '128', more] = given.split('/');
    const value = readAddress(head, 6);
    const length = readNumber(tail, 128);
    if (value === null || length === null || more !== undefined) return { bad: 'not a network' };
    return { value: { value, length } };
  },
  write: ({ value, length }) => ` ${writeAddress(value, 6)}/${length}`,
  examples: [{ value: 0x20010db8n << 96n, length: 64 }],
};
