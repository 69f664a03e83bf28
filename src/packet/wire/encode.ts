/**
 * A frame → bytes: the way back from frame.ts. Headers are written front to back, then lengths
 * and checksums are filled in from the innermost header outwards, as a sender's stack does it.
 */
import { get16, get32, put16, put32 } from './bytes.ts';
import { addBytes, crc32c, finish, pseudoIpv4, pseudoIpv6, updated } from './checksum.ts';
import { type Frame } from './frame.ts';
import { IP_PROTOCOL, type Ipv4 } from './ipv4.ts';
import { IPV6_LENGTH, type Ipv6 } from './ipv6.ts';
import { emitLayer, type Layer, layerLength } from './layer.ts';
import { onWire } from './sctp.ts';
import { GRE_FLAG } from './tunnel.ts';

/** `computed`: lengths and checksums are filled in; `given`: they stay as the headers say. */
export type Fill = 'computed' | 'given';

/** The bytes of a frame. */
export function encode(frame: Frame, fill: Fill = 'computed'): Uint8Array {
  const out = new Uint8Array(frameLength(frame));
  write(frame, out, 0, fill);
  return out;
}

/** Length of a frame in bytes. */
export function frameLength(frame: Frame): number {
  let length = contentLength(frame) + frame.trailer.length;
  for (const layer of frame.layers) length += layerLength(layer);
  return length;
}

function contentLength(frame: Frame): number {
  return frame.inner === null ? frame.payload.length : frameLength(frame.inner);
}

function write(frame: Frame, out: Uint8Array, start: number, fill: Fill): void {
  const end = writeContent(frame, out, start, fill);
  if (fill === 'given') return;
  for (const [layer, at, ip] of outwards(frame, start)) {
    setLength(layer, out, at, end);
    const slot = checksumSlot(layer, ip);
    if (slot === null || ip?.isFragment) continue;
    putSlot(out, at, slot, rightChecksum(layer, ip, out, at, end));
  }
}

/** Writes headers as given, content and trailer; tells where the content ends. */
function writeContent(frame: Frame, out: Uint8Array, start: number, fill: Fill): number {
  let at = start;
  for (const layer of frame.layers) {
    emitLayer(layer, out, at);
    at += layerLength(layer);
  }
  // A quoted packet is a cut copy: its lengths and checksums speak of the whole one.
  const innerFill = isQuote(frame) ? 'given' : fill;
  if (frame.inner === null) out.set(frame.payload, at);
  else write(frame.inner, out, at, innerFill);
  const end = at + contentLength(frame);
  out.set(frame.trailer, end);
  return end;
}

function isQuote(frame: Frame): boolean {
  const last = frame.layers.at(-1)?.kind;
  return last === 'icmp' || last === 'icmpv6';
}

type Placed = readonly [layer: Layer, at: number, ip: PlacedIp | null];

/** The IP header in front of a transport header, for its pseudo-header. */
interface PlacedIp {
  readonly header: Ipv4 | Ipv6;
  readonly protocol: number;
  /** A fragment's checksum covers bytes that are not here. */
  readonly isFragment: boolean;
}

/** The headers from the innermost one outwards, with their positions. */
function outwards(frame: Frame, start: number): readonly Placed[] {
  const placed: Placed[] = [];
  let ip: PlacedIp | null = null;
  let at = start;
  for (const layer of frame.layers) {
    placed.push([layer, at, ip]);
    ip = ipBehind(layer, ip);
    at += layerLength(layer);
  }
  return placed.reverse();
}

/** What the headers behind `layer` have to know about IP. */
function ipBehind(layer: Layer, ip: PlacedIp | null): PlacedIp | null {
  switch (layer.kind) {
    case 'ipv4': {
      const isFragment = layer.offset !== 0 || (layer.flags & 1) !== 0;
      return { header: layer, protocol: layer.protocol, isFragment };
    }
    case 'ipv6':
      return { header: layer, protocol: layer.nextHeader, isFragment: false };
    case 'ipv6-extension':
      return ip === null ? null : { ...ip, protocol: layer.bytes[0] ?? 0 };
    case 'ipv6-fragment': {
      const isFragment = layer.offset !== 0 || (layer.flags & 1) !== 0;
      return ip === null ? null : { ...ip, protocol: layer.next, isFragment };
    }
    default:
      return ip;
  }
}

function setLength(layer: Layer, out: Uint8Array, at: number, end: number): void {
  switch (layer.kind) {
    case 'ipv4':
      put16(out, at + 2, end - at);
      break;
    case 'ipv6':
      put16(out, at + 4, end - at - IPV6_LENGTH);
      break;
    case 'udp':
      put16(out, at + 4, end - at);
      break;
    case 'tcp':
      out[at + 12] = ((layerLength(layer) >>> 2) << 4) | (out[at + 12]! & 15);
      break;
    default:
  }
}

/** Where a checksum stands in a header. */
interface Slot {
  readonly offset: number;
  readonly size: 2 | 4;
}

function checksumSlot(layer: Layer, ip: PlacedIp | null): Slot | null {
  switch (layer.kind) {
    case 'ipv4':
      return { offset: 10, size: 2 };
    case 'tcp':
      return ip === null ? null : { offset: 16, size: 2 };
    case 'udp':
      return ip === null || layer.unchecked ? null : { offset: 6, size: 2 };
    case 'icmpv6':
      return ip === null ? null : { offset: 2, size: 2 };
    case 'icmp':
    case 'igmp':
      return { offset: 2, size: 2 };
    case 'vrrp':
      return { offset: 6, size: 2 };
    case 'sctp':
      return { offset: 8, size: 4 };
    case 'gre':
      return layer.flags & GRE_FLAG.checksum ? { offset: 4, size: 2 } : null;
    default:
      return null;
  }
}

function getSlot(bytes: Uint8Array, at: number, slot: Slot): number {
  return slot.size === 2 ? get16(bytes, at + slot.offset) : get32(bytes, at + slot.offset);
}

function putSlot(out: Uint8Array, at: number, slot: Slot, value: number): void {
  if (slot.size === 2) put16(out, at + slot.offset, value);
  else put32(out, at + slot.offset, value);
}

/** The checksum that header ought to have over the bytes that are there. */
function rightChecksum(
  layer: Layer,
  ip: PlacedIp | null,
  bytes: Uint8Array,
  at: number,
  end: number,
): number {
  const slot = checksumSlot(layer, ip);
  if (slot === null) return 0;
  if (slot.size === 4) return onWire(crc32c(bytes, at, end, at + slot.offset));
  const until = layer.kind === 'ipv4' ? at + layerLength(layer) : end;
  let sum = usesPseudoHeader(layer, ip) && ip !== null ? pseudo(layer, ip, end - at) : 0;
  sum = addBytes(sum, bytes, at, at + slot.offset);
  sum = addBytes(sum, bytes, at + slot.offset + 2, until);
  const checksum = finish(sum);
  // A computed zero is sent as its other representation, zero means "none" (RFC 768).
  return checksum === 0 && layer.kind === 'udp' ? 0xffff : checksum;
}

/** VRRP: only version 3 includes it (RFC 5798 §5.2.8); IPv6 always (RFC 8200 §8.1). */
function usesPseudoHeader(layer: Layer, ip: PlacedIp | null): boolean {
  switch (layer.kind) {
    case 'tcp':
    case 'udp':
    case 'icmpv6':
      return true;
    case 'vrrp':
      return layer.version === 3 || ip?.header.kind === 'ipv6';
    default:
      return false;
  }
}

function pseudo(layer: Layer, ip: PlacedIp, length: number): number {
  const { header } = ip;
  const protocol = layer.kind === 'udp' ? IP_PROTOCOL.udp : ip.protocol;
  return header.kind === 'ipv4'
    ? pseudoIpv4(header.src, header.dst, protocol, length)
    : pseudoIpv6(header.src, header.dst, protocol, length);
}

/** Which checksums of a frame are wrong. */
export interface WrongChecksums {
  readonly ip: boolean;
  readonly transport: boolean;
}

const TRANSPORTS: ReadonlySet<Layer['kind']> = new Set(['tcp', 'udp', 'icmp', 'icmpv6', 'sctp']);

/**
 * Verifies the outermost IP header and the transport header behind it. What cannot be verified
 * is not wrong: fragments, frames cut off by a capture, and checksums that a sender left to its
 * NIC, which then are the sum over the pseudo-header (Linux CHECKSUM_PARTIAL).
 */
export function wrongChecksums(frame: Frame): WrongChecksums {
  const bytes = encode(frame, 'given');
  const end = bytes.length - frame.trailer.length;
  const wrong = { ip: false, transport: false };
  let isWhole = true;
  for (const [layer, at, ip] of [...outwards(frame, 0)].reverse()) {
    const slot = checksumSlot(layer, ip);
    if (layer.kind === 'ipv4') {
      isWhole = at + layer.totalLength === end;
      wrong.ip = slot !== null && layer.checksum !== rightChecksum(layer, ip, bytes, at, end);
    } else if (TRANSPORTS.has(layer.kind) && slot !== null && ip !== null) {
      if (ip.isFragment || !isWhole) return wrong;
      const given = getSlot(bytes, at, slot);
      if (layer.kind === 'udp' && given === 0) return wrong;
      const left = usesPseudoHeader(layer, ip) && layer.kind !== 'icmpv6';
      const unfinished = left && given === (~finish(pseudo(layer, ip, end - at)) & 0xffff);
      wrong.transport = !unfinished && !sameSum(given, rightChecksum(layer, ip, bytes, at, end));
      return wrong;
    } else if (layer.kind === 'ipv6') isWhole = at + IPV6_LENGTH + layer.payloadLength === end;
  }
  return wrong;
}

/** Both zeros of one's complement are one number. */
function sameSum(a: number, b: number): boolean {
  return a === b || ((a === 0 || a === 0xffff) && (b === 0 || b === 0xffff));
}

/**
 * The bytes of a frame that was made by changing `before`: lengths and checksums of headers that
 * both have are changed only by what changed (RFC 1624), so what was wrong stays equally wrong.
 */
export function encodeChanged(frame: Frame, before: Frame): Uint8Array {
  const out = new Uint8Array(frameLength(frame));
  const end = writeContent(frame, out, 0, 'given');
  const old = encode(before, 'given');
  const oldEnd = old.length - before.trailer.length;
  const oldLayers = outwards(before, 0);
  for (const [layer, at, ip] of outwards(frame, 0)) {
    const match = oldLayers.find((placed) => placed[0].kind === layer.kind);
    if (match === undefined || end - at !== oldEnd - match[1]) setLength(layer, out, at, end);
    const slot = checksumSlot(layer, ip);
    if (slot === null) continue;
    const right = rightChecksum(layer, ip, out, at, end);
    if (match === undefined) {
      putSlot(out, at, slot, right);
      continue;
    }
    const [oldLayer, oldAt, oldIp] = match;
    if (ip?.isFragment !== oldIp?.isFragment) continue;
    const given = getSlot(old, oldAt, slot);
    if (given === 0 && layer.kind === 'udp') continue;
    const rightBefore = rightChecksum(oldLayer, oldIp, old, oldAt, oldEnd);
    // A CRC is linear: the same error is the same difference (exclusive or).
    const moved =
      slot.size === 4 ? (given ^ rightBefore ^ right) >>> 0 : updated(given, rightBefore, right);
    // Zero would say that there is no checksum (RFC 768).
    putSlot(out, at, slot, moved === 0 && layer.kind === 'udp' ? 0xffff : moved);
  }
  return out;
}
