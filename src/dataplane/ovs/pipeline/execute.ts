/**
 * Runs lists of OpenFlow actions in order (ofproto-dpif-xlate.c do_xlate_actions()). In front
 * stands the lookup that found the list; single actions have files of their own.
 */
import { type FieldBits, field } from '../../../packet/fields.ts';
import { type Action, RESERVED_PORTS } from '../types/flow.ts';
import { actionListOfSet } from './action-set.ts';
import { isControllerOutput, type PreparedAction } from './actions.ts';
import { runBundle, runGroup, runMultipath } from './choice.ts';
import { cloneActions } from './clone.ts';
import { IS_IP, MPLS_TTL_EXPIRES, PREREQUISITES, TTL_EXPIRES } from './conditions.ts';
import { checkLength, clearConntrack, freeze, keepWaiting, track } from './freeze.ts';
import { learn } from './learn.ts';
import { popMpls, pushMpls } from './mpls.ts';
import { output, outputField, outputTruncated, toController } from './output.ts';
import {
  emit,
  forkPart,
  LAST,
  type Mode,
  NOT_LAST,
  type Part,
  remark,
  type TableVisit,
  type Translation,
  tell,
} from './part.ts';
import { move, popStack, popVlan, pushStack, pushVlan, setVlanPart, write } from './write.ts';

const NW_TTL = field('nw_ttl');
const MPLS_TTL = field('mpls_ttl');
/** Table number that means "the present table" in resubmit. */
const SAME_TABLE = 255;

/** Runs actions from `from` on; returns the parts the traffic split into. */
export function runActions<P>(
  x: Translation<P>,
  start: Part<P>,
  actions: readonly PreparedAction[],
  mode: Mode,
  from = 0,
): Part<P>[] {
  let part = start;
  if (actions.length === 0) explainDrop(part);
  for (let i = from; i < actions.length; i++) {
    const action = actions[i];
    if (action === undefined || part.error !== null) break;
    if (part.wasMpls && !part.exit && !action.afterPopMpls) freeze(part);
    if (part.exit) {
      if (part.freezing) keepWaiting(part, actions, i);
      break;
    }
    const last = mode.last && i === actions.length - 1 && part.actionSet.length === 0;
    const parts = perform(x, part, actions, i, last === mode.last ? mode : modeOf(mode, last));
    if (parts.length === 1) {
      part = parts[0]!;
      if (part.stop) break;
      if (freezesHere(part, action)) {
        keepWaiting(part, actions, restFrom(action, i));
        break;
      }
    } else {
      return parts.flatMap((q) => {
        if (q.stop) return unstop(q);
        if (!freezesHere(q, action)) return runActions(x, q, actions, mode, i + 1);
        keepWaiting(q, actions, restFrom(action, i));
        return unstop(q);
      });
    }
  }
  return unstop(part);
}

function modeOf({ bucket }: Mode, last: boolean): Mode {
  if (bucket) return { last, bucket };
  return last ? LAST : NOT_LAST;
}

function unstop<P>(part: Part<P>): Part<P>[] {
  part.stop = false;
  return [part];
}

/**
 * An action that froze by itself is kept with what follows; resubmit and goto_table never are.
 * `exit` is kept as well although nothing froze (ctx_first_frozen_action() does not ask): a
 * ct(table=) that still comes, behind a patch port or a bucket, then resumes with that `exit`.
 */
function freezesHere<P>(part: Part<P>, { kind }: PreparedAction): boolean {
  if (kind === 'resubmit' || kind === 'goto-table') return false;
  return part.error === null && part.exit && part.waiting.length === 0;
}

function restFrom({ kind }: PreparedAction, i: number): number {
  return kind === 'debug-recirc' ? i + 1 : i;
}

function explainDrop<P>(part: Part<P>): void {
  const { bridge, table, flow } = part;
  // Without a flow it is the table's miss, which has said so.
  if (flow === null) return;
  part.why = () => ({
    reason: 'OF_EXPLICIT_DROP',
    where: `${bridge.name} table ${table}`,
    evidence: `priority ${flow.flow.priority}: drop`,
    origin: flow.flow.origin,
  });
}

/** Executes action `i` of a list; the same part comes back unless the traffic split. */
function perform<P>(
  x: Translation<P>,
  part: Part<P>,
  actions: readonly PreparedAction[],
  i: number,
  mode: Mode,
): Part<P>[] {
  const prepared = actions[i]!;
  tell(x, part, prepared.step);
  switch (prepared.kind) {
    case 'set-field':
    case 'write-metadata':
      return write(x, part, prepared);
    case 'move':
      return move(x, part, prepared, prepared.action.to, prepared.action.from);
    case 'resubmit':
    case 'goto-table':
      return x.engine.table(x, part, visitOf(part, prepared, mode));
    case 'output':
      return outputAs(x, part, prepared.action, mode);
    case 'output-field':
      return outputField(x, part, prepared.action.from, mode);
    case 'ct':
      return track(x, part, prepared, prepared.action.ct, mode);
    case 'ct-clear':
      if (part.conntracked) {
        clearConntrack(x, part);
        emit(part, { kind: 'ct-clear', p: x.t.fork(part.p) });
      }
      return [part];
    case 'push-vlan':
      return pushVlan(x, part, prepared.action.etherType);
    case 'pop-vlan':
      return popVlan(x, part);
    case 'set-vlan-vid':
    case 'set-vlan-pcp':
      return setVlanPart(x, part, prepared);
    case 'clone':
      return cloneActions(x, part, prepared.nested, mode);
    case 'drop':
      explainDrop(part);
      return [part];
    default:
      return performRare(x, part, prepared, mode, actions, i);
  }
}

function outputAs<P>(
  x: Translation<P>,
  part: Part<P>,
  { port, maxLength }: Extract<Action, { kind: 'output' }>,
  mode: Mode,
): Part<P>[] {
  if (maxLength !== null && port !== RESERVED_PORTS.CONTROLLER) {
    return outputTruncated(x, part, port, maxLength, mode);
  }
  return output(x, part, port, mode, maxLength ?? 65_535);
}

/** Actions that Neutron does not emit on its usual paths. */
function performRare<P>(
  x: Translation<P>,
  part: Part<P>,
  prepared: PreparedAction,
  mode: Mode,
  actions: readonly PreparedAction[],
  i: number,
): Part<P>[] {
  const { action } = prepared;
  switch (action.kind) {
    case 'learn':
      return learn(x, part, action.learn);
    case 'group':
      return runGroup(x, part, action.group, mode);
    case 'bundle':
      return runBundle(x, part, action.bundle, mode);
    case 'multipath':
      return runMultipath(x, part, action);
    case 'push':
      return pushStack(part, x.t.fork(part.p), action.from);
    case 'pop':
      return popStack(x, part, action.to, prepared);
    case 'dec-ttl':
      return decrementTtl(x, part, action.controllers);
    case 'dec-mpls-ttl':
      return decrementMplsTtl(x, part);
    case 'push-mpls':
      return pushMpls(x, part, action.etherType);
    case 'pop-mpls':
      return popMpls(x, part, action.etherType);
    case 'check-pkt-larger':
      return checkLength(x, part, action, actions.slice(i + 1));
    case 'controller':
      if (action.pause) return unsupported(x, part, 'controller(pause)');
      if (isControllerOutput(action)) {
        return output(x, part, RESERVED_PORTS.CONTROLLER, mode, action.maxLength);
      }
      return toController(x, part, action.reason, action.maxLength);
    case 'enqueue':
      return output(x, part, action.port, mode, 65_535);
    default:
      return performState(x, part, prepared);
  }
}

/** Actions that change only the state of the pipeline. */
function performState<P>(x: Translation<P>, part: Part<P>, prepared: PreparedAction): Part<P>[] {
  const { action } = prepared;
  switch (action.kind) {
    case 'write-actions':
      part.actionSet = [...part.actionSet, ...prepared.nested];
      return [part];
    case 'clear-actions':
      part.actionSet = [];
      return [part];
    case 'exit':
      part.exit = true;
      return [part];
    case 'debug-recirc':
      freeze(part);
      return [part];
    case 'meter':
      if (part.bridge.meters.has(action.meter)) {
        const { bridge } = part;
        emit(part, { kind: 'meter', bridge, meter: action.meter, p: x.t.fork(part.p) });
      }
      return [part];
    case 'delete-field':
      part.p = x.t.set(part.p, clearOf(action.field));
      return [part];
    case 'conjunction':
      remark(x, part, 'a conjunction action has no effect when it is executed');
      return [part];
    case 'set-queue':
    case 'pop-queue':
    case 'note':
    case 'fin-timeout':
    case 'sample':
    case 'debug-slow':
      // Simplification: queues, sampling and fin_timeout do not change where a packet goes; they
      // are listed in the diary and not emulated (skb_priority stays as it is).
      return [part];
    default:
      return unsupported(x, part, action.kind === 'opaque' ? action.text : action.kind);
  }
}

/**
 * Simplification: encap, decap, dec_nsh_ttl and continuations (controller(pause)) are not
 * emulated, because no OpenStack component emits them; the packet ends there and the answer says so.
 */
function unsupported<P>(x: Translation<P>, part: Part<P>, text: string): Part<P>[] {
  const { bridge, table, flow } = part;
  x.run.assume('UNSUPPORTED_ACTION', `${bridge.name} table ${table}: ${text}`);
  part.why = () => ({
    reason: 'UNSUPPORTED_ACTION',
    where: `${bridge.name} table ${table}`,
    evidence: text,
    origin: flow?.flow.origin ?? null,
  });
  part.error = 'Unsupported packet type';
  return [part];
}

function clearOf(of: FieldBits['field']) {
  return { field: of, value: 0n, mask: (1n << BigInt(of.width)) - 1n, words: zeroWords(of) };
}

function zeroWords(of: FieldBits['field']) {
  return Array.from({ length: Math.ceil(of.width / 32) }, (_, i) => ({
    word: of.word + i,
    value: 0,
    mask: 0xffff_ffff,
  }));
}

function visitOf<P>(
  part: Part<P>,
  prepared: Extract<PreparedAction, { kind: 'resubmit' | 'goto-table' }>,
  mode: Mode,
): TableVisit {
  if (prepared.kind === 'goto-table') {
    const { table } = prepared.action;
    return { table, inPort: part.inPort, ct: false, mode, clone: false };
  }
  const { action } = prepared;
  const port = action.port === null || action.port === 0xfff8 ? part.inPort : action.port;
  const table = action.table === null || action.table === SAME_TABLE ? part.table : action.table;
  return { table, inPort: port, ct: action.ct, mode, clone: false };
}

/** A TTL that would become 0 goes to the controllers instead and ends the list (dec_ttl). */
function decrementTtl<P>(
  x: Translation<P>,
  part: Part<P>,
  controllers: readonly number[],
): Part<P>[] {
  const { hit: ip, miss: other } = x.t.split(part.p, IS_IP);
  const results: Part<P>[] = [];
  if (other !== null) results.push(other === part.p ? part : forkPart(part, other));
  if (ip === null) return results;
  const { hit: expired, miss: alive } = x.t.split(ip, TTL_EXPIRES);
  const whole = other === null && (expired === null || alive === null);
  if (alive !== null) {
    const q = whole ? part : forkPart(part, alive);
    q.p = x.t.add(alive, NW_TTL, -1);
    results.push(q);
  }
  if (expired !== null) {
    const q = whole ? part : forkPart(part, expired);
    q.p = expired;
    // Plain dec_ttl tells controller 0.
    const told = controllers.length === 0 ? [0] : controllers;
    const [sent] = told.reduce<Part<P>[]>(
      (parts) => parts.flatMap((one) => toController(x, one, 'invalid_ttl', 65_535)),
      [q],
    );
    if (sent !== undefined) results.push(expire(x, sent));
  }
  return results;
}

function expire<P>(x: Translation<P>, part: Part<P>): Part<P> {
  const { bridge, table, flow } = part;
  remark(x, part, 'the TTL cannot be decremented any more');
  part.why = () => ({
    reason: 'TTL_EXPIRED',
    where: `${bridge.name} table ${table}`,
    evidence: 'dec_ttl',
    origin: flow?.flow.origin ?? null,
  });
  part.stop = true;
  return part;
}

function decrementMplsTtl<P>(x: Translation<P>, part: Part<P>): Part<P>[] {
  const isMpls = PREREQUISITES.mpls;
  if (isMpls === null) return [part];
  const { hit: labelled, miss } = x.t.split(part.p, isMpls);
  const results: Part<P>[] = [];
  if (miss !== null)
    results.push(expire(x, labelled === null ? withP(part, miss) : forkPart(part, miss)));
  if (labelled === null) return results;
  const { hit: expired, miss: alive } = x.t.split(labelled, MPLS_TTL_EXPIRES);
  if (alive !== null) {
    const q = miss === null && expired === null ? part : forkPart(part, alive);
    q.p = x.t.add(alive, MPLS_TTL, -1);
    results.push(q);
  }
  if (expired !== null) {
    const q = miss === null && alive === null ? withP(part, expired) : forkPart(part, expired);
    results.push(...toController(x, q, 'invalid_ttl', 65_535).map((one) => expire(x, one)));
  }
  return results;
}

function withP<P>(part: Part<P>, p: P): Part<P> {
  part.p = p;
  return part;
}

/** Runs the pending action set, as at the end of every pipeline (xlate_action_set()). */
export function runActionSet<P>(x: Translation<P>, part: Part<P>): Part<P>[] {
  const list = actionListOfSet(part.actionSet);
  part.actionSet = [];
  if (list.length === 0) return [part];
  const bridge = part.bridge.name;
  tell(x, part, () => ({ kind: 'action-set', bridge }));
  part.inActionSet = true;
  const parts = runActions(x, part, list, LAST);
  for (const q of parts) q.inActionSet = false;
  return parts;
}
