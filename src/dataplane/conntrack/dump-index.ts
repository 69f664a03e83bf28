/**
 * The entries of a dump as a table that is asked by tuple: dumps of busy hosts hold hundreds of
 * thousands, so one packet finds its entry by hash. The rules say the same for packet sets.
 */
import { type Field, field } from '../../packet/fields.ts';
import { and, type Match, test } from '../../traffic/match.ts';
import { type Candidate, type Rule, type Table } from '../../traffic/table.ts';
import { counterpart, F, PROTO } from './protocols.ts';
import { type Address, type ConnectionEntry, type Personality, type Tuple } from './types.ts';

/** One direction of an entry. */
export interface EntrySide {
  readonly index: number;
  readonly entry: ConnectionEntry;
  readonly reply: boolean;
}

/** The sides of one zone: `original` of its entries and `reply`, which may lie in another zone. */
export function zoneTable(sides: readonly EntrySide[], personality: Personality): Table<EntrySide> {
  const withPorts = WITH_PORTS[personality];
  const slots = new Map<number, EntrySide[]>();
  const key = new Uint32Array(KEY_WORDS);
  for (const side of sides) {
    tupleKey(sideTuple(side), key);
    const hash = hashKey(key);
    const slot = slots.get(hash);
    if (slot === undefined) slots.set(hash, [side]);
    else if (slot.length < MOST_COLLISIONS) slot.push(side);
  }
  const wanted = new Uint32Array(KEY_WORDS);
  let rules: readonly Rule<EntrySide>[] | null = null;
  return {
    get rules() {
      rules ??= sides.map((entry) => ({
        match: tupleMatch(sideTuple(entry), withPorts),
        rank: 0,
        decisive: true,
        entry,
      }));
      return rules;
    },
    find(words) {
      packetKey(words, wanted, withPorts);
      const found: Candidate<EntrySide>[] = [];
      for (const entry of slots.get(hashKey(wanted)) ?? []) {
        tupleKey(sideTuple(entry), key);
        if (equal(key, wanted)) found.push({ entry, rank: 0, decisive: true, certain: true });
      }
      return found;
    },
  };
}

/** Crafted dumps may collide; a chain this long holds repetitions only. */
const MOST_COLLISIONS = 64;

/** version and protocol, source and destination, ports or ICMP type, code and id. */
const KEY_WORDS = 11;

function sideTuple(side: EntrySide): Tuple {
  return side.reply ? side.entry.reply : side.entry.original;
}

function putAddress(key: Uint32Array, at: number, { version, value }: Address): void {
  key[at] = version === 4 ? 0 : Number((value >> 96n) & 0xffff_ffffn);
  key[at + 1] = version === 4 ? 0 : Number((value >> 64n) & 0xffff_ffffn);
  key[at + 2] = version === 4 ? 0 : Number((value >> 32n) & 0xffff_ffffn);
  key[at + 3] = Number(value & 0xffff_ffffn);
}

const WITH_PORTS: Readonly<Record<Personality, ReadonlySet<number>>> = {
  kernel: new Set([PROTO.tcp, PROTO.udp, PROTO.sctp]),
  userspace: new Set([PROTO.tcp, PROTO.udp]),
};

function isIcmp(protocol: number): boolean {
  return protocol === PROTO.icmp || protocol === PROTO.icmp6;
}

function tupleKey(tuple: Tuple, key: Uint32Array): void {
  key[0] = tuple.source.version * 256 + tuple.protocol;
  putAddress(key, 1, tuple.source);
  putAddress(key, 5, tuple.destination);
  key[9] = isIcmp(tuple.protocol) ? tuple.icmpType : tuple.sourcePort;
  key[10] = isIcmp(tuple.protocol) ? tuple.icmpCode * 65536 + tuple.icmpId : tuple.destinationPort;
}

function copyWords(
  words: Uint32Array,
  from: Field,
  count: number,
  key: Uint32Array,
  at: number,
): void {
  for (let i = 0; i < 4; i++) {
    key[at + i] = i < 4 - count ? 0 : (words[from.word + i - (4 - count)] ?? 0);
  }
}

function packetKey(words: Uint32Array, key: Uint32Array, withPorts: ReadonlySet<number>): void {
  const ipv6 = words[F.ethType.word] === 0x86dd;
  const protocol = words[F.proto.word] ?? 0;
  key[0] = (ipv6 ? 6 : 4) * 256 + protocol;
  copyWords(words, ipv6 ? F.ipv6Src : F.ipSrc, ipv6 ? 4 : 1, key, 1);
  copyWords(words, ipv6 ? F.ipv6Dst : F.ipDst, ipv6 ? 4 : 1, key, 5);
  const ports = withPorts.has(protocol) || isIcmp(protocol);
  const low = words[F.tpDst.word] ?? 0;
  key[9] = ports ? (words[F.tpSrc.word] ?? 0) : 0;
  key[10] = isIcmp(protocol) ? low * 65536 + (words[F.icmpId.word] ?? 0) : ports ? low : 0;
}

function hashKey(key: Uint32Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < KEY_WORDS; i++) {
    hash = Math.imul(hash ^ (key[i] ?? 0), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
}

function equal(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = 0; i < KEY_WORDS; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Every packet of one direction of a connection. */
function tupleMatch(tuple: Tuple, withPorts: ReadonlySet<number>): Match {
  const ipv6 = tuple.source.version === 6;
  const tests = [
    test(F.ethType, ipv6 ? 0x86ddn : 0x0800n),
    test(F.proto, BigInt(tuple.protocol)),
    test(ipv6 ? F.ipv6Src : F.ipSrc, tuple.source.value),
    test(ipv6 ? F.ipv6Dst : F.ipDst, tuple.destination.value),
  ];
  if (isIcmp(tuple.protocol)) {
    tests.push(test(F.icmpType, BigInt(tuple.icmpType)));
    tests.push(test(field('icmp_code'), BigInt(tuple.icmpCode)));
    tests.push(test(F.icmpId, BigInt(tuple.icmpId)));
  } else if (withPorts.has(tuple.protocol)) {
    tests.push(test(F.tpSrc, BigInt(tuple.sourcePort)));
    tests.push(test(F.tpDst, BigInt(tuple.destinationPort)));
  }
  return and(...tests);
}

/** The tuple of the packets that answer `tuple`. */
export function invertTuple(tuple: Tuple): Tuple {
  return {
    ...tuple,
    source: tuple.destination,
    destination: tuple.source,
    sourcePort: tuple.destinationPort,
    destinationPort: tuple.sourcePort,
    icmpType: isIcmp(tuple.protocol)
      ? (counterpart(tuple.source.version, tuple.icmpType) ?? tuple.icmpType)
      : 0,
  };
}
