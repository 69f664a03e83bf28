/**
 * One packet's bytes from its IP header on: for rules that look where no field shows, for
 * fragments, and for what rewrites a payload. The fields are read anew from what was written.
 */
import { FIRST_WIRE_WORD, field } from '../packet/fields.ts';
import { ETHERTYPE } from '../packet/wire/ethernet.ts';
import { decode } from '../packet/wire/frame.ts';
import { changeOfFrame } from './diary.ts';
import { numberOf, type Packet } from './packet.ts';
import { type Content } from './traffic.ts';
import { bytesFromPacket, networkBytes, packetOfFrame } from './wire.ts';

const ETH_TYPE = field('eth_type');
/** Tunnel options are metadata again, behind the headers. */
const FIRST_OPTION_WORD = field('tun_option_word0').word;

/** The bytes of an IP packet; null for anything else. */
export function contentOf(p: Packet): Content | null {
  const type = numberOf(p, ETH_TYPE);
  if (type !== ETHERTYPE.ipv4 && type !== ETHERTYPE.ipv6) return null;
  return networkBytes(p);
}

/** The same frame with another IP packet in it; a tunnel is opened again. */
export function withContent(
  p: Packet,
  bytes: Uint8Array,
  pieces: readonly number[] = [],
  cuts: readonly number[] = pieces,
): Packet {
  const whole = bytesFromPacket(p);
  const link = linkLength(p, whole);
  const frame = new Uint8Array(link + bytes.length);
  frame.set(whole.subarray(0, link));
  frame.set(bytes, link);
  const made = packetOfFrame(decode(frame, { tunnels: true }).value, frame.length);
  made.words.set(p.words.subarray(0, FIRST_WIRE_WORD));
  made.words.set(p.words.subarray(FIRST_OPTION_WORD), FIRST_OPTION_WORD);
  if (pieces.length > 0) made.body = { ...made.body, pieces };
  if (cuts !== pieces) made.body = { ...made.body, cuts };
  made.diary = changeOfFrame(p);
  return made;
}

/** Bytes in front of the IP header; Ethernet padding stands behind the packet. */
function linkLength(p: Packet, whole: Uint8Array): number {
  const trailer = p.body.asRead?.trailer.length ?? 0;
  return whole.length - trailer - networkBytes(p).bytes.length;
}
