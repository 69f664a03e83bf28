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

/** What stands in the slot of a word that is not known; all that is known is not negative. */
export const OPEN = -1;
/** Stands for a variable of the coordinates. */
export const SYMBOLIC = -2;
/**
 * Will be given: frames that differ only in such a word go together until some flow asks for it.
 * Of a destination address that is given later it is known that it is no group address.
 */
export const LATER = -3;

export interface Frame {
  /** By slot: what the word is, OPEN or SYMBOLIC. */
  readonly words: number[];
  where: Region;
}

/** Whether a word of a frame is known. */
export function isKnown({ words }: Frame, at: number): boolean {
  return words[at]! >= 0;
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

/** Words of fields that the engine reads or writes itself. */
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

/** The registers of a bridge, in which flows keep what they have found out. */
export const REGISTERS: readonly number[] = Array.from({ length: 16 }, (_, n) => word(`reg${n}`));

/** Metadata that starts as zero on every bridge. */
const ZERO: readonly number[] = [
  ...REGISTERS,
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

/** Whether both words of a MAC address are known. */
export function knowsMac({ words }: Frame, at: number): boolean {
  return words[at]! >= 0 && words[at + 1]! >= 0;
}

// Plain arrays are copied far faster than typed ones of this size; a fraction in a slot that
// nobody reads keeps them arrays of doubles, so that all copies have one shape.
const BLANK: readonly number[] = (() => {
  const words = new Array<number>(SLOTS + 1).fill(OPEN);
  for (const at of [...ZERO, ...PLAIN]) words[at] = 0;
  words[SLOTS] = 0.5;
  return words;
})();

function blank(where: Region): Frame {
  return { words: BLANK.slice(), where };
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
  const { words } = frame;
  writeMac(words, W.ethSrc, source);
  writeMac(words, W.ethDst, destination);
  words[W.ethType] = IPV4;
  const [symbolic, own] = far === 'source' ? [W.ipSrc, W.ipDst] : [W.ipDst, W.ipSrc];
  words[symbolic] = SYMBOLIC;
  if (near !== null) words[own] = near;
  for (const at of [W.proto, W.tpSrc, W.tpDst]) words[at] = SYMBOLIC;
  words[FRAGMENT] = 0;
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
  const { words } = frame;
  writeMac(words, W.ethSrc, source);
  writeMac(words, W.ethDst, destination);
  words[W.ethType] = ARP;
  words[W.arpOp] = operation;
  if (sender !== null) words[W.arpSpa] = sender;
  if (target !== null) words[W.arpTpa] = target;
  writeMac(words, W.arpSha, source);
  return frame;
}

/** The frame without what tells it from others of its kind; null when there is no such word. */
export function withLater(frame: Frame): Frame | null {
  const { words } = frame;
  const isArp = words[W.ethType] === ARP;
  const group = knowsMac(frame, W.ethDst) && isGroup(readMac(words, W.ethDst));
  if (isArp && group) {
    if (!isKnown(frame, W.arpTpa)) return null;
    const copy = copyOf(frame);
    copy.words[W.arpTpa] = LATER;
    return copy;
  }
  if (group || !knowsMac(frame, W.ethDst)) return null;
  const copy = copyOf(frame);
  copy.words[W.ethDst] = LATER;
  copy.words[W.ethDst + 1] = LATER;
  return copy;
}

/** Whether a MAC address is that of a group. */
export function isGroup(mac: Mac): boolean {
  return Math.floor(mac / 0x100_0000_0000) % 2 === 1;
}

/** A frame with what was left for later, as another has it. */
export function given(frame: Frame, from: Frame): Frame {
  const copy = copyOf(frame);
  for (const at of GIVEN_LATER) {
    if (copy.words[at] === LATER) copy.words[at] = from.words[at]!;
  }
  return copy;
}

const GIVEN_LATER = [W.ethDst, W.ethDst + 1, W.arpTpa] as const;

/** A frame with an address for a destination that was left for later. */
export function sentTo(frame: Frame, to: Mac): Frame {
  const copy = copyOf(frame);
  if (copy.words[W.ethDst] === LATER) writeMac(copy.words, W.ethDst, to);
  return copy;
}

export function copyOf({ words, where }: Frame): Frame {
  return { words: words.slice(), where };
}

/** As a frame comes into a bridge: metadata is wiped (ofproto-dpif-xlate.c patch_port_output()). */
export function entering(frame: Frame, inPort: number): Frame {
  const next = copyOf(frame);
  for (let i = 0; i < ZERO.length; i++) next.words[ZERO[i]!] = 0;
  next.words[W.inPort] = inPort;
  return next;
}
