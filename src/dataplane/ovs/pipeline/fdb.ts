/**
 * The MAC table of a bridge (lib/mac-learning.c): source addresses are learned per VLAN and
 * forgotten after mac-aging-time.
 *
 * Simplification: the limit of 8,192 addresses per bridge and the lock that gratuitous ARP sets
 * for bonds are left out; a run never learns that many, and bonds only matter when they reflect.
 */
import { type FieldBits, field } from '../../../packet/fields.ts';
import { type Guard, guard } from '../../../traffic/guard.ts';
import { test } from '../../../traffic/match.ts';
import { IS_MULTICAST_SOURCE } from './conditions.ts';
import { forkPart, type Part, type Translation, tell } from './part.ts';
import { type Bundle, type PreparedBridge, type PreparedPort } from './prepared.ts';
import { type LearnedAddress } from './state.ts';

const SOURCE = field('eth_src');
const DESTINATION = field('eth_dst');
const SOURCE_BITS: FieldBits = { field: SOURCE, start: 0, width: 48 };
const DESTINATION_BITS: FieldBits = { field: DESTINATION, start: 0, width: 48 };

const guards = { eth_src: new Map<bigint, Guard>(), eth_dst: new Map<bigint, Guard>() };

function macGuard(which: 'eth_src' | 'eth_dst', mac: bigint): Guard {
  let found = guards[which].get(mac);
  if (found === undefined) {
    found = guard(test(which === 'eth_src' ? SOURCE : DESTINATION, mac));
    guards[which].set(mac, found);
  }
  return found;
}

function isAlive<P>(entry: LearnedAddress<P>, bridge: PreparedBridge, now_us: number): boolean {
  return entry.permanent || now_us - entry.learned_us < bridge.macAging_us;
}

/** Splits traffic by whether its source or destination is the entry's address. */
function meets<P>(x: Translation<P>, p: P, entry: LearnedAddress<P>, which: 'eth_src' | 'eth_dst') {
  if (entry.mac !== null) return x.t.split(p, macGuard(which, entry.mac));
  const mine = which === 'eth_src' ? SOURCE_BITS : DESTINATION_BITS;
  return entry.seen === null
    ? { hit: null, miss: p }
    : x.t.same(p, entry.seen, [[mine, SOURCE_BITS]]);
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
  which: 'eth_src' | 'eth_dst' = 'eth_dst',
): Known<P>[] {
  const entries = x.state.bridges.get(part.bridge.name)?.fdb.get(vlan) ?? [];
  const results: Known<P>[] = [];
  let rest: P | null = part.p;
  for (const entry of entries) {
    if (rest === null) break;
    if (!isAlive(entry, part.bridge, x.run.now_us)) continue;
    const { hit, miss }: { hit: P | null; miss: P | null } = meets(x, rest, entry, which);
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
  const fdb = x.state.bridges.get(bridge.name)?.fdb;
  if (!x.state.learns || fdb === undefined || bridge.source.floodVlans.includes(vlan))
    return [part];
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
    if (entry === null) remember(x, q, vlan, from, fdb);
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
  vlan: number,
  { port, bundle }: { readonly port: PreparedPort; readonly bundle: Bundle },
  fdb: Map<number, LearnedAddress<P>[]>,
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
  const alive = (fdb.get(vlan) ?? []).filter((old) => isAlive(old, part.bridge, x.run.now_us));
  fdb.set(vlan, [...alive, entry]);
  const bridge = part.bridge.name;
  tell(x, part, () => ({ kind: 'learned', bridge, what: 'mac', table: null, port: port.name }));
}
