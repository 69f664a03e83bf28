/**
 * The diary of one packet: notes of what was done to it and the words that changed between
 * them, as a chain of pages, newest first. Forks share what was written before the fork.
 * Reading goes back from the packet as it is now and undoes page by page, so the walk itself
 * pays only for a small page per changed word, and the header at each note is exact.
 */
import { type Packet } from './packet.ts';
import { type Step } from './traffic.ts';

/** A page: a note, a changed word, or the change from one frame to another. */
export interface Page {
  readonly previous: Page | null;
  /** A note, or null when the page records a change. */
  readonly step: (() => Step) | null;
  /** Index of the changed word; negative for notes and changes of frame. */
  readonly word: number;
  /** The word's content before the change, as a signed number (V8 keeps those unboxed). */
  readonly before: number;
  /** For a change of frame (a tunnel header, NSH, an answer): the frame before. */
  readonly frame: FrameBefore | null;
}

/** What a packet was before it became another frame. */
export type FrameBefore = Pick<Packet, 'words' | 'inner' | 'quoted' | 'body'>;

/** One note with the header around it. */
export interface DiaryEntry {
  readonly step: Step;
  /** All words as they were when the note was written. */
  readonly words: Uint32Array;
  /** All words when the next note was written, or as the packet is now: what was done after it. */
  readonly after: Uint32Array;
  /** The packet at that moment, with all it carried. */
  readonly packet: Packet;
}

/** All notes of a packet, oldest first, each with the header at that moment. */
export function readDiary(p: Packet): DiaryEntry[] {
  const entries: DiaryEntry[] = [];
  let frame: FrameBefore = p;
  let words = p.words.slice();
  let after = words.slice();
  for (let page = p.diary; page !== null; page = page.previous) {
    if (page.frame !== null) {
      frame = page.frame;
      words = frame.words.slice();
    } else if (page.step === null) {
      words[page.word] = page.before;
    } else {
      const now = words.slice();
      const { inner, quoted, body } = frame;
      const packet = { words: now, inner, quoted, body, diary: null };
      entries.push({ step: page.step(), words: now, after, packet });
      after = now;
    }
  }
  return entries.reverse();
}

/** Writes one word and remembers what it was. */
export function writeWord(p: Packet, word: number, value: number): void {
  const before = p.words[word]! | 0;
  if (before === (value | 0)) return;
  p.words[word] = value;
  p.diary = { previous: p.diary, step: null, word, before, frame: null };
}

/** The diary of `p` as a new frame carries it on; `p` must stay as it is. */
export function changeOfFrame(p: Packet): Page {
  return { previous: p.diary, step: null, word: -1, before: 0, frame: p };
}
