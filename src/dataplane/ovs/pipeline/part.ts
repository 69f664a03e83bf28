/**
 * The state of a translation (struct xlate_ctx): what the pipeline carries beside the packet.
 * Traffic may split at every lookup, so a translation goes on with a list of parts; one packet is
 * always one part. Stacks and lists in a part are never changed in place, so copies are cheap.
 */
import { type FieldBits } from '../../../packet/fields.ts';
import { type Reason } from '../../../reasons/codes.ts';
import { type Traffic } from '../../../traffic/traffic.ts';
import { type Drop, type Run } from '../../outcome.ts';
import { type Ct } from '../types/flow.ts';
import { type PreparedAction } from './actions.ts';
import { type PreparedBridge, type PreparedPort, type PreparedSwitch } from './prepared.ts';
import { type PreparedFlow } from './prepared-flow.ts';
import { type SwitchState } from './state.ts';
import { type OvsStep } from './steps.ts';

/** A chain, newest first; parts that split share its older end. */
export interface Chain<T> {
  readonly previous: Chain<T> | null;
  readonly value: T;
}

/** Limits after which Open vSwitch drops everything (ofproto-dpif-xlate.c). */
export const LIMITS = { depth: 64, resubmits: 4096, stackBytes: 65_536, mplsLabels: 3 } as const;

export type TranslationError =
  | 'Recursion too deep'
  | 'Too many resubmits'
  | 'Stack too deep'
  | 'Too many MPLS labels'
  | 'Unsupported packet type'
  | 'Recirculation limit';

/** Bits pushed on the stack: where they were, in the packet as it was then. */
export interface Pushed<P> {
  readonly source: P;
  readonly from: FieldBits;
}

/** Actions that wait for the packet to come back, with the table they stood in. */
export interface Waiting {
  readonly actions: readonly PreparedAction[];
  readonly table: number;
}

/** Where a packet goes on after the datapath worked on it (struct frozen_state). */
export interface Frozen<P> {
  readonly bridge: PreparedBridge;
  readonly table: number;
  readonly actions: readonly Waiting[];
  readonly stack: readonly Pushed<P>[];
  readonly actionSet: readonly PreparedAction[];
  readonly mirrors: number;
  readonly conntracked: boolean;
  /** The pipeline's view of the packet: registers, metadata, tunnel and in_port come from here. */
  readonly p: P;
}

/** A resumption the translation asked for; with `request` it comes out of connection tracking. */
export interface Resumption<P> {
  readonly resume: Frozen<P>;
  readonly request: TrackRequest | null;
}

/** How a packet is to be tracked: the arguments of ct() with the zone looked up. */
export interface TrackRequest {
  readonly ct: Ct;
  readonly zone: number;
  /** Which bits of ct_mark and ct_label ct(exec()) wrote. */
  readonly markMask: number;
  readonly labelMask: bigint;
}

/** What the datapath has to do, each with the packet as the pipeline wants it at that moment. */
export type DatapathAction<P> =
  | {
      readonly kind: 'output';
      readonly port: PreparedPort;
      readonly p: P;
      readonly truncate: number | null;
    }
  /** To a tunnel port of the kernel datapath; tun_* fields say where. */
  | { readonly kind: 'tunnel'; readonly port: PreparedPort; readonly p: P }
  /** The userspace datapath encapsulates and the frame passes the bridge that has the address. */
  | {
      readonly kind: 'tunnel-push';
      readonly port: PreparedPort;
      readonly actions: readonly DatapathAction<P>[];
    }
  /** A tunnel frame for the host's own address is handed to the tunnel code. */
  | { readonly kind: 'tunnel-pop'; readonly port: PreparedPort; readonly p: P }
  | {
      readonly kind: 'ct';
      readonly request: TrackRequest;
      readonly p: P;
      readonly resume: Frozen<P> | null;
    }
  | { readonly kind: 'ct-clear'; readonly p: P }
  | {
      readonly kind: 'recirculate';
      readonly resume: Frozen<P>;
      readonly hashes: boolean;
    }
  | {
      readonly kind: 'controller';
      readonly reason: string;
      readonly maxLength: number;
      readonly bridge: string;
      readonly p: P;
    }
  /** `p` is the packet in front of it. */
  | { readonly kind: 'clone'; readonly p: P; readonly actions: readonly DatapathAction<P>[] }
  | {
      readonly kind: 'check-length';
      readonly bytes: number;
      readonly p: P;
      readonly larger: readonly DatapathAction<P>[];
      readonly other: readonly DatapathAction<P>[];
    }
  | {
      readonly kind: 'meter';
      readonly bridge: PreparedBridge;
      readonly meter: number;
      readonly p: P;
    }
  /** A branch that ended without sending anything, and why. */
  | { readonly kind: 'ended'; readonly drop: Drop; readonly p: P };

/** Actions that stand around those being translated: of a clone, of a branch. */
export interface Outside<P> {
  readonly effects: Chain<DatapathAction<P>> | null;
  /** The packet in front of the nested actions; null where its headers are not written there. */
  readonly p: P | null;
  /** Bytes between the actions in front and the nested ones. */
  readonly header: () => number;
  readonly outside: Outside<P> | null;
}

export interface Part<P> {
  p: P;
  bridge: PreparedBridge;
  /** OpenFlow number of the port the packet came in by, as the field in_port. */
  inPort: number;
  table: number;
  flow: PreparedFlow | null;
  /** The packet a learned flow was learned from, while that flow's actions run. */
  seen: P | null;
  effects: Chain<DatapathAction<P>> | null;
  outside: Outside<P> | null;
  /** The packet at the end of the clone that ran last, before all was as it had been. */
  cloned: P | null;
  /** The latest reason why nothing is sent; it counts when the branch ends without sending. */
  why: (() => Drop) | null;
  /** How many effects really send (or track, or resume): nothing sent means dropped. */
  sends: number;
  stack: readonly Pushed<P>[];
  stackBytes: number;
  actionSet: readonly PreparedAction[];
  inActionSet: boolean;
  depth: number;
  resubmits: number;
  mirrors: number;
  mirrorSnapLength: number;
  conntracked: boolean;
  wasMpls: boolean;
  exit: boolean;
  /** The rest of the present list of actions is skipped. */
  stop: boolean;
  freezing: boolean;
  waiting: readonly Waiting[];
  /** With `freezing`: the datapath hashes first (select groups). */
  hashes: boolean;
  error: TranslationError | null;
}

/** How a list of actions is run. */
export interface Mode {
  /** Nothing follows; then a clone need not be undone. */
  readonly last: boolean;
  readonly bucket: boolean;
}

export const LAST: Mode = { last: true, bucket: false };
export const NOT_LAST: Mode = { last: false, bucket: false };

/** One translation of one packet (or set), and what it may use. */
export interface Translation<P> {
  readonly run: Run<P>;
  readonly t: Traffic<P>;
  readonly sw: PreparedSwitch;
  readonly state: SwitchState<P>;
  readonly engine: Engine<P>;
  /** The packet as it entered, when tunnels may send it back to where it came from. */
  readonly entry: P | null;
  /** The packet as the datapath has it before any action. */
  readonly start: P;
  /** Whether packets are fragments, whose ports tables may not see. */
  readonly fragment: boolean;
  /** Every resumption in the order it was composed, also those that an error takes back. */
  readonly resumptions: Resumption<P>[];
}

/** The functions of the pipeline that call each other in circles. */
export interface Engine<P> {
  /** Runs a list of actions (do_xlate_actions()). */
  run(x: Translation<P>, part: Part<P>, actions: readonly PreparedAction[], mode: Mode): Part<P>[];
  /** Looks up a table and runs what it says (xlate_table_action()). */
  table(x: Translation<P>, part: Part<P>, want: TableVisit): Part<P>[];
  /** Executes the action set and freezes when needed, at the end of a pipeline. */
  finish(x: Translation<P>, part: Part<P>): Part<P>[];
  /** Sends to one port (compose_output_action()). */
  send(x: Translation<P>, part: Part<P>, ofport: number, how: SendMode): Part<P>[];
}

export interface TableVisit {
  readonly table: number;
  /** The input port tables see; other actions see the true one. */
  readonly inPort: number;
  /** resubmit(,T,ct): look up with the original tuple of the connection. */
  readonly ct: boolean;
  readonly mode: Mode;
  /** Entered from another bridge: then the actions run as a clone. */
  readonly clone: boolean;
}

export interface SendMode {
  readonly last: boolean;
  readonly truncate: number | null;
}

/** A second part with the same pipeline state and other traffic. */
export function forkPart<P>(part: Part<P>, p: P): Part<P> {
  return { ...part, p };
}

/** Records what the datapath has to do. */
export function emit<P>(part: Part<P>, effect: DatapathAction<P>): void {
  part.effects = { previous: part.effects, value: effect };
  switch (effect.kind) {
    case 'ended':
    case 'ct-clear':
    case 'meter':
      return;
    case 'ct':
      // What is only committed goes nowhere by that.
      if (effect.resume === null) return;
  }
  part.sends++;
}

/** The chain as a list, oldest first. */
export function listOf<T>(chain: Chain<T> | null): T[] {
  const list: T[] = [];
  for (let at = chain; at !== null; at = at.previous) list.push(at.value);
  return list.reverse();
}

/** As flatMap(), without its cost where traffic did not split. */
export function splitting<A, B>(all: readonly A[], each: (one: A) => B[]): B[] {
  const [first] = all;
  return first !== undefined && all.length === 1 ? each(first) : all.flatMap(each);
}

/** Writes a step into the packet's diary. */
export function tell<P>(x: Translation<P>, part: Part<P>, step: OvsStep | (() => OvsStep)): void {
  part.p = x.t.note(part.p, step);
  const { onStep } = x.state;
  if (onStep !== null) onStep(typeof step === 'function' ? step() : step);
}

export function remark<P>(x: Translation<P>, part: Part<P>, text: string): void {
  const bridge = part.bridge.name;
  tell(x, part, () => ({ kind: 'remark', bridge, text }));
}

/** Nothing is sent here, and this is why; the part goes on. */
export function refuse<P>(
  x: Translation<P>,
  part: Part<P>,
  reason: Reason,
  text: string,
): Part<P>[] {
  const { bridge, table, flow } = part;
  remark(x, part, text);
  part.why = () => ({
    reason,
    where: `${bridge.name} table ${table}`,
    evidence: text,
    origin: flow?.flow.origin ?? null,
  });
  return [part];
}

/** At the end of a branch: when nothing was sent since `before`, it is recorded as dropped. */
export function closeBranch<P>(
  x: Translation<P>,
  part: Part<P>,
  before: number,
  last: P = part.p,
): void {
  if (part.sends !== before) return;
  const drop = part.why?.() ?? {
    reason: 'OF_EXPLICIT_DROP',
    where: `${part.bridge.name} table ${part.table}`,
    evidence: 'no action sends the packet',
    origin: part.flow?.flow.origin ?? null,
  };
  emit(part, { kind: 'ended', drop, p: x.t.fork(last) });
}

/** The state of parts after a detour: the packet is again as it was before. */
export function restore<P>(
  x: Translation<P>,
  parts: Part<P>[],
  saved: P,
  inPort: number,
): Part<P>[] {
  for (const part of parts) part.inPort = inPort;
  const [only] = parts;
  if (only !== undefined && parts.length === 1) {
    only.p = saved;
    return parts;
  }
  const kept: Part<P>[] = [];
  for (const part of parts) {
    const p = x.t.within(x.t.fork(saved), part.p);
    if (p === null) continue;
    part.p = p;
    kept.push(part);
  }
  return kept;
}
