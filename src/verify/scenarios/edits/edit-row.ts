/** One kind of edit: its words, and what it does to the files. */
import { type DumpTexts } from './dump.ts';

export interface EditRow {
  readonly says: string;
  readonly needs: readonly string[];
  readonly may: readonly string[];
  /** How many files are then otherwise; 0 is a fault that is not there. */
  apply(files: DumpTexts, words: EditWords): number;
}

/** The words of an edit with all names put in. */
export interface EditWords {
  /** The word; '' when it is not given. */
  one(key: string): string;
  optional(key: string): string | null;
  all(key: string): readonly string[];
}
