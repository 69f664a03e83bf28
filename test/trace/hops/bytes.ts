/**
 * Our frames against captured ones, byte for byte. What a sender is free to choose is taken over
 * from the real frame first (identifiers, sequence numbers, clocks, what the program wrote);
 * everything else has to come out equal, lengths and checksums included.
 */
import { addBytes, finish } from '../../../src/packet/wire/checksum.ts';
import { encode } from '../../../src/packet/wire/encode.ts';
import { decode, type Frame } from '../../../src/packet/wire/frame.ts';
import { type Ipv4 } from '../../../src/packet/wire/ipv4.ts';
import { emitLayer, type Layer, layerLength } from '../../../src/packet/wire/layer.ts';
import { emitTcpOptions, parseTcpOptions, type TcpOption } from '../../../src/packet/wire/tcp.ts';
import { type Sighting, sightingBytes } from '../../../src/trace/sightings.ts';
import { numberIn } from './header.ts';
import { type CapturedPacket } from './pcaps.ts';

const SYN = 0x002;
const ECHO: ReadonlySet<number> = new Set([0, 8]);
const OPTION = { windowScale: 3, sack: 5, timestamps: 8 } as const;

export interface ComparedBytes {
  /** A capture that cut the frame cannot be compared to its end. */
  readonly isCut: boolean;
  readonly differs: string | null;
}

/** Compares one frame; from the IP header on where the capture kept no Ethernet header. */
export function compareBytes(sighting: Sighting, of: CapturedPacket): ComparedBytes {
  const real = of.packet.body.asRead;
  if (real === undefined) throw new Error('a captured packet lost its frame');
  if (of.isCut) return { isCut: true, differs: null };
  const mine = decode(sightingBytes(sighting), { tunnels: true }).value;
  const isCooked = real.layers[0]?.kind === 'cooked';
  const strip = (frame: Frame): Frame => {
    return isCooked ? { ...frame, layers: frame.layers.slice(1) } : frame;
  };
  const wanted = encode(strip(finished(real)));
  const given = encode(strip(finished(withFreeValues(mine, real))));
  const isWrong = numberIn(of.packet, 'ip_csum_bad') + numberIn(of.packet, 'tp_csum_bad');
  if (isWrong !== 0) return { isCut: false, differs: 'the real frame has a wrong checksum' };
  const equal = wanted.length === given.length && wanted.every((byte, i) => byte === given[i]);
  if (equal) return { isCut: false, differs: null };
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return {
    isCut: false,
    differs: `${sighting.role} at ${of.pcap}: real ${hex(wanted)}, ours ${hex(given)}`,
  };
}

/**
 * The frame with the checksums it ought to have: senders leave those of the transport to a NIC
 * that is not there. Where there is none, there stays none.
 */
function finished(frame: Frame): Frame {
  const layers = frame.layers.map((layer): Layer => {
    return layer.kind === 'udp' && layer.checksum === 0 ? { ...layer, unchecked: true } : layer;
  });
  return { ...frame, layers, inner: frame.inner === null ? null : finished(frame.inner) };
}

/** Ours with the real values of what nobody can know, layer by layer. */
function withFreeValues(ours: Frame, real: Frame): Frame {
  const isQuote = real.layers.at(-1)?.kind.startsWith('icmp') === true;
  const given =
    ours.inner === null || real.inner === null
      ? ours.inner
      : withFreeValues(ours.inner, real.inner);
  const inner =
    isQuote && given !== null && real.inner !== null ? quoted(given, real.inner) : given;
  const isPiece = real.layers.some(isFragment);
  const layers = ours.layers.map((layer, i): Layer => {
    const other = real.layers[i];
    if (other === undefined) return layer;
    const same = freed(layer, other, real.inner !== null);
    return isPiece ? withChecksumOf(same, other) : same;
  });
  const isSame = ours.payload.length === real.payload.length && !isNeighbour(real);
  const payload = isSame || isFreelySized(real) ? real.payload : ours.payload;
  return { ...ours, layers, inner, payload };
}

function isFragment(layer: Layer): boolean {
  if (layer.kind === 'ipv6-fragment') return true;
  return layer.kind === 'ipv4' && ((layer.flags & MORE_FRAGMENTS) !== 0 || layer.offset > 0);
}

const MORE_FRAGMENTS = 1;

/** The checksum of a cut packet is over bytes that this piece does not show. */
function withChecksumOf(ours: Layer, real: Layer): Layer {
  if (ours.kind === 'ipv6-fragment' && real.kind === ours.kind) return { ...ours, id: real.id };
  if (ours.kind === 'udp' && real.kind === 'udp') return { ...ours, checksum: real.checksum };
  if (ours.kind === 'icmp' && real.kind === 'icmp') return { ...ours, checksum: real.checksum };
  const isSix = ours.kind === 'icmpv6' && real.kind === 'icmpv6';
  return isSix ? { ...ours, checksum: real.checksum } : ours;
}

/**
 * A quoted packet stays as it was: its IP header has the right checksum, and the checksum behind
 * it, over bytes that may be missing, is what its sender made of it.
 */
function quoted(ours: Frame, real: Frame): Frame {
  const layers = ours.layers.map((layer, i): Layer => {
    if (layer.kind === 'ipv4') return { ...layer, checksum: headerChecksum(layer) };
    const other = real.layers[i];
    if (!('checksum' in layer) || other === undefined || !('checksum' in other)) return layer;
    return { ...layer, checksum: other.checksum };
  });
  return { ...ours, layers };
}

function headerChecksum(header: Ipv4): number {
  const bytes = new Uint8Array(layerLength(header));
  emitLayer({ ...header, checksum: 0 }, bytes, 0);
  return finish(addBytes(0, bytes, 0, bytes.length));
}

/** Neighbour discovery: what stands behind the header is no program's. */
function isNeighbour({ layers }: Frame): boolean {
  const last = layers.at(-1);
  return last?.kind === 'icmpv6' && last.type >= 133 && last.type <= 137;
}

/** Answers are as long as a program wishes, and bare acknowledgements carry nothing. */
function isFreelySized({ layers }: Frame): boolean {
  const last = layers.at(-1);
  return last?.kind === 'udp' || (last?.kind === 'tcp' && (last.flags & SYN) === 0);
}

function freed(layer: Layer, real: Layer, isTunnel: boolean): Layer {
  if (layer.kind === 'ipv4' && real.kind === 'ipv4') {
    // Linux and Open vSwitch send zero with DF where no connection counts; then it is no choice.
    return layer.id === 0 && real.id === 0 ? layer : { ...layer, id: real.id };
  }
  if (layer.kind === 'ipv6' && real.kind === 'ipv6') return { ...layer, flowLabel: real.flowLabel };
  if (layer.kind === 'udp' && real.kind === 'udp') {
    return isTunnel ? { ...layer, src: real.src } : { ...layer, src: real.src, dst: real.dst };
  }
  if (layer.kind === 'icmp' && real.kind === 'icmp' && ECHO.has(layer.type)) {
    const rest = ((real.rest & 0xffff_0000) | (layer.rest & 0xffff)) >>> 0;
    return { ...layer, rest };
  }
  if (layer.kind !== 'tcp' || real.kind !== 'tcp') return layer;
  const isSyn = (real.flags & SYN) !== 0;
  return {
    ...layer,
    src: real.src,
    dst: real.dst,
    seq: real.seq,
    ack: real.ack,
    flags: isSyn ? layer.flags : real.flags,
    window: isSyn ? layer.window : real.window,
    options: freedOptions(layer.options, real.options),
  };
}

/**
 * Clocks, and the shift that follows from a host's buffer sizes. A segment that arrived twice is
 * acknowledged with SACK blocks behind the other options (RFC 2883).
 */
function freedOptions(ours: Uint8Array, real: Uint8Array): Uint8Array {
  const others = parseTcpOptions(real);
  const own = parseTcpOptions(ours);
  const isRepeated = others.some(({ kind }) => kind === OPTION.sack);
  const repeated = isRepeated ? others.slice(own.length) : [];
  const options = own.map((option, i): TcpOption => {
    const other = others[i];
    const isFree = option.kind === OPTION.timestamps || option.kind === OPTION.windowScale;
    const isSame = other?.kind === option.kind && other.data.length === option.data.length;
    return isFree && isSame ? other : option;
  });
  return emitTcpOptions([...options, ...repeated]);
}
