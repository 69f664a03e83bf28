/**
 * One frame as the one line in which kernel and emulation are compared. It reads the bytes by
 * itself, so that what the emulation would put on the wire is judged, checksums included.
 */

interface Reader {
  readonly bytes: Uint8Array;
  u8(at: number): number;
  u16(at: number): number;
  u32(at: number): number;
}

function reader(bytes: Uint8Array): Reader {
  const u8 = (at: number): number => bytes[at] ?? 0;
  const u16 = (at: number): number => u8(at) * 256 + u8(at + 1);
  return { bytes, u8, u16, u32: (at) => u16(at) * 65_536 + u16(at + 2) };
}

export function ipv4Text(bytes: Uint8Array): string {
  return [...bytes].join('.');
}

/** An address that is held as a number. */
export function ipText(value: bigint, version: 4 | 6): string {
  const length = version === 4 ? 4 : 16;
  const bytes = Array.from({ length }, (_, i) =>
    Number((value >> BigInt(8 * (length - 1 - i))) & 0xffn),
  );
  return version === 4 ? ipv4Text(Uint8Array.from(bytes)) : ipv6Text(Uint8Array.from(bytes));
}

/** RFC 5952: the first of the longest runs of zero words is cut out. */
function ipv6Text(bytes: Uint8Array): string {
  const { u16 } = reader(bytes);
  const words = Array.from({ length: 8 }, (_, i) => u16(2 * i).toString(16));
  let best = { from: -1, length: 1 };
  for (let from = 0; from < 8; from++) {
    let length = 0;
    while (words[from + length] === '0') length++;
    if (length > best.length) best = { from, length };
  }
  if (best.from < 0) return words.join(':');
  const head = words.slice(0, best.from).join(':');
  return `${head}::${words.slice(best.from + best.length).join(':')}`;
}

export function macText(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** The Internet checksum; 0 over bytes that hold their own right one. */
function checksum(bytes: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] ?? 0) * 256 + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65_536);
  return ~sum & 0xffff;
}

const ARP = 0x0806;
const IPV4 = 0x0800;
const IPV6 = 0x86dd;

/** The text of a frame from its Ethernet header on. */
export function brief(frame: Uint8Array): string {
  const { u16 } = reader(frame);
  const tagged = u16(12) === 0x8100;
  const at = tagged ? 18 : 14;
  const type = u16(at - 2);
  const vlan = tagged ? `vlan${u16(14) & 4095} ` : '';
  const rest = frame.subarray(at);
  if (type === ARP && rest.length >= 28) return vlan + arp(rest);
  if (type === IPV4 || type === IPV6) return vlan + briefPacket(rest);
  return `${vlan}eth 0x${type.toString(16).padStart(4, '0')}`;
}

function arp(bytes: Uint8Array): string {
  const spa = ipv4Text(bytes.subarray(14, 18));
  const tpa = ipv4Text(bytes.subarray(24, 28));
  const sha = macText(bytes.subarray(8, 14));
  return reader(bytes).u16(6) === 1
    ? `arp who-has ${tpa} tell ${spa}(${sha})`
    : `arp ${spa} is-at ${sha} > ${tpa}(${macText(bytes.subarray(18, 24))})`;
}

/** What a transport header is read from. */
interface Upper {
  readonly protocol: number;
  readonly body: Uint8Array;
  /** All of the packet is there, so that checksums can be verified. */
  readonly whole: boolean;
  readonly first: boolean;
  readonly pseudo: readonly number[];
}

/** The text of a packet from its IP header on; as far as it goes, for quotes. */
export function briefPacket(bytes: Uint8Array): string {
  const { u8 } = reader(bytes);
  if (u8(0) >> 4 === 4 && bytes.length >= 20) return four(bytes);
  return u8(0) >> 4 === 6 && bytes.length >= 40 ? six(bytes) : '';
}

function four(bytes: Uint8Array): string {
  const { u8, u16 } = reader(bytes);
  const header = (u8(0) & 15) * 4;
  const total = u16(2);
  const flags = u16(6);
  const offset = (flags & 0x1fff) * 8;
  const more = (flags & 0x2000) !== 0;
  const src = bytes.subarray(12, 16);
  const dst = bytes.subarray(16, 20);
  let text = `ip ${ipv4Text(src)}>${ipv4Text(dst)} ttl${u8(8)}`;
  if (u8(1) !== 0) text += ` tos0x${u8(1).toString(16)}`;
  if ((flags & 0x4000) !== 0) text += ' DF';
  if (offset !== 0 || more) text += ` frag${offset}${more ? '+' : ''}`;
  if (checksum([...bytes.subarray(0, header)]) !== 0) text += ' BADIPCSUM';
  const body = bytes.subarray(header, total === 0 ? bytes.length : total);
  const upper: Upper = {
    protocol: u8(9),
    body,
    first: offset === 0,
    whole: offset === 0 && !more && total <= bytes.length,
    pseudo: [...src, ...dst, 0, u8(9), body.length >> 8, body.length & 255],
  };
  return text + transport(upper, true);
}

function six(bytes: Uint8Array): string {
  const { u8, u16 } = reader(bytes);
  const length = u16(4);
  const src = bytes.subarray(8, 24);
  const dst = bytes.subarray(24, 40);
  const body = bytes.subarray(40, 40 + length);
  const upper: Upper = {
    protocol: u8(6),
    body,
    first: true,
    whole: 40 + length <= bytes.length,
    pseudo: [...src, ...dst, 0, 0, body.length >> 8, body.length & 255, 0, 0, 0, u8(6)],
  };
  return `ip6 ${ipv6Text(src)}>${ipv6Text(dst)} hl${u8(7)}${transport(upper, false)}`;
}

function transport(upper: Upper, isFour: boolean): string {
  const { protocol, body, first } = upper;
  const { u16 } = reader(body);
  const ports = `${u16(0)}>${u16(2)}`;
  if (first && protocol === 6 && body.length >= 20) return tcp(upper, ports);
  if (first && protocol === 17 && body.length >= 8) {
    const bad = u16(6) !== 0 && isBad(upper) ? ' BADCSUM' : '';
    return ` udp ${ports}${bad}${tunnel(body)}`;
  }
  if (first && (protocol === 1 || protocol === 58) && body.length >= 8) return icmp(upper, isFour);
  if (first && protocol === 132 && body.length >= 12) return ` sctp ${ports}`;
  return isFour ? ` proto${protocol}` : '';
}

function isBad({ whole, pseudo, body }: Upper): boolean {
  return whole && checksum([...pseudo, ...body]) !== 0;
}

const FLAGS = 'FSRPAUEC';

function tcp(upper: Upper, ports: string): string {
  const { body } = upper;
  const { u8, u16, u32 } = reader(body);
  const flags = [...FLAGS].filter((_, i) => ((u8(13) >> i) & 1) === 1).join('');
  const hasOptions = (u8(12) >> 4) * 4 > 20 && body.length > 20;
  const mss = hasOptions && u8(20) === 2 ? ` mss${u16(22)}` : '';
  const bad = isBad(upper) ? ' BADCSUM' : '';
  return ` tcp ${ports} [${flags}] seq${u32(4)} ack${u32(8)}${mss}${bad}`;
}

function icmp(upper: Upper, isFour: boolean): string {
  const { body, whole } = upper;
  const { u8, u16 } = reader(body);
  const [type, code] = [u8(0), u8(1)];
  const error = isFour ? [3, 4, 5, 11, 12].includes(type) : type < 128;
  let text = ` icmp${isFour ? '' : '6'} ${type}/${code}`;
  const neighbour = !isFour && (type === 135 || type === 136);
  if (!error && !neighbour) text += ` id${u16(4)} seq${u16(6)}`;
  if ((isFour && type === 3 && code === 4) || (!isFour && type === 2)) text += ` mtu${u16(6)}`;
  const bad = isFour ? whole && checksum([...body]) !== 0 : isBad(upper);
  if (bad) text += ' BADCSUM';
  return error ? `${text} {${briefPacket(body.subarray(8))}}` : text;
}

function tunnel(body: Uint8Array): string {
  const { u16, u8 } = reader(body);
  if ((u16(2) !== 4789 && u16(2) !== 8472) || body.length <= 30) return '';
  const vni = u8(12) * 65_536 + u16(13);
  const inner = body.subarray(16);
  const macs = `${macText(inner.subarray(6, 12))}>${macText(inner.subarray(0, 6))}`;
  return ` vxlan${vni} {${macs} ${brief(inner)}}`;
}
