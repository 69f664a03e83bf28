/**
 * Layer 2 of the switch: executes datapath actions and sends packets through the pipeline again
 * when ct() or a recirculation asks for it (lib/odp-execute.c, lib/dpif-netdev.c). In front
 * stands `receive.ts`; behind it the devices that the packets leave by.
 */
import { CONNTRACK_FIELDS, field } from '../../../packet/fields.ts';
import { guard } from '../../../traffic/guard.ts';
import { range } from '../../../traffic/match.ts';
import { wholeFields } from '../../../traffic/words.ts';
import { type Outcome } from '../../outcome.ts';
import { bitsOf, IS_LATER_FRAGMENT } from '../pipeline/conditions.ts';
import {
  type DatapathAction,
  type Frozen,
  splitting,
  type TrackRequest,
} from '../pipeline/part.ts';
import { type Entry, resume, type Translated, translate } from '../pipeline/translate.ts';
import { carrying } from './carried.ts';
import { leave } from './leave.ts';
import { withTagsRead, withTagsShown } from './tags.ts';
import { type Datapath, type Tracked } from './types.ts';
import { type Waiting, type Work } from './work.ts';

/** How often one packet may go round (lib/dpif-netdev.c MAX_RECIRC_DEPTH; the kernel has no such limit). */
const MOST_RECIRCULATIONS = { userspace: 6, kernel: 64 } as const;
/** All packets of one reception together; a loop through tunnels ends here. */
const MOST_PASSES = 4096;

const NAT_FIELDS = ['ip_src', 'ip_dst', 'ipv6_src', 'ipv6_dst', 'tp_src', 'tp_dst'].map(bitsOf);
/** Fields behind the link header that flows can change. */
const REWRITTEN = [
  ...NAT_FIELDS,
  ...['nw_tos', 'nw_ttl', 'ipv6_label', 'nd_target', 'nd_sll', 'nd_tll'].map(bitsOf),
];
const OF_PORTS = NAT_FIELDS.slice(-2);
const TRACKED_FIELDS = wholeFields(CONNTRACK_FIELDS);
const DP_HASH = bitsOf('dp_hash');
const FRAME_LEN = field('frame_len');

/** A packet before and after fragments were put together. */
interface Remade<P> {
  readonly before: P;
  readonly after: P;
}

/** What the datapath did to the packet and the pipeline does not know. */
interface View<P> {
  /** The packet before and after address translation, once per ct(nat). */
  readonly translations: readonly { readonly before: P; readonly after: P }[];
  /** The packet with the ct fields of the latest ct(). */
  readonly tracked: P | null;
  /** Put together from fragments, or a fragment of what was: has the bytes of the packet. */
  readonly remade: Remade<P> | null;
  /** Of a tunnel frame: what was done to the packet that it carries. */
  readonly inside: View<P> | null;
  /** Which pass this is; fragments of different passes are kept apart. */
  readonly pass: string;
}

const NOTHING_DONE: View<never> = {
  translations: [],
  tracked: null,
  remade: null,
  inside: null,
  pass: '',
};

/** Translates and executes until nothing is left to do. */
export function forward<P>(dp: Datapath<P>, entry: Entry<P>): Outcome<P>[] {
  const queue: Waiting<P>[] = [];
  let passes = 0;
  const pass = (next: Waiting<P>): void => {
    if (passes++ >= MOST_PASSES || next.depth > MOST_RECIRCULATIONS[dp.sw.source.datapath]) {
      lost(work, next);
      return;
    }
    // Patch ports hide from the pipeline what connection tracking left on the packet.
    const tracked = next.kind === 'resume' ? dp.run.traffic.fork(next.p) : null;
    const view: View<P> = { ...NOTHING_DONE, tracked, pass: passName(next) };
    for (const { actions, p } of translatedParts(dp, next)) {
      executeFrom(work, actions, 0, view, p, next.depth);
    }
  };
  const work: Work<P> = {
    dp,
    outcomes: [],
    again: dp.sw.source.datapath === 'userspace' ? pass : (next) => void queue.push(next),
  };
  pass({ kind: 'enter', entry, depth: 0 });
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) pass(next);
  return work.outcomes;
}

/** Stands for the number that the switch gives to a place where packets come back (recirc_id). */
function passName<P>(next: Waiting<P>): string {
  if (next.kind === 'enter') return '0';
  const { bridge, table, actions } = next.frozen;
  return `${bridge.name} ${table} ${actions.length}`;
}

function translatedParts<P>(dp: Datapath<P>, next: Waiting<P>): readonly Translated<P>[] {
  const { traffic } = dp.run;
  const { vlanLimit } = dp.sw.source;
  const p = next.kind === 'enter' ? next.entry.p : next.p;
  const read = withTagsRead(traffic, p, vlanLimit);
  const each = (q: P): readonly Translated<P>[] =>
    (next.kind === 'enter' ? translate(dp, { ...next.entry, p: q }) : resume(dp, next.frozen, q))
      .translated;
  return read.length === 1 ? each(read[0]!) : read.flatMap(each);
}

/** Executes actions from `i` on for that part of the traffic that `scope` is about. */
function executeFrom<P>(
  work: Work<P>,
  actions: readonly DatapathAction<P>[],
  from: number,
  start: View<P>,
  scope: P,
  depth: number,
): void {
  let view = start;
  for (let i = from; i < actions.length; i++) {
    const action = actions[i];
    if (action === undefined) continue;
    if (action.kind === 'ct-clear') {
      view = { ...view, tracked: null };
      continue;
    }
    if (action.kind !== 'ct') {
      execute(work, action, view, scope, depth);
      continue;
    }
    const p = work.dp.run.traffic.within(action.p, scope);
    if (p === null) continue;
    const tracked = trackOne(work, action, p, view, depth);
    const [only] = tracked;
    if (tracked.length === 1 && only !== undefined) view = only.view;
    else {
      for (const one of tracked) executeFrom(work, actions, i + 1, one.view, one.p, depth);
      return;
    }
  }
}

function execute<P>(
  work: Work<P>,
  action: Exclude<DatapathAction<P>, { kind: 'ct' | 'ct-clear' }>,
  view: View<P>,
  scope: P,
  depth: number,
): void {
  const { traffic } = work.dp.run;
  switch (action.kind) {
    case 'clone':
      executeFrom(work, action.actions, 0, view, scope, depth);
      return;
    case 'tunnel-push':
      executeFrom(work, action.actions, 0, { ...NOTHING_DONE, inside: view }, scope, depth);
      return;
    case 'meter':
      // Simplification: meters limit rates; a single packet always passes them.
      return;
    case 'check-length': {
      const p = traffic.within(action.p, scope);
      if (p !== null) executeByLength(work, action, p, view, depth);
      return;
    }
    case 'recirculate': {
      const p = traffic.within(action.resume.p, scope);
      if (p === null) return;
      for (const seen of shownParts(work, p, view)) {
        const { resume: frozen, hashes } = action;
        const known = withTracked(work, traffic.fork(seen), view);
        enqueue(work, frozen, hashed(work, known, hashes), depth);
      }
      return;
    }
    default: {
      const p = traffic.within(action.p, scope);
      if (p === null) return;
      for (const seen of shownParts(work, p, view)) leave(work, action, seen, depth);
    }
  }
}

/** The hash is any number but zero, which stands for "not hashed". */
function hashed<P>(work: Work<P>, p: P, hashes: boolean): P {
  return hashes ? work.dp.run.traffic.choose(p, DP_HASH, 1n, 0xffff_ffffn) : p;
}

function executeByLength<P>(
  work: Work<P>,
  action: Extract<DatapathAction<P>, { kind: 'check-length' }>,
  p: P,
  view: View<P>,
  depth: number,
): void {
  const above = guard(range(FRAME_LEN, BigInt(action.bytes) + 1n, 0xffff_ffffn));
  const { hit, miss } = work.dp.run.traffic.split(work.dp.run.traffic.fork(p), above);
  if (hit !== null) executeFrom(work, action.larger, 0, view, hit, depth);
  if (miss !== null) executeFrom(work, action.other, 0, view, miss, depth);
}

/**
 * The packet as the datapath has it. The pipeline only writes fields that its flows changed, so
 * an address that ct(nat) translated stays translated unless a flow wrote it since.
 *
 * Simplification: of an IP packet with protocol 0 the datapath never changes the IP header; here
 * it does (commit_set_nw_action() asks for a protocol).
 */
function applied<P>(work: Work<P>, p: P, view: View<P>): P[] {
  const { traffic } = work.dp.run;
  let parts = splitting(withBytesOf(work, p, view.remade), (part) =>
    appliedInside(work, part, view.inside),
  );
  for (const { before, after } of view.translations) {
    for (const bits of NAT_FIELDS) {
      parts = parts.flatMap((part) => {
        const { hit, miss } = traffic.same(part, before, [[bits, bits]]);
        const results: P[] = miss === null ? [] : [miss];
        if (hit !== null) results.push(traffic.copy(hit, bits, after, bits));
        return results;
      });
    }
  }
  return parts;
}

/** The packet as it leaves or comes back: to everybody but this pass its tags are what they are. */
function shownParts<P>(work: Work<P>, p: P, view: View<P>): P[] {
  return splitting(applied(work, p, view), (part) => withTagsShown(work.dp.run.traffic, part));
}

function appliedInside<P>(work: Work<P>, p: P, view: View<P> | null): P[] {
  const { traffic } = work.dp.run;
  if (view === null) return [p];
  if (view.translations.length === 0 && view.remade === null && view.inside === null) return [p];
  const carried = traffic.decapsulate(traffic.fork(p));
  if (carried === null) return [p];
  return applied(work, traffic.fork(carried), view).map((inner) =>
    carrying(traffic, p, carried, inner),
  );
}

/** A packet with the bytes that connection tracking made of it, and what flows changed since. */
function withBytesOf<P>(work: Work<P>, p: P, remade: Remade<P> | null): P[] {
  const { traffic } = work.dp.run;
  const content = remade === null ? null : traffic.content(remade.after);
  if (remade === null || content === null) return [p];
  const made = traffic.withContent(traffic.fork(p), content.bytes, traffic.pieces(remade.after));
  let parts = [made];
  for (const bits of REWRITTEN) {
    const { miss } = traffic.same(traffic.fork(p), remade.before, [[bits, bits]]);
    if (miss === null) continue;
    parts = parts.flatMap((part) => {
      if (!OF_PORTS.includes(bits)) return [traffic.copy(part, bits, p, bits)];
      const { hit: later, miss: first } = traffic.split(part, IS_LATER_FRAGMENT);
      const results: P[] = later === null ? [] : [later];
      if (first !== null) results.push(traffic.copy(first, bits, p, bits));
      return results;
    });
  }
  return parts;
}

function trackOne<P>(
  work: Work<P>,
  action: Extract<DatapathAction<P>, { kind: 'ct' }>,
  wanted: P,
  view: View<P>,
  depth: number,
): { readonly view: View<P>; readonly p: P }[] {
  const { run, tracker } = work.dp;
  const { traffic } = run;
  return applied(work, traffic.fork(wanted), view).flatMap((packet) => {
    const p =
      view.tracked === null
        ? untracked(work, packet, action.request)
        : withTracked(work, packet, view);
    return tracker.track(run, p, wanted, action.request, view.pass).flatMap((result) => {
      if (result.kind !== 'tracked') {
        waitsOrEnds(work, result);
        return [];
      }
      const { p: tracked, remade } = result;
      if (action.resume !== null) enqueue(work, action.resume, traffic.fork(tracked), depth);
      if (remade) {
        const made = { before: wanted, after: tracked };
        return { view: { ...view, translations: [], tracked, remade: made }, p: tracked };
      }
      const translations =
        action.request.ct.nat === null
          ? view.translations
          : [...view.translations, { before: wanted, after: tracked }];
      return { view: { ...view, translations, tracked }, p: tracked };
    });
  });
}

/** The packet with what connection tracking left on it. */
function withTracked<P>(work: Work<P>, packet: P, { tracked }: View<P>): P {
  if (tracked === null) return packet;
  return work.dp.run.traffic.copyAll(packet, tracked, TRACKED_FIELDS);
}

function waitsOrEnds<P>(work: Work<P>, result: Exclude<Tracked<P>, { kind: 'tracked' }>): void {
  const { p } = result;
  if (result.kind === 'kept') {
    work.outcomes.push({ kind: 'delivered', to: 'reassembly', p });
    return;
  }
  if (result.kind === 'crowded') {
    work.outcomes.push({ kind: 'dropped', drop: result.drop, p });
    return;
  }
  const drop = {
    reason: 'FRAGMENTS_BROKEN',
    where: 'reassembly',
    evidence: result.why,
    origin: null,
  } as const;
  work.outcomes.push({ kind: 'dropped', drop, p });
}

/** What exec() wants written is not yet the packet's own mark. */
function untracked<P>(work: Work<P>, packet: P, request: TrackRequest): P {
  if (request.markMask === 0 && request.labelMask === 0n) return packet;
  const { traffic } = work.dp.run;
  const blank = traffic.blank(traffic.fork(packet));
  let p: P = packet;
  for (const bits of MARKS) p = traffic.copy(p, bits, blank, bits);
  return p;
}

const MARKS = [bitsOf('ct_mark'), bitsOf('ct_label')] as const;

function enqueue<P>(work: Work<P>, frozen: Frozen<P>, p: P, depth: number): void {
  work.again({ kind: 'resume', frozen, p, depth: depth + 1 });
}

function lost<P>(work: Work<P>, next: Waiting<P>): void {
  const isEntry = next.kind === 'enter';
  work.outcomes.push({
    kind: 'dropped',
    drop: {
      reason: 'OF_LOOP_OR_RESUBMIT_LIMIT',
      where: isEntry ? next.entry.bridge.name : next.frozen.bridge.name,
      evidence: 'the packet was recirculated too often',
      origin: null,
    },
    p: isEntry ? next.entry.p : next.p,
  });
}
