/**
 * Spellings of options as getopt_long(3) takes them: joined with their value, or abbreviated as
 * long as nothing else begins so.
 */
import { type FlagEntry, flagsOf, type Row } from './options.ts';

/** Options that every rule has, by their letter. */
export type Common = 's' | 'd' | 'i' | 'o' | 'p' | 'f' | 'm' | 'j' | 'g' | 'c';

const LONG: Readonly<Record<string, Common>> = {
  '--source': 's',
  '--src': 's',
  '--destination': 'd',
  '--dst': 'd',
  '--in-interface': 'i',
  '--out-interface': 'o',
  '--protocol': 'p',
  '--proto': 'p',
  '--fragment': 'f',
  '--match': 'm',
  '--jump': 'j',
  '--goto': 'g',
  '--set-counters': 'c',
};

/** Every spelling of the options that every rule has. */
export const COMMON: ReadonlyMap<string, Common> = new Map([
  ...[...'sdiopfmjgc'].map((letter) => [`-${letter}`, letter as Common] as const),
  ...Object.entries(LONG),
]);

/** Every spelling of a row's options. */
export type Flags = ReadonlyMap<string, FlagEntry>;

export const NO_FLAGS: Flags = new Map();
const flagsByRow = new Map<Row, Flags>();

/** Every spelling of every option of a row, worked out once. */
export function spellings(row: Row): Flags {
  let found = flagsByRow.get(row);
  if (found === undefined) {
    found = flagsOf(row);
    flagsByRow.set(row, found);
  }
  return found;
}

/**
 * The words that a joined or abbreviated option stands for, null when it stands for none.
 * `loaded` are the options of what the rule names, `implied` those of the protocol's own match,
 * which is only asked when nothing that is loaded will do.
 */
export function inFull(
  word: string,
  loaded: readonly Flags[],
  implied: Flags,
): readonly string[] | null {
  if (!word.startsWith('--') || word.length < 4) return null;
  const equals = word.indexOf('=');
  const head = equals < 0 ? word : word.slice(0, equals);
  let found = completions(head, loaded);
  if (found.length === 0) found = completions(head, [implied]);
  const [flag] = found;
  if (flag === undefined || found.length > 1 || flag === word) return null;
  return equals < 0 ? [flag] : [flag, word.slice(equals + 1)];
}

/** Long options that begin so; spellings of one option count once, an exact one alone. */
function completions(start: string, groups: readonly Flags[]): readonly string[] {
  if (COMMON.has(start) || groups.some((flags) => flags.has(start))) return [start];
  const found = new Map<unknown, string>();
  for (const [flag, which] of Object.entries(LONG)) {
    if (flag.startsWith(start)) found.set(which, flag);
  }
  for (const flags of groups) {
    for (const [flag, entry] of flags) if (flag.startsWith(start)) found.set(entry.row, flag);
  }
  return [...found.values()];
}
