/**
 * What a flow asks of the coordinates, as a region: far address, protocol and ports. Made once for
 * each flow and side, because frames differ in the rest.
 */
import { type Action, type Flow } from '../../dataplane/ovs/types/flow.ts';
import { freeBits, masked, melted } from '../../traffic/intervals.ts';
import { EVERYWHERE, NOWHERE, type Region, type Regions } from '../../traffic/sets/regions.ts';
import { ADDRESS, FROM_PORT, PROTOCOL, TO_PORT } from './coordinates.ts';
import { type Frame, NEEDS_MORE, NotCarried, SYMBOLIC, W } from './frame.ts';

/** One masked word that a flow asks for. */
export interface Ask {
  readonly word: number;
  readonly mask: number;
  readonly value: number;
}

/** A clause that a flow adds to a conjunction. */
export type Clause = Extract<Action, { kind: 'conjunction' }>;

/** A flow, or all flows of one place that are the same clause. */
export interface Rule {
  readonly priority: number;
  readonly flow: Flow;
  /** Words that may be coordinates, by flow: addresses, protocol, ports. */
  readonly asks: (readonly Ask[])[];
  readonly clauses: readonly Clause[];
  /** Other flows that are the same clause. */
  more: Flow[] | null;
  /** Where the asks hold when the source address is the far one; UNMADE until asked. */
  bySource: Region;
  byDestination: Region;
}

export const UNMADE: Region = -1;

const COORDINATE_WORDS: ReadonlyMap<number, number> = new Map([
  [W.proto, PROTOCOL],
  [W.tpDst, TO_PORT],
  [W.tpSrc, FROM_PORT],
]);
const ADDRESSES: readonly number[] = [W.ipSrc, W.ipDst];

/** Whether a word of a frame may be a variable. */
export function isCoordinate(word: number): boolean {
  return COORDINATE_WORDS.has(word) || ADDRESSES.includes(word);
}

/** Where a rule's asks of coordinates hold. */
export function regionOf(regions: Regions, rule: Rule, frame: Frame): Region {
  const { flow, asks } = rule;
  if (flow.opaque.length > 0) throw new NotCarried('a match that was not understood');
  if (asks.length === 1 && asks[0]!.length === 0) return EVERYWHERE;
  const isSource = frame.words[W.ipSrc] === SYMBOLIC;
  const known = isSource ? rule.bySource : rule.byDestination;
  if (known !== UNMADE) return known;
  const near = isSource ? W.ipDst : W.ipSrc;
  const made = madeRegion(regions, rule, frame, near);
  // What asks for the near address is different for every frame.
  if (asks.some((each) => each.some(({ word }) => word === near))) return made;
  if (isSource) rule.bySource = made;
  else rule.byDestination = made;
  return made;
}

function madeRegion(regions: Regions, rule: Rule, frame: Frame, near: number): Region {
  const addresses: number[] = [];
  let region: Region = NOWHERE;
  for (const asks of rule.asks) {
    const [only] = asks;
    if (
      asks.length === 1 &&
      only !== undefined &&
      only.word !== near &&
      ADDRESSES.includes(only.word)
    ) {
      const values = masked(only.value, only.mask, 0xffff_ffff);
      for (let i = 0; i < values.length; i++) addresses.push(values[i]!);
      continue;
    }
    let all: Region = EVERYWHERE;
    for (const ask of asks) all = regions.and(all, askRegion(regions, ask, frame));
    region = regions.or(region, all);
  }
  if (addresses.length === 0) return region;
  return regions.or(region, regions.of(ADDRESS, melted(addresses)));
}

function askRegion(regions: Regions, { word, mask, value }: Ask, { words }: Frame): Region {
  const held = words[word]!;
  if (held >= 0) return (held & mask) >>> 0 === value ? EVERYWHERE : NOWHERE;
  if (held !== SYMBOLIC) throw NEEDS_MORE;
  const variable = COORDINATE_WORDS.get(word) ?? ADDRESS;
  const top = regions.tops[variable]!;
  const bits = (mask & top) >>> 0;
  if (freeBits(bits, top) > 8) throw new NotCarried('a mask with many gaps');
  if (value > top) return NOWHERE;
  return regions.of(variable, masked(value, bits, top));
}
