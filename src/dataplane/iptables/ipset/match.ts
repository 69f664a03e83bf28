/**
 * A set as a match: which traffic is a member (net/netfilter/ipset/). Sets of addresses become
 * sorted intervals, so that thousands of entries are one test of a compiled table.
 */
import { type Field } from '../../../packet/fields.ts';
import { and, type Match, NONE, not, or, type Range, range, test } from '../../../traffic/match.ts';
import { F } from '../fields.ts';
import { interfacesNamed, type Surroundings } from '../surroundings.ts';
import { type EntryPart, type IpSet, type SetEntry } from './types.ts';

type Direction = 'src' | 'dst';

/** Members of lists are not lists themselves, so this is deep enough. */
const DEEPEST = 2;

/**
 * Traffic of that IP version that is in the set. `returnNoMatch` is `--return-nomatch`: only
 * what an entry marked `nomatch` covers counts. A set of the other version has no such members.
 */
export function setMatch(
  set: IpSet,
  directions: readonly Direction[],
  version: 4 | 6,
  surroundings: Surroundings,
  returnNoMatch = false,
  depth = 0,
): Match {
  if (set.type === 'list:set') {
    if (depth >= DEEPEST) return NONE;
    const members = set.entries.flatMap(({ parts: [part] }) => {
      const member = part?.kind === 'set' ? surroundings.sets.get(part.name) : undefined;
      return member === undefined ? [] : [member];
    });
    return or(
      ...members.map((each) =>
        setMatch(each, directions, version, surroundings, returnNoMatch, depth + 1),
      ),
    );
  }
  const addresses = set.type !== 'bitmap:port' && set.type !== 'hash:mac';
  if (addresses && set.version !== version) return NONE;
  const excludes = set.entries.some(isNoMatch);
  if (returnNoMatch && !excludes) return NONE;
  if (set.entries.every(({ parts }) => parts.length === 1 && parts[0]?.kind === 'addresses')) {
    const to = addressField(directions[0] ?? 'src', version);
    const ranges = excludes
      ? bySpecificity(set.entries, set, returnNoMatch)
      : merged(set.entries, set);
    return ranges.length === 0 ? NONE : { kind: 'within', field: to, ranges };
  }
  const one = (entry: SetEntry): Match => entryMatch(entry, set, directions, version, surroundings);
  if (set.type === 'hash:net,iface') return byLongestNet(set, one, returnNoMatch);
  if (!excludes) return or(...set.entries.map(one));
  // The longest prefix decides: entries are laid over each other, the widest first.
  let match: Match = NONE;
  for (const entry of [...set.entries].sort((a, b) => Number(width(b) - width(a)))) {
    const yes = isNoMatch(entry) === returnNoMatch;
    match = yes ? or(match, one(entry)) : and(match, not(one(entry)));
  }
  return match;
}

/**
 * hash:net,iface: entries of one network are kept together, and the search ends with the longest
 * one that holds the address, even if none of its entries has the interface (multi in
 * net/netfilter/ipset/ip_set_hash_gen.h mtype_test_cidrs()).
 */
function byLongestNet(set: IpSet, one: (entry: SetEntry) => Match, returnNoMatch: boolean): Match {
  const nets = new Map<string, SetEntry[]>();
  for (const entry of set.entries) {
    const [net] = entry.parts;
    const key = net?.kind === 'addresses' ? `${net.from} ${net.to}` : '';
    const known = nets.get(key);
    if (known === undefined) nets.set(key, [entry]);
    else known.push(entry);
  }
  const widest = [...nets.values()].flatMap(([first, ...more]) =>
    first === undefined ? [] : [{ first, entries: [first, ...more] }],
  );
  widest.sort((a, b) => Number(width(b.first) - width(a.first)));
  let match: Match = NONE;
  for (const { first, entries } of widest) {
    const inside = one({ ...first, parts: first.parts.slice(0, 1) });
    const yes = entries.filter((entry) => isNoMatch(entry) === returnNoMatch);
    match = or(and(match, not(inside)), ...yes.map(one));
  }
  return match;
}

function isNoMatch({ options }: SetEntry): boolean {
  return options.some(({ name }) => name === 'nomatch');
}

/** How many addresses an entry covers in all its dimensions. */
function width({ parts }: SetEntry): bigint {
  let size = 1n;
  for (const part of parts) if (part.kind === 'addresses') size *= part.to - part.from + 1n;
  return size;
}

function addressField(direction: Direction, version: 4 | 6): Field {
  return (direction === 'src' ? F.source : F.destination)[version];
}

/** `netmask 24`: an entry stands for its whole network. */
function widened(part: { readonly from: bigint; readonly to: bigint }, set: IpSet): Range {
  const mask = Number(set.options.find(({ name }) => name === 'netmask')?.value ?? Number.NaN);
  if (!Number.isInteger(mask)) return { from: part.from, to: part.to };
  const host = (1n << BigInt((set.version === 4 ? 32 : 128) - mask)) - 1n;
  return { from: part.from & ~host, to: part.to | host };
}

function merged(entries: readonly SetEntry[], set: IpSet): readonly Range[] {
  const ranges = entries.flatMap(({ parts: [part] }) =>
    part?.kind === 'addresses' ? [widened(part, set)] : [],
  );
  ranges.sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  const out: { from: bigint; to: bigint }[] = [];
  for (const { from, to } of ranges) {
    const last = out.at(-1);
    if (last !== undefined && from <= last.to + 1n) {
      if (to > last.to) last.to = to;
    } else out.push({ from, to });
  }
  return out;
}

/** Sweeps over the borders of nested networks; the innermost says whether it is a member. */
function bySpecificity(
  entries: readonly SetEntry[],
  set: IpSet,
  returnNoMatch: boolean,
): readonly Range[] {
  const events: { at: bigint; from: bigint; to: bigint; yes: boolean; opens: boolean }[] = [];
  for (const entry of entries) {
    const [part] = entry.parts;
    if (part?.kind !== 'addresses') continue;
    const { from, to } = widened(part, set);
    const yes = isNoMatch(entry) === returnNoMatch;
    events.push({ at: from, from, to, yes, opens: true });
    events.push({ at: to + 1n, from, to, yes, opens: false });
  }
  // Closing comes before opening; the wider network opens first and closes last.
  const size = (e: { from: bigint; to: bigint }): bigint => e.to - e.from;
  events.sort((a, b) => {
    if (a.at !== b.at) return a.at < b.at ? -1 : 1;
    if (a.opens !== b.opens) return a.opens ? 1 : -1;
    const wider = size(b) - size(a);
    return wider === 0n ? 0 : wider > 0n === a.opens ? 1 : -1;
  });
  const open: boolean[] = [];
  const out: { from: bigint; to: bigint }[] = [];
  let since: bigint | null = null;
  for (const event of events) {
    if (event.opens) open.push(event.yes);
    else open.pop();
    const inside = open.at(-1) ?? false;
    if (inside && since === null) since = event.at;
    if (!inside && since !== null) {
      if (event.at > since) out.push({ from: since, to: event.at - 1n });
      since = null;
    }
  }
  return out;
}

function entryMatch(
  { parts }: SetEntry,
  set: IpSet,
  directions: readonly Direction[],
  version: 4 | 6,
  surroundings: Surroundings,
): Match {
  const all = parts.map((part, i) =>
    partMatch(part, set, directions[i] ?? directions.at(-1) ?? 'src', version, surroundings),
  );
  return and(...all);
}

const ICMP_PROTOCOLS: readonly number[] = [1, 58];

function partMatch(
  part: EntryPart,
  set: IpSet,
  direction: Direction,
  version: 4 | 6,
  surroundings: Surroundings,
): Match {
  switch (part.kind) {
    case 'addresses': {
      const { from, to } = widened(part, set);
      const of = addressField(direction, version);
      return from === to ? test(of, from) : range(of, from, to);
    }
    case 'ports':
      return portsMatch(part, direction);
    case 'mac':
      return test(direction === 'src' ? F.ethSource : F.ethDestination, part.mac);
    case 'interface': {
      const here = direction === 'src' ? F.iif : F.oif;
      const port = direction === 'src' ? F.physin : F.physout;
      const meant = interfacesNamed(surroundings, { name: part.name, wildcard: false });
      return or(...meant.map((index) => test(part.physical ? port : here, BigInt(index))));
    }
    case 'mark':
      return test(F.mark, BigInt(part.mark));
    case 'set':
      return NONE;
  }
}

/** Ports need a protocol; an ICMP part asks type and code whichever direction is given. */
function portsMatch(part: Extract<EntryPart, { kind: 'ports' }>, direction: Direction): Match {
  const { protocol, from, to } = part;
  if (protocol !== null && ICMP_PROTOCOLS.includes(protocol.number)) {
    return and(
      test(F.protocol, BigInt(protocol.number)),
      test(F.icmpType, BigInt(from >> 8)),
      test(F.icmpCode, BigInt(from & 255)),
    );
  }
  // Without one it is a bitmap:port, which looks at TCP and UDP only (ip_set_get_ip_port()).
  const protocols = protocol === null ? [6, 17] : [protocol.number];
  const of = direction === 'src' ? F.sourcePort : F.destinationPort;
  const ported = protocols.some((each) => [6, 17, 132, 136].includes(each));
  return and(
    or(...protocols.map((each) => test(F.protocol, BigInt(each)))),
    ported ? range(of, BigInt(from), BigInt(to)) : and(),
  );
}
