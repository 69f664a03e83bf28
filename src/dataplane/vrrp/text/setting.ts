/**
 * Rows of statements: a keyword with how its value is read and how it is written, side by side.
 * A block of keepalived.conf is a list of such rows.
 */

import { readIp, writeIp } from '../../../text/address-text.ts';
import { type IpAddress } from '../../routing/types.ts';
import { type Statement } from '../types.ts';
import { type Complaints, complain, type Line, quoted, type Word } from './lexer.ts';

/** A value under construction. */
export type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** How the words behind a keyword are read and written. */
export interface Codec<V> {
  /** `undefined` when the statement is wrong, which was complained about. */
  read(line: Line, keyword: Word, complaints: Complaints): V | undefined;
  write(value: V): Printed;
}

/** A statement without its keyword, ready to be printed. */
export interface Printed {
  readonly words: readonly string[];
  readonly block: readonly Printed[] | null;
}

/** One statement of a block. */
export interface SettingRow<T> {
  readonly key: string;
  read(draft: Draft<T>, line: Line, keyword: Word, complaints: Complaints): void;
  print(value: T): Printed | null;
}

/** Makes rows for the fields of one type. */
export interface RowMaker<T> {
  /** A value that is null where nothing is stated. */
  field<K extends keyof T>(key: string, codec: Codec<NonNullable<T[K]>>, name: K): SettingRow<T>;
  /** A keyword alone that states one of the two values. */
  flag<K extends keyof T>(key: string, name: K, stated?: boolean): SettingRow<T>;
  /** A block of entries; a second block adds to the first one. */
  entries<K extends keyof T>(key: string, entry: Entry<Item<T[K]>>, name: K): SettingRow<T>;
}

/** What an array holds. */
type Item<L> = L extends readonly (infer V)[] ? V : never;

/** Rows of a type: `field` and `flag` rows are only printed where something is stated. */
export function rowsOf<T>(): RowMaker<T> {
  return {
    field: (key, codec, name) => ({
      key,
      read(draft, line, keyword, complaints) {
        const value = codec.read(line, keyword, complaints);
        if (value !== undefined) draft[name] = value;
      },
      print(value) {
        const own = value[name];
        return own === null || own === undefined ? null : named(key, codec.write(own));
      },
    }),
    flag: (key, name, stated = true) => ({
      key,
      read(draft, line, keyword, complaints) {
        FLAG.read(line, keyword, complaints);
        Object.assign(draft, { [name]: stated });
      },
      print: (value) => (value[name] === stated ? named(key, FLAG.write(true)) : null),
    }),
    entries<K extends keyof T>(key: string, entry: Entry<Item<T[K]>>, name: K): SettingRow<T> {
      type V = Item<T[K]>;
      const codec = list(entry);
      const own = (value: T): readonly V[] => value[name] as unknown as readonly V[];
      return {
        key,
        read(draft, line, keyword, complaints) {
          const read = codec.read(line, keyword, complaints) ?? [];
          Object.assign(draft, { [name]: [...own(draft), ...read] });
        },
        print: (value) => (own(value).length === 0 ? null : named(key, codec.write(own(value)))),
      };
    },
  };
}

function named(key: string, { words, block }: Printed): Printed {
  return { words: [key, ...words], block };
}

/** The only word behind the keyword; complains when there is none or more than one. */
export function single(line: Line, keyword: Word, complaints: Complaints): Word | undefined {
  const [, word, surplus] = line.words;
  if (word === undefined) complain(complaints, keyword, 'a value is missing');
  if (surplus !== undefined) complain(complaints, surplus, 'nothing is expected here');
  return word;
}

const inline = (...words: readonly string[]): Printed => ({ words, block: null });

/** A word or quoted string. */
export const TEXT: Codec<string> = {
  read: (line, keyword, complaints) => single(line, keyword, complaints)?.text,
  write: (value) => inline(quoted(value)),
};

/** All words behind the keyword. */
export const WORDS: Codec<readonly string[]> = {
  read: (line) => line.words.slice(1).map(({ text }) => text),
  write: (value) => inline(...value.map(quoted)),
};

/** One of a list of words. */
export function oneOf<V extends string>(...values: readonly V[]): Codec<V> {
  return {
    read(line, keyword, complaints) {
      const word = single(line, keyword, complaints);
      if (word === undefined) return undefined;
      const found = values.find((value) => value === word.text);
      if (found === undefined) {
        complain(complaints, word, `expected ${values.join(' or ')}`, values);
      }
      return found;
    },
    write: (value) => inline(value),
  };
}

/** A decimal number in a range. */
export function count(from: number, to: number): Codec<number> {
  return {
    read(line, keyword, complaints) {
      const word = single(line, keyword, complaints);
      if (word === undefined) return undefined;
      const value = Number(word.text);
      if (/^-?\d+$/.test(word.text) && value >= from && value <= to) return value;
      complain(complaints, word, `expected a number from ${from} to ${to}`);
      return undefined;
    },
    write: (value) => inline(String(value)),
  };
}

/** Seconds with up to six decimals, as microseconds. */
export function seconds(least_us = 0): Codec<number> {
  return {
    read(line, keyword, complaints) {
      const word = single(line, keyword, complaints);
      if (word === undefined) return undefined;
      const value_us = Math.round(Number(word.text) * 1e6);
      if (/^\d*\.?\d+$/.test(word.text) && value_us >= least_us && value_us < 2 ** 52) {
        return value_us;
      }
      complain(complaints, word, 'expected seconds');
      return undefined;
    },
    write: (value) => inline(String(value / 1e6)),
  };
}

/** A keyword alone. */
export const FLAG: Codec<true> = {
  read(line, _keyword, complaints) {
    const surplus = line.words[1];
    if (surplus !== undefined) complain(complaints, surplus, 'nothing is expected here');
    return true;
  },
  write: () => inline(),
};

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['on', true],
  ['true', true],
  ['yes', true],
  ['off', false],
  ['false', false],
  ['no', false],
]);

/** `on`, `off` and their synonyms; the keyword alone is `on`. */
export const SWITCH: Codec<boolean> = {
  read(line, keyword, complaints) {
    if (line.words.length === 1) return true;
    const word = single(line, keyword, complaints);
    const value = word === undefined ? undefined : BOOLEANS.get(word.text);
    if (word !== undefined && value === undefined) {
      complain(complaints, word, 'expected on or off', BOOLEANS.keys());
    }
    return value;
  },
  write: (value) => (value ? inline() : inline('off')),
};

/** An address of either version. */
export const ADDRESS: Codec<IpAddress> = {
  read(line, keyword, complaints) {
    const word = single(line, keyword, complaints);
    if (word === undefined) return undefined;
    const address = readIp(word.text);
    if (address === undefined) complain(complaints, word, 'expected an address');
    return address;
  },
  write: (value) => inline(writeIp(value)),
};

/** One line of a list. */
export interface Entry<V> {
  read(line: Line, complaints: Complaints): V | undefined;
  write(value: V): readonly string[];
}

/** A block with one entry per line; entries that cannot be read are complained about and left out. */
export function list<V>(entry: Entry<V>): Codec<readonly V[]> {
  return {
    read(line, keyword, complaints) {
      const surplus = line.words[1];
      if (surplus !== undefined) complain(complaints, surplus, 'nothing is expected here');
      if (line.block === null) {
        complain(complaints, keyword, 'a block in braces is missing');
        return undefined;
      }
      return line.block.flatMap((one) => {
        const value = entry.read(one, complaints);
        return value === undefined ? [] : [value];
      });
    },
    write: (values) => ({
      words: [],
      block: values.map((value) => ({ words: entry.write(value), block: null })),
    }),
  };
}

/** A statement kept as it stands. */
export function asStatement(line: Line, file: string): Statement {
  return {
    words: line.words.map(({ text }) => text),
    block: line.block === null ? null : line.block.map((one) => asStatement(one, file)),
    origin: { file, line: line.words[0]?.line ?? 0 },
  };
}

/** A kept statement, to be printed. */
export function printed({ words, block }: Statement): Printed {
  return { words: words.map(quoted), block: block === null ? null : block.map(printed) };
}

/**
 * Reads the statements of a block by their rows.
 *
 * @param known words that are understood as text only: they do not change the protocol
 * @returns statements without a row, for the value's `others`
 */
export function readRows<T>(
  rows: ReadonlyMap<string, SettingRow<T>>,
  known: ReadonlySet<string>,
  draft: Draft<T>,
  lines: readonly Line[],
  complaints: Complaints,
): readonly Statement[] {
  const others: Statement[] = [];
  for (const line of lines) {
    const [keyword] = line.words;
    if (keyword === undefined) continue;
    const found = rows.get(keyword.text);
    if (found !== undefined) {
      found.read(draft, line, keyword, complaints);
      continue;
    }
    others.push(asStatement(line, complaints.file));
    if (known.has(keyword.text)) continue;
    complain(complaints, keyword, 'unknown keyword', [...rows.keys(), ...known]);
  }
  return others;
}

/** Prints a block: its rows in their order, then what was kept as text. */
export function printRows<T>(
  rows: Iterable<SettingRow<T>>,
  value: T,
  others: readonly Statement[],
): readonly Printed[] {
  const lines: Printed[] = [];
  for (const one of rows) {
    const line = one.print(value);
    if (line !== null) lines.push(line);
  }
  return [...lines, ...others.map(printed)];
}

/** Rows by their keywords. */
export function rowsByKey<T>(rows: readonly SettingRow<T>[]): ReadonlyMap<string, SettingRow<T>> {
  return new Map(rows.map((one) => [one.key, one]));
}
