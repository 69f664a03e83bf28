/**
 * Rows of options: what a match or target may say, in the order in which `iptables-save` prints
 * it. One generic reader and one generic printer serve every row, so no two can drift apart.
 */
import { type Bad, type Codec } from './codec.ts';

/** One option of a match or target. */
export interface OptionRow<T> {
  /** As printed: `--dport`. */
  readonly flag: string;
  readonly codec: Codec<T>;
  /** What it says, for a reader. */
  readonly means: string;
  /** Whether `!` may stand before it. */
  readonly not?: boolean;
  /** Other spellings that are read: `--destination-port`. */
  readonly aka?: readonly string[];
  /** Spellings that stand for a value of this option: `--syn`. */
  readonly short?: Readonly<Record<string, T>>;
  /** Taken when the rule does not say: `limit --limit-burst 5`. */
  readonly usual?: T;
  /** The value is not printed when it is this one. */
  readonly silent?: T;
}

/** One match or target. */
export interface Row {
  /** A sentence of when it is true, or what it does. */
  readonly means: string;
  readonly options: Readonly<Record<string, OptionRow<unknown>>>;
  /** The IP version it exists for; both when missing. */
  readonly only?: 4 | 6;
  /** Of each group of keys one must be given, or iptables refuses the rule. */
  readonly needs?: readonly (readonly string[])[];
}

/** A value and whether `!` stands before it. */
export interface Given<T> {
  readonly value: T;
  readonly not: boolean;
}

/** The values of a row's options, by key. */
export type OptionsOf<R extends { readonly options: object }> = {
  readonly [K in keyof R['options']]?: R['options'][K] extends OptionRow<infer T>
    ? Given<T>
    : never;
};

/** Values of a row before their types are known. */
export type AnyOptions = Readonly<Record<string, Given<unknown> | undefined>>;

/** Helps TypeScript to infer the value's type. */
export function option<T>(
  flag: string,
  codec: Codec<T>,
  means: string,
  more: Omit<OptionRow<NoInfer<T>>, 'flag' | 'codec' | 'means'> = {},
): OptionRow<T> {
  return { flag, codec, means, ...more };
}

/** Where a flag leads. */
export interface FlagEntry {
  readonly key: string;
  readonly row: OptionRow<unknown>;
  /** The flag itself stands for this value and takes no word. */
  readonly fixed?: { readonly value: unknown };
}

/** Every spelling of every option of a row. */
export function flagsOf(row: Row): ReadonlyMap<string, FlagEntry> {
  const flags = new Map<string, FlagEntry>();
  for (const [key, entry] of Object.entries(row.options)) {
    flags.set(entry.flag, { key, row: entry });
    for (const other of entry.aka ?? []) flags.set(other, { key, row: entry });
    for (const [flag, value] of Object.entries(entry.short ?? {})) {
      flags.set(flag, { key, row: entry, fixed: { value } });
    }
  }
  return flags;
}

/** Adds what iptables assumes when the rule does not say. */
export function withUsual(row: Row, options: Record<string, Given<unknown>>): AnyOptions {
  for (const [key, entry] of Object.entries(row.options)) {
    if (entry.usual !== undefined && options[key] === undefined) {
      options[key] = { value: entry.usual, not: false };
    }
  }
  return options;
}

/** Prints a row's options, each with a blank before it. */
export function printOptions(row: Row, options: AnyOptions): string {
  let text = '';
  for (const [key, entry] of Object.entries(row.options)) {
    const given = options[key];
    if (given === undefined) continue;
    if (!given.not && entry.silent !== undefined && entry.silent === given.value) continue;
    text += `${given.not ? ' !' : ''} ${entry.flag}${entry.codec.write(given.value)}`;
  }
  return text;
}

/** Whether a codec refused. */
export function isBad(result: { readonly value: unknown } | Bad): result is Bad {
  return 'bad' in result;
}
