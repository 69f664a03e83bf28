/**
 * learn(): a packet makes a flow (lib/learn.c learn_execute()). What the flow matches and writes
 * is taken from that packet, which the learned flow therefore keeps.
 */
import { type FieldBits } from '../../../packet/fields.ts';
import { guard } from '../../../traffic/guard.ts';
import { bitsAssignment } from '../../../traffic/words.ts';
import { printActions } from '../text/actions.ts';
import {
  type Action,
  type FieldTest,
  type Flow,
  flowMatch,
  type Learn,
  RESERVED_PORTS,
} from '../types/flow.ts';
import { type PreparedAction } from './actions.ts';
import { hasExpired } from './lookup.ts';
import { forkPart, type Part, remark, type Translation, tell } from './part.ts';
import { hitOf, prepareFlow, rankOf } from './prepared-flow.ts';
import { type BridgeState, type LearnedFlow } from './state.ts';

/** Executes a learn action. */
export function learn<P>(x: Translation<P>, part: Part<P>, action: Learn): Part<P>[] {
  const state = x.state.bridges.get(part.bridge.name);
  if (!x.state.learns || state === undefined) {
    remark(x, part, 'nothing is learned in a trace without side effects');
    return [part];
  }
  return outputPorts(x, part, action).map(({ part: q, ports }) => {
    const made = learnedFlow(x, q, action, ports);
    const old = existing(x, state, made);
    const isKnown = old !== null && sameFlow(x, old, made);
    const full = !isKnown && isFull(x, q, state, action);
    if (full) remark(x, q, `the limit of ${action.limit} learned flows is reached`);
    else remember(x, q, state, old, made);
    if (action.result !== null) {
      q.p = x.t.set(q.p, bitsAssignment(action.result, full ? 0n : 1n));
    }
    return q;
  });
}

/** `output:field` learns a port number, so the traffic is told apart by it. */
function outputPorts<P>(
  x: Translation<P>,
  start: Part<P>,
  action: Learn,
): { readonly part: Part<P>; readonly ports: readonly number[] }[] {
  let results: { part: Part<P>; ports: readonly number[] }[] = [{ part: start, ports: [] }];
  for (const spec of action.specs) {
    if (spec.kind !== 'output') continue;
    const bits: FieldBits = { ...spec.from, width: Math.min(32, spec.from.width) };
    results = results.flatMap(({ part, ports }) => {
      const cases = x.t.cases(part.p, bits, 65_536) ?? [];
      return cases.map(({ value, p }) => {
        const q = cases.length === 1 ? part : forkPart(part, p);
        q.p = p;
        return { part: q, ports: [...ports, value] };
      });
    });
  }
  return results;
}

function mayOutput(port: number): boolean {
  return (
    port < 0xff00 ||
    port === RESERVED_PORTS.IN_PORT ||
    port === RESERVED_PORTS.FLOOD ||
    port === RESERVED_PORTS.LOCAL ||
    port === RESERVED_PORTS.ALL
  );
}

function isFull<P>(
  x: Translation<P>,
  part: Part<P>,
  state: BridgeState<P>,
  action: Learn,
): boolean {
  if (action.limit === 0) return false;
  const learned = (state.learnedFlows.get(action.table) ?? []).filter(
    (one) => one.prepared.flow.cookie === action.cookie && !hasExpired(one, x.run.now_us),
  ).length;
  const dumped = part.bridge.source.flows.filter(
    (flow) => flow.table === action.table && flow.cookie === action.cookie,
  ).length;
  return learned + dumped >= action.limit;
}

interface Template {
  readonly tests: FieldTest[];
  readonly pairs: [FieldBits, FieldBits][];
  readonly actions: (Action & { readonly fromSeen?: true })[];
}

/** What the specs say, without looking at the packet. */
function templateOf(action: Learn, ports: readonly number[]): Template {
  const template: Template = { tests: [], pairs: [], actions: [] };
  const { fin_idle_timeout_s, fin_hard_timeout_s } = action;
  if (fin_idle_timeout_s > 0 || fin_hard_timeout_s > 0) {
    template.actions.push({
      kind: 'fin-timeout',
      idle_timeout_s: fin_idle_timeout_s,
      hard_timeout_s: fin_hard_timeout_s,
    });
  }
  let output = 0;
  for (const spec of action.specs) {
    if (spec.kind === 'output') {
      const port = ports[output++] ?? RESERVED_PORTS.NONE;
      if (mayOutput(port)) template.actions.push({ kind: 'output', port, maxLength: null });
    } else if (spec.kind === 'match') {
      if (spec.source.kind === 'field') template.pairs.push([spec.to, spec.source.from]);
      else {
        const { field, value, mask } = bitsAssignment(spec.to, spec.source.value);
        template.tests.push({ field, value, mask });
      }
    } else if (spec.source.kind === 'field') {
      template.actions.push({ kind: 'move', from: spec.source.from, to: spec.to, fromSeen: true });
    } else {
      const { field, value, mask } = bitsAssignment(spec.to, spec.source.value);
      template.actions.push({ kind: 'set-field', field, value, mask, spelling: 'load' });
    }
  }
  return template;
}

function learnedFlow<P>(
  x: Translation<P>,
  part: Part<P>,
  action: Learn,
  ports: readonly number[],
): LearnedFlow<P> {
  const { tests, pairs, actions } = templateOf(action, ports);
  const origin = part.flow?.flow.origin ?? { file: 'learned', line: 0 };
  const flow: Flow = {
    table: action.table,
    priority: action.priority,
    cookie: action.cookie,
    tests,
    opaque: [],
    actions,
    idle_timeout_s: action.idle_timeout_s,
    hard_timeout_s: action.hard_timeout_s,
    importance: 0,
    // delete_learned is about the flow that learns.
    flags: action.flags.filter((flag) => flag !== 'delete_learned'),
    statistics: null,
    origin,
  };
  const plain = prepareFlow(flow, part.bridge.source, true);
  const hit = hitOf(plain);
  const prepared: readonly PreparedAction[] = hit.actions.map((one, i) => ({
    ...one,
    remembered: actions[i]?.fromSeen === true,
  }));
  return {
    prepared: { ...plain, hit: { ...hit, actions: prepared } },
    rank: rankOf(flow),
    guard: guard(flowMatch(flow)),
    pairs,
    seen: x.t.fork(part.p),
    created_us: x.run.now_us,
    used_us: x.run.now_us,
  };
}

/** The key of flows that were learned from sets of packets. */
const OF_SETS = '';
/** So many more flows of a table, and those whose time is over are taken out. */
const CROWD = 256;

/** The flow with the same match and priority that was learned before. */
function existing<P>(
  x: Translation<P>,
  state: BridgeState<P>,
  learned: LearnedFlow<P>,
): LearnedFlow<P> | null {
  const key = matchKey(x, learned);
  const flows =
    key === null
      ? (state.learnedFlows.get(learned.prepared.flow.table) ?? [])
      : [...(state.flowsByMatch.get(key) ?? []), ...(state.flowsByMatch.get(OF_SETS) ?? [])];
  const found = flows.find((old) => !hasExpired(old, x.run.now_us) && sameMatch(x, old, learned));
  return found ?? null;
}

/**
 * Flows of single packets with the same match have the same key: the bits they compare, as far as
 * the lower half of each. null for sets of packets, which have no one value.
 */
function matchKey<P>(
  x: Translation<P>,
  { prepared, rank, pairs, seen }: LearnedFlow<P>,
): string | null {
  if (x.run.sets === true) return null;
  let key = `${prepared.flow.table} ${rank}`;
  for (const [, from] of pairs) {
    const bits = from.width > 32 ? { ...from, width: 32 } : from;
    const value = x.t.cases(seen, bits, 1)?.[0]?.value;
    if (value === undefined) return null;
    key += ` ${value}`;
  }
  return key;
}

/**
 * Adds the flow, or modifies the one with the same match and priority, which keeps its timeouts
 * and flags: learn() sends itself a MODIFY_STRICT.
 */
function remember<P>(
  x: Translation<P>,
  part: Part<P>,
  state: BridgeState<P>,
  old: LearnedFlow<P> | null,
  learned: LearnedFlow<P>,
): void {
  const { table } = learned.prepared.flow;
  const made = old === null ? learned : modified(old, learned);
  const all = state.learnedFlows.get(table) ?? [];
  const flows =
    all.length % CROWD === CROWD - 1 ? all.filter((one) => !hasExpired(one, x.run.now_us)) : all;
  const before = old === null ? -1 : flows.indexOf(old);
  if (before >= 0) flows.splice(before, 1);
  // Newer ones stand behind older ones of the same priority.
  let at = flows.length;
  while (at > 0 && (flows[at - 1]?.rank ?? 0) > made.rank) at--;
  flows.splice(at, 0, made);
  state.learnedFlows.set(table, flows);
  const key = matchKey(x, made) ?? OF_SETS;
  const same = state.flowsByMatch.get(key) ?? [];
  state.flowsByMatch.set(key, [
    ...same.filter((one) => one !== old && !hasExpired(one, x.run.now_us)),
    made,
  ]);
  const bridge = part.bridge.name;
  tell(x, part, () => ({ kind: 'learned', bridge, what: 'flow', table, port: null }));
}

function modified<P>(old: LearnedFlow<P>, learned: LearnedFlow<P>): LearnedFlow<P> {
  const { idle_timeout_s, hard_timeout_s, importance, flags } = old.prepared.flow;
  const { statistics, origin } = learned.prepared.flow;
  const kept = { idle_timeout_s, hard_timeout_s, importance, flags, statistics, origin };
  const flow = { ...learned.prepared.flow, ...kept };
  return { ...learned, prepared: { ...learned.prepared, flow } };
}

function sameMatch<P>(x: Translation<P>, old: LearnedFlow<P>, now: LearnedFlow<P>): boolean {
  if (old.rank !== now.rank || old.pairs.length !== now.pairs.length) return false;
  if (!sameTests(old.prepared.flow.tests, now.prepared.flow.tests)) return false;
  for (const [i, [to, from]] of now.pairs.entries()) {
    const [oldTo, oldFrom] = old.pairs[i] ?? [to, from];
    if (!sameBits(oldTo, to) || !sameValue(x, old, now, oldFrom, from)) return false;
  }
  return true;
}

/** Whether a flow of the same match would be the very same (ofproto_flow_mod_init_for_learn()). */
function sameFlow<P>(x: Translation<P>, old: LearnedFlow<P>, now: LearnedFlow<P>): boolean {
  const [a, b] = [old.prepared.flow, now.prepared.flow];
  return (
    a.cookie === b.cookie &&
    a.idle_timeout_s === b.idle_timeout_s &&
    a.hard_timeout_s === b.hard_timeout_s &&
    [...a.flags].sort().join() === [...b.flags].sort().join() &&
    a.actions.length === b.actions.length &&
    a.actions.every((action, i) => sameAction(x, old, now, action, b.actions[i]))
  );
}

function sameAction<P>(
  x: Translation<P>,
  old: LearnedFlow<P>,
  now: LearnedFlow<P>,
  a: Action,
  b: Action | undefined,
): boolean {
  if (b === undefined || printActions([a]) !== printActions([b])) return false;
  return a.kind !== 'move' || b.kind !== 'move' || sameValue(x, old, now, a.from, b.from);
}

function sameBits(a: FieldBits, b: FieldBits): boolean {
  return a.field === b.field && a.start === b.start && a.width === b.width;
}

function sameValue<P>(
  x: Translation<P>,
  old: LearnedFlow<P>,
  now: LearnedFlow<P>,
  oldFrom: FieldBits,
  from: FieldBits,
): boolean {
  return x.t.same(x.t.fork(now.seen), old.seen, [[from, oldFrom]]).hit !== null;
}

function sameTests(a: readonly FieldTest[], b: readonly FieldTest[]): boolean {
  return (
    a.length === b.length &&
    a.every((test, i) => {
      const other = b[i];
      return test.field === other?.field && test.value === other.value && test.mask === other.mask;
    })
  );
}
