/**
 * Fragments are kept until the packet is whole (net/ipv4/ip_fragment.c ip_frag_queue(),
 * net/ipv4/inet_fragment.c, net/ipv6/netfilter/nf_conntrack_reasm.c). Connection tracking does
 * it in front of the raw table, local delivery in front of INPUT; each has queues of its own.
 */
import { allBits, field } from '../../packet/fields.ts';
import { type Traffic } from '../../traffic/traffic.ts';
import { type Run } from '../outcome.ts';
import { ecnOfWhole, type Fragment, fragmentOf, joined } from './fragment.ts';

/** Fragments that were received and still wait for others. */
export interface Reassembly<P> {
  readonly queues: Map<string, Queue<P>>;
  /** Fragments by source: a queue that many later ones overtake is begun anew. */
  readonly sources: Map<string, number>;
}

interface Queue<P> {
  /** Without overlap, in ascending order. */
  runs: Sequence<P>[];
  /** The end of the data as far as it is known. */
  length: number;
  hasFirst: boolean;
  hasLast: boolean;
  received: number;
  ecn: number;
  largest: number;
  largestKept: number;
  /** The source's count when the last piece came. */
  count: number;
  readonly expires_us: number;
}

/** Pieces that follow each other without gap, in the order of their arrival. */
interface Sequence<P> {
  from: number;
  to: number;
  readonly pieces: Kept<P>[];
}

interface Kept<P> {
  readonly fragment: Fragment;
  readonly p: P;
}

export type Defragmented<P> =
  /** Was never cut, or is whole now. */
  | { readonly kind: 'whole'; readonly p: P }
  /** Waits for other pieces. */
  | { readonly kind: 'kept'; readonly p: P }
  /** The pieces contradict each other, and nothing becomes of them. */
  | { readonly kind: 'refused'; readonly p: P; readonly why: string };

/** Nothing received yet. */
export function startReassembly<P>(): Reassembly<P> {
  return { queues: new Map(), sources: new Map() };
}

/** net.ipv4.ipfrag_time and net.ipv6.ip6frag_time; nf_conntrack_frag6_timeout is 60 s. */
const WAIT_US = { 4: 30_000_000, 6: 60_000_000 } as const;
/** net.ipv4.ipfrag_max_dist. */
const MOST_BETWEEN = 64;
const LONGEST = 65_535;

/**
 * Takes one packet; consumes it. `user` keeps queues apart that must not mix: who reassembles.
 * Sets of packets are not put together: they pass as they are, and the answer says so.
 */
export function reassemble<P>(
  run: Run<P>,
  { queues, sources }: Reassembly<P>,
  user: string,
  version: 4 | 6,
  p: P,
): Defragmented<P> {
  const { traffic } = run;
  const content = traffic.content(p);
  if (content === null) {
    run.assume('UNSUPPORTED_ACTION', 'fragments of a set of packets are not put together');
    return { kind: 'whole', p };
  }
  const fragment = fragmentOf(content.bytes, version);
  if (fragment === null) return { kind: 'whole', p };
  const key = `${version} ${user} ${fragment.key}`;
  const count = (sources.get(fragment.source) ?? 0) + 1;
  sources.set(fragment.source, count);
  let queue = queues.get(key);
  const isOver = queue !== undefined && queue.expires_us <= run.now_us;
  const isLost = queue !== undefined && count - queue.count > MOST_BETWEEN;
  if (queue === undefined || isOver || isLost) queue = emptyQueue(run.now_us + WAIT_US[version]);
  queue.count = count;
  queues.set(key, queue);
  const kept: Kept<P> = { fragment, p };
  const placed = insert(queue, trimmed(kept));
  if (placed === 'duplicate') return { kind: 'refused', p, why: 'a fragment came twice' };
  if (placed !== 'placed') {
    queues.delete(key);
    return { kind: 'refused', p, why: placed };
  }
  if (!queue.hasFirst || !queue.hasLast || queue.received !== queue.length) {
    return { kind: 'kept', p };
  }
  queues.delete(key);
  return whole(traffic, queue, p);
}

function emptyQueue<P>(expires_us: number): Queue<P> {
  return {
    runs: [],
    length: 0,
    hasFirst: false,
    hasLast: false,
    received: 0,
    ecn: 0,
    largest: 0,
    largestKept: 0,
    count: 0,
    expires_us,
  };
}

/** All but the last piece carry whole units of eight bytes; the rest is cut off. */
function trimmed<P>({ fragment, p }: Kept<P>): Kept<P> {
  const { data, more } = fragment;
  if (!more || data.length % 8 === 0) return { fragment, p };
  return { fragment: { ...fragment, data: data.subarray(0, data.length & ~7) }, p };
}

/** ip_frag_queue(): `placed`, `duplicate`, or why the whole queue is thrown away. */
function insert<P>(queue: Queue<P>, piece: Kept<P>): string {
  const { fragment } = piece;
  const { offset, more, data, header } = fragment;
  const end = offset + data.length;
  if (!more) {
    if (end < queue.length || (queue.hasLast && end !== queue.length)) return 'two last fragments';
    queue.hasLast = true;
    queue.length = end;
  } else if (end > queue.length) {
    if (queue.hasLast) return 'a fragment behind the last one';
    queue.length = end;
  }
  if (end === offset) return 'a fragment without data';
  const placed = place(queue, piece, end);
  if (placed !== 'placed') return placed;
  queue.received += data.length;
  queue.ecn |= fragment.ecn;
  if (offset === 0) queue.hasFirst = true;
  const size = data.length + header.length;
  queue.largest = Math.max(queue.largest, size);
  if (fragment.dontFragment) queue.largestKept = Math.max(queue.largestKept, size);
  return 'placed';
}

/** inet_frag_queue_insert(). */
function place<P>({ runs }: Queue<P>, piece: Kept<P>, end: number): string {
  const { offset } = piece.fragment;
  const last = runs.at(-1);
  if (last === undefined || last.to < end) {
    if (last !== undefined && offset < last.to) return 'fragments overlap (RFC 5722)';
    if (last !== undefined && offset === last.to) {
      last.pieces.push(piece);
      last.to = end;
    } else runs.push({ from: offset, to: end, pieces: [piece] });
    return 'placed';
  }
  for (const [i, run] of runs.entries()) {
    if (end <= run.from) {
      runs.splice(i, 0, { from: offset, to: end, pieces: [piece] });
      return 'placed';
    }
    if (offset >= run.to) continue;
    return offset >= run.from && end <= run.to ? 'duplicate' : 'fragments overlap (RFC 5722)';
  }
  return 'fragments overlap (RFC 5722)';
}

/** The whole arrives on the interface of the piece that came last. */
const INPUT = allBits(field('meta_iif'));

/** ip_frag_reasm(): the packet has the header and metadata of its first piece. */
function whole<P>(traffic: Traffic<P>, queue: Queue<P>, newest: P): Defragmented<P> {
  const pieces = queue.runs.flatMap((run) => run.pieces);
  const [first] = pieces;
  const ecn = ecnOfWhole(queue.ecn);
  if (first === undefined || ecn === null) {
    return { kind: 'refused', p: newest, why: 'fragments that differ in ECN (RFC 3168)' };
  }
  if (first.fragment.header.length + queue.length > LONGEST) {
    return { kind: 'refused', p: newest, why: 'longer than a packet can be' };
  }
  const keep = queue.largestKept > 0 && queue.largestKept === queue.largest;
  const fragments = pieces.map(({ fragment }) => fragment);
  const bytes = joined(fragments, ecn, keep);
  const sizes = fragments.map(({ data }) => data.length);
  const made = traffic.withContent(first.p, bytes, sizes);
  return { kind: 'whole', p: traffic.copy(made, INPUT, newest, INPUT) };
}
