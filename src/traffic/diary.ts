/**
 * The diary of one packet: notes of what was done to it and the words that changed between
 * them, as a chain of pages, newest first. Forks share what was written before the fork.
 * Reading goes back from the packet as it is now and undoes page by page, so the walk itself
 * pays only for a small page per changed word, and the header at each note is exact.
 */
import { ownWords, type Packet } from './packet.ts';
import { type Step } from './traffic.ts';

/** A page: a note, a changed word, or the change from one frame to another. */
export interface Page {
  readonly previous: Page | null;
  /** A note, made when it is first read; null when the page records a change. */
  step: Step | (() => Step) | null;
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
  // Notes between which nothing changed share their words, so they are copied before a change.
  let shown = true;
  let after = words;
  const own = (): Uint32Array => {
    if (shown) words = words.slice();
    shown = false;
    return words;
  };
  for (let page = p.diary; page !== null; page = page.previous) {
    if (page.frame !== null) {
      frame = page.frame;
      words = frame.words.slice();
      shown = false;
    } else if (page.step === null) {
      own()[page.word] = page.before;
    } else {
      const { inner, quoted, body } = frame;
      const packet = { words, shared: true, inner, quoted, body, diary: null };
      entries.push({ step: stepOf(page), words, after, packet });
      after = words;
      shown = true;
    }
  }
  return entries.reverse();
}

/** The notes alone, oldest first: what most readers of most diaries want. */
export function readSteps(p: Pick<Packet, 'diary'>): Step[] {
  const steps: Step[] = [];
  for (let page = p.diary; page !== null; page = page.previous) {
    if (page.step !== null) steps.push(stepOf(page));
  }
  return steps.reverse();
}

/** Whether some note of some packet is such a one; of what forks share little is looked at twice. */
export function someNote(packets: Iterable<Packet>, is: (step: Step) => boolean): boolean {
  const seen = new Set<Page>();
  for (const p of packets) {
    let since = 0;
    for (let page = p.diary; page !== null; page = page.previous) {
      if (page.step === null) continue;
      if (seen.has(page)) break;
      if (since++ % MARK_EVERY === 0) seen.add(page);
      if (is(stepOf(page))) return true;
    }
  }
  return false;
}

/** What notes come to when they are taken in one after the other. */
export type Fold<T> = (before: T, step: Step, index: number) => T;

/** Notes between two that keep what they came to. */
const MARK_EVERY = 8;

/** Folds the notes of packets, oldest first; what forks share is folded once. */
export function foldNotes<T>(start: T, fold: Fold<T>): (p: Pick<Packet, 'diary'>) => T {
  const known = new Map<Page, { readonly value: T; readonly next: number }>();
  return (p) => {
    const open: Page[] = [];
    let value = start;
    let index = 0;
    for (let page = p.diary; page !== null; page = page.previous) {
      if (page.step === null) continue;
      const found = known.get(page);
      if (found !== undefined) {
        value = found.value;
        index = found.next;
        break;
      }
      open.push(page);
    }
    for (let i = open.length - 1; i >= 0; i--) {
      const page = open[i]!;
      value = fold(value, stepOf(page), index++);
      // Forks start anywhere; a mark here and there keeps what is folded twice short.
      if (i === 0 || index % MARK_EVERY === 0) known.set(page, { value, next: index });
    }
    return value;
  };
}

/** Forks share pages, so a note is made once for all of them. */
function stepOf(page: Page): Step {
  if (typeof page.step === 'function') page.step = page.step();
  if (page.step === null) throw new Error('a page without a note');
  return page.step;
}

/** Writes one word and remembers what it was. */
export function writeWord(p: Packet, word: number, value: number): void {
  const before = p.words[word]! | 0;
  if (before === (value | 0)) return;
  ownWords(p)[word] = value;
  p.diary = { previous: p.diary, step: null, word, before, frame: null };
}

/** A page that holds a note. */
export function notePage(previous: Page | null, step: Step | (() => Step)): Page {
  return { previous, step, word: -1, before: 0, frame: null };
}

/** The diary of `p` as a new frame carries it on; `p` must stay as it is. */
export function changeOfFrame(p: Packet): Page {
  return { previous: p.diary, step: null, word: -1, before: 0, frame: p };
}
