/**
 * Headers pushed on and popped from the front of one packet, as Open vSwitch does it while it
 * translates (lib/flow.c flow_push_mpls(), flow_pop_mpls(), flow_push_vlan_uninit();
 * ofproto/ofproto-dpif-xlate.c xlate_generic_encap_action()). Popping what is not there
 * changes nothing.
 */
import { FIRST_WIRE_WORD, field } from '../packet/fields.ts';
import { writeField, writeRun } from './bits.ts';
import { changeOfFrame, writeWord } from './diary.ts';
import { EMPTY_BODY, forkPacket, numberOf, ownWords, type Packet } from './packet.ts';
import { type HeaderKind } from './traffic.ts';

const TCI = field('vlan_tci');
const TPID = field('vlan_tpid');
const TCI2 = field('vlan_tci2');
const TPID2 = field('vlan_tpid2');
const LABELS = [field('mpls_lse'), field('mpls_lse2'), field('mpls_lse3')] as const;
const ETH_TYPE = field('eth_type');
const ETH_SRC = field('eth_src');
const ETH_DST = field('eth_dst');
const NW_TOS = field('nw_tos');
const NW_TTL = field('nw_ttl');
const PACKET_TYPE = field('packet_type');
const FRAME_LEN = field('frame_len');
const NSH = {
  mdtype: field('nsh_mdtype'),
  np: field('nsh_np'),
  si: field('nsh_si'),
  ttl: field('nsh_ttl'),
};
/** Tunnel options are metadata again, behind the headers. */
const FIRST_OPTION_WORD = field('tun_option_word0').word;

/** "There is a tag": the bit that stands for CFI on the wire. */
const VLAN_PRESENT = 0x1000;
const BOTTOM_OF_STACK = 0x100;
const ETHERTYPE = { ipv4: 0x0800, ipv6: 0x86dd, mpls: 0x8847, mplsMulticast: 0x8848, nsh: 0x894f };
/** RFC 8300 §2.2: base header, service path header and four context words of MD type 1. */
const NSH_BYTES = 24;
const ETHERNET_BYTES = 14;
const TAG_BYTES = 4;

/** Pushes a header in front. */
export function pushHeader(p: Packet, header: HeaderKind, etherType: number): Packet {
  switch (header) {
    case 'vlan':
      return pushVlan(p, etherType);
    case 'mpls':
      return pushMpls(p, etherType);
    case 'nsh':
      return pushNsh(p);
    case 'ethernet':
      return pushEthernet(p);
  }
}

/** Pops the foremost header of that kind. */
export function popHeader(p: Packet, header: HeaderKind, etherType: number | undefined): Packet {
  switch (header) {
    case 'vlan':
      return popVlan(p);
    case 'mpls':
      return popMpls(p, etherType);
    case 'nsh':
      return popNsh(p);
    case 'ethernet':
      return popEthernet(p);
  }
}

function grow(p: Packet, bytes: number): void {
  writeField(p, FRAME_LEN, numberOf(p, FRAME_LEN) + bytes);
}

/** The new tag has VID 0 and PCP 0, also above another tag; the caller sets them afterwards. */
function pushVlan(p: Packet, etherType: number): Packet {
  // Simplification: two tags are kept, a third push loses the innermost (as OVS does, lib/flow.h
  // FLOW_MAX_VLAN_HEADERS).
  writeField(p, TCI2, numberOf(p, TCI));
  writeField(p, TPID2, numberOf(p, TPID));
  writeField(p, TCI, VLAN_PRESENT);
  writeField(p, TPID, etherType);
  grow(p, TAG_BYTES);
  return p;
}

function popVlan(p: Packet): Packet {
  if ((numberOf(p, TCI) & VLAN_PRESENT) === 0) return p;
  writeField(p, TCI, numberOf(p, TCI2));
  writeField(p, TPID, numberOf(p, TPID2));
  writeField(p, TCI2, 0);
  writeField(p, TPID2, 0);
  grow(p, -TAG_BYTES);
  return p;
}

/** How many label stack entries are known: up to the bottom of the stack, at most three. */
function labelCount(p: Packet): number {
  const type = numberOf(p, ETH_TYPE);
  if (type !== ETHERTYPE.mpls && type !== ETHERTYPE.mplsMulticast) return 0;
  for (let i = 0; i < LABELS.length; i++) {
    if ((numberOf(p, LABELS[i]!) & BOTTOM_OF_STACK) !== 0) return i + 1;
  }
  return LABELS.length;
}

/**
 * Above other labels the new entry is a copy of the outermost, not at the bottom of the stack.
 * Above IP it is explicit null (0, IPv6 2) with the low bits of the DSCP and the TTL of the
 * packet; above anything else the TTL is 64.
 */
function pushMpls(p: Packet, etherType: number): Packet {
  // Simplification: three labels are kept, a fourth push loses the innermost; OVS refuses it.
  if (labelCount(p) > 0) {
    writeField(p, LABELS[2], numberOf(p, LABELS[1]));
    writeField(p, LABELS[1], numberOf(p, LABELS[0]));
    writeField(p, LABELS[0], numberOf(p, LABELS[0]) & ~BOTTOM_OF_STACK);
  } else {
    const type = numberOf(p, ETH_TYPE);
    const isIp = type === ETHERTYPE.ipv4 || type === ETHERTYPE.ipv6;
    const label = type === ETHERTYPE.ipv6 ? 2 : 0;
    const tc = isIp ? (numberOf(p, NW_TOS) >>> 2) & 7 : 0;
    const ttl = isIp ? numberOf(p, NW_TTL) || 64 : 64;
    writeField(p, LABELS[0], (label << 12) | (tc << 9) | BOTTOM_OF_STACK | ttl);
  }
  writeField(p, ETH_TYPE, etherType);
  grow(p, TAG_BYTES);
  return p;
}

function popMpls(p: Packet, etherType: number | undefined): Packet {
  if (labelCount(p) === 0) return p;
  writeField(p, LABELS[0], numberOf(p, LABELS[1]));
  writeField(p, LABELS[1], numberOf(p, LABELS[2]));
  writeField(p, LABELS[2], 0);
  if (etherType !== undefined) writeField(p, ETH_TYPE, etherType);
  grow(p, -TAG_BYTES);
  return p;
}

/**
 * encap(nsh): what was there becomes what NSH carries; marks and registers stay. The packet is
 * of type (1, 0x894f) until encap(ethernet) gives it a frame header.
 */
function pushNsh(p: Packet): Packet {
  const outer = { ...forkPacket(p), inner: p, quoted: null, body: EMPTY_BODY };
  outer.diary = changeOfFrame(p);
  ownWords(outer).fill(0, FIRST_WIRE_WORD, FIRST_OPTION_WORD);
  writeField(outer, NSH.mdtype, 1);
  writeField(outer, NSH.np, nextProtocol(numberOf(p, PACKET_TYPE)));
  writeField(outer, NSH.si, 255);
  writeField(outer, NSH.ttl, 63);
  writeField(outer, ETH_TYPE, ETHERTYPE.nsh);
  writeField(outer, PACKET_TYPE, 0x1_0000 | ETHERTYPE.nsh);
  writeField(outer, FRAME_LEN, numberOf(p, FRAME_LEN) + NSH_BYTES);
  return outer;
}

/** RFC 8300 §2.2 Next Protocol for a packet type (namespace << 16 | type). */
function nextProtocol(packetType: number): number {
  switch (packetType) {
    case 0x1_0000 | ETHERTYPE.ipv4:
      return 1;
    case 0x1_0000 | ETHERTYPE.ipv6:
      return 2;
    case 0x1_0000 | ETHERTYPE.nsh:
      return 4;
    default:
      return 3;
  }
}

/** decap() of NSH: what it carried comes back, marks and registers stay. */
function popNsh(p: Packet): Packet {
  if (p.inner === null || numberOf(p, ETH_TYPE) !== ETHERTYPE.nsh) return p;
  const carried = forkPacket(p.inner);
  const type = numberOf(carried, PACKET_TYPE);
  carried.diary = changeOfFrame(p);
  const words = ownWords(carried);
  words.set(p.words.subarray(0, FIRST_WIRE_WORD));
  words.set(p.words.subarray(FIRST_OPTION_WORD), FIRST_OPTION_WORD);
  writeField(carried, PACKET_TYPE, type);
  return carried;
}

/** encap(ethernet): a header with zero addresses before a packet that has none. */
function pushEthernet(p: Packet): Packet {
  const type = numberOf(p, PACKET_TYPE);
  if (type === 0) return p;
  writeRun(p, ETH_SRC, 0, 32, 0);
  writeRun(p, ETH_SRC, 32, 16, 0);
  writeRun(p, ETH_DST, 0, 32, 0);
  writeRun(p, ETH_DST, 32, 16, 0);
  writeField(p, ETH_TYPE, type & 0xffff);
  writeField(p, PACKET_TYPE, 0);
  grow(p, ETHERNET_BYTES);
  return p;
}

/** decap() of Ethernet; OVS refuses it while there is a VLAN tag, so the caller asks first. */
function popEthernet(p: Packet): Packet {
  if (numberOf(p, PACKET_TYPE) !== 0) return p;
  writeField(p, PACKET_TYPE, 0x1_0000 | numberOf(p, ETH_TYPE));
  for (const of of [ETH_SRC, ETH_DST]) {
    writeWord(p, of.word, 0);
    writeWord(p, of.word + 1, 0);
  }
  grow(p, -ETHERNET_BYTES);
  return p;
}
