/**
 * Layer 1 of the switch: turns a packet into datapath actions by walking the OpenFlow tables
 * (ofproto-dpif-xlate.c xlate_actions()). In front stands the datapath, which received the packet
 * or sends it through once more; behind it `datapath/execute.ts` does what is asked.
 */

import { field } from '../../../packet/fields.ts';
import { wholeFields } from '../../../traffic/words.ts';
import { type Run } from '../../outcome.ts';
import { isTooLong } from './action-size.ts';
import { type PreparedAction } from './actions.ts';
import { cloneActions } from './clone.ts';
import { bitsOf, IS_FRAGMENT } from './conditions.ts';
import { enterFlow } from './enter-flow.ts';
import { runActionSet, runActions } from './execute.ts';
import { clearConntrack, finishFreezing, freeze } from './freeze.ts';
import { type Looked, lookup } from './lookup.ts';
import { PIPELINE_METADATA } from './metadata-fields.ts';
import { mirror } from './mirror.ts';
import {
  closeBranch,
  type DatapathAction,
  type Engine,
  type Frozen,
  LAST,
  LIMITS,
  listOf,
  type Part,
  type Resumption,
  remark,
  splitting,
  type TableVisit,
  type Translation,
  type TranslationError,
  tell,
} from './part.ts';
import { type PreparedBridge, type PreparedPort, type PreparedSwitch } from './prepared.ts';
import { hitOf } from './prepared-flow.ts';
import { sendTo } from './send.ts';
import { type SwitchState } from './state.ts';

/** What the translation of one part of the traffic came to. */
export interface Translated<P> {
  /** The packet as it was at the end of the pipeline; the datapath actions have their own. */
  readonly p: P;
  /** Empty when a limit was exceeded. */
  readonly actions: readonly DatapathAction<P>[];
  readonly error: TranslationError | null;
  readonly where: PreparedBridge;
}

/** Where a packet enters the pipeline. */
export interface Entry<P> {
  readonly bridge: PreparedBridge;
  /** OpenFlow number of the input port; the field in_port holds it as well. */
  readonly inPort: number;
  readonly p: P;
}

const IN_PORT = bitsOf('in_port');

const RESTORED = wholeFields([...PIPELINE_METADATA, 'in_port'].map(field));

function finish<P>(x: Translation<P>, part: Part<P>): Part<P>[] {
  if (!part.freezing && part.actionSet.length === 0) return [part];
  const parts = part.freezing ? [part] : runActionSet(x, part);
  for (const q of parts) if (q.freezing) finishFreezing(x, q);
  return parts;
}

/** The functions work on any traffic; which one, the translation says. */
const ENGINE = { run: runActions, table: visitTable, finish, send: sendTo };

function engineOf<P>(): Engine<P> {
  return ENGINE;
}

/** Looks up a table and runs the flow's actions (xlate_table_action()). */
function visitTable<P>(x: Translation<P>, part: Part<P>, visit: TableVisit): Part<P>[] {
  if (part.wasMpls) {
    freeze(part);
    return [part];
  }
  part.error = limitOf(part);
  if (part.error !== null) {
    const { error, bridge } = part;
    tell(x, part, () => ({ kind: 'translation-error', bridge: bridge.name, text: error }));
    return [part];
  }
  if (isTooLong(x, part)) {
    // No error: what was composed is executed.
    remark(x, part, 'resubmits yielded over 64 kB of actions');
    part.exit = true;
    return [part];
  }
  if (visit.ct && !part.conntracked) {
    remark(x, part, 'resubmit with ct on a packet that is not tracked; skipped');
    return [part];
  }
  const { table, flow, seen, depth } = part;
  const found = lookup(x, part, visit);
  const [first] = found;
  const done =
    first !== undefined && found.length === 1
      ? runFound(x, first, visit, table)
      : found.flatMap((one) => runFound(x, one, visit, table));
  for (const one of done) {
    one.table = table;
    one.flow = flow;
    one.seen = seen;
    one.depth = depth;
  }
  return done;
}

/** Runs what a lookup from table `before` found. */
function runFound<P>(
  x: Translation<P>,
  found: Looked<P>,
  visit: TableVisit,
  before: number,
): Part<P>[] {
  const { part } = found;
  enterFlow(x, part, found, visit.table);
  part.resubmits++;
  if (visit.table <= before) part.depth++;
  const actions = actionsOf(found);
  // The actions of a flow are no bucket's, also when a bucket asked for the table.
  const mode = visit.mode.bucket ? { ...visit.mode, bucket: false } : visit.mode;
  return visit.clone ? cloneActions(x, part, actions, mode) : runActions(x, part, actions, mode);
}

const NO_ACTIONS: readonly PreparedAction[] = [];

function actionsOf<P>({ flow }: Looked<P>): readonly PreparedAction[] {
  return flow === null ? NO_ACTIONS : hitOf(flow).actions;
}

function limitOf<P>(part: Part<P>): TranslationError | null {
  if (part.depth >= LIMITS.depth) return 'Recursion too deep';
  if (part.resubmits >= LIMITS.resubmits) return 'Too many resubmits';
  return part.stackBytes >= LIMITS.stackBytes ? 'Stack too deep' : null;
}

interface Context<P> {
  readonly run: Run<P>;
  readonly sw: PreparedSwitch;
  readonly state: SwitchState<P>;
}

function translation<P>({ run, sw, state }: Context<P>, p: P, fragment: boolean): Translation<P> {
  return {
    run,
    t: run.traffic,
    sw,
    state,
    engine: engineOf(),
    entry: sw.tunnels.length === 0 ? null : run.traffic.fork(p),
    start: run.traffic.fork(p),
    fragment,
    resumptions: [],
  };
}

function newPart<P>(entry: Entry<P>): Part<P> {
  return {
    p: entry.p,
    bridge: entry.bridge,
    inPort: entry.inPort,
    table: 0,
    flow: null,
    seen: null,
    effects: null,
    outside: null,
    cloned: null,
    why: null,
    sends: 0,
    stack: [],
    stackBytes: 0,
    actionSet: [],
    inActionSet: false,
    depth: 0,
    resubmits: 0,
    mirrors: 0,
    mirrorSnapLength: 0,
    conntracked: false,
    wasMpls: false,
    exit: false,
    stop: false,
    freezing: false,
    waiting: [],
    hashes: false,
    error: null,
  };
}

/** Results of a translation, and every resumption it composed, in order. */
export interface TranslationResult<P> {
  readonly translated: readonly Translated<P>[];
  readonly resumptions: readonly Resumption<P>[];
}

/** Parts that are fragments and parts that are not are translated separately. */
function byFragment<P>(
  context: Context<P>,
  p: P,
  go: (x: Translation<P>, p: P) => readonly Part<P>[],
): TranslationResult<P> {
  const { hit, miss } = context.run.traffic.split(p, IS_FRAGMENT);
  const fragments = hit === null ? null : translateAll(translation(context, hit, true), hit, go);
  const whole = miss === null ? null : translateAll(translation(context, miss, false), miss, go);
  if (fragments === null || whole === null) return fragments ?? whole ?? NOTHING;
  return {
    translated: [...fragments.translated, ...whole.translated],
    resumptions: [...fragments.resumptions, ...whole.resumptions],
  };
}

const NOTHING = { translated: [], resumptions: [] };

function translateAll<P>(
  x: Translation<P>,
  p: P,
  go: (x: Translation<P>, p: P) => readonly Part<P>[],
): TranslationResult<P> {
  const translated = go(x, p).map((done) => translatedOf(x, done));
  return { translated, resumptions: x.resumptions };
}

/** After a limit was exceeded nothing is sent, not even what was composed before it. */
function translatedOf<P>(x: Translation<P>, part: Part<P>): Translated<P> {
  const { error } = part;
  if (error === null) {
    closeBranch(x, part, 0);
    return { p: part.p, actions: listOf(part.effects), error, where: part.bridge };
  }
  const drop = {
    reason:
      error === 'Unsupported packet type' ? 'UNSUPPORTED_ACTION' : 'OF_LOOP_OR_RESUBMIT_LIMIT',
    where: part.bridge.name,
    evidence: error,
    origin: part.flow?.flow.origin ?? null,
  } as const;
  const ended: DatapathAction<P> = { kind: 'ended', drop, p: x.t.fork(part.p) };
  return { p: part.p, actions: [ended], error, where: part.bridge };
}

/**
 * Translates a packet that enters a bridge. `p` holds in_port and no registers.
 * @param tracked whether the packet already went through connection tracking (its ct_state has trk).
 */
export function translate<P>(
  context: Context<P>,
  entry: Entry<P>,
  tracked = false,
): TranslationResult<P> {
  return byFragment(context, entry.p, (x, p) => {
    const part = newPart({ ...entry, p });
    part.conntracked = tracked;
    const port = entry.bridge.ports.get(entry.inPort);
    const found = lookup(x, part, {
      table: 0,
      inPort: entry.inPort,
      ct: false,
      mode: LAST,
      clone: false,
    });
    return splitting(found, (one) => {
      enterFlow(x, one.part, one, 0);
      if (port !== undefined && port.bundle.mirrorOutput !== 0) {
        return refuseInput(x, one.part, port, 'the port is reserved for mirroring');
      }
      if (port?.noReceive === true) return refuseInput(x, one.part, port, 'NO_RECV is set');
      return splitting(mirrorReceived(x, one.part, port), (q) =>
        finished(x, runActions(x, q, actionsOf(one), LAST)),
      );
    });
  });
}

function finished<P>(x: Translation<P>, parts: readonly Part<P>[]): Part<P>[] {
  return splitting(parts, (q) => (q.error === null ? finish(x, q) : [q]));
}

function refuseInput<P>(
  x: Translation<P>,
  part: Part<P>,
  port: PreparedPort,
  why: string,
): Part<P>[] {
  remark(x, part, `${port.name}: ${why}`);
  part.why = () => ({
    reason: 'OF_PORT_DOWN',
    where: `${part.bridge.name} ${port.name}`,
    evidence: why,
    origin: null,
  });
  return [part];
}

function mirrorReceived<P>(
  x: Translation<P>,
  part: Part<P>,
  port: PreparedPort | undefined,
): Part<P>[] {
  const selected = port?.bundle.mirrorSource ?? 0;
  return port === undefined || selected === 0 ? [part] : mirror(x, part, port.bundle, selected);
}

/**
 * Goes on with a packet that the datapath sends through once more. Headers, ct fields, marks come
 * from `p`; registers, metadata, tunnel and in_port from the frozen state.
 */
export function resume<P>(context: Context<P>, frozen: Frozen<P>, p: P): TranslationResult<P> {
  return byFragment(context, p, (x, mine) => {
    const q = x.t.copyAll(mine, frozen.p, RESTORED);
    const inPorts = x.t.cases(q, IN_PORT, 65_536) ?? [];
    return splitting(inPorts, ({ value, p: one }) => resumeAt(x, frozen, one, value));
  });
}

function resumeAt<P>(x: Translation<P>, frozen: Frozen<P>, p: P, inPort: number): Part<P>[] {
  const part = newPart({ bridge: frozen.bridge, inPort, p });
  part.table = frozen.table;
  part.conntracked = frozen.conntracked;
  if (!frozen.conntracked) clearConntrack(x, part);
  part.stack = frozen.stack;
  part.actionSet = frozen.actionSet;
  part.mirrors = frozen.mirrors;
  const port = frozen.bridge.ports.get(inPort);
  const bridge = frozen.bridge.name;
  tell(x, part, () => ({ kind: 'bridge', bridge, port: port?.name ?? null, way: 'resumed' }));
  if (frozen.actions.length > 0) return finished(x, runWaiting(x, part, frozen));
  const found = lookup(x, part, {
    table: frozen.table,
    inPort,
    ct: false,
    mode: LAST,
    clone: false,
  });
  return splitting(found, (one) => {
    enterFlow(x, one.part, one, frozen.table);
    return splitting(mirrorReceived(x, one.part, port), (q) =>
      finished(x, runActions(x, q, actionsOf(one), LAST)),
    );
  });
}

/** The lists of actions that were left, innermost first. */
function runWaiting<P>(x: Translation<P>, start: Part<P>, frozen: Frozen<P>): Part<P>[] {
  let parts = [start];
  for (const [i, { actions, table }] of frozen.actions.entries()) {
    const mode = { last: i === frozen.actions.length - 1, bucket: false };
    parts = parts.flatMap((part) => {
      // What froze anew keeps the lists that were not reached.
      if (part.exit && !part.freezing) return [part];
      part.table = table;
      return runActions(x, part, actions, mode);
    });
  }
  return parts;
}
