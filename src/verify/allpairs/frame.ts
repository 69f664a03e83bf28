/**
 * A frame in the engine's hands: its words, which of them are known, and where it is. Words that
 * are not known must not be asked for: then the frame goes on with every word concrete, or the
 * pair is left to the proof that can do more.
 */
import { field } from '../../packet/fields.ts';
import { type Region } from '../../traffic/sets/regions.ts';

/** Something the engine does not carry exactly: the pair is left to the proof of one pair. */
export class NotCarried extends Error {}

/** A word was asked for that the caller had left open. */
export class NeedsMore extends Error {}

/** Thrown often, so it is made once. */
export const NEEDS_MORE = new NeedsMore('a flow asks for more of the frame');

/** What is known of a word. */
export const OPEN = 0;
export const KNOWN = 1;
/** Stands for a variable of the coordinates. */
export const SYMBOLIC = 2;

export interface Frame {
  readonly words: number[];
  /** By word: OPEN, KNOWN or SYMBOLIC. */
  readonly known: number[];
  where: Region;
}

/**
 * Frames have slots for the words that agents' flows look at; all others share one that is never
 * known. By word of a packet: its slot.
 */
const slots = new Map<number, number>();
export const OTHER = 0;

const word = (name: string, more = 0): number => {
  const at = field(name).word + more;
  let slot = slots.get(at);
  if (slot === undefined) {
    slot = slots.size + 1;
    slots.set(at, slot);
  }
  return slot;
};

/** The words of a field of two words, of which the second follows the first. */
const pair = (name: string): number => {
  const first = word(name);
  word(name, 1);
  return first;
};

/** The slot of a word of a packet. */
export function slotOf(at: number): number {
  return slots.get(at) ?? OTHER;
}

/** Words of fields that the engine writes itself. */
export const W = {
  inPort: word('in_port'),
  ethSrc: pair('eth_src'),
  ethDst: pair('eth_dst'),
  ethType: word('eth_type'),
  vlan: word('vlan_tci'),
  vlan2: word('vlan_tci2'),
  tunId: pair('tun_id'),
  ctState: word('ct_state'),
  ctZone: word('ct_zone'),
  ctMark: word('ct_mark'),
  conjId: word('conj_id'),
  ipSrc: word('ip_src'),
  ipDst: word('ip_dst'),
  proto: word('ip_proto'),
  tpSrc: word('tp_src'),
  tpDst: word('tp_dst'),
  arpOp: word('arp_op'),
  arpSpa: word('arp_spa'),
  arpTpa: word('arp_tpa'),
  arpSha: pair('arp_sha'),
  arpTha: pair('arp_tha'),
} as const;

/** Metadata that starts as zero on every bridge. */
const ZERO: readonly number[] = [
  ...Array.from({ length: 16 }, (_, n) => word(`reg${n}`)),
  word('metadata'),
  word('metadata', 1),
  W.tunId,
  W.tunId + 1,
  word('tun_src'),
  word('tun_dst'),
  word('tun_flags'),
  W.ctState,
  W.ctZone,
  W.ctMark,
  ...[0, 1, 2, 3].map((n) => word('ct_label', n)),
  W.conjId,
  word('recirc_id'),
  word('pkt_mark'),
];

/** Words of a frame's own header that are always concrete. */
const PLAIN: readonly number[] = [
  W.ethSrc,
  W.ethSrc + 1,
  W.ethDst,
  W.ethDst + 1,
  W.ethType,
  W.vlan,
  W.vlan2,
  word('vlan_tpid'),
];

const FRAGMENT = word('ip_frag');
/** How many slots a frame has. */
export const SLOTS = slots.size + 1;
/** Slots from here on are of the header. */
export const HEADER: readonly number[] = [
  ...PLAIN,
  W.ipSrc,
  W.ipDst,
  W.arpOp,
  W.arpSpa,
  W.arpTpa,
  W.arpSha,
  W.arpSha + 1,
  W.arpTha,
  W.arpTha + 1,
];

const IPV4 = 0x0800;
const ARP = 0x0806;

/** MAC addresses as numbers below 2^48: exact in a double. */
export type Mac = number;
export const BROADCAST: Mac = 0xffff_ffff_ffff;

export function readMac(words: readonly number[], at: number): Mac {
  return words[at]! * 0x1_0000_0000 + words[at + 1]!;
}

export function writeMac(words: number[], at: number, mac: Mac): void {
  words[at] = Math.floor(mac / 0x1_0000_0000);
  words[at + 1] = mac >>> 0;
}

function blank(where: Region): Frame {
  const known: number[] = new Array<number>(SLOTS).fill(OPEN);
  for (const at of ZERO) known[at] = KNOWN;
  for (const at of PLAIN) known[at] = KNOWN;
  // Plain arrays are copied far faster than typed ones of this size; a fraction in the slot that
  // nobody reads keeps them arrays of doubles, so that all copies have one shape.
  const words: number[] = new Array<number>(SLOTS).fill(0);
  words[OTHER] = 0.5;
  return { words, known, where };
}

/** Which address of an IP frame the coordinates stand for. */
export type Far = 'source' | 'destination';

/** An IPv4 frame; the far end's address is a variable, null leaves the near one open. */
export function ipFrame(
  source: Mac,
  destination: Mac,
  far: Far,
  near: number | null,
  where: Region,
): Frame {
  const frame = blank(where);
  const { words, known } = frame;
  writeMac(words, W.ethSrc, source);
  writeMac(words, W.ethDst, destination);
  words[W.ethType] = IPV4;
  const [symbolic, own] = far === 'source' ? [W.ipSrc, W.ipDst] : [W.ipDst, W.ipSrc];
  known[symbolic] = SYMBOLIC;
  if (near !== null) {
    words[own] = near;
    known[own] = KNOWN;
  }
  for (const at of [W.proto, W.tpSrc, W.tpDst]) known[at] = SYMBOLIC;
  known[FRAGMENT] = KNOWN;
  return frame;
}

/** An ARP packet (RFC 826); null leaves what is not asked for open. */
export function arpFrame(
  source: Mac,
  destination: Mac,
  operation: 1 | 2,
  sender: number | null,
  target: number | null,
  where: Region,
): Frame {
  const frame = blank(where);
  const { words, known } = frame;
  writeMac(words, W.ethSrc, source);
  writeMac(words, W.ethDst, destination);
  words[W.ethType] = ARP;
  words[W.arpOp] = operation;
  known[W.arpOp] = KNOWN;
  if (sender !== null) {
    words[W.arpSpa] = sender;
    known[W.arpSpa] = KNOWN;
  }
  if (target !== null) {
    words[W.arpTpa] = target;
    known[W.arpTpa] = KNOWN;
  }
  writeMac(words, W.arpSha, source);
  known[W.arpSha] = KNOWN;
  known[W.arpSha + 1] = KNOWN;
  return frame;
}

export function copyOf({ words, known, where }: Frame): Frame {
  return { words: words.slice(), known: known.slice(), where };
}

/** As a frame comes into a bridge: metadata is wiped (ofproto-dpif-xlate.c patch_port_output()). */
export function entering(frame: Frame, inPort: number): Frame {
  const next = copyOf(frame);
  for (const at of ZERO) {
    next.words[at] = 0;
    next.known[at] = KNOWN;
  }
  next.words[W.inPort] = inPort;
  next.known[W.inPort] = KNOWN;
  return next;
}
