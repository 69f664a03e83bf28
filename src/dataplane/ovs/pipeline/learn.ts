/**
 * learn(): a packet makes a flow (lib/learn.c learn_execute()). What the flow matches and writes
 * is taken from that packet, which the learned flow therefore keeps.
 */
import { type FieldBits } from '../../../packet/fields.ts';
import { guard } from '../../../traffic/guard.ts';
import { bitsAssignment } from '../../../traffic/words.ts';
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
    const full = isFull(x, q, state, action);
    if (full) remark(x, q, `the limit of ${action.limit} learned flows is reached`);
    else remember(x, q, state, learnedFlow(x, q, action, ports));
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
    flags: action.flags,
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

/** Adds the flow, or replaces the one with the same match and priority. */
function remember<P>(
  x: Translation<P>,
  part: Part<P>,
  state: BridgeState<P>,
  learned: LearnedFlow<P>,
): void {
  const { table } = learned.prepared.flow;
  const flows = (state.learnedFlows.get(table) ?? []).filter(
    (old) => !hasExpired(old, x.run.now_us) && !sameMatch(x, old, learned),
  );
  flows.push(learned);
  state.learnedFlows.set(
    table,
    flows.sort((a, b) => a.rank - b.rank),
  );
  const bridge = part.bridge.name;
  tell(x, part, () => ({ kind: 'learned', bridge, what: 'flow', table, port: null }));
}

function sameMatch<P>(x: Translation<P>, old: LearnedFlow<P>, now: LearnedFlow<P>): boolean {
  if (old.rank !== now.rank || old.pairs.length !== now.pairs.length) return false;
  if (!sameTests(old.prepared.flow.tests, now.prepared.flow.tests)) return false;
  for (const [i, [to, from]] of now.pairs.entries()) {
    const [oldTo, oldFrom] = old.pairs[i] ?? [to, from];
    if (oldTo.field !== to.field || oldTo.start !== to.start || oldTo.width !== to.width)
      return false;
    if (x.t.same(x.t.fork(now.seen), old.seen, [[from, oldFrom]]).hit === null) return false;
  }
  return true;
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
