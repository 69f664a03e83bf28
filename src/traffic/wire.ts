/**
 * One packet ↔ bytes: where a trace's packet comes from and what a capture of it looks like.
 * A decoded packet that nobody changed encodes to the very bytes it came from; a changed one
 * differs only in what was changed, with checksums updated incrementally (RFC 1624).
 */
import { ENCAPSULATION } from '../packet/fields.ts';
import { NO_BYTES } from '../packet/wire/bytes.ts';
import { encode, encodeChanged, wrongChecksums } from '../packet/wire/encode.ts';
import { type DecodeOptions, decode, type Frame } from '../packet/wire/frame.ts';
import { type Layer, layerLength } from '../packet/wire/layer.ts';
import { type Parsed } from '../text/problem.ts';
import { type Body, type Packet } from './packet.ts';
import { AT, type Before, word } from './wire-fields.ts';
import { behindTags, isHidden, linkLayers } from './wire-link.ts';
import { networkLayers } from './wire-network.ts';
import { wordsOfFrame } from './wire-read.ts';
import { neighborPayload, transportLayers } from './wire-transport.ts';

/**
 * The packet in a frame; what is malformed is told in `problems` and stays payload. Tunnels are
 * opened only with `tunnels: true`: on the underlay a switch sees a plain UDP packet.
 */
export function packetFromBytes(bytes: Uint8Array, options: DecodeOptions = {}): Parsed<Packet> {
  const { value, problems } = decode(bytes, options);
  return { value: packetOfFrame(value, options.wireLength ?? bytes.length), problems };
}

/** UDP over IPv6 whose sender left the checksum out; tunnels may, and check it themselves. */
function lacksChecksum({ layers, inner }: Frame): boolean {
  const last = layers.at(-1);
  if (last?.kind !== 'udp' || last.checksum !== 0 || inner !== null) return false;
  return layers.some(({ kind }) => kind === 'ipv6');
}

/** The packet of a decoded frame. `length` is that of the whole frame on the wire, in bytes. */
export function packetOfFrame(frame: Frame, length: number): Packet {
  const words = wordsOfFrame(frame, length);
  const wrong = wrongChecksums(frame);
  words[AT.badIpChecksum] = wrong.ip ? 1 : 0;
  words[AT.badChecksum] = wrong.transport ? 1 : 0;
  words[AT.noChecksum] = lacksChecksum(frame) ? 1 : 0;
  const isQuote = quotes(frame.layers);
  const content =
    frame.inner === null ? null : packetOfFrame(frame.inner, innerLength(frame.inner));
  if (content !== null && !isQuote && word(words, AT.encapKind) === 0) {
    words[AT.encapKind] = ENCAPSULATION.ipip;
  }
  return {
    words,
    shared: false,
    inner: isQuote ? null : content,
    quoted: isQuote ? content : null,
    body: bodyOf(frame),
    diary: null,
  };
}

function quotes(layers: readonly Layer[]): boolean {
  const last = layers.at(-1)?.kind;
  return last === 'icmp' || last === 'icmpv6';
}

/** Length of a carried frame, or of a quoted packet as its own header gives it. */
function innerLength(frame: Frame): number {
  let length = frame.payload.length + frame.trailer.length;
  for (const layer of frame.layers) length += layerLength(layer);
  return frame.inner === null ? length : length + innerLength(frame.inner);
}

function bodyOf(frame: Frame): Body {
  let tcpOptions = NO_BYTES;
  let ipOptions = NO_BYTES;
  for (const layer of frame.layers) {
    if (layer.kind === 'tcp') tcpOptions = layer.options;
    else if (layer.kind === 'ipv4') ipOptions = layer.options;
  }
  return { payload: frame.payload, tcpOptions, ipOptions, asRead: frame };
}

/**
 * The bytes of a packet. One that was built from fields gets the lengths and checksums of a
 * sender, and zero bytes up to what `ip_len` and `frame_len` say.
 */
export function bytesFromPacket(p: Packet): Uint8Array {
  return bytesOf(p, true);
}

/** The same from the IP header on, and how many of these bytes are not just filled up. */
export function networkBytes(p: Packet): { readonly bytes: Uint8Array; readonly known: number } {
  const bytes = bytesOf(p, false);
  if (p.body.asRead !== undefined || p.inner !== null || p.quoted !== null) {
    return { bytes, known: bytes.length };
  }
  const headers = upperLayers(p, null).reduce((sum, layer) => sum + layerLength(layer), 0);
  return { bytes, known: headers + p.body.payload.length };
}

function bytesOf(p: Packet, withLink: boolean): Uint8Array {
  const { asRead } = p.body;
  const before = asRead === undefined ? null : { frame: asRead, words: wordsOfFrame(asRead, 0) };
  const link = linkLayers(p.words, before);
  const words = behindTags(p.words);
  const behind = isHidden(words) ? hiddenLayers(before) : upperLayers({ ...p, words }, before);
  const layers = withLink ? [...link, ...behind] : behind;
  const payload = contentOf(p, layers, before);
  if (before !== null) {
    const isPart = !withLink && link.length > 0;
    const trailer = isPart ? NO_BYTES : before.frame.trailer;
    return encodeChanged({ layers, payload, inner: null, trailer }, before.frame);
  }
  return encode(filled(p, layers, payload, withLink));
}

function upperLayers(p: Packet, before: Before | null): readonly Layer[] {
  const network = networkLayers(p.words, p.body, before);
  const hasTransport = network.some(({ kind }) => kind === 'ipv4' || kind === 'ipv6');
  return hasTransport ? [...network, ...transportLayers(p.words, p.body, before)] : network;
}

/** What stands behind a third VLAN tag: no field describes it, so it cannot have changed. */
function hiddenLayers(before: Before | null): readonly Layer[] {
  if (before === null) return [];
  const { layers } = before.frame;
  const first = layers.findIndex((layer) => !HIDES.has(layer.kind));
  return first === -1 ? [] : layers.slice(first);
}

const HIDES: ReadonlySet<Layer['kind']> = new Set(['ethernet', 'cooked', 'vlan', 'snap']);

function contentOf(p: Packet, layers: readonly Layer[], before: Before | null): Uint8Array {
  if (p.quoted !== null) return quotedBytes(p.quoted, layers);
  if (p.inner !== null) return bytesFromPacket(p.inner);
  return neighborPayload(p.words, p.body, layers, before);
}

/** RFC 1812 §4.3.2.3 and net/ipv4/icmp.c: 576 bytes in all; RFC 4443 §2.4: the minimum MTU. */
const ERROR_ROOM = { ipv4: 576 - 20 - 8, ipv6: 1280 - 40 - 8 } as const;

/** A packet as an ICMP error quotes it; a whole original is cut to what a kernel quotes. */
function quotedBytes(original: Packet, layers: readonly Layer[]): Uint8Array {
  const bytes = bytesOf(original, false);
  const first = original.body.asRead?.layers[0]?.kind;
  const wasQuoted = first === 'ipv4' || first === 'ipv6';
  if (wasQuoted) return bytes;
  const isIpv6 = layers.some(({ kind }) => kind === 'ipv6');
  return bytes.subarray(0, isIpv6 ? ERROR_ROOM.ipv6 : ERROR_ROOM.ipv4);
}

/** The largest frame that is filled up with zero bytes: an IP packet with its link headers. */
const MAX_FRAME_LENGTH = 65_535 + 64;

/** Payload and padding of a built packet, filled with zeros as far as its lengths say. */
function filled(
  p: Packet,
  layers: readonly Layer[],
  payload: Uint8Array,
  withLink: boolean,
): Frame {
  const total = layers.reduce((sum, layer) => sum + layerLength(layer), 0) + payload.length;
  const at = layers.findIndex(({ kind }) => kind === 'ipv4' || kind === 'ipv6');
  const link = layers.slice(0, Math.max(at, 0)).reduce((sum, layer) => sum + layerLength(layer), 0);
  const carries = p.inner !== null || p.quoted !== null;
  const wanted = at === -1 || carries ? 0 : word(p.words, AT.ipLen) + link;
  const missing = Math.max(0, Math.min(wanted, MAX_FRAME_LENGTH) - total);
  // Padding is the frame's; an IP packet alone has none.
  const frameLength =
    carries || !withLink ? 0 : Math.min(word(p.words, AT.frameLen), MAX_FRAME_LENGTH);
  const whole = missing === 0 ? payload : new Uint8Array(payload.length + missing);
  if (missing > 0) whole.set(payload);
  const padding = Math.max(0, frameLength - total - missing);
  return { layers, payload: whole, inner: null, trailer: new Uint8Array(padding) };
}
