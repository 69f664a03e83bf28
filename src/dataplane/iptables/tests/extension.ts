/**
 * Tests on the extension headers of IPv6 (RFC 8200 §4; net/ipv6/netfilter/ip6t_ipv6header.c,
 * ip6t_frag.c, ip6t_hbh.c, ip6t_rt.c, ip6t_ah.c, ip6t_mh.c) and on IPComp (xt_ipcomp.c). Each
 * answers -1 where bytes are not known.
 */
import { get16, get32 } from '../../../packet/wire/bytes.ts';
import { type Truth } from '../../../traffic/guard.ts';
import { readAddress } from '../text/address.ts';
import { type KnownMatch } from '../text/match-rows.ts';
import { type Given } from '../text/options.ts';
import { type PacketBytes } from './types.ts';

type Options<K extends KnownMatch['kind']> = Extract<KnownMatch, { kind: K }>['options'];

const HEADER = {
  hopByHop: 0,
  routing: 43,
  fragment: 44,
  esp: 50,
  authentication: 51,
  none: 59,
  destination: 60,
} as const;
const IPV6_LENGTH = 40;

/** One extension header; `length` in bytes. */
interface Extension {
  readonly kind: number;
  readonly at: number;
  readonly length: number;
}

interface Walk {
  readonly headers: readonly Extension[];
  /** The first header that is no extension: a transport's, ESP's, or "no next header". */
  readonly next: number;
  readonly isKnown: boolean;
  /** A header does not fit into the packet. */
  readonly isBroken: boolean;
}

const CHAINED: ReadonlySet<number> = new Set([
  HEADER.hopByHop,
  HEADER.routing,
  HEADER.fragment,
  HEADER.authentication,
  HEADER.destination,
]);

/** Steps over the headers as ipv6_find_hdr() does; nothing stands behind a later fragment's. */
function walk({ bytes, known, end }: PacketBytes): Walk {
  const headers: Extension[] = [];
  let next = bytes[6] ?? HEADER.none;
  let at = IPV6_LENGTH;
  while (CHAINED.has(next)) {
    if (at + 8 > end) return { headers, next, isKnown: true, isBroken: true };
    if (at + 8 > known) return { headers, next, isKnown: false, isBroken: false };
    const units = bytes[at + 1] ?? 0;
    const length =
      next === HEADER.fragment
        ? 8
        : next === HEADER.authentication
          ? (units + 2) * 4
          : (units + 1) * 8;
    headers.push({ kind: next, at, length });
    const isLater = next === HEADER.fragment && (get16(bytes, at + 2) & 0xfff8) !== 0;
    next = bytes[at] ?? HEADER.none;
    at += length;
    if (isLater) break;
  }
  return { headers, next, isKnown: true, isBroken: at > end };
}

const truth = (holds: boolean): Truth => (holds ? 1 : 0);

/** A number as it was asked for, turned around where `!` stands before it. */
function is(option: Given<number> | undefined, value: number): boolean {
  return option === undefined || (option.value === value) !== option.not;
}

function inside(
  option: Given<{ readonly from: number; readonly to: number }> | undefined,
  value: number,
): boolean {
  if (option === undefined) return true;
  const { from, to } = option.value;
  return (from <= value && value <= to) !== option.not;
}

/** Finds a header and judges it; without it nothing matches, a turned condition included. */
function about(
  packet: PacketBytes,
  kind: number,
  judge: (header: Extension, bytes: Uint8Array) => boolean,
): Truth {
  const { headers, isKnown } = walk(packet);
  const found = headers.find((one) => one.kind === kind);
  if (found === undefined) return isKnown ? 0 : -1;
  if (found.at + found.length > packet.end) return 0;
  if (found.at + found.length > packet.known) return -1;
  return truth(judge(found, packet.bytes));
}

/** `-m frag`; `--fraglen` is not asked by the kernel. */
export function hasFragmentHeader(packet: PacketBytes, options: Options<'frag'>): Truth {
  return about(packet, HEADER.fragment, ({ at }, bytes) => {
    const place = get16(bytes, at + 2);
    const more = (place & 1) === 1;
    return (
      inside(options.id, get32(bytes, at + 4)) &&
      !(options.reserved && ((bytes[at + 1] ?? 0) !== 0 || (place & 6) !== 0)) &&
      !(options.first && (place & 0xfff8) !== 0) &&
      !(options.more && !more) &&
      !(options.last && more)
    );
  });
}

/** `-m hbh` and `-m dst`: the length, and the first options in order. */
export function hasOptionsHeader(
  packet: PacketBytes,
  kind: 'hbh' | 'dst',
  options: Options<'hbh' | 'dst'>,
): Truth {
  const wanted = (options.opts?.value ?? '').split(',').filter((one) => one !== '');
  return about(
    packet,
    kind === 'hbh' ? HEADER.hopByHop : HEADER.destination,
    ({ at, length }, bytes) =>
      is(options.length, length) && startsWith(bytes, at + 2, at + length, wanted),
  );
}

/** Options by `type` or `type:length`; the padding of one byte has no length. */
function startsWith(
  bytes: Uint8Array,
  from: number,
  end: number,
  wanted: readonly string[],
): boolean {
  let at = from;
  for (const one of wanted) {
    const [type, length] = one.split(':').map(Number);
    if (at >= end || bytes[at] !== type) return false;
    if (type === 0) {
      at++;
      continue;
    }
    if (at + 1 >= end) return false;
    const size = bytes[at + 1] ?? 0;
    if (length !== undefined && length !== 255 && length !== size) return false;
    at += size + 2;
  }
  return true;
}

/** `-m rt`; addresses and the reserved field are those of type 0 (RFC 2460 §4.4). */
export function hasRoutingHeader(packet: PacketBytes, options: Options<'rt'>): Truth {
  const wanted = (options.addresses?.value ?? '')
    .split(',')
    .filter((one) => one !== '')
    .map((one) => readAddress(one, 6));
  return about(packet, HEADER.routing, ({ at, length }, bytes) => {
    const fits =
      inside(options.segmentsLeft, bytes[at + 3] ?? 0) &&
      is(options.length, length) &&
      is(options.type, bytes[at + 2] ?? 0) &&
      !(options.reserved && get32(bytes, at + 4) !== 0);
    if (!fits || wanted.length === 0) return fits;
    const count = Math.floor((length - 8) / 16);
    const listed = Array.from({ length: count }, (_, i) => addressAt(bytes, at + 8 + 16 * i));
    if (options.notStrict === undefined) {
      return listed.length === wanted.length && listed.every((one, i) => one === wanted[i]);
    }
    let found = 0;
    for (const one of listed) if (one === wanted[found]) found++;
    return found >= wanted.length;
  });
}

interface Sizes {
  readonly eq: Given<number> | undefined;
  readonly gt: Given<number> | undefined;
  readonly lt: Given<number> | undefined;
}

/** A number as `-eq`, `-gt` and `-lt` ask for it, each turned around by its own `!`. */
function sized({ eq, gt, lt }: Sizes, value: number): boolean {
  return (
    is(eq, value) &&
    (gt === undefined || value > gt.value !== gt.not) &&
    (lt === undefined || value < lt.value !== lt.not)
  );
}

const SEGMENT_ROUTING = 4;

/** `-m srh`: a routing header of type 4 (RFC 8754 §2; ip6t_srh.c srh1_mt6()). */
export function hasSegmentRouting(packet: PacketBytes, options: Options<'srh'>): Truth {
  return about(packet, HEADER.routing, ({ at, length }, bytes) => {
    const left = bytes[at + 3] ?? 0;
    const last = bytes[at + 4] ?? 0;
    if (bytes[at + 2] !== SEGMENT_ROUTING || left > last) return false;
    const { lengthEq, lengthGt, lengthLt, leftEq, leftGt, leftLt } = options;
    const { lastEq, lastGt, lastLt, previous, nextSegment, lastSegment } = options;
    const segment = (
      option: Given<{ readonly value: bigint; readonly length: number }> | undefined,
      index: number,
      exists = true,
    ): boolean => {
      if (option === undefined) return true;
      const place = at + 8 + 16 * index;
      if (!exists || place + 16 > at + length) return false;
      const rest = BigInt(128 - option.value.length);
      const same = addressAt(bytes, place) >> rest === option.value.value >> rest;
      return same !== option.not;
    };
    return (
      is(options.next, bytes[at] ?? 0) &&
      sized({ eq: lengthEq, gt: lengthGt, lt: lengthLt }, bytes[at + 1] ?? 0) &&
      sized({ eq: leftEq, gt: leftGt, lt: leftLt }, left) &&
      sized({ eq: lastEq, gt: lastGt, lt: lastLt }, last) &&
      // The tag of a rule is compared as the machine stores it, so its bytes are turned around.
      is(options.tag, (bytes[at + 7] ?? 0) * 256 + (bytes[at + 6] ?? 0)) &&
      segment(previous, left + 1, left !== last) &&
      segment(nextSegment, left - 1, left !== 0) &&
      segment(lastSegment, 0)
    );
  });
}

function addressAt(bytes: Uint8Array, at: number): bigint {
  let value = 0n;
  for (let i = 0; i < 16; i += 4) value = (value << 32n) | BigInt(get32(bytes, at + i));
  return value;
}

/** `-m ah` of IPv6: the header may stand anywhere among the others. */
export function hasAuthentication(packet: PacketBytes, options: Options<'ah'>): Truth {
  return about(packet, HEADER.authentication, ({ at, length }, bytes) => {
    const asked = options.length;
    return (
      inside(options.spi, get32(bytes, at + 4)) &&
      (asked === undefined || asked.value === 0 || is(asked, length)) &&
      !(options.reserved && get16(bytes, at + 2) !== 0)
    );
  });
}

const NAMED: Readonly<Record<string, number>> = {
  'hop-by-hop': HEADER.hopByHop,
  'ipv6-opts': HEADER.destination,
  'ipv6-route': HEADER.routing,
  'ipv6-frag': HEADER.fragment,
  ah: HEADER.authentication,
  esp: HEADER.esp,
  'ipv6-nonxt': HEADER.none,
  protocol: 255,
};

/** `-m ipv6header`: exactly these headers, or with `--soft` at least these. */
export function hasHeaders(packet: PacketBytes, { header, soft }: Options<'ipv6header'>): Truth {
  if (header === undefined) return 1;
  const { headers, next, isKnown, isBroken } = walk(packet);
  if (!isKnown) return -1;
  if (isBroken) return 0;
  const there = new Set(headers.map(({ kind }) => kind));
  if (next === HEADER.none || next === HEADER.esp) there.add(next);
  else there.add(255);
  const wanted = header.value.split(',').map((name) => NAMED[name] ?? -1);
  if (soft !== undefined) return truth(wanted.every((one) => there.has(one) !== header.not));
  const same = wanted.length === there.size && wanted.every((one) => there.has(one));
  return truth(same !== header.not);
}

/** `-m mh`: the type of a mobility header (RFC 6275 §6.1.1). */
export function hasMobilityType(packet: PacketBytes, { type }: Options<'mh'>): Truth {
  const { bytes, transport, known, end, later } = packet;
  if (later || transport + 6 > end || bytes[transport] !== HEADER.none) return 0;
  if (transport + 6 > known) return -1;
  if (type === undefined) return 1;
  const [from = 0, to = from] = type.value.split(':').map(Number);
  const value = bytes[transport + 2] ?? 0;
  return truth((from <= value && value <= to) !== type.not);
}

/** `-m ipcomp`: the compression parameter index (RFC 3173 §3.3). */
export function hasCompressionIndex(packet: PacketBytes, { spi }: Options<'ipcomp'>): Truth {
  const { bytes, transport, known, end, later } = packet;
  if (later || transport + 4 > end) return 0;
  if (transport + 4 > known) return -1;
  return truth(inside(spi, get16(bytes, transport + 2)));
}
