/**
 * One packet as traffic: its fields in one array of words, changed in place, and a diary from
 * which every header at every step can be restored.
 */
import { type Field, type FieldBits, field, PACKET_WORDS } from '../packet/fields.ts';
import { type Frame } from '../packet/wire/frame.ts';
import { type Step, type TcpSegment, type Traffic } from './traffic.ts';
import { readNumber, writeNumber } from './words.ts';

export interface Packet {
  readonly words: Uint32Array;
  /** The frame inside a tunnel header. */
  readonly inner: Packet | null;
  /** The original packet inside an ICMP error. */
  quoted: Packet | null;
  /** What the fields do not show: bytes behind the last header, TCP options, the frame it was read from. */
  body: Body;
  /** The newest page of the diary. */
  diary: Page | null;
}

/** The part of a packet that no field describes. */
export interface Body {
  /** Bytes behind the last understood header. */
  readonly payload: Uint8Array;
  readonly tcpOptions: Uint8Array;
  readonly ipOptions: Uint8Array;
  /** The frame it was read from, header by header; absent when it was built from fields. */
  readonly asRead?: Frame;
}

const NO_BYTES = new Uint8Array(0);
export const EMPTY_BODY: Body = { payload: NO_BYTES, tcpOptions: NO_BYTES, ipOptions: NO_BYTES };

/** A diary is a chain of pages, newest first; forks share what was written before the fork. */
export interface Page {
  readonly previous: Page | null;
  /** A note, or null when the page records a changed word. */
  readonly step: (() => Step) | null;
  readonly word: number;
  /** The word's content before the change. */
  readonly before: number;
}

/** A packet with all fields zero. */
export function blankPacket(): Packet {
  return {
    words: new Uint32Array(PACKET_WORDS),
    inner: null,
    quoted: null,
    body: EMPTY_BODY,
    diary: null,
  };
}

/** Reads up to 32 low bits of a field of one packet: for tests and printing, never for elements. */
export function numberOf(p: Packet, of: Field): number {
  return readNumber(p.words, of, 0, Math.min(of.width, 32));
}

const VLAN = {
  tci: field('vlan_tci'),
  tpid: field('vlan_tpid'),
  tci2: field('vlan_tci2'),
  tpid2: field('vlan_tpid2'),
};
const FRAME_LEN = field('frame_len');
const ETH_TYPE = field('eth_type');
const TCP = { seq: field('tcp_seq'), ack: field('tcp_ack'), window: field('tcp_window') };
const MPLS = [field('mpls_lse'), field('mpls_lse2'), field('mpls_lse3')] as const;

function write(p: Packet, word: number, value: number): void {
  const before = p.words[word] ?? 0;
  if (before === value) return;
  p.words[word] = value;
  p.diary = { previous: p.diary, step: null, word, before };
}

function writeField(p: Packet, of: Field, value: number): void {
  const index = of.word + Math.ceil(of.width / 32) - 1;
  const mask = of.width >= 32 ? 0xffff_ffff : ((1 << of.width) - 1) >>> 0;
  write(
    p,
    index,
    (((p.words[index] ?? 0) & ~(mask << of.shift)) | ((value & mask) << of.shift)) >>> 0,
  );
}

function copyBits(p: Packet, to: FieldBits, source: Packet, from: FieldBits): void {
  const scratch = new Uint32Array(Math.ceil(to.width / 32));
  for (let done = 0, i = 0; done < to.width; done += 32, i++) {
    scratch[i] = readNumber(
      source.words,
      from.field,
      from.start + done,
      Math.min(32, to.width - done),
    );
  }
  const first = to.field.word;
  const count = Math.ceil(to.field.width / 32);
  const before = p.words.slice(first, first + count);
  for (let done = 0, i = 0; done < to.width; done += 32, i++) {
    writeNumber(p.words, to.field, to.start + done, Math.min(32, to.width - done), scratch[i] ?? 0);
  }
  for (let i = 0; i < count; i++) {
    const now = p.words[first + i] ?? 0;
    p.words[first + i] = before[i] ?? 0;
    write(p, first + i, now);
  }
}

function fork(p: Packet): Packet {
  return { words: p.words.slice(), inner: p.inner, quoted: p.quoted, body: p.body, diary: p.diary };
}

/** The operations of `Traffic` on one packet. */
export const onePacket: Traffic<Packet> = {
  split(p, guard) {
    return guard.test(p.words) === 1 ? { hit: p, miss: null } : { hit: null, miss: p };
  },
  lookup(p, table) {
    return [{ entries: table.find(p.words), p }];
  },
  same(p, seen, pairs) {
    for (const [here, there] of pairs) {
      for (let done = 0; done < here.width; done += 32) {
        const width = Math.min(32, here.width - done);
        const mine = readNumber(p.words, here.field, here.start + done, width);
        if (mine !== readNumber(seen.words, there.field, there.start + done, width)) {
          return { hit: null, miss: p };
        }
      }
    }
    return { hit: p, miss: null };
  },
  cases(p, bits) {
    return [{ value: readNumber(p.words, bits.field, bits.start, bits.width), p }];
  },
  set(p, { words }) {
    for (const { word, value, mask } of words) {
      write(p, word, (((p.words[word] ?? 0) & ~mask) | value) >>> 0);
    }
    return p;
  },
  copy(p, to, source, from) {
    copyBits(p, to, source, from);
    return p;
  },
  add(p, of, delta) {
    writeField(p, of, (numberOf(p, of) + delta) | 0);
    return p;
  },
  choose(p, to, from) {
    for (let done = 0; done < to.width; done += 32) {
      const part = Number((from >> BigInt(done)) & 0xffff_ffffn);
      const width = Math.min(32, to.width - done);
      const scratch = fork(p);
      writeNumber(scratch.words, to.field, to.start + done, width, part);
      copyBits(p, to, scratch, to);
    }
    return p;
  },
  push(p, header, etherType) {
    if (header === 'vlan') {
      writeField(p, VLAN.tci2, numberOf(p, VLAN.tci));
      writeField(p, VLAN.tpid2, numberOf(p, VLAN.tpid));
      writeField(p, VLAN.tpid, etherType);
      writeField(p, VLAN.tci, 0x1000);
      writeField(p, FRAME_LEN, numberOf(p, FRAME_LEN) + 4);
    } else if (header === 'mpls') {
      writeField(p, MPLS[2], numberOf(p, MPLS[1]));
      writeField(p, MPLS[1], numberOf(p, MPLS[0]));
      writeField(p, MPLS[0], 0);
      writeField(p, ETH_TYPE, etherType);
      writeField(p, FRAME_LEN, numberOf(p, FRAME_LEN) + 4);
    }
    return p;
  },
  pop(p, header, etherType) {
    if (header === 'vlan') {
      writeField(p, VLAN.tci, numberOf(p, VLAN.tci2));
      writeField(p, VLAN.tpid, numberOf(p, VLAN.tpid2));
      writeField(p, VLAN.tci2, 0);
      writeField(p, VLAN.tpid2, 0);
      writeField(p, FRAME_LEN, numberOf(p, FRAME_LEN) - 4);
    } else if (header === 'mpls') {
      writeField(p, MPLS[0], numberOf(p, MPLS[1]));
      writeField(p, MPLS[1], numberOf(p, MPLS[2]));
      writeField(p, MPLS[2], 0);
      if (etherType !== undefined) writeField(p, ETH_TYPE, etherType);
      writeField(p, FRAME_LEN, numberOf(p, FRAME_LEN) - 4);
    }
    return p;
  },
  encapsulate(p) {
    return {
      words: new Uint32Array(PACKET_WORDS),
      inner: p,
      quoted: null,
      body: EMPTY_BODY,
      diary: p.diary,
    };
  },
  decapsulate(p) {
    return p.inner === null ? null : { ...fork(p.inner), diary: p.diary };
  },
  blank(p) {
    return { ...blankPacket(), diary: p.diary };
  },
  quoted(p) {
    return p.quoted === null ? null : fork(p.quoted);
  },
  quote(p, original) {
    p.quoted = original;
    return p;
  },
  segment(p) {
    return segmentOf(p);
  },
  fork,
  within(p) {
    return p;
  },
  join(parts) {
    return parts;
  },
  note(p, step) {
    p.diary = { previous: p.diary, step, word: -1, before: 0 };
    return p;
  },
};

/** RFC 9293 §3.2: the options are kind, length, value; kind 3 is the window scale, 4 SACK permitted. */
function segmentOf(p: Packet): TcpSegment {
  let windowScale: number | undefined;
  let sackPermitted = false;
  const options = p.body.tcpOptions;
  for (let i = 0; i < options.length; ) {
    const kind = options[i] ?? 0;
    if (kind === 0) break;
    if (kind === 1) {
      i++;
      continue;
    }
    const length = options[i + 1] ?? 0;
    if (length < 2) break;
    if (kind === 3) windowScale = options[i + 2];
    if (kind === 4) sackPermitted = true;
    i += length;
  }
  return {
    seq: numberOf(p, TCP.seq),
    ack: numberOf(p, TCP.ack),
    window: numberOf(p, TCP.window),
    length: p.body.payload.length,
    windowScale,
    sackPermitted,
  };
}
