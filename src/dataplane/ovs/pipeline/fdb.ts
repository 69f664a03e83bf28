/**
 * The MAC table of a bridge (lib/mac-learning.c): source addresses are learned per VLAN and
 * forgotten after mac-aging-time.
 *
 * Simplification: the limit of 8,192 addresses per bridge and the lock that gratuitous ARP sets
 * for bonds are left out; a run never learns that many, and bonds only matter when they reflect.
 */
import { type FieldBits, field } from '../../../packet/fields.ts';
import { type Split } from '../../../traffic/traffic.ts';
import { IS_MULTICAST_SOURCE } from './conditions.ts';
import { type End } from './dumped-addresses.ts';
import { forkPart, type Part, splitting, type Translation, tell } from './part.ts';
import { type Bundle, type PreparedBridge, type PreparedPort } from './prepared.ts';
import { addressesOf, type LearnedAddress, type VlanAddresses } from './state.ts';

const SOURCE = field('eth_src');
const DESTINATION = field('eth_dst');
const SOURCE_BITS: FieldBits = { field: SOURCE, start: 0, width: 48 };
const DESTINATION_BITS: FieldBits = { field: DESTINATION, start: 0, width: 48 };
const LOW_BITS: Readonly<Record<End, FieldBits>> = {
  eth_src: { field: SOURCE, start: 0, width: 32 },
  eth_dst: { field: DESTINATION, start: 0, width: 32 },
};

function isAlive<P>(entry: LearnedAddress<P>, bridge: PreparedBridge, now_us: number): boolean {
  return entry.permanent || now_us - entry.learned_us < bridge.macAging_us;
}

/** Whatever was learned and may have the address with these lower bits; all for null. */
function learnedAs<P>(
  { learned, byAddress }: VlanAddresses<P>,
  low: number | null,
): readonly LearnedAddress<P>[] {
  if (low === null) return [...learned, ...[...byAddress.values()].flat()];
  const found = byAddress.get(low) ?? [];
  return learned.length === 0 ? found : [...learned, ...found];
}

/** The lower half of an address, by which the addresses of single packets are found. */
function lowBits<P>(x: Translation<P>, p: P, which: End): number | null {
  if (x.run.sets === true) return null;
  return x.t.cases(p, LOW_BITS[which], 1)?.[0]?.value ?? null;
}

/** One part of the traffic with what the MAC table knows about its destination. */
export interface Known<P> {
  readonly part: Part<P>;
  readonly entry: LearnedAddress<P> | null;
}

/** Looks the destination address up. */
export function lookupAddress<P>(
  x: Translation<P>,
  part: Part<P>,
  vlan: number,
  which: End = 'eth_dst',
): readonly Known<P>[] {
  const state = x.state.bridges.get(part.bridge.name);
  if (state === undefined) return [{ part, entry: null }];
  const known = addressesOf(state, vlan);
  if (known.tables === null) return amongLearned(x, part, known, which);
  const found = x.t.lookup(part.p, known.tables[which]);
  return splitting(found, ({ entries, p }) => {
    const q = found.length === 1 ? part : forkPart(part, p);
    q.p = p;
    for (const { entry: place } of entries) {
      const entry = known.dumped[place];
      if (entry !== undefined && isAlive(entry, part.bridge, x.run.now_us)) {
        return [{ part: q, entry }];
      }
    }
    return amongLearned(x, q, known, which);
  });
}

/** Addresses learned in this run equal the source of the frame they were learned from. */
function amongLearned<P>(
  x: Translation<P>,
  part: Part<P>,
  known: VlanAddresses<P>,
  which: End,
): Known<P>[] {
  const mine = which === 'eth_src' ? SOURCE_BITS : DESTINATION_BITS;
  const results: Known<P>[] = [];
  let rest: P | null = part.p;
  for (const entry of learnedAs(known, lowBits(x, part.p, which))) {
    if (rest === null) break;
    if (entry.seen === null || !isAlive(entry, part.bridge, x.run.now_us)) continue;
    const { hit, miss }: Split<P> = x.t.same(rest, entry.seen, [[mine, SOURCE_BITS]]);
    if (hit !== null) {
      const q = miss === null && results.length === 0 ? part : forkPart(part, hit);
      q.p = hit;
      results.push({ part: q, entry });
    }
    rest = miss;
  }
  if (rest !== null) {
    const q = results.length === 0 ? part : forkPart(part, rest);
    q.p = rest;
    results.push({ part: q, entry: null });
  }
  return results;
}

/** Learns the source address on the input port; multicast sources and flood VLANs are not learned. */
export function learnAddress<P>(
  x: Translation<P>,
  part: Part<P>,
  vlan: number,
  from: { readonly port: PreparedPort; readonly bundle: Bundle },
): Part<P>[] {
  const { bridge } = part;
  const state = x.state.bridges.get(bridge.name);
  if (!x.state.learns || state === undefined || bridge.source.floodVlans.includes(vlan)) {
    return [part];
  }
  const { hit: multicast, miss: source } = x.t.split(part.p, IS_MULTICAST_SOURCE);
  const results: Part<P>[] = [];
  if (multicast !== null) {
    const q = source === null ? part : forkPart(part, multicast);
    q.p = multicast;
    results.push(q);
  }
  if (source === null) return results;
  const unicast = multicast === null ? part : forkPart(part, source);
  unicast.p = source;
  for (const { part: q, entry } of lookupAddress(x, unicast, vlan, 'eth_src')) {
    if (entry === null) remember(x, q, addressesOf(state, vlan), vlan, from);
    else if (!entry.permanent) {
      entry.port = from.port.ofport;
      entry.bundle = from.bundle.name;
      entry.learned_us = x.run.now_us;
    }
    results.push(q);
  }
  return results;
}

function remember<P>(
  x: Translation<P>,
  part: Part<P>,
  known: VlanAddresses<P>,
  vlan: number,
  { port, bundle }: { readonly port: PreparedPort; readonly bundle: Bundle },
): void {
  const entry: LearnedAddress<P> = {
    vlan,
    mac: null,
    seen: x.t.fork(part.p),
    port: port.ofport,
    bundle: bundle.name,
    permanent: false,
    learned_us: x.run.now_us,
  };
  const alive = (old: LearnedAddress<P>): boolean => isAlive(old, part.bridge, x.run.now_us);
  const low = lowBits(x, part.p, 'eth_src');
  if (low === null) known.learned = [...known.learned.filter(alive), entry];
  else {
    const same = known.byAddress.get(low)?.filter(alive) ?? [];
    known.byAddress.set(low, [...same, entry]);
  }
  const bridge = part.bridge.name;
  tell(x, part, () => ({ kind: 'learned', bridge, what: 'mac', table: null, port: port.name }));
}
