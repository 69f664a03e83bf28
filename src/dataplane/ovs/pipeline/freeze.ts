/**
 * Handing the packet to the datapath and going on when it comes back: ct(), recirculation,
 * check_pkt_larger (ofproto-dpif-xlate.c compose_conntrack_action(), finish_freezing()).
 */
import { CONNTRACK_FIELDS } from '../../../packet/fields.ts';
import { assignment, bitsAssignment, together } from '../../../traffic/words.ts';
import { type Action, type Ct } from '../types/flow.ts';
import { branchHeader } from './action-size.ts';
import { type PreparedAction } from './actions.ts';
import {
  emit,
  type Frozen,
  forkPart,
  listOf,
  type Mode,
  NOT_LAST,
  type Part,
  type Translation,
  tell,
} from './part.ts';

const UNTRACKED = together(CONNTRACK_FIELDS.map((of) => assignment(of, 0n)));

/** The packet counts as untracked from here on (flow_clear_conntrack()). */
export function clearConntrack<P>(x: Translation<P>, part: Part<P>): void {
  part.conntracked = false;
  part.p = x.t.setAll(part.p, UNTRACKED);
}

/** Stops here; the rest of every open list waits until the packet comes back. */
export function freeze<P>(part: Part<P>): void {
  part.exit = true;
  part.freezing = true;
}

export function keepWaiting<P>(
  part: Part<P>,
  actions: readonly PreparedAction[],
  from: number,
): void {
  const kept = actions.slice(from).filter(({ action }) => action.kind !== 'note');
  if (kept.length === 0) return;
  part.waiting = [...part.waiting, { actions: kept, table: part.table }];
}

function frozen<P>(x: Translation<P>, part: Part<P>, table: number): Frozen<P> {
  return {
    bridge: part.bridge,
    table,
    actions: part.waiting,
    stack: part.stack,
    actionSet: part.actionSet,
    mirrors: part.mirrors,
    conntracked: part.conntracked,
    p: x.t.fork(part.p),
  };
}

/** At the end of a pipeline that froze: asks the datapath to send the packet through once more. */
export function finishFreezing<P>(x: Translation<P>, part: Part<P>): void {
  const { hashes } = part;
  const resume = frozen(x, part, 0);
  x.resumptions.push({ resume, request: null });
  emit(part, { kind: 'recirculate', resume, hashes });
  part.hashes = false;
  part.freezing = false;
  part.waiting = [];
}

/** ct(): forks to connection tracking; this branch goes on untracked. */
export function track<P>(
  x: Translation<P>,
  part: Part<P>,
  prepared: PreparedAction,
  ct: Ct,
  mode: Mode,
): Part<P>[] {
  if (ct.zone.kind === 'value') return trackIn(x, part, prepared, ct, ct.zone.zone, mode);
  const cases = x.t.cases(part.p, ct.zone.from, 65_536) ?? [];
  const [only] = cases;
  if (only !== undefined && cases.length === 1) {
    part.p = only.p;
    return trackIn(x, part, prepared, ct, only.value, mode);
  }
  return cases.flatMap(({ value, p }) => {
    return trackIn(x, forkPart(part, p), prepared, ct, value, mode);
  });
}

function trackIn<P>(
  x: Translation<P>,
  start: Part<P>,
  prepared: PreparedAction,
  ct: Ct,
  zone: number,
  mode: Mode,
): Part<P>[] {
  const parts =
    prepared.nested.length === 0 ? [start] : x.engine.run(x, start, prepared.nested, mode);
  for (const part of parts) {
    const bridge = part.bridge.name;
    const { commit, table } = ct;
    tell(x, part, () => ({ kind: 'conntrack', bridge, zone, commit, resume: table }));
    const request = { ct, zone, markMask: prepared.markMask, labelMask: prepared.labelMask };
    let resume: Frozen<P> | null = null;
    if (table !== null) {
      part.conntracked = true;
      resume = frozen(x, part, table);
      part.waiting = [];
      x.resumptions.push({ resume, request });
    }
    const p = resume?.p ?? x.t.fork(part.p);
    emit(part, { kind: 'ct', request, p, resume });
    clearConntrack(x, part);
  }
  return parts;
}

/**
 * check_pkt_larger: the length is only known to the datapath, so what follows in this list is
 * translated for both answers, and this branch ends (xlate_check_pkt_larger()).
 */
export function checkLength<P>(
  x: Translation<P>,
  part: Part<P>,
  action: Extract<Action, { kind: 'check-pkt-larger' }>,
  rest: readonly PreparedAction[],
): Part<P>[] {
  const saved = x.t.fork(part.p);
  const { stack, stackBytes, actionSet } = part;
  const { effects, outside } = part;
  const around = { effects, p: saved, outside };
  part.outside = { ...around, header: () => branchHeader(x, saved, null) };
  const larger = branch(x, part, bitsAssignment(action.to, 1n), rest);
  // The second branch meets the stack and the action set as the first one left them.
  const [first] = larger.parts;
  if (first !== undefined) {
    part.resubmits = first.resubmits;
    part.mirrors = first.mirrors;
    part.stack = first.stack;
    part.stackBytes = first.stackBytes;
    part.actionSet = first.actionSet;
    part.waiting = first.waiting;
  }
  part.error = larger.error;
  part.outside = { ...around, header: () => branchHeader(x, saved, larger.effects) };
  const other = branch(x, part, bitsAssignment(action.to, 0n), rest);
  part.p = saved;
  part.outside = outside;
  part.resubmits = Math.max(...other.parts.map((q) => q.resubmits), part.resubmits);
  part.mirrors = other.parts[0]?.mirrors ?? part.mirrors;
  part.waiting = other.parts[0]?.waiting ?? part.waiting;
  part.stack = stack;
  part.stackBytes = stackBytes;
  part.actionSet = actionSet;
  // Leaving the first branch by `exit` ends the whole pipeline, the second one's does not.
  part.exit = first?.exit ?? part.exit;
  part.error = larger.error ?? other.error;
  emit(part, {
    kind: 'check-length',
    bytes: action.bytes,
    p: x.t.fork(saved),
    larger: larger.effects,
    other: other.effects,
  });
  part.stop = true;
  return [part];
}

function branch<P>(
  x: Translation<P>,
  part: Part<P>,
  bit: ReturnType<typeof bitsAssignment>,
  rest: readonly PreparedAction[],
) {
  const copy = forkPart(part, x.t.set(x.t.fork(part.p), bit));
  copy.effects = null;
  const done =
    part.error !== null ? [copy] : x.engine.run(x, copy, rest, { ...NOT_LAST, last: true });
  const finished = done.flatMap((q) => (q.error === null ? x.engine.finish(x, q) : [q]));
  return {
    effects: finished.flatMap((q) => listOf(q.effects)),
    parts: finished,
    error: finished.find((q) => q.error !== null)?.error ?? null,
  };
}
