/**
 * Layer 2 of the switch: executes datapath actions and sends packets through the pipeline again
 * when ct() or a recirculation asks for it (lib/odp-execute.c, lib/dpif-netdev.c). In front
 * stands `receive.ts`; behind it the devices that the packets leave by.
 */
import { field } from '../../../packet/fields.ts';
import { guard } from '../../../traffic/guard.ts';
import { range } from '../../../traffic/match.ts';
import { type Outcome } from '../../outcome.ts';
import { bitsOf } from '../pipeline/conditions.ts';
import { encapsulate } from '../pipeline/encapsulate.ts';
import { type DatapathAction, type Frozen, type TrackRequest } from '../pipeline/part.ts';
import { type PreparedPort } from '../pipeline/prepared.ts';
import { type Entry, resume, type Translated, translate } from '../pipeline/translate.ts';
import { withTagsRead, withTagsShown } from './tags.ts';
import { tunnelEntry } from './tunnel.ts';
import { type Datapath } from './types.ts';

/** How often one packet may go round (lib/dpif-netdev.c MAX_RECIRC_DEPTH; the kernel has no such limit). */
const MOST_RECIRCULATIONS = { userspace: 6, kernel: 64 } as const;
/** All packets of one reception together; a loop through tunnels ends here. */
const MOST_PASSES = 4096;

const NAT_FIELDS = ['ip_src', 'ip_dst', 'ipv6_src', 'ipv6_dst', 'tp_src', 'tp_dst'].map(bitsOf);
const TRACKED_FIELDS = [
  'ct_state',
  'ct_zone',
  'ct_mark',
  'ct_label',
  'ct_nw_proto',
  'ct_nw_src',
  'ct_nw_dst',
  'ct_ipv6_src',
  'ct_ipv6_dst',
  'ct_tp_src',
  'ct_tp_dst',
].map(bitsOf);
const DP_HASH = bitsOf('dp_hash');
const FRAME_LEN = field('frame_len');

/** One packet that waits for a pass through the pipeline. */
type Waiting<P> =
  | { readonly kind: 'enter'; readonly entry: Entry<P>; readonly depth: number }
  | { readonly kind: 'resume'; readonly frozen: Frozen<P>; readonly p: P; readonly depth: number };

/** What the datapath did to the packet and the pipeline does not know. */
interface View<P> {
  /** The packet before and after address translation, once per ct(nat). */
  readonly translations: readonly { readonly before: P; readonly after: P }[];
  /** The packet with the ct fields of the latest ct(). */
  readonly tracked: P | null;
}

const NOTHING_DONE: View<never> = { translations: [], tracked: null };

interface Work<P> {
  readonly dp: Datapath<P>;
  readonly queue: Waiting<P>[];
  readonly outcomes: Outcome<P>[];
}

/** Translates and executes until nothing is left to do. */
export function forward<P>(dp: Datapath<P>, entry: Entry<P>): Outcome<P>[] {
  const work: Work<P> = { dp, queue: [{ kind: 'enter', entry, depth: 0 }], outcomes: [] };
  let passes = 0;
  for (let next = work.queue.shift(); next !== undefined; next = work.queue.shift()) {
    if (passes++ >= MOST_PASSES) {
      const p = next.kind === 'enter' ? next.entry.p : next.p;
      lost(work, p, next.kind === 'enter' ? next.entry.bridge.name : next.frozen.bridge.name);
      continue;
    }
    for (const one of translatedParts(dp, next)) executePart(work, one, next.depth);
  }
  return work.outcomes;
}

function translatedParts<P>(dp: Datapath<P>, next: Waiting<P>): readonly Translated<P>[] {
  const { traffic } = dp.run;
  const { vlanLimit } = dp.sw.source;
  const p = next.kind === 'enter' ? next.entry.p : next.p;
  return withTagsRead(traffic, p, vlanLimit).flatMap(
    (q) =>
      (next.kind === 'enter' ? translate(dp, { ...next.entry, p: q }) : resume(dp, next.frozen, q))
        .translated,
  );
}

function executePart<P>(work: Work<P>, translated: Translated<P>, depth: number): void {
  const view: View<P> = NOTHING_DONE;
  executeFrom(work, translated.actions, 0, view, translated.p, depth);
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
  action: Exclude<DatapathAction<P>, { kind: 'ct' }>,
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
      // Simplification: a packet that ct(nat) translated earlier in the same pass and that the
      // switch encapsulates without another pass keeps its old addresses inside of the tunnel.
      executeFrom(work, action.actions, 0, NOTHING_DONE, scope, depth);
      return;
    case 'meter':
      // Simplification: meters limit rates; a single packet always passes them.
      return;
    case 'ct-clear':
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
        enqueue(work, frozen, hashed(work, traffic.fork(seen), hashes), depth);
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

/** Outputs and other ends. */
function leave<P>(
  work: Work<P>,
  action: Extract<
    DatapathAction<P>,
    { kind: 'output' | 'tunnel' | 'tunnel-pop' | 'controller' | 'ended' }
  >,
  p: P,
  depth: number,
): void {
  switch (action.kind) {
    case 'output':
      // Simplification: truncation (max_len) changes the length on the wire, not the way.
      transmit(work, action.port, p);
      return;
    case 'controller':
      work.outcomes.push({
        kind: 'delivered',
        to: `OpenFlow controller of ${action.bridge} (${action.reason})`,
        p,
      });
      return;
    case 'ended':
      work.outcomes.push({ kind: 'dropped', drop: action.drop, p });
      return;
    case 'tunnel': {
      const { tunnel } = action.port.source;
      if (tunnel === null) return;
      const version =
        tunnel.remote !== null && tunnel.remote !== 'flow' ? tunnel.remote.version : 4;
      const outer = encapsulate(work.dp.run.traffic, p, tunnel, version);
      work.outcomes.push({ kind: 'sent', port: kernelTunnelDevice(action.port), p: outer });
      return;
    }
    case 'tunnel-pop': {
      const found = tunnelEntry(work.dp, p);
      work.outcomes.push(...found.outcomes);
      for (const entry of found.entries) {
        work.queue.push({ kind: 'enter', entry, depth: depth + 1 });
      }
    }
  }
}

/** The kernel device that stands for all tunnel ports of a kind: `tunnel:vxlan_sys_4789`. */
function kernelTunnelDevice({ source }: PreparedPort): string {
  const tunnel = source.tunnel;
  switch (tunnel?.kind) {
    case 'vxlan':
      return `tunnel:vxlan_sys_${tunnel.destinationPort}`;
    case 'geneve':
      return `tunnel:genev_sys_${tunnel.destinationPort}`;
    case 'gre':
      return 'tunnel:gre_sys';
    case 'ip6gre':
      return 'tunnel:ip6gre_sys';
    default:
      return `tunnel:${tunnel?.kind ?? source.name}_sys`;
  }
}

function transmit<P>(work: Work<P>, port: PreparedPort, p: P): void {
  if (port.source.adminUp && !port.source.config.includes('PORT_DOWN')) {
    work.outcomes.push({ kind: 'sent', port: port.name, p });
    return;
  }
  work.outcomes.push({
    kind: 'dropped',
    drop: {
      reason: 'OF_PORT_DOWN',
      where: `${port.bridge.name} ${port.name}`,
      evidence: 'the interface is down',
      origin: null,
    },
    p,
  });
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
  let parts = [p];
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
  return applied(work, p, view).flatMap((part) => withTagsShown(work.dp.run.traffic, part));
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
    let p = packet;
    if (view.tracked !== null) {
      for (const bits of TRACKED_FIELDS) p = traffic.copy(p, bits, view.tracked, bits);
    } else p = untracked(work, p, action.request);
    return tracker.track(run, p, wanted, action.request).map((tracked) => {
      if (action.resume !== null) enqueue(work, action.resume, traffic.fork(tracked), depth);
      const translations =
        action.request.ct.nat === null
          ? view.translations
          : [...view.translations, { before: wanted, after: tracked }];
      return { view: { translations, tracked }, p: tracked };
    });
  });
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
  if (depth + 1 > MOST_RECIRCULATIONS[work.dp.sw.source.datapath])
    lost(work, p, frozen.bridge.name);
  else work.queue.push({ kind: 'resume', frozen, p, depth: depth + 1 });
}

function lost<P>(work: Work<P>, p: P, where: string): void {
  work.outcomes.push({
    kind: 'dropped',
    drop: {
      reason: 'OF_LOOP_OR_RESUBMIT_LIMIT',
      where,
      evidence: 'the packet was recirculated too often',
      origin: null,
    },
    p,
  });
}
