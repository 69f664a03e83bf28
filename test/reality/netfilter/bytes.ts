/** Builds the frames that a case describes, byte by byte (RFC 791, 793, 768, 792, 826). */
import { type Step } from './case.ts';

export function macBytes(text: string): readonly number[] {
  return text.split(':').map((part) => Number.parseInt(part, 16));
}

/** An IPv4 or IPv6 address as bytes. */
export function addressBytes(text: string): readonly number[] {
  if (!text.includes(':')) return text.split('.').map(Number);
  const [head = '', tail] = text.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const before = words(head);
  const after = tail === undefined ? [] : words(tail);
  const middle = tail === undefined ? 0 : 8 - before.length - after.length;
  const all = [...before, ...new Array<number>(middle).fill(0), ...after];
  return all.flatMap((word) => [word >> 8, word & 255]);
}

export function hexBytes(text: string): number[] {
  return Array.from({ length: text.length / 2 }, (_, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16),
  );
}

const u16 = (value: number): number[] => [(value >> 8) & 255, value & 255];
const u32 = (value: number): number[] => [...u16(Math.floor(value / 65536)), ...u16(value)];

function checksum(bytes: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] ?? 0) * 256 + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65536);
  return ~sum & 0xffff;
}

/** RFC 9260 appendix A, bit by bit. */
function crc32c(bytes: readonly number[]): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

const FLAGS = 'FSRPAUEC';

function flagBits(text: string): number {
  return [...text].reduce((sum, letter) => sum | (1 << FLAGS.indexOf(letter)), 0);
}

function payloadOf({ payload }: Step): number[] {
  if (payload === undefined) return [];
  if (typeof payload === 'string') return [...payload].map((letter) => letter.charCodeAt(0));
  if (payload.hex !== undefined) return hexBytes(payload.hex);
  return new Array<number>(payload.len ?? 0).fill(0x78);
}

interface Transport {
  readonly protocol: number | null;
  readonly bytes: number[];
}

function patched(bytes: number[], at: number, value: number): number[] {
  return [...bytes.slice(0, at), ...u16(value), ...bytes.slice(at + 2)];
}

function tcpBytes(p: Step, pseudo: (protocol: number, length: number) => number[]): Transport {
  const t = p.tcp ?? { sport: 0, dport: 0 };
  let options = hexBytes(t.opts ?? '');
  if (t.mss !== undefined) options = [2, 4, ...u16(t.mss), ...options];
  while (options.length % 4 !== 0) options.push(0);
  const bytes = [
    ...u16(t.sport),
    ...u16(t.dport),
    ...u32(t.seq ?? 0),
    ...u32(t.ack ?? 0),
    (5 + options.length / 4) << 4,
    flagBits(t.flags ?? ''),
    ...u16(t.win ?? 65535),
    ...[0, 0, 0, 0],
    ...options,
    ...payloadOf(p),
  ];
  const sum = checksum([...pseudo(6, bytes.length), ...bytes]) ^ (p.badcsum === true ? 0x5555 : 0);
  return { protocol: 6, bytes: patched(bytes, 16, sum) };
}

function udpBytes(p: Step, pseudo: (protocol: number, length: number) => number[]): Transport {
  const u = p.udp ?? { sport: 0, dport: 0 };
  const data = payloadOf(p);
  const bytes = [...u16(u.sport), ...u16(u.dport), ...u16(8 + data.length), 0, 0, ...data];
  let sum = checksum([...pseudo(17, bytes.length), ...bytes]) || 0xffff;
  if (p.badcsum === true) sum ^= 0x5555;
  return { protocol: 17, bytes: patched(bytes, 6, u.csum ?? sum) };
}

function icmpBytes(
  p: Step,
  six: boolean,
  pseudo: (protocol: number, length: number) => number[],
): Transport {
  const i = p.icmp ?? p.icmp6 ?? { type: 0 };
  let body = p.inner === undefined ? payloadOf(p) : ipBytes(p.inner).slice(0, p.innerlen ?? 576);
  let rest = [...u16(i.id ?? 0), ...u16(i.seq ?? 0)];
  if (i.target !== undefined) {
    rest = i.type === 136 ? u32(i.flags ?? 0x6000_0000) : [0, 0, 0, 0];
    body = [...addressBytes(i.target), ...hexBytes(i.ndopts ?? ''), ...body];
  } else if (i.mtu !== undefined) rest = six ? u32(i.mtu) : [0, 0, ...u16(i.mtu)];
  else if (i.gw !== undefined) rest = [...addressBytes(i.gw)];
  const bytes = [i.type, i.code ?? 0, 0, 0, ...rest, ...body];
  const covered = six ? [...pseudo(58, bytes.length), ...bytes] : bytes;
  const sum = checksum(covered) ^ (p.badcsum === true ? 0x5555 : 0);
  return { protocol: six ? 58 : 1, bytes: patched(bytes, 2, sum) };
}

function transportBytes(p: Step, src: readonly number[], dst: readonly number[]): Transport {
  const six = src.length === 16;
  const pseudo = (protocol: number, length: number): number[] =>
    six
      ? [...src, ...dst, ...u32(length), 0, 0, 0, protocol]
      : [...src, ...dst, 0, protocol, ...u16(length)];
  if (p.tcp !== undefined) return tcpBytes(p, pseudo);
  if (p.udp !== undefined) return udpBytes(p, pseudo);
  if (p.icmp !== undefined || p.icmp6 !== undefined) return icmpBytes(p, six, pseudo);
  if (p.sctp !== undefined) {
    const { sport, dport, chunk, vtag } = p.sctp;
    const head = [...u16(sport), ...u16(dport), ...u32(vtag ?? 0), 0, 0, 0, 0];
    const data = [...u32(1), ...u32(65535), ...u16(1), ...u16(1), ...u32(1)];
    const bytes = [...head, chunk ?? 1, 0, 0, 20, ...data];
    const sum = crc32c(bytes);
    const little = [sum & 255, (sum >>> 8) & 255, (sum >>> 16) & 255, sum >>> 24];
    return { protocol: 132, bytes: [...bytes.slice(0, 8), ...little, ...bytes.slice(12)] };
  }
  if (p.raw !== undefined && p.raw !== '') return { protocol: null, bytes: hexBytes(p.raw) };
  return { protocol: null, bytes: payloadOf(p) };
}

/** The IP packet of a step, without Ethernet header. */
export function ipBytes(p: Step): number[] {
  if (p.ip6 !== undefined) {
    const { src, dst, hl = 64, tc = 0, flow = 0, nh } = p.ip6;
    const body = transportBytes(p, addressBytes(src), addressBytes(dst));
    const first = 0x6000_0000 + tc * 0x10_0000 + flow;
    const head = [...u32(first), ...u16(body.bytes.length), nh ?? body.protocol ?? 59, hl];
    return [...head, ...addressBytes(src), ...addressBytes(dst), ...body.bytes];
  }
  const i = p.ip ?? { src: '0.0.0.0', dst: '0.0.0.0' };
  const plain = i.frag !== undefined && i.frag !== 0 && p.raw === undefined;
  const body: Transport = plain
    ? { protocol: null, bytes: payloadOf(p) }
    : transportBytes(p, addressBytes(i.src), addressBytes(i.dst));
  const data = p.cut === undefined ? body.bytes : body.bytes.slice(p.cut[0], p.cut[1]);
  const options = hexBytes(i.opts ?? '');
  while (options.length % 4 !== 0) options.push(0);
  const flags = (i.df ? 0x4000 : 0) | (i.mf ? 0x2000 : 0) | ((i.frag ?? 0) >> 3);
  const head = [
    0x45 + options.length / 4,
    i.tos ?? 0,
    ...u16(i.len ?? 20 + options.length + data.length),
    ...u16(i.id ?? 0),
    ...u16(flags),
    i.ttl ?? 64,
    i.proto ?? body.protocol ?? 0,
    0,
    0,
    ...addressBytes(i.src),
    ...addressBytes(i.dst),
    ...options,
  ];
  const sum = checksum(head) ^ (p.badipcsum === true ? 0x5555 : 0);
  return [...patched(head, 10, sum), ...data];
}

/** The whole frame of a step. */
export function frameBytes(p: Step): Uint8Array {
  if (p.frame !== undefined) return Uint8Array.from(hexBytes(p.frame));
  const { src, dst, type } = p.eth ?? {
    src: '02:00:00:00:00:00',
    dst: '02:00:00:00:00:00',
    type: undefined,
  };
  const [ethertype, body] = frameBody(p);
  const tag = p.vlan ? [0x81, 0x00, ...u16(p.vlan)] : [];
  const head = [...macBytes(dst), ...macBytes(src), ...tag, ...u16(type ?? ethertype)];
  return Uint8Array.from([...head, ...body]);
}

function frameBody(p: Step): readonly [number, readonly number[]] {
  if (p.arp !== undefined) {
    const a = p.arp;
    const head = [0, 1, 8, 0, 6, 4, ...u16(a.op)];
    const from = [...macBytes(a.sha), ...addressBytes(a.spa)];
    const to = [...macBytes(a.tha ?? '00:00:00:00:00:00'), ...addressBytes(a.tpa)];
    return [0x0806, [...head, ...from, ...to]];
  }
  if (p.ip !== undefined) return [0x0800, ipBytes(p)];
  if (p.ip6 !== undefined) return [0x86dd, ipBytes(p)];
  return [p.eth?.type ?? 0, payloadOf(p)];
}
