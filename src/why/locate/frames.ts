/** Frames of captures: where each was seen, and the headers that are compared. */
import { type Network, ROOT } from '../../dataplane/network.ts';
import { formatIpv4, formatIpv6, formatMac } from '../../packet/addresses.ts';
import { type CapturedFrame, linkOf } from '../../packet/captured-frame.ts';
import { ENCAPSULATION, field, TCP_FLAGS } from '../../packet/fields.ts';
import { readPcap } from '../../packet/pcap.ts';
import { isPcapng, type PcapngFrame, readPcapng } from '../../packet/pcapng.ts';
import { type Packet } from '../../traffic/packet.ts';
import { packetFromBytes } from '../../traffic/wire.ts';
import { readField } from '../../traffic/words.ts';
import { type CaptureFile, type CapturePlace, type FrameHeader, type SeenFrame } from './types.ts';

export interface ReadFrames {
  readonly frames: readonly SeenFrame[];
  readonly problems: readonly string[];
  /** Frames that are no IP, or whose place nobody told, by why. */
  readonly passedOver: ReadonlyMap<string, number>;
}

/** Every frame with IP in it, in the order of time. */
export function readFrames(network: Network, files: readonly CaptureFile[]): ReadFrames {
  const frames: SeenFrame[] = [];
  const problems: string[] = [];
  const passedOver = new Map<string, number>();
  for (const file of files) {
    const { rows, problems: damage } = rowsOf(file);
    problems.push(...damage.map(({ message }) => `${file.name}: ${message}`));
    for (const { frame, name, direction } of rows) {
      const read = seenFrame(network, file, frame, name, direction);
      if (typeof read === 'string') passedOver.set(read, (passedOver.get(read) ?? 0) + 1);
      else frames.push(read);
    }
  }
  return { frames: frames.sort((a, b) => a.time_s - b.time_s), problems, passedOver };
}

interface Row {
  readonly frame: CapturedFrame;
  /** The interface's name in the file. */
  readonly name: string;
  readonly direction: 'in' | 'out' | null;
}

function rowsOf({ name: file, bytes }: CaptureFile): {
  readonly rows: readonly Row[];
  readonly problems: readonly { readonly message: string }[];
} {
  if (!isPcapng(bytes)) {
    const { value, problems } = readPcap(bytes, file);
    return { rows: value.map((frame) => ({ frame, name: '', direction: null })), problems };
  }
  const { value, problems } = readPcapng(bytes, file);
  const rows = value.frames.map((frame): Row => {
    const name = value.interfaces[frame.interfaceIndex]?.name ?? '';
    return { frame, name, direction: directionOf(frame) };
  });
  return { rows, problems };
}

/** Bits 0 and 1 of a frame's flags (draft-ietf-opsawg-pcapng §4.3.1). */
function directionOf({ flags = 0 }: PcapngFrame): 'in' | 'out' | null {
  const way = flags & 3;
  return way === 1 ? 'in' : way === 2 ? 'out' : null;
}

function seenFrame(
  network: Network,
  { name: file, place: told }: CaptureFile,
  frame: CapturedFrame,
  name: string,
  flagged: 'in' | 'out' | null,
): SeenFrame | string {
  const link = linkOf(frame.linkType);
  if (link === null) return `link type ${frame.linkType} is not read`;
  const named = told ?? readPlace(network, name);
  if (named === null) return 'nobody says where it was captured (--at HOST:INTERFACE)';
  const { wireLength, number } = frame;
  const { value: packet } = packetFromBytes(frame.bytes, { link, wireLength, tunnels: true });
  const header = headerOf(packet);
  if (header === null) return 'no IP';
  const cooked = cookedPlace(network, named, packet);
  const place = cooked?.place ?? named;
  const time_s = frame.time_s + frame.time_ns / 1e9;
  const direction = cooked?.direction ?? flagged;
  return { file, number, time_s, place, direction, header, packet };
}

/** `HOST:INTERFACE`, `HOST:NAMESPACE:INTERFACE` or `HOST:BRIDGE:INTERFACE`; null for no such. */
export function readPlace(network: Network, word: string): CapturePlace | null {
  const [name = '', ...rest] = word.split(':');
  const host = network.hosts.get(name);
  const device = rest.at(-1);
  if (host === undefined || device === undefined || rest.length > 2) return null;
  const inside = rest.length === 2 ? (rest[0] ?? '') : null;
  const isBridge = host.switch?.bridges.some(({ name: one }) => one === inside) ?? false;
  if (inside !== null) {
    const namespace = isBridge ? ROOT : inside;
    if (!host.namespaces.has(namespace)) return null;
    return { host: name, namespace, interface: device };
  }
  const owner = [...host.namespaces.values()].find(({ state }) =>
    state.interfaces.some((each) => each.name === device),
  );
  const onSwitch = host.switch?.bridges.some(({ ports }) => ports.some((p) => p.name === device));
  if (owner === undefined && onSwitch !== true && device !== 'any') return null;
  return { host: name, namespace: owner?.name ?? ROOT, interface: device };
}

/** PACKET_OUTGOING of if_packet.h. */
const OUTGOING = 4;

/** LINKTYPE_LINUX_SLL2 tells interface and direction of every frame. */
function cookedPlace(
  network: Network,
  place: CapturePlace,
  packet: Packet,
): { readonly place: CapturePlace; readonly direction: 'in' | 'out' } | null {
  const first = packet.body.asRead?.layers[0];
  if (first?.kind !== 'cooked' || first.version !== 2) return null;
  const view = new DataView(first.bytes.buffer, first.bytes.byteOffset, first.bytes.length);
  const index = view.getUint32(4);
  const interfaces = network.namespace(place.host, place.namespace)?.state.interfaces ?? [];
  const name = interfaces.find((each) => each.index === index)?.name ?? place.interface;
  const direction = view.getUint8(10) === OUTGOING ? 'out' : 'in';
  return { place: { ...place, interface: name }, direction };
}

const PROTOCOLS: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp' };
const ECHO: ReadonlySet<number> = new Set([0, 8, 128, 129]);

/** The innermost frame. */
export function carriedBy(packet: Packet): Packet {
  return packet.inner === null ? packet : carriedBy(packet.inner);
}

export function numberIn(p: Packet, name: string): number {
  return Number(readField(p.words, field(name)) & 0xffff_ffffn);
}

export function addressIn(p: Packet, end: 'src' | 'dst'): string {
  return numberIn(p, 'eth_type') === 0x86dd
    ? formatIpv6(readField(p.words, field(`ipv6_${end}`)))
    : formatIpv4(readField(p.words, field(`ip_${end}`)));
}

/** Null for frames without TCP, UDP or ICMP, and for later fragments. */
export function headerOf(frame: Packet): FrameHeader | null {
  const p = carriedBy(frame);
  const type = numberIn(p, 'eth_type');
  const protocol = PROTOCOLS[numberIn(p, 'ip_proto')];
  if (protocol === undefined || (type !== 0x0800 && type !== 0x86dd)) return null;
  if ((numberIn(p, 'ip_frag') & 2) !== 0) return null;
  const [first, second] = [numberIn(p, 'tp_src'), numberIn(p, 'tp_dst')];
  const isIcmp = protocol === 'icmp';
  const id = numberIn(p, 'icmp_id');
  const cooked = frame.body.asRead?.layers[0]?.kind === 'cooked';
  return {
    source: addressIn(p, 'src'),
    destination: addressIn(p, 'dst'),
    kind: isIcmp ? `icmp ${first}/${second}` : protocol === 'tcp' ? tcpKind(p) : 'udp',
    ports: isIcmp ? (ECHO.has(first) ? [id, id] : []) : [first, second],
    ttl: numberIn(p, 'nw_ttl'),
    vlan: cooked ? null : vlanText(p),
    macs: cooked ? null : `${macIn(p, 'eth_src')} > ${macIn(p, 'eth_dst')}`,
    tunnel: p === frame ? '' : tunnelText(frame),
  };
}

function tcpKind(p: Packet): string {
  const flags = numberIn(p, 'tcp_flags');
  if ((flags & TCP_FLAGS.rst) !== 0) return 'tcp rst';
  if ((flags & TCP_FLAGS.syn) === 0) return 'tcp';
  return (flags & TCP_FLAGS.ack) === 0 ? 'tcp syn' : 'tcp syn-ack';
}

function macIn(p: Packet, name: string): string {
  return formatMac(readField(p.words, field(name)));
}

function vlanText(p: Packet): string {
  return ['vlan_tci', 'vlan_tci2']
    .map((name) => numberIn(p, name))
    .filter((tci) => tci !== 0)
    .map((tci) => `vlan ${tci & 0xfff}`)
    .join(' ');
}

function tunnelText(p: Packet): string {
  const kind = numberIn(p, 'encap_kind');
  const name = Object.entries(ENCAPSULATION).find(([, value]) => value === kind)?.[0] ?? 'tunnel';
  return `${name} ${numberIn(p, 'encap_id')} ${addressIn(p, 'src')} > ${addressIn(p, 'dst')}`;
}
