/**
 * A packet is cut to a length (net/ipv4/ip_output.c ip_do_fragment(), net/ipv6/ip6_output.c
 * ip6_fragment()): what was put together from fragments leaves in the same ones where they fit,
 * anything else in pieces as long as possible.
 */
import { get16, put16, put32 } from '../../packet/wire/bytes.ts';
import { extensionLength, IPV6_LENGTH, isExtension } from '../../packet/wire/ipv6.ts';
import { type Traffic } from '../../traffic/traffic.ts';
import { sealHeader } from './fragment.ts';

/** Bytes of the IPv4 header, or of the part of an IPv6 packet that every fragment repeats. */
function headerLength(bytes: Uint8Array, version: 4 | 6): number {
  if (version === 4) return ((bytes[0] ?? 0) & 15) * 4;
  let next = bytes[6] ?? 0;
  let at = IPV6_LENGTH;
  let end = at;
  // Hop-by-hop and routing headers come before the fragment header (RFC 8200 §4.5).
  while (isExtension(next) && at + 8 <= bytes.length) {
    const length = extensionLength(bytes, at, next);
    const before = next;
    next = bytes[at] ?? 0;
    at += length;
    if (before === HOP_BY_HOP || before === ROUTING) end = at;
  }
  return end;
}

/** RFC 8200 §5: no link takes less, so nothing is cut smaller. */
const IPV6_MINIMUM_MTU = 1280;
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const FRAGMENT_HEADER = 8;
const MORE = 0x2000;

/** The length of the longest fragment the packet came in, IP header included; 0 when it came whole. */
export function longestPiece<P>(traffic: Traffic<P>, version: 4 | 6, p: P): number {
  const pieces = traffic.pieces(p);
  if (pieces.length === 0) return 0;
  const { bytes } = traffic.content(p) ?? { bytes: new Uint8Array(20) };
  return Math.max(...pieces) + headerLength(bytes, version);
}

/**
 * The fragments of a packet that leaves by a link of `mtu` bytes, consuming it. One that came
 * in fragments is cut even if it would fit. Sets of packets travel as they are.
 */
export function cut<P>(traffic: Traffic<P>, version: 4 | 6, mtu: number, p: P): readonly P[] {
  const content = traffic.content(p);
  if (content === null) return [p];
  const { bytes } = content;
  const header = headerLength(bytes, version);
  const overhead = header + (version === 6 ? FRAGMENT_HEADER : 0);
  const pieces = traffic.pieces(p);
  const least = version === 6 ? IPV6_MINIMUM_MTU : 0;
  const longest = pieces.length === 0 ? mtu : Math.max(...pieces, least - overhead) + overhead;
  const room = Math.min(mtu, longest) - overhead;
  if (room < 8) return [p];
  const total = version === 4 ? get16(bytes, 2) : IPV6_LENGTH + get16(bytes, 4);
  const data = bytes.subarray(header, total);
  const cuts = traffic.cuts(p);
  const sizes = fits(cuts, room, data.length) ? cuts : evenly(data.length, room);
  let at = 0;
  return sizes.map((size, i) => {
    const part = data.subarray(at, at + size);
    const isLast = i === sizes.length - 1;
    const made =
      version === 4
        ? piece4(bytes.subarray(0, header), part, at, isLast)
        : piece6(bytes, header, part, at, isLast);
    at += size;
    return traffic.withContent(isLast ? p : traffic.fork(p), made);
  });
}

/**
 * A copy of a packet that came in fragments: the kernel cuts what shares its data with another
 * copy evenly, not where it was cut before (ip_do_fragment(), its slow path). Consumes `p`.
 */
export function cutEvenly<P>(traffic: Traffic<P>, p: P): P {
  const pieces = traffic.pieces(p);
  const content = traffic.cuts(p).length === 0 ? null : traffic.content(p);
  if (content === null) return p;
  if (pieces.length === 0) return traffic.withContent(p, content.bytes);
  const length = pieces.reduce((sum, size) => sum + size, 0);
  return traffic.withContent(p, content.bytes, evenly(length, Math.max(...pieces)));
}

function fits(pieces: readonly number[], room: number, length: number): boolean {
  const sum = pieces.reduce((total, size) => total + size, 0);
  return pieces.length > 0 && sum === length && pieces.every((size) => size <= room);
}

/** All but the last one carry whole units of eight bytes. */
function evenly(length: number, room: number): readonly number[] {
  const each = room & ~7;
  const sizes: number[] = [];
  for (let left = length; left > 0; left -= sizes.at(-1) ?? left) {
    sizes.push(left > room ? each : left);
  }
  return sizes;
}

function piece4(header: Uint8Array, data: Uint8Array, at: number, isLast: boolean): Uint8Array {
  const out = new Uint8Array(header.length + data.length);
  out.set(header);
  out.set(data, header.length);
  const flags = get16(header, 6);
  put16(out, 2, out.length);
  // A piece of a fragment that is not the last one has more behind it in any case.
  const more = isLast ? flags & MORE : MORE;
  put16(out, 6, more | ((flags & 0x1fff) + at / 8));
  if (at > 0) dropOptions(out, header.length);
  sealHeader(out, header.length);
  return out;
}

/** ip_options_fragment(): options that are not to be copied become "no operation" (RFC 791). */
function dropOptions(out: Uint8Array, header: number): void {
  for (let at = 20; at < header; ) {
    const kind = out[at] ?? 0;
    if (kind === 0) return;
    const length = kind === 1 ? 1 : Math.max(2, out[at + 1] ?? 2);
    if ((kind & 0x80) === 0) out.fill(1, at, Math.min(at + length, header));
    at += length;
  }
}

function piece6(
  bytes: Uint8Array,
  header: number,
  data: Uint8Array,
  at: number,
  isLast: boolean,
): Uint8Array {
  const out = new Uint8Array(header + FRAGMENT_HEADER + data.length);
  out.set(bytes.subarray(0, header));
  out.set(data, header + FRAGMENT_HEADER);
  put16(out, 4, out.length - IPV6_LENGTH);
  const next = nextHeaderAt(bytes, header);
  out[header] = bytes[next] ?? 0;
  out[next] = FRAGMENT;
  put16(out, header + 2, at | (isLast ? 0 : 1));
  // Simplification: the identification is random in the kernel (ipv6_select_ident()).
  put32(out, header + 4, 1);
  return out;
}

/** Where the number of what follows the repeated part stands. */
function nextHeaderAt(bytes: Uint8Array, header: number): number {
  let nextAt = 6;
  for (let at = IPV6_LENGTH; at < header; ) {
    const length = extensionLength(bytes, at, bytes[nextAt] ?? 0);
    nextAt = at;
    at += length;
  }
  return nextAt;
}
