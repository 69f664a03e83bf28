/** What happened and when: the story that a simulation tells. */

/** Kinds of entries, so that a reader may leave some out. */
export type EntryKind =
  | 'event'
  | 'role'
  | 'advert'
  | 'goodbye'
  | 'discard'
  | 'address'
  | 'route'
  | 'announce'
  | 'kernel'
  | 'agent'
  | 'process';

export interface Entry {
  readonly at_us: number;
  readonly kind: EntryKind;
  /** The router, host or place it is about. */
  readonly who: string;
  /** One sentence part, not escaped. */
  readonly text: string;
}

/** Entries beyond this are counted only. */
const ENTRIES_MAX = 200_000;

export class Timeline {
  readonly entries: Entry[] = [];
  left = 0;

  tell(entry: Entry): void {
    if (this.entries.length < ENTRIES_MAX) this.entries.push(entry);
    else this.left++;
  }
}
