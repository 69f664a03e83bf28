/**
 * Table lookup: the flow of highest priority, conjunctive matches (lib/classifier.c
 * classifier_lookup__()) and flows that learn() made. In front stands resubmit or goto_table,
 * behind it the actions of the flow that was found.
 */
import { field } from '../../../packet/fields.ts';
import { type Candidate, type Table } from '../../../traffic/table.ts';
import { type Flow } from '../types/flow.ts';
import { bitsOf, writeNumberTo } from './conditions.ts';
import { NO_OVERLAP, type Overlap, overlapOf } from './overlap.ts';
import { forkPart, type Part, type TableVisit, type Translation } from './part.ts';
import { type PreparedFlow } from './prepared-flow.ts';
import { type LearnedFlow } from './state.ts';

/** What a lookup found for one part of the traffic. */
export interface Looked<P> {
  readonly part: Part<P>;
  readonly flow: PreparedFlow | null;
  /** The packet the flow was learned from, when it was learned in this run. */
  readonly seen: P | null;
  readonly conjunction: { readonly id: number; readonly members: readonly Flow[] } | null;
  readonly overlap: Overlap;
}

const IN_PORT = field('in_port');
const CONJ_ID = field('conj_id');
const TP = [bitsOf('tp_src'), bitsOf('tp_dst')] as const;
/** resubmit(,T,ct): these fields stand for one another (xlate tuple_swap()). */
const TUPLE = (
  [
    ['ip_proto', 'ct_nw_proto'],
    ['ip_src', 'ct_nw_src'],
    ['ip_dst', 'ct_nw_dst'],
    ['ipv6_src', 'ct_ipv6_src'],
    ['ipv6_dst', 'ct_ipv6_dst'],
    ['tp_src', 'ct_tp_src'],
    ['tp_dst', 'ct_tp_dst'],
  ] as const
).map(([header, original]) => [bitsOf(header), bitsOf(original)] as const);

/** Shows the packet to a table as the visit wants it, looks it up, and takes the disguise off. */
export function lookup<P>(x: Translation<P>, part: Part<P>, visit: TableVisit): Looked<P>[] {
  const { t } = x;
  const disguised = x.fragment || visit.ct;
  const saved = disguised ? t.fork(part.p) : null;
  if (visit.inPort !== part.inPort) part.p = t.set(part.p, writeNumberTo(IN_PORT, visit.inPort));
  if (saved !== null && visit.ct) {
    for (const [header, original] of TUPLE) part.p = t.copy(part.p, header, saved, original);
  }
  // Fragments have no ports for tables in the usual mode (ofproto.h OFPUTIL_FRAG_NORMAL).
  if (x.fragment) for (const bits of TP) part.p = t.set(part.p, writeNumberTo(bits.field, 0));
  const found = lookupAsIs(x, part, visit.table);
  for (const one of found) {
    const q = one.part;
    if (visit.inPort !== q.inPort) q.p = t.set(q.p, writeNumberTo(IN_PORT, q.inPort));
    if (saved === null) continue;
    if (visit.ct) {
      for (const [header] of TUPLE) q.p = t.copy(q.p, header, saved, header);
    }
    if (x.fragment) for (const bits of TP) q.p = t.copy(q.p, bits, saved, bits);
  }
  return found;
}

interface Certain<P> {
  readonly part: Part<P>;
  readonly flow: PreparedFlow | null;
  readonly rank: number;
  readonly seen: P | null;
  readonly overlap: Overlap;
}

function lookupAsIs<P>(x: Translation<P>, part: Part<P>, id: number): Looked<P>[] {
  const table = part.bridge.table(id);
  const learned = x.state.bridges.get(part.bridge.name)?.learnedFlows.get(id);
  if (table === undefined) {
    const none: Certain<P> = {
      part,
      flow: null,
      rank: 65_536,
      seen: null,
      overlap: NO_OVERLAP,
    };
    return learned === undefined ? [looked(none)] : withLearned(x, none, learned).map(looked);
  }
  const found = x.t.lookup(part.p, table);
  if (learned === undefined && found.length === 1) {
    const { entries, p } = found[0]!;
    // One flow, no doubt: the usual case needs nothing of what follows.
    if (entries.length === 1 && entries[0]!.decisive && entries[0]!.certain) {
      part.p = p;
      const flow = entries[0]!.entry;
      return [{ part, flow, seen: null, conjunction: null, overlap: NO_OVERLAP }];
    }
  }
  const results: Looked<P>[] = [];
  for (let i = 0; i < found.length; i++) {
    const { entries, p } = found[i]!;
    const q = found.length === 1 ? part : forkPart(part, p);
    q.p = p;
    const certain = bestOf(x, q, entries);
    if (learned === undefined) {
      withConjunctions(x, certain, table, entries, results);
      continue;
    }
    for (const one of withLearned(x, certain, learned)) {
      withConjunctions(x, one, table, entries, results);
    }
  }
  return results;
}

/** Adds what was found, or what conjunctions of a higher priority find. */
function withConjunctions<P>(
  x: Translation<P>,
  one: Certain<P>,
  table: Table<PreparedFlow>,
  entries: readonly Candidate<PreparedFlow>[],
  results: Looked<P>[],
): void {
  const [first] = entries;
  // Entries come by rank, so the winner in front means that no clause stands above it.
  if (first === undefined || first.rank >= one.rank) {
    results.push(looked(one));
    return;
  }
  const soft = entries.filter((entry) => !entry.decisive && entry.certain && entry.rank < one.rank);
  if (soft.length === 0) results.push(looked(one));
  else results.push(...conjunctive(x, one, table, soft));
}

function looked<P>({ part, flow, seen, overlap }: Certain<P>): Looked<P> {
  return { part, flow, seen, conjunction: null, overlap };
}

/** The decisive rule that comes first, and those of the same priority. */
function bestOf<P>(
  x: Translation<P>,
  part: Part<P>,
  entries: readonly Candidate<PreparedFlow>[],
): Certain<P> {
  let best: Candidate<PreparedFlow> | null = null;
  let others: Flow[] | null = null;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!;
    if (!entry.certain) {
      const { flow } = entry.entry;
      const detail = `${part.bridge.name} table ${flow.table}: ${flow.opaque.join(', ')}`;
      x.run.assume('UNSUPPORTED_MATCH', `${detail} (${flow.origin.file}:${flow.origin.line})`);
    } else if (entry.decisive) {
      if (best === null) best = entry;
      else if (others === null) others = [entry.entry.flow];
      else others.push(entry.entry.flow);
    }
  }
  return {
    part,
    flow: best?.entry ?? null,
    rank: best?.rank ?? 65_536,
    seen: null,
    overlap:
      best === null || others === null ? NO_OVERLAP : overlapping(x, part, best.entry.flow, others),
  };
}

/** Says in the answer when flows of one priority would do different things. */
function overlapping<P>(
  x: Translation<P>,
  part: Part<P>,
  taken: Flow,
  others: readonly Flow[],
): Overlap {
  const overlap = overlapOf(part.bridge.source, taken, others);
  if (overlap.ambiguous.length > 0) {
    const where = [taken, ...overlap.ambiguous].map((one) => originOf(one)).join(', ');
    x.run.assume(
      'AMBIGUOUS_OVERLAP',
      `${part.bridge.name} table ${taken.table} priority ${taken.priority}: ${where}`,
    );
  }
  return overlap;
}

function originOf({ origin }: Flow): string {
  return `${origin.file}:${origin.line}`;
}

/** Flows made by learn() in this run win over dumped ones of the same priority: they replaced them. */
function withLearned<P>(
  x: Translation<P>,
  from: Certain<P>,
  flows: readonly LearnedFlow<P>[],
): Certain<P>[] {
  const results: Certain<P>[] = [];
  let rest: Part<P> | null = from.part;
  for (const learned of flows) {
    if (rest === null || learned.rank > from.rank) break;
    if (hasExpired(learned, x.run.now_us)) continue;
    const { hit, miss } = x.t.split(rest.p, learned.guard);
    if (hit === null) continue;
    const { hit: same, miss: other } = x.t.same(hit, learned.seen, learned.pairs);
    if (same !== null) {
      learned.used_us = x.run.now_us;
      results.push({
        part: miss === null && other === null ? rest : forkPart(rest, same),
        flow: learned.prepared,
        rank: learned.rank,
        seen: learned.seen,
        overlap: NO_OVERLAP,
      });
    }
    const parts: P[] = [miss, other].filter((p) => p !== null);
    const [first, second] = parts;
    if (first === undefined) rest = null;
    else rest = forkPart(rest, first);
    // Two leftovers differ in what they lack; the second goes its way through the same list.
    if (second !== undefined && rest !== null) {
      results.push(
        ...withLearned(x, { ...from, part: forkPart(rest, second) }, after(flows, learned)),
      );
    }
  }
  if (rest !== null) results.push({ ...from, part: rest });
  return results;
}

function after<T>(list: readonly T[], item: T): readonly T[] {
  return list.slice(list.indexOf(item) + 1);
}

/** Whether a learned flow's timeouts have passed. */
export function hasExpired<P>(learned: LearnedFlow<P>, now_us: number): boolean {
  const { hard_timeout_s, idle_timeout_s } = learned.prepared.flow;
  if (hard_timeout_s > 0 && now_us - learned.created_us >= hard_timeout_s * 1e6) return true;
  return idle_timeout_s > 0 && now_us - learned.used_us >= idle_timeout_s * 1e6;
}

interface Complete {
  readonly id: number;
  readonly rank: number;
  readonly members: readonly Flow[];
}

/**
 * Conjunctions that all clauses agree on, by falling priority. All clauses must have the same
 * priority; a flow with that conj_id is then looked up anew and may have any priority.
 */
function completed(soft: readonly Candidate<PreparedFlow>[]): Complete[] {
  const complete: Complete[] = [];
  let rank = -1;
  let clauses = new Map<number, Map<number, Flow>>();
  for (const { entry, rank: here } of soft) {
    if (here !== rank) {
      rank = here;
      clauses = new Map();
    }
    for (const { id, clause, clauses: count } of entry.conjunctions) {
      let members = clauses.get(id);
      if (members === undefined) {
        members = new Map();
        clauses.set(id, members);
      }
      if (members.has(clause)) continue;
      members.set(clause, entry.flow);
      if (members.size === count) complete.push({ id, rank, members: [...members.values()] });
    }
  }
  return complete;
}

function conjunctive<P>(
  x: Translation<P>,
  from: Certain<P>,
  table: Table<PreparedFlow>,
  soft: readonly Candidate<PreparedFlow>[],
): Looked<P>[] {
  const results: Looked<P>[] = [];
  const complete = completed(soft);
  let rest: Part<P>[] = [from.part];
  for (const [i, { id, rank, members }] of complete.entries()) {
    const missed: Part<P>[] = [];
    const rivals = complete.slice(i + 1).filter((other) => other.rank === rank);
    for (const part of rest) {
      const marked = x.t.set(part.p, writeNumberTo(CONJ_ID, id));
      const found = x.t.lookup(marked, table);
      for (const { entries, p } of found) {
        const q = found.length === 1 ? part : forkPart(part, p);
        q.p = x.t.set(p, writeNumberTo(CONJ_ID, 0));
        const best = bestOf(x, q, entries);
        if (best.flow === null) missed.push(q);
        else {
          const overlap = rivalling(x, best, best.flow.flow, table, rivals);
          results.push({ ...looked(best), overlap, conjunction: { id, members } });
        }
      }
    }
    rest = missed;
    if (rest.length === 0) break;
  }
  for (const part of rest) results.push(looked({ ...from, part }));
  return results;
}

/** Which of several complete conjunctions of one priority decides is undefined as well. */
function rivalling<P>(
  x: Translation<P>,
  { part, overlap }: Certain<P>,
  taken: Flow,
  table: Table<PreparedFlow>,
  rivals: readonly Complete[],
): Overlap {
  if (rivals.length === 0) return overlap;
  const others = new Set<Flow>();
  for (const { id } of rivals) {
    const marked = x.t.set(x.t.fork(part.p), writeNumberTo(CONJ_ID, id));
    for (const { entries } of x.t.lookup(marked, table)) {
      const best = entries.find((entry) => entry.certain && entry.decisive);
      if (best !== undefined && best.entry.flow !== taken) others.add(best.entry.flow);
    }
  }
  const more = overlapping(x, part, taken, [...others]);
  return {
    alike: [...overlap.alike, ...more.alike],
    ambiguous: [...overlap.ambiguous, ...more.ambiguous],
  };
}
