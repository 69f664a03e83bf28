/**
 * Results that are kept, and who used them: when a flow changes, what was made of it is stale and is
 * made anew when somebody asks for it; all else stays. Before: nothing. After: `probes.ts`.
 */
import { attempt } from './attempt.ts';
import { NotCarried } from './frame.ts';

/** A result that is kept. */
export interface Cell<T> {
  /** Not to be read while stale. */
  value: T;
  stale: boolean;
  /** Results that were made of it; null: of none, or nobody keeps account. */
  readers: Cell<unknown>[] | null;
  /** Readers are looked through for doubles when there are more. */
  most: number;
  /** Somebody wants to be told when it gets stale. */
  readonly watched: boolean;
}

const FEW_READERS = 16;

export function emptyCell<T>(watched = false): Cell<T> {
  return { value: undefined as T, stale: true, readers: null, most: FEW_READERS, watched };
}

/** Makes results, keeps them, and knows what became of what. */
export class Upkeep {
  /** How many results were made so far. */
  made = 0;
  /** Whether something may change: only then it is kept who uses what. */
  readonly on: boolean;
  /** The result that is being made. */
  private reader: Cell<unknown> | null = null;

  constructor(on: boolean) {
    this.on = on;
  }

  /** What a map has for a key, made when it is not there or stale. */
  get<K, T>(map: Map<K, Cell<T>>, key: K, make: () => T): T {
    let cell = map.get(key);
    if (cell === undefined) {
      cell = emptyCell<T>();
      map.set(key, cell);
    }
    return this.use(cell, make);
  }

  /** The same where it may not be carried; throws NotCarried each time where it was thrown. */
  kept<K, T>(map: Map<K, Cell<T | NotCarried>>, key: K, make: () => T): T {
    const found = this.get(map, key, () => attempt(make));
    if (found instanceof NotCarried) throw found;
    return found;
  }

  /** The value of a cell, made when it is stale. */
  use<T>(cell: Cell<T>, make: () => T): T {
    // Noted first: also where making it fails, that may change with what it was to be made of.
    if (this.reader !== null) this.note(cell);
    if (cell.stale) this.make(cell, make);
    return cell.value;
  }

  /** What is being made depends on the cell, whatever its value. */
  read(cell: Cell<unknown>): void {
    if (this.reader !== null) this.note(cell);
  }

  /** The result that is being made; null where nobody keeps account. */
  get user(): Cell<unknown> | null {
    return this.reader;
  }

  /**
   * What was made of these is stale, and what was made of that.
   * @returns those that are watched
   */
  spoil(cells: readonly Cell<unknown>[]): readonly Cell<unknown>[] {
    const watched: Cell<unknown>[] = [];
    const open = [...cells];
    for (let cell = open.pop(); cell !== undefined; cell = open.pop()) {
      if (cell.watched && !cell.stale) watched.push(cell);
      cell.stale = true;
      const { readers } = cell;
      if (readers === null) continue;
      cell.readers = null;
      cell.most = FEW_READERS;
      for (const one of readers) open.push(one);
    }
    return watched;
  }

  private make<T>(cell: Cell<T>, make: () => T): void {
    this.made++;
    const before = this.reader;
    this.reader = this.on ? cell : null;
    try {
      cell.value = make();
      cell.stale = false;
    } finally {
      this.reader = before;
    }
  }

  private note(cell: Cell<unknown>): void {
    const reader = this.reader!;
    if (cell.readers === null) cell.readers = [reader];
    else if (cell.readers[cell.readers.length - 1] !== reader) {
      cell.readers.push(reader);
      if (cell.readers.length > cell.most) {
        cell.readers = [...new Set(cell.readers)];
        cell.most = FEW_READERS + 2 * cell.readers.length;
      }
    }
  }
}
