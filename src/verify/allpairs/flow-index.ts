/**
 * A flow table arranged for frames whose words are mostly concrete: flows with the same fields
 * and masks share a hash table (tuple space search), and what they ask of the coordinates is a
 * region that is made once. First match is by priority, conjunctions as in classifier_lookup().
 */
import { type Flow } from '../../dataplane/ovs/types/flow.ts';
import { EVERYWHERE, NOWHERE, type Region, type Regions } from '../../traffic/sets/regions.ts';
import { type Asked, ask, type Slot } from './asks.ts';
import { type Frame, LATER, NEEDS_MORE, NotCarried, W } from './frame.ts';
import { Probes } from './probes.ts';
import { type Clause, type Rule, regionOf, UNMADE } from './rule-region.ts';
import { type Upkeep } from './upkeep.ts';

/** Flows that ask the same bits of concrete words. */
export interface Tuple {
  readonly slots: readonly Slot[];
  readonly buckets: Map<number, Bucket>;
}

/** Flows that ask the same values of them. */
export interface Bucket {
  readonly values: readonly number[];
  rules: Rule[];
  /** Another bucket of the same hash. */
  readonly next: Bucket | null;
}

/** The way to a tuple: by Ethernet type, then by slot after slot. */
interface Step {
  tuple: Tuple | null;
  readonly next: Map<number, Step>;
}

export interface FlowIndex {
  readonly steps: Map<number, Step>;
  /** By Ethernet type; 0: of flows that ask for none. */
  readonly tuples: Map<number, Tuple[]>;
  /** Flows that test conj_id, found only in the second lookup. */
  readonly byConjunction: Map<number, FlowIndex>;
  /** Who looked up what; null where nothing changes. */
  readonly probes: Probes | null;
}

export function emptyIndex(upkeep: Upkeep): FlowIndex {
  return indexWith(upkeep.on ? new Probes(upkeep) : null);
}

function indexWith(probes: Probes | null): FlowIndex {
  return { steps: new Map(), tuples: new Map([[0, []]]), byConjunction: new Map(), probes };
}

const IPV4 = 0x0800;
const ARP = 0x0806;

/**
 * Adds a flow; those of protocols that no frame of the engine has are left out.
 * @param asked scratch, the same for all flows of all bridges
 */
export function addFlow(index: FlowIndex, flow: Flow, asked: Asked): void {
  ask(asked, flow);
  const { ethType, conjunction } = asked;
  if (ethType !== 0 && ethType !== IPV4 && ethType !== ARP) return;
  if (conjunction === 0) return addTo(index, flow, asked);
  let second = index.byConjunction.get(conjunction);
  if (second === undefined) {
    second = indexWith(index.probes);
    index.byConjunction.set(conjunction, second);
  }
  addTo(second, flow, asked);
}

function addTo(index: FlowIndex, flow: Flow, of: Asked): void {
  const bucket = bucketOf(tupleOf(index, of), of);
  const { rules } = bucket;
  const { actions, priority } = flow;
  const { coordinates } = of;
  const clauses = actions[0]?.kind === 'conjunction' ? clausesOf(flow) : NO_CLAUSES;
  if (clauses.length > 0 && flow.opaque.length === 0) {
    // The members of a group are one clause: they are joined here, not at each lookup.
    for (const rule of rules) {
      if (rule.flow.opaque.length > 0 || !sameClauses(rule, priority, clauses)) continue;
      rule.asks.push(coordinates);
      if (rule.more === null) rule.more = [flow];
      else rule.more.push(flow);
      rule.bySource = UNMADE;
      rule.byDestination = UNMADE;
      return;
    }
  }
  const asks = [coordinates];
  const more = null;
  const rule = { priority, flow, asks, clauses, more, bySource: UNMADE, byDestination: UNMADE };
  // Most buckets have one rule: a list that is pushed to keeps room for many.
  if (rules.length === 0) bucket.rules = [rule];
  else rules.push(rule);
}

/** Takes a flow away; false where it is not there. */
export function removeFlow(index: FlowIndex, flow: Flow, asked: Asked): boolean {
  ask(asked, flow);
  const { ethType, conjunction } = asked;
  if (ethType !== 0 && ethType !== IPV4 && ethType !== ARP) return true;
  const of = conjunction === 0 ? index : index.byConjunction.get(conjunction);
  if (of === undefined) return false;
  const { rules } = bucketOf(tupleOf(of, asked), asked);
  const at = rules.findIndex((rule) => rule.flow === flow || rule.more?.includes(flow));
  const [rule] = at < 0 ? [] : rules.splice(at, 1);
  if (rule === undefined) return false;
  for (const other of [rule.flow, ...(rule.more ?? [])]) {
    if (other !== flow) addFlow(index, other, asked);
  }
  return true;
}

function tupleOf({ steps, tuples, probes }: FlowIndex, { ethType, slots, count }: Asked): Tuple {
  let step = stepIn(steps, ethType);
  for (let i = 0; i < count; i++) step = stepIn(step.next, slots[i]!.id);
  if (step.tuple === null) {
    step.tuple = { slots: slots.slice(0, count), buckets: new Map() };
    if (probes !== null) for (const { word } of step.tuple.slots) probes.asked(word);
    const list = tuples.get(ethType);
    if (list === undefined) tuples.set(ethType, [step.tuple]);
    else list.push(step.tuple);
  }
  return step.tuple;
}

function stepIn(steps: Map<number, Step>, key: number): Step {
  let step = steps.get(key);
  if (step === undefined) {
    step = { tuple: null, next: new Map() };
    steps.set(key, step);
  }
  return step;
}

const NO_CLAUSES: readonly Clause[] = [];
const clauseLists = new WeakMap<Flow['actions'], readonly Clause[]>();

function clausesOf({ actions }: Flow): readonly Clause[] {
  let found = clauseLists.get(actions);
  if (found === undefined) {
    found = actions.filter((one) => one.kind === 'conjunction');
    clauseLists.set(actions, found);
  }
  return found;
}

function sameClauses(rule: Rule, priority: number, clauses: readonly Clause[]): boolean {
  if (rule.priority !== priority || rule.clauses.length !== clauses.length) return false;
  if (rule.clauses === clauses) return true;
  for (let i = 0; i < clauses.length; i++) {
    const [a, b] = [rule.clauses[i]!, clauses[i]!];
    if (a.id !== b.id || a.clause !== b.clause || a.clauses !== b.clauses) return false;
  }
  return true;
}

const NO_RULES: Rule[] = [];
const HASH_START = 0x811c_9dc5;
const HASH_PRIME = 0x0100_0193;

function bucketOf({ buckets }: Tuple, { values, count }: Asked): Bucket {
  let hash = HASH_START;
  for (let i = 0; i < count; i++) hash = Math.imul(hash ^ values[i]!, HASH_PRIME);
  const first = buckets.get(hash) ?? null;
  for (let one = first; one !== null; one = one.next) {
    let i = 0;
    while (i < count && one.values[i] === values[i]) i++;
    if (i === count) return one;
  }
  const made: Bucket = { values: values.slice(0, count), rules: NO_RULES, next: first };
  buckets.set(hash, made);
  return made;
}

/** What a lookup found: the flow, and where it is the one. */
export interface Found {
  readonly flow: Flow;
  readonly where: Region;
}

/** Looks a frame up; where no flow is found nothing is told (a table miss drops). */
export function lookUp(regions: Regions, index: FlowIndex, frame: Frame): readonly Found[] {
  index.probes?.note(frame.words);
  const rules = candidates(index, frame);
  let left = frame.where;
  const [first] = rules;
  if (first !== undefined && isAlone(rules) && regionOf(regions, first, frame) === EVERYWHERE) {
    return [{ flow: first.flow, where: left }];
  }
  const found: Found[] = [];
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
    if (left !== NOWHERE && hasClauses(rules, i, end)) {
      left = conjoined(regions, index, frame, { rules, from: i, end }, found, left);
    }
    i = end;
  }
  return found;
}

function hasClauses(rules: readonly Rule[], from: number, end: number): boolean {
  for (let k = from; k < end; k++) if (rules[k]!.clauses.length > 0) return true;
  return false;
}

/** Whether the first rule is no clause and no other has its priority. */
function isAlone(rules: readonly Rule[]): boolean {
  return (
    rules[0]!.clauses.length === 0 &&
    (rules.length === 1 || rules[1]!.priority !== rules[0]!.priority)
  );
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
function candidates({ tuples }: FlowIndex, { words }: Frame): readonly Rule[] {
  const out: Rule[] = [];
  gather(tuples.get(0)!, words, out);
  const typed = tuples.get(words[W.ethType]!);
  if (typed !== undefined) gather(typed, words, out);
  return out;
}

/** Puts a rule behind those of its priority; the list is mostly short. */
function insert(out: Rule[], rule: Rule): void {
  let at = out.length;
  out.push(rule);
  for (; at > 0 && out[at - 1]!.priority < rule.priority; at--) out[at] = out[at - 1]!;
  out[at] = rule;
}

function gather(tuples: readonly Tuple[], words: readonly number[], out: Rule[]): void {
  for (let t = 0; t < tuples.length; t++) {
    const tuple = tuples[t]!;
    const { slots, buckets } = tuple;
    let hash = HASH_START;
    let open = false;
    for (let i = 0; i < slots.length; i++) {
      const { word, mask } = slots[i]!;
      const held = words[word]!;
      if (held < 0) {
        if (!isUnicastBit(held, word, mask)) open = true;
        hash = Math.imul(hash, HASH_PRIME);
      } else hash = Math.imul(hash ^ ((held & mask) >>> 0), HASH_PRIME);
    }
    if (open) {
      if (mayMatch(tuple, words)) throw NEEDS_MORE;
      continue;
    }
    for (let one = buckets.get(hash) ?? null; one !== null; one = one.next) {
      const { values, rules } = one;
      let i = 0;
      for (; i < slots.length; i++) {
        const held = words[slots[i]!.word]!;
        if ((held < 0 ? 0 : (held & slots[i]!.mask) >>> 0) !== values[i]) break;
      }
      if (i < slots.length) continue;
      for (let r = 0; r < rules.length; r++) insert(out, rules[r]!);
    }
  }
}

/** Whether only the group bit of a destination that is given later is asked: it is clear. */
export function isUnicastBit(held: number, word: number, mask: number): boolean {
  return held === LATER && word === W.ethDst && mask === GROUP_BIT;
}

/** In the first word of a MAC address. */
const GROUP_BIT = 0x100;

/** Whether some flow asks for an open word and all its other words hold. */
function mayMatch({ slots, buckets }: Tuple, words: readonly number[]): boolean {
  for (const first of buckets.values()) {
    for (let one: Bucket | null = first; one !== null; one = one.next) {
      const { values, rules } = one;
      if (rules.length === 0) continue;
      let i = 0;
      for (; i < slots.length; i++) {
        const { word, mask } = slots[i]!;
        const held = words[word]!;
        if (held >= 0 && (held & mask) >>> 0 !== values[i]) break;
        if (values[i] !== 0 && isUnicastBit(held, word, mask)) break;
      }
      if (i === slots.length) return true;
    }
  }
  return false;
}

const actionNumbers = new Map<string, number>();
const numbered = new WeakMap<Flow['actions'], number>();

/** One number for all flows that do the same to a frame. */
export function actionsOf(flow: Flow): number {
  let found = numbered.get(flow.actions);
  if (found === undefined) {
    const text = textOf(flow);
    found = actionNumbers.get(text) ?? actionNumbers.size;
    actionNumbers.set(text, found);
    numbered.set(flow.actions, found);
  }
  return found;
}

const actionTexts = new WeakMap<Flow['actions'], string>();

/** Whether two flows do the same to a frame; reg7 only tells which conjunction was met. */
function sameActions(a: Flow, b: Flow): boolean {
  return a.actions === b.actions || textOf(a) === textOf(b);
}

function textOf({ actions }: Flow): string {
  let text = actionTexts.get(actions);
  if (text === undefined) {
    const kept = actions.filter((one) => one.kind !== 'set-field' || one.field.name !== 'reg7');
    text = JSON.stringify(kept, (_, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value,
    );
    actionTexts.set(actions, text);
  }
  return text;
}
