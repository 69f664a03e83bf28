/**
 * SCTP as Linux tracks it (net/netfilter/nf_conntrack_proto_sctp.c): a table of states by chunk,
 * and verification tags (RFC 9260 §8.5). Pure: one packet in, a verdict and the next state out.
 */
import { get16, get32 } from '../../packet/wire/bytes.ts';

/** In the order of `enum sctp_conntrack`: the table's columns. */
const SCTP_STATES = [
  'NONE',
  'CLOSED',
  'COOKIE_WAIT',
  'COOKIE_ECHOED',
  'ESTABLISHED',
  'SHUTDOWN_SENT',
  'SHUTDOWN_RECD',
  'SHUTDOWN_ACK_SENT',
  'HEARTBEAT_SENT',
] as const;

export type SctpStateName = (typeof SCTP_STATES)[number];

/** What the machine remembers; pairs are original direction, reply direction. */
export interface KernelSctp {
  readonly state: SctpStateName;
  /** The tags that packets of each direction must carry. */
  readonly tags: readonly [number, number];
  /** An INIT was seen in this direction and not yet completed. */
  readonly inits: readonly [boolean, boolean];
  /** The direction in which a heartbeat came with an unknown tag; null when none did. */
  readonly heartbeat: 0 | 1 | null;
}

export interface SctpVerdict {
  readonly valid: boolean;
  /** Null when a first packet opens nothing. */
  readonly sctp: KernelSctp | null;
  /** Whether the timeout starts anew; a repeated INIT does not keep an entry alive. */
  readonly refreshed: boolean;
  /** Turned established by this packet. */
  readonly assured: boolean;
}

const CHUNK = {
  data: 0,
  init: 1,
  initAck: 2,
  heartbeat: 4,
  heartbeatAck: 5,
  abort: 6,
  shutdown: 7,
  shutdownAck: 8,
  error: 9,
  cookieEcho: 10,
  cookieAck: 11,
  shutdownComplete: 14,
} as const;

/** Rows of the table in the order of the kernel's `sctp_conntracks`. */
const ROWS: readonly number[] = [
  CHUNK.init,
  CHUNK.initAck,
  CHUNK.abort,
  CHUNK.shutdown,
  CHUNK.shutdownAck,
  CHUNK.error,
  CHUNK.cookieEcho,
  CHUNK.cookieAck,
  CHUNK.shutdownComplete,
  CHUNK.heartbeat,
  CHUNK.heartbeatAck,
];

/** States by their two letters; `IV` refuses the packet. */
const LETTERS: Readonly<Record<string, SctpStateName>> = {
  NO: 'NONE',
  CL: 'CLOSED',
  CW: 'COOKIE_WAIT',
  CE: 'COOKIE_ECHOED',
  ES: 'ESTABLISHED',
  SS: 'SHUTDOWN_SENT',
  SR: 'SHUTDOWN_RECD',
  SA: 'SHUTDOWN_ACK_SENT',
  HS: 'HEARTBEAT_SENT',
};

/** One row for each of ROWS, one word for each of SCTP_STATES. */
const TABLE = {
  original: [
    'CL CL CW CE ES CL CL SA CW',
    'CL CL CW CE ES SS SR SA CL',
    'CL CL CL CL CL CL CL CL CL',
    'CL CL CW CE SS SS SR SA CL',
    'SA CL CW CE ES SA SA SA SA',
    'CL CL CW CE ES SS SR SA CL',
    'CL CL CE CE ES SS SR SA CL',
    'CL CL CW ES ES SS SR SA CL',
    'CL CL CW CE ES SS SR CL CL',
    'HS CL CW CE ES SS SR SA HS',
    'CL CL CW CE ES SS SR SA HS',
  ],
  reply: [
    'IV CL CW CE ES SS SR SA IV',
    'IV CW CW CE ES SS SR SA IV',
    'IV CL CL CL CL CL CL CL IV',
    'IV CL CW CE SR SS SR SA IV',
    'IV CL CW CE ES SA SA SA IV',
    'IV CL CW CL ES SS SR SA IV',
    'IV CL CE CE ES SS SR SA IV',
    'IV CL CW ES ES SS SR SA IV',
    'IV CL CW CE ES SS SR CL IV',
    'IV CL CW CE ES SS SR SA HS',
    'IV CL CW CE ES SS SR SA ES',
  ],
} as const;

/** sctp_new_state(): data and the like leave the state as it is; null refuses. */
function next(direction: 0 | 1, state: SctpStateName, chunk: number): SctpStateName | null {
  const row = ROWS.indexOf(chunk);
  if (row < 0) return state;
  const words = TABLE[direction === 0 ? 'original' : 'reply'][row]?.split(' ') ?? [];
  return LETTERS[words[SCTP_STATES.indexOf(state)] ?? 'IV'] ?? null;
}

interface Chunk {
  readonly type: number;
  readonly flags: number;
  /** The initiate tag of INIT and INIT ACK; null when it is cut off. */
  readonly tag: number | null;
}

/** The chunks of a packet; null where they break the rules of bundling (do_basic_checks()). */
function chunksOf(bytes: Uint8Array, from: number, end: number): readonly Chunk[] | null {
  const chunks: Chunk[] = [];
  let alone = false;
  for (let at = from; at + 4 <= end; ) {
    const type = bytes[at] ?? 0;
    const length = get16(bytes, at + 2);
    alone ||= ALONE.has(type);
    const first = type === CHUNK.cookieAck || type === CHUNK.cookieEcho;
    if (((first || alone) && chunks.length > 0) || length === 0) return null;
    const tag = at + 8 <= end ? get32(bytes, at + 4) : null;
    chunks.push({ type, flags: bytes[at + 1] ?? 0, tag });
    at += (length + 3) & ~3;
  }
  return chunks.length === 0 ? null : chunks;
}

/** RFC 9260 §6.10: these are not bundled with any other chunk. */
const ALONE: ReadonlySet<number> = new Set([CHUNK.init, CHUNK.initAck, CHUNK.shutdownComplete]);
/** Chunks with their own rule about the tag. */
const OWN_RULE: ReadonlySet<number> = new Set([
  CHUNK.init,
  CHUNK.shutdownComplete,
  CHUNK.cookieEcho,
  CHUNK.abort,
  CHUNK.shutdownAck,
  CHUNK.heartbeat,
  CHUNK.heartbeatAck,
]);
/** RFC 9260 §8.4: out of the blue these open nothing. */
const OPENS_NOTHING: ReadonlySet<number> = new Set([
  CHUNK.abort,
  CHUNK.shutdownComplete,
  CHUNK.cookieAck,
]);
const FLAG_T = 1;

/**
 * One packet. `known` is null for a packet of no connection.
 *
 * @param from index of the SCTP common header in `bytes`
 * @param end behind the last byte of the packet
 */
export function trackSctp(
  known: KernelSctp | null,
  reply: boolean,
  bytes: Uint8Array,
  from: number,
  end: number,
): SctpVerdict {
  const refused: SctpVerdict = { valid: false, sctp: known, refreshed: false, assured: false };
  if (from + 12 > end) return refused;
  const tag = get32(bytes, from + 4);
  const chunks = chunksOf(bytes, from + 12, end);
  if (chunks === null) return refused;
  const before = known ?? opened(chunks, tag);
  if (before === null) return refused;
  const direction = reply ? 1 : 0;
  const bound = !chunks.some(({ type }) => OWN_RULE.has(type));
  if (bound && tag !== before.tags[direction]) return { ...refused, sctp: before };
  return walk(before, direction, chunks, tag, known !== null);
}

/** sctp_new(): what a first packet begins with. */
function opened(chunks: readonly Chunk[], tag: number): KernelSctp | null {
  if (chunks.some(({ type }) => OPENS_NOTHING.has(type))) return null;
  let tags: readonly [number, number] = [0, 0];
  for (const chunk of chunks) {
    const state = next(0, 'NONE', chunk.type);
    if (state === null || state === 'NONE') return null;
    if (chunk.type === CHUNK.init) {
      if (tag !== 0 || chunk.tag === null) return null;
      tags = [tags[0], chunk.tag];
    } else if (chunk.type === CHUNK.heartbeat) tags = [tag, tags[1]];
    else tags = [tags[0], tag];
  }
  return { state: 'NONE', tags, inits: [false, false], heartbeat: null };
}

/** The chunks in order; what was changed before a refused one stays changed. */
function walk(
  before: KernelSctp,
  direction: 0 | 1,
  chunks: readonly Chunk[],
  tag: number,
  confirmed: boolean,
): SctpVerdict {
  let now = before;
  let ignored = false;
  let assured = false;
  const hasData = chunks.some(({ type }) => type === CHUNK.data);
  for (const chunk of chunks) {
    const judged = judgeTag(now, direction, chunk, tag, hasData || ignored);
    if (judged === null) return { valid: false, sctp: now, refreshed: false, assured };
    now = judged.sctp;
    if (judged.skip) {
      ignored = true;
      continue;
    }
    const state = next(direction, now.state, chunk.type);
    const noted = state === null ? null : noteTag(now, direction, chunk);
    if (state === null || noted === null) {
      return { valid: false, sctp: now, refreshed: false, assured };
    }
    const repeated = chunk.type === CHUNK.init && state === 'CLOSED' && now.state === 'CLOSED';
    if (repeated && confirmed) ignored = true;
    if (state === 'ESTABLISHED' && now.state !== 'ESTABLISHED') assured = true;
    now = { ...noted, state };
  }
  return { valid: true, sctp: now, refreshed: !ignored, assured };
}

interface Judged {
  readonly sctp: KernelSctp;
  /** The chunk changes nothing more. */
  readonly skip: boolean;
}

/** The rules of RFC 9260 §8.5.1; null where the tag is wrong. */
function judgeTag(
  now: KernelSctp,
  direction: 0 | 1,
  { type, flags }: Chunk,
  tag: number,
  strict: boolean,
): Judged | null {
  const own = now.tags[direction];
  const peer = now.tags[direction === 0 ? 1 : 0];
  const good = { sctp: now, skip: false };
  switch (type) {
    case CHUNK.init:
      return tag === 0 ? good : null;
    case CHUNK.abort:
    case CHUNK.shutdownComplete:
      return tag === ((flags & FLAG_T) === 0 ? own : peer) ? good : null;
    case CHUNK.cookieEcho:
      return tag === own ? good : null;
    case CHUNK.cookieAck:
      return { sctp: { ...now, inits: [false, false] }, skip: false };
    case CHUNK.heartbeat:
      if (own === 0) return { sctp: { ...now, tags: withTag(now, direction, tag) }, skip: false };
      if (tag === own) return { sctp: { ...now, heartbeat: null }, skip: false };
      return strict ? null : { sctp: { ...now, heartbeat: direction }, skip: true };
    case CHUNK.heartbeatAck: {
      if (own === 0) return { sctp: { ...now, tags: withTag(now, direction, tag) }, skip: false };
      if (tag === own) return { sctp: { ...now, heartbeat: null }, skip: false };
      if (strict || now.heartbeat === null || now.heartbeat === direction) return null;
      const tags: readonly [number, number] = direction === 0 ? [tag, 0] : [0, tag];
      return { sctp: { ...now, heartbeat: null, tags }, skip: false };
    }
    default:
      return good;
  }
}

function withTag({ tags }: KernelSctp, direction: 0 | 1, tag: number): readonly [number, number] {
  return direction === 0 ? [tag, tags[1]] : [tags[0], tag];
}

function withInit({ inits }: KernelSctp, direction: 0 | 1): readonly [boolean, boolean] {
  // Both began: the newer one counts (RFC 9260 §5.2.4, collision).
  const other = inits[0] && inits[1] ? false : inits[direction === 0 ? 1 : 0];
  return direction === 0 ? [true, other] : [other, true];
}

/** INIT and INIT ACK say which tag the other side has to use from now on. */
function noteTag(now: KernelSctp, direction: 0 | 1, { type, tag }: Chunk): KernelSctp | null {
  if (type !== CHUNK.init && type !== CHUNK.initAck) return now;
  if (tag === null) return null;
  const other = direction === 0 ? 1 : 0;
  if (type === CHUNK.init) {
    return { ...now, inits: withInit(now, direction), tags: withTag(now, other, tag) };
  }
  const known = now.tags[other];
  if (!now.inits[other] && known !== 0 && known !== tag) return null;
  if (now.inits[direction] && now.inits[other] && known !== tag) return null;
  return { ...now, tags: withTag(now, other, tag) };
}
