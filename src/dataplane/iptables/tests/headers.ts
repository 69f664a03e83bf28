/**
 * Tests on transport headers that no field shows: TCP options, SCTP chunks, types of DCCP,
 * security parameter indexes (net/netfilter/xt_tcpudp.c, xt_tcpmss.c, xt_sctp.c, xt_dccp.c,
 * xt_esp.c, net/ipv4/netfilter/ipt_ah.c). Each answers -1 where bytes are not known.
 */
import { get16, get32 } from '../../../packet/wire/bytes.ts';
import { type Truth } from '../../../traffic/guard.ts';
import { type Interval } from '../text/codec.ts';
import { type PacketBytes } from './types.ts';

const truth = (holds: boolean): Truth => (holds ? 1 : 0);

/** Whether so many bytes from `at` on are there: 1, 0 behind the packet's end, -1 not known. */
function there({ end, known }: PacketBytes, at: number, length: number): Truth {
  if (at + length > end) return 0;
  return at + length > known ? -1 : 1;
}

interface TcpOption {
  readonly kind: number;
  readonly at: number;
  /** As the option says; what ends or fills the list has none. */
  readonly length: number;
}

/** The options of a TCP header as the kernel steps over them; a Truth where they are not there. */
function tcpOptions(packet: PacketBytes): readonly TcpOption[] | Truth {
  const { bytes, transport } = packet;
  const header = there(packet, transport, 20);
  if (header !== 1) return header;
  const length = ((bytes[transport + 12] ?? 0) >> 4) * 4;
  if (length < 20) return 0;
  const whole = there(packet, transport, length);
  if (whole !== 1) return whole;
  const options: TcpOption[] = [];
  const end = transport + length;
  for (let at = transport + 20; at < end; ) {
    const kind = bytes[at] ?? 0;
    const size = at + 1 < end ? (bytes[at + 1] ?? 0) : 0;
    options.push({ kind, at, length: size });
    at += kind < 2 ? 1 : Math.max(1, size);
  }
  return options;
}

/** tcp_find_option(). */
export function hasTcpOption(packet: PacketBytes, kind: number): Truth {
  if (packet.later) return 0;
  const options = tcpOptions(packet);
  return typeof options === 'number' ? options : truth(options.some((one) => one.kind === kind));
}

const MSS = { kind: 2, length: 4 } as const;

/** tcpmss_mt(): the MSS option of the segment. */
export function hasMss(packet: PacketBytes, { from, to }: Interval): Truth {
  const options = tcpOptions(packet);
  if (typeof options === 'number') return options;
  const found = options.find(({ kind, length }) => kind === MSS.kind && length === MSS.length);
  if (found === undefined) return 0;
  const mss = get16(packet.bytes, found.at + 2);
  return truth(from <= mss && mss <= to);
}

const CHUNKS: Readonly<Record<string, number>> = {
  DATA: 0,
  INIT: 1,
  INIT_ACK: 2,
  SACK: 3,
  HEARTBEAT: 4,
  HEARTBEAT_ACK: 5,
  ABORT: 6,
  SHUTDOWN: 7,
  SHUTDOWN_ACK: 8,
  ERROR: 9,
  COOKIE_ECHO: 10,
  COOKIE_ACK: 11,
  ECN_ECNE: 12,
  ECN_CWR: 13,
  SHUTDOWN_COMPLETE: 14,
  I_DATA: 64,
  RE_CONFIG: 130,
  PAD: 132,
  ASCONF: 193,
  ASCONF_ACK: 128,
  FORWARD_TSN: 192,
  I_FORWARD_TSN: 194,
};

/** Letters of chunk flags, the most significant bit first (libxt_sctp.c chunk_flags). */
const FLAG_LETTERS: Readonly<Record<string, string>> = {
  DATA: '----IUBE',
  I_DATA: '----IUBE',
  ABORT: '-------T',
  SHUTDOWN_COMPLETE: '-------T',
};

interface WantedChunk {
  readonly type: number;
  readonly mask: number;
  readonly flags: number;
}

/** Chunks as `--chunk-types` lists them: `DATA:Be,INIT`; null for a word nobody knows. */
export function parseChunks(list: string): readonly WantedChunk[] | null {
  if (list === 'ALL' || list === 'NONE') {
    const types = list === 'ALL' ? Array.from({ length: 256 }, (_, type) => type) : [];
    return types.map((type) => ({ type, mask: 0, flags: 0 }));
  }
  const wanted = list.split(',').map((word) => {
    const [name = '', letters = ''] = word.split(':');
    const type = CHUNKS[name];
    if (type === undefined) return null;
    let mask = 0;
    let flags = 0;
    for (const letter of letters) {
      const at = (FLAG_LETTERS[name] ?? '').indexOf(letter.toUpperCase());
      if (at < 0) return null;
      const bit = 0x80 >> at;
      mask |= bit;
      // An upper case letter wants the flag set, a lower case one not set.
      if (letter === letter.toUpperCase()) flags |= bit;
    }
    return { type, mask, flags };
  });
  return wanted.every((one) => one !== null) ? wanted : null;
}

/** match_packet() of xt_sctp.c; `how` is `all`, `any` or `only`. */
export function hasChunks(packet: PacketBytes, how: string, wanted: readonly WantedChunk[]): Truth {
  const { bytes, transport, end } = packet;
  if (packet.later) return 0;
  const missing = new Set(wanted.map(({ type }) => type));
  for (let at = transport + 12; at < end; ) {
    const header = there(packet, at, 4);
    if (header !== 1) return header;
    const type = bytes[at] ?? 0;
    const length = get16(bytes, at + 2);
    if (length === 0) return 0;
    const one = wanted.find((each) => each.type === type);
    const fits = one !== undefined && ((bytes[at + 1] ?? 0) & one.mask) === one.flags;
    if (how === 'any' && fits) return 1;
    if (how === 'only' && !fits) return 0;
    if (fits) missing.delete(type);
    at += (length + 3) & ~3;
  }
  return truth(how === 'only' || (how === 'all' && missing.size === 0));
}

const DCCP_TYPES = [
  'REQUEST',
  'RESPONSE',
  'DATA',
  'ACK',
  'DATAACK',
  'CLOSEREQ',
  'CLOSE',
  'RESET',
  'SYNC',
  'SYNCACK',
] as const;

/** The packet type of DCCP (RFC 4340 §5.1); `INVALID` stands for the reserved ones. */
export function hasDccpType(packet: PacketBytes, list: string): Truth {
  const { bytes, transport } = packet;
  const header = there(packet, transport, 12);
  if (packet.later || header !== 1) return packet.later ? 0 : header;
  const type = ((bytes[transport + 8] ?? 0) >> 1) & 15;
  return truth(list.split(',').includes(DCCP_TYPES[type] ?? 'INVALID'));
}

/** The security parameter index of ESP (RFC 4303 §2.1) and AH (RFC 4302 §2.4). */
export function hasSpi(packet: PacketBytes, offset: 0 | 4, { from, to }: Interval): Truth {
  const header = there(packet, packet.transport, offset + 4);
  if (packet.later || header !== 1) return packet.later ? 0 : header;
  const spi = get32(packet.bytes, packet.transport + offset);
  return truth(from <= spi && spi <= to);
}
