/**
 * One packet as traffic: its fields in one array of words, changed in place, and a diary from
 * which every header at every step can be restored (`diary.ts`).
 */
import { copyRun, writeField, writeValue } from './bits.ts';
import { contentOf, withContent } from './content.ts';
import { changeOfFrame, notePage, writeWord } from './diary.ts';
import { popHeader, pushHeader } from './headers.ts';
import { blankPacket, carrierOf, forkPacket, numberOf, type Packet } from './packet.ts';
import { segmentOf } from './segment.ts';
import { type FieldPairs, type Traffic } from './traffic.ts';
import { readNumber } from './words.ts';

export type { Page } from './diary.ts';
export { type Body, blankPacket, EMPTY_BODY, numberOf, type Packet } from './packet.ts';

function equalBits(p: Packet, seen: Packet, pairs: FieldPairs): boolean {
  for (let i = 0; i < pairs.length; i++) {
    const [here, there] = pairs[i]!;
    for (let done = 0; done < here.width; done += 32) {
      const width = Math.min(here.width - done, 32);
      const mine = readNumber(p.words, here.field, here.start + done, width);
      if (mine !== readNumber(seen.words, there.field, there.start + done, width)) return false;
    }
  }
  return true;
}

const WHOLE: readonly number[] = [];

/** The operations of `Traffic` on one packet. */
export const onePacket: Traffic<Packet> = {
  split(p, guard) {
    return guard.test(p.words) === 1 ? { hit: p, miss: null } : { hit: null, miss: p };
  },
  lookup(p, table) {
    return [{ entries: table.find(p.words), p }];
  },
  same(p, seen, pairs) {
    return equalBits(p, seen, pairs) ? { hit: p, miss: null } : { hit: null, miss: p };
  },
  cases(p, bits) {
    return [{ value: readNumber(p.words, bits.field, bits.start, bits.width), p }];
  },
  set(p, { words }) {
    for (let i = 0; i < words.length; i++) {
      const { word, value, mask } = words[i]!;
      writeWord(p, word, (p.words[word]! & ~mask) | value);
    }
    return p;
  },
  copy(p, to, source, from) {
    copyRun(p, to, source, from);
    return p;
  },
  setAll(p, { words }) {
    for (let i = 0; i < words.length; i++) {
      const { word, value, mask } = words[i]!;
      writeWord(p, word, (p.words[word]! & ~mask) | value);
    }
    return p;
  },
  copyAll(p, source, { words }) {
    const from = source.words;
    for (let i = 0; i < words.length; i++) {
      const { word, mask } = words[i]!;
      writeWord(p, word, (p.words[word]! & ~mask) | (from[word]! & mask));
    }
    return p;
  },
  add(p, of, delta) {
    writeField(p, of, (numberOf(p, of) + delta) | 0);
    return p;
  },
  choose(p, to, from) {
    writeValue(p, to, from);
    return p;
  },
  push: pushHeader,
  pop: popHeader,
  encapsulate(p) {
    return carrierOf(p, changeOfFrame(p));
  },
  decapsulate(p) {
    if (p.inner === null) return null;
    const carried = forkPacket(p.inner);
    carried.diary = changeOfFrame(p);
    return carried;
  },
  blank(p) {
    // What `p` does from here on is another story: it is kept as it is now.
    const blank = blankPacket();
    blank.diary = changeOfFrame(forkPacket(p));
    return blank;
  },
  quoted(p) {
    return p.quoted === null ? null : forkPacket(p.quoted);
  },
  quote(p, original) {
    // What it quoted until now belongs to the steps until now.
    if (p.quoted !== null) p.diary = changeOfFrame(forkPacket(p));
    p.quoted = original;
    return p;
  },
  segment: segmentOf,
  content: contentOf,
  withContent,
  pieces(p) {
    return p.body.pieces ?? WHOLE;
  },
  cuts(p) {
    return p.body.cuts ?? p.body.pieces ?? WHOLE;
  },
  fork: forkPacket,
  within(p) {
    return p;
  },
  join(parts) {
    return parts;
  },
  note(p, step) {
    p.diary = notePage(p.diary, step);
    return p;
  },
};
