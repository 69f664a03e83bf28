/**
 * A flow table arranged for frames whose words are mostly concrete: flows with the same fields
 * and masks share a hash table (tuple space search), and what they ask of the coordinates is a
 * region that is made once. First match is by priority, conjunctions as in classifier_lookup().
 */
import { type Flow } from '../../dataplane/ovs/types/flow.ts';
import { field } from '../../packet/fields.ts';
import { NOWHERE, type Region, type Regions } from '../../traffic/sets/regions.ts';
import { wordBits } from '../../traffic/words.ts';
import { type Frame, KNOWN, NEEDS_MORE, NotCarried, slotOf, W } from './frame.ts';
import { type Ask, type Clause, isCoordinate, type Rule, regionOf } from './rule-region.ts';

/** Flows that ask the same bits of concrete words. */
interface Tuple {
  /** 0 where the flows ask for no Ethernet type. */
  readonly ethType: number;
  readonly words: Int32Array;
  readonly masks: Uint32Array;
  readonly buckets: Map<number, Bucket[]>;
}

interface Bucket {
  readonly values: Uint32Array;
  rules: Rule[];
}

export interface FlowIndex {
  readonly tuples: Map<string, Tuple>;
  /** The same, for lookups. */
  readonly list: Tuple[];
  /** Flows that test conj_id, found only in the second lookup. */
  readonly byConjunction: Map<number, FlowIndex>;
}

/** Neutron's flows keep here which conjunction was met, and nobody asks. */
const REG7 = slotOf(field('reg7').word);

export function emptyIndex(): FlowIndex {
  return { tuples: new Map(), list: [], byConjunction: new Map() };
}

/** The concrete and the other asks of a flow; kept by its tests, which flows share. */
interface Asked {
  readonly ethType: number;
  readonly conjunction: number | null;
  readonly words: Int32Array;
  readonly masks: Uint32Array;
  readonly values: Uint32Array;
  readonly shape: string;
  readonly coordinates: readonly Ask[];
}

function askedBy(flow: Flow): Asked {
  let ethType = 0;
  let conjunction: number | null = null;
  const concrete: Ask[] = [];
  const coordinates: Ask[] = [];
  for (const { field: of, value, mask } of flow.tests) {
    for (const bits of wordBits(of, value, mask)) {
      const word = slotOf(bits.word);
      const ask = { ...bits, word };
      if (word === REG7) throw new NotCarried('a flow asks which conjunction was met');
      if (word === W.ethType) ethType = ask.value;
      else if (word === W.conjId) conjunction = ask.value;
      else if (isCoordinate(word)) coordinates.push(whole(ask));
      else concrete.push(ask);
    }
  }
  let shape = `${ethType}`;
  for (const { word, mask } of concrete) shape += ` ${word} ${mask}`;
  return {
    ethType,
    conjunction,
    words: Int32Array.from(concrete, ({ word }) => word),
    masks: Uint32Array.from(concrete, ({ mask }) => mask),
    values: Uint32Array.from(concrete, ({ value }) => value),
    shape,
    coordinates,
  };
}

/** An ICMP type or code has its word to itself: that of echo requests is all there is. */
function whole(ask: Ask): Ask {
  const port = ask.word === W.tpSrc || ask.word === W.tpDst;
  return port && ask.mask === 0xff ? { ...ask, mask: 0xffff } : ask;
}

/** Adds a flow. */
export function addFlow(index: FlowIndex, flow: Flow): void {
  const asked = askedBy(flow);
  if (asked.conjunction !== null && asked.conjunction !== 0) {
    let second = index.byConjunction.get(asked.conjunction);
    if (second === undefined) {
      second = emptyIndex();
      index.byConjunction.set(asked.conjunction, second);
    }
    addTo(second, flow, asked);
  } else addTo(index, flow, asked);
}

function addTo({ tuples, list }: FlowIndex, flow: Flow, asked: Asked): void {
  let tuple = tuples.get(asked.shape);
  if (tuple === undefined) {
    const { ethType, words, masks } = asked;
    tuple = { ethType, words, masks, buckets: new Map() };
    tuples.set(asked.shape, tuple);
    list.push(tuple);
  }
  const bucket = bucketOf(tuple, asked.values);
  const { actions } = flow;
  const isClause = actions[0]?.kind === 'conjunction';
  const clauses = isClause ? actions.filter((one) => one.kind === 'conjunction') : NO_CLAUSES;
  const regions: Rule['regions'] = flow.opaque.length > 0 ? [-1, -1] : [undefined, undefined];
  if (clauses.length > 0) {
    // The members of a group are one clause: they are joined here, not at each lookup.
    const same = bucket.rules.find((one) => sameClauses(one, flow.priority, clauses));
    if (same !== undefined && flow.opaque.length === 0) {
      same.asks.push(asked.coordinates);
      same.regions[0] = undefined;
      same.regions[1] = undefined;
      return;
    }
  }
  bucket.rules.push({
    priority: flow.priority,
    flow,
    asks: [asked.coordinates],
    clauses,
    regions,
  });
}

const NO_CLAUSES: readonly Clause[] = [];

function sameClauses(rule: Rule, priority: number, clauses: readonly Clause[]): boolean {
  if (rule.priority !== priority || rule.clauses.length !== clauses.length) return false;
  for (let i = 0; i < clauses.length; i++) {
    const [a, b] = [rule.clauses[i]!, clauses[i]!];
    if (a.id !== b.id || a.clause !== b.clause || a.clauses !== b.clauses) return false;
  }
  return true;
}

function hashOf(values: Uint32Array): number {
  let hash = 0x811c_9dc5;
  for (let i = 0; i < values.length; i++) hash = Math.imul(hash ^ values[i]!, 0x0100_0193);
  return hash;
}

function bucketOf(tuple: Tuple, values: Uint32Array): Bucket {
  const hash = hashOf(values);
  const list = tuple.buckets.get(hash);
  for (const bucket of list ?? []) if (equal(bucket.values, values)) return bucket;
  const made: Bucket = { values, rules: [] };
  if (list === undefined) tuple.buckets.set(hash, [made]);
  else list.push(made);
  return made;
}

function equal(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** What a lookup found: the flow, and where it is the one. */
export interface Found {
  readonly flow: Flow;
  readonly where: Region;
}

/** Looks a frame up; where no flow is found nothing is told (a table miss drops). */
export function lookUp(regions: Regions, index: FlowIndex, frame: Frame): readonly Found[] {
  const rules = candidates(index, frame);
  const found: Found[] = [];
  let left = frame.where;
  for (let i = 0; i < rules.length && left !== NOWHERE; ) {
    let end = i + 1;
    while (end < rules.length && rules[end]!.priority === rules[i]!.priority) end++;
    const before = left;
    for (let k = i; k < end; k++) {
      const rule = rules[k]!;
      if (rule.clauses.length > 0) continue;
      const all = regions.and(before, regionOf(regions, rule, frame));
      const here = regions.and(left, all);
      if (all !== here) agree(regions, found, all, rule.flow);
      if (here === NOWHERE) continue;
      found.push({ flow: rule.flow, where: here });
      left = regions.minus(left, here);
    }
    if (left !== NOWHERE) {
      left = conjoined(regions, index, frame, { rules, from: i, end }, found, left);
    }
    i = end;
  }
  return found;
}

/** Flows of one priority that both match must do the same: which one wins is not told. */
function agree(regions: Regions, found: readonly Found[], where: Region, flow: Flow): void {
  for (const other of found) {
    if (regions.and(other.where, where) === NOWHERE || other.flow === flow) continue;
    if (other.flow.priority !== flow.priority) continue;
    if (!sameActions(other.flow, flow)) throw new NotCarried('flows of one priority overlap');
  }
}

/** Conjunctions of one priority, where no flow of that priority matched. */
function conjoined(
  regions: Regions,
  index: FlowIndex,
  frame: Frame,
  {
    rules,
    from,
    end,
  }: { readonly rules: readonly Rule[]; readonly from: number; readonly end: number },
  found: Found[],
  start: Region,
): Region {
  const byId = new Map<number, Map<number, Region>>();
  const sizes = new Map<number, number>();
  for (let k = from; k < end; k++) {
    const rule = rules[k]!;
    for (const { id, clause, clauses } of rule.clauses) {
      const parts = byId.get(id) ?? new Map<number, Region>();
      byId.set(id, parts);
      sizes.set(id, clauses);
      const region = regionOf(regions, rule, frame);
      parts.set(clause, regions.or(parts.get(clause) ?? NOWHERE, region));
    }
  }
  let left = start;
  const here: Found[] = [];
  for (const [id, parts] of byId) {
    if (parts.size !== sizes.get(id)) continue;
    let all = start;
    for (const part of parts.values()) all = regions.and(all, part);
    if (all === NOWHERE) continue;
    const second = index.byConjunction.get(id);
    for (const rule of second === undefined ? [] : candidates(second, frame)) {
      const hit = regions.and(all, regionOf(regions, rule, frame));
      if (hit === NOWHERE) continue;
      if (rule.priority < rules[from]!.priority) throw new NotCarried('a conjunction falls back');
      for (const other of here) {
        if (regions.and(other.where, hit) === NOWHERE) continue;
        if (!sameActions(other.flow, rule.flow)) throw new NotCarried('conjunctions overlap');
      }
      const mine = regions.and(left, hit);
      if (mine !== NOWHERE) here.push({ flow: rule.flow, where: mine });
      left = regions.minus(left, hit);
      all = regions.minus(all, hit);
    }
  }
  found.push(...here);
  return left;
}

/** Flows of the frame's tuples, the highest priority first. */
function candidates({ list: tuples }: FlowIndex, { words, known }: Frame): readonly Rule[] {
  const out: Rule[] = [];
  const ethType = words[W.ethType]!;
  for (const tuple of tuples) {
    if (tuple.ethType !== 0 && tuple.ethType !== ethType) continue;
    const { words: asked, masks } = tuple;
    let hash = 0x811c_9dc5;
    let open = false;
    for (let i = 0; i < asked.length; i++) {
      const at = asked[i]!;
      if (known[at] !== KNOWN) open = true;
      hash = Math.imul(hash ^ ((words[at]! & masks[i]!) >>> 0), 0x0100_0193);
    }
    if (open) {
      if (mayMatch(tuple, words, known)) throw NEEDS_MORE;
      continue;
    }
    for (const bucket of tuple.buckets.get(hash) ?? []) {
      if (holds(bucket.values, tuple, words)) for (const rule of bucket.rules) out.push(rule);
    }
  }
  return out.length < 2 ? out : out.sort((a, b) => b.priority - a.priority);
}

function holds(
  values: Uint32Array,
  { words: asked, masks }: Tuple,
  words: readonly number[],
): boolean {
  for (let i = 0; i < asked.length; i++) {
    if ((words[asked[i]!]! & masks[i]!) >>> 0 !== values[i]) return false;
  }
  return true;
}

/** Whether some flow asks for an open word and all its other words hold. */
function mayMatch(tuple: Tuple, words: readonly number[], known: readonly number[]): boolean {
  const { words: asked, masks } = tuple;
  for (const list of tuple.buckets.values()) {
    for (const { values } of list) {
      let holding = true;
      for (let i = 0; i < asked.length && holding; i++) {
        const at = asked[i]!;
        if (known[at] === KNOWN) holding = (words[at]! & masks[i]!) >>> 0 === values[i];
      }
      if (holding) return true;
    }
  }
  return false;
}

const actionTexts = new WeakMap<Flow, string>();

/** Whether two flows do the same to a frame; reg7 only tells which conjunction was met. */
function sameActions(a: Flow, b: Flow): boolean {
  return textOf(a) === textOf(b);
}

function textOf(flow: Flow): string {
  let text = actionTexts.get(flow);
  if (text === undefined) {
    const kept = flow.actions.filter(
      (one) => one.kind !== 'set-field' || one.field.name !== 'reg7',
    );
    text = JSON.stringify(kept, (_, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value,
    );
    actionTexts.set(flow, text);
  }
  return text;
}
