/**
 * Rules without `-m`: every option stands for itself, as ebtables and arptables write them.
 * One reader of whole files serves both; what differs is in their rows.
 */
import { type Origin, type Parsed, type Problem } from '../../../text/problem.ts';
import { nearest } from '../../../text/suggest.ts';
import { type Counters } from '../types.ts';
import { type Given, isBad, type OptionRow, option } from './options.ts';
import { type Words, wordsOf } from './words.ts';

export type FlatRows = Readonly<Record<string, OptionRow<unknown>>>;

/** One condition or setting: the key of its row, its value, and whether it is negated. */
export type FlatOption<R extends object> = {
  readonly [K in keyof R]: R[K] extends OptionRow<infer T>
    ? Given<T> & { readonly kind: K }
    : never;
}[keyof R];

export interface FlatRule<C, S> {
  /** In the order of the rule. */
  readonly conditions: readonly C[];
  /** A verdict, a chain of the table, or a target; null continues. */
  readonly target: string | null;
  /** Settings of the target, in the order of the rule. */
  readonly settings: readonly S[];
  readonly counters: Counters | null;
  readonly origin: Origin;
}

export interface FlatChain<C, S> {
  readonly name: string;
  /** User chains of ebtables have a policy as well; null (`-`) is that of arptables. */
  readonly policy: 'ACCEPT' | 'DROP' | 'RETURN' | null;
  readonly counters: Counters | null;
  readonly rules: readonly FlatRule<C, S>[];
  readonly origin: Origin;
}

export interface FlatTable<C, S> {
  readonly name: string;
  readonly chains: readonly FlatChain<C, S>[];
  readonly origin: Origin;
}

/** What a program knows beside its rows. */
export interface Dialect {
  readonly conditions: FlatRows;
  readonly settings: FlatRows;
  readonly targets: readonly string[];
  readonly tables: readonly string[];
  /** `-i ! eth0` (ebtables) or `! -i eth0` (arptables). */
  readonly bangInside: boolean;
  /** arptables prints `-j` before the conditions. */
  readonly targetFirst: boolean;
  /** The target of a rule that names none. */
  readonly otherwise: string | null;
  /** Brings what was read to the form that is printed. */
  canonical(
    conditions: readonly AnyOption[],
    settings: readonly AnyOption[],
    target: string | null,
  ): {
    readonly conditions: readonly AnyOption[];
    readonly settings: readonly AnyOption[];
  };
}

/** Words that no row understands; they stay in the rule, which is then opaque. */
export const opaqueWords = option<string>(
  '',
  {
    words: 0,
    read: () => ({ bad: 'never read by its flag' }),
    write: (value) => value,
    examples: [],
  },
  'What was not understood.',
);

/** An option before its type is known. */
export type AnyOption = Given<unknown> & { readonly kind: string };
type AnyRule = FlatRule<AnyOption, AnyOption>;

interface OpenChain {
  readonly name: string;
  readonly policy: FlatChain<never, never>['policy'];
  readonly counters: Counters | null;
  readonly rules: AnyRule[];
  readonly origin: Origin;
}

type Complain = (index: number, message: string, didYouMean?: string) => void;

const spelled = new WeakMap<FlatRows, ReadonlyMap<string, string>>();

/** Every spelling of a set of rows. */
function spellings(rows: FlatRows): ReadonlyMap<string, string> {
  const known = spelled.get(rows);
  if (known !== undefined) return known;
  const found = new Map<string, string>();
  spelled.set(rows, found);
  for (const [key, row] of Object.entries(rows)) {
    for (const flag of [row.flag, ...(row.aka ?? [])]) found.set(flag, key);
  }
  return found;
}

/** Reads a whole file of a dialect. The caller gives the result the types of its rows. */
export function parseFlat(
  text: string,
  file: string,
  dialect: Dialect,
): Parsed<readonly FlatTable<AnyOption, AnyOption>[]> {
  const problems: Problem[] = [];
  const tables: { name: string; chains: Map<string, OpenChain>; origin: Origin }[] = [];
  const rules: {
    chain: OpenChain;
    known: Map<string, OpenChain>;
    words: Words;
    line: string;
    origin: Origin;
  }[] = [];
  const flags = { c: spellings(dialect.conditions), s: spellings(dialect.settings) };
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#') || line === 'COMMIT') continue;
    const origin = { file, line: i + 1 };
    const words = wordsOf(line);
    const complain = complainer(words, line, origin, problems);
    const [head = '', name = ''] = words.text;
    const table = tables.at(-1);
    if (head.startsWith('*')) {
      if (!dialect.tables.includes(head.slice(1))) {
        complain(0, 'there is no table of this name', nearest(head.slice(1), dialect.tables));
      }
      tables.push({ name: head.slice(1), chains: new Map(), origin });
    } else if (table === undefined) complain(0, 'this line stands outside of a table');
    else if (head.startsWith(':')) declare(table.chains, words, origin, complain);
    else {
      const at = head.startsWith('[') ? 1 : 0;
      const chain = table.chains.get(words.text[at + 1] ?? '');
      if (words.text[at] !== '-A') complain(at, 'this is no line of a saved table');
      else if (chain === undefined) {
        complain(at + 1, 'the table has no chain of this name', nearest(name, table.chains.keys()));
      } else rules.push({ chain, known: table.chains, words, line, origin });
    }
  }
  for (const { chain, known, words, line, origin } of rules) {
    const complain = complainer(words, line, origin, problems);
    chain.rules.push(readRule(words, dialect, flags, known, origin, complain));
  }
  const value = tables.map((each) => ({ ...each, chains: [...each.chains.values()] }));
  return { value, problems };
}

function complainer(words: Words, line: string, origin: Origin, problems: Problem[]): Complain {
  return (index, message, didYouMean) => {
    const column = words.column[index] ?? line.length + 1;
    const problem = { ...origin, column, text: (words.text[index] ?? '').slice(0, 200), message };
    problems.push(didYouMean === undefined ? problem : { ...problem, didYouMean });
  };
}

function readCounters(word: string | undefined): Counters | null {
  const found = /^\[(\d+):(\d+)\]$/.exec(word ?? '');
  if (found === null) return null;
  return { packets: BigInt(found[1] ?? 0), bytes: BigInt(found[2] ?? 0) };
}

function declare(
  chains: Map<string, OpenChain>,
  words: Words,
  origin: Origin,
  complain: Complain,
): void {
  const name = (words.text[0] ?? '').slice(1);
  const word = words.text[1] ?? '';
  const policy = word === 'ACCEPT' || word === 'DROP' || word === 'RETURN' ? word : null;
  if (policy === null && word !== '-') complain(1, 'a policy is ACCEPT, DROP, RETURN or -');
  const counters = readCounters(words.text[2]);
  chains.set(name, { name, policy, counters, rules: [], origin });
}

function readRule(
  words: Words,
  dialect: Dialect,
  flags: { readonly c: ReadonlyMap<string, string>; readonly s: ReadonlyMap<string, string> },
  chains: ReadonlyMap<string, unknown>,
  origin: Origin,
  complain: Complain,
): AnyRule {
  const counters = readCounters(words.text[0]);
  const conditions: AnyOption[] = [];
  const settings: AnyOption[] = [];
  let target: string | null = null;
  let i = counters === null ? 2 : 3;
  while (i < words.text.length) {
    const not = words.text[i] === '!';
    if (not) i++;
    const flag = words.text[i] ?? '';
    if (flag === '-j' || flag === '--jump') {
      target = words.text[i + 1] ?? '';
      if (!dialect.targets.includes(target) && !chains.has(target)) {
        const known = [...dialect.targets, ...chains.keys()];
        complain(i + 1, 'no chain and no target has this name', nearest(target, known));
      }
      i += 2;
      continue;
    }
    const start = not ? i - 1 : i;
    const condition = flags.c.get(flag);
    const key = condition ?? flags.s.get(flag);
    const row = (condition === undefined ? dialect.settings : dialect.conditions)[key ?? ''];
    const opaque = (end: number): void => {
      const value = words.text.slice(start, end).map(opaqueWord).join(' ');
      conditions.push({ kind: 'opaque', value, not: false });
      i = end;
    };
    if (key === undefined || row === undefined || flag === '') {
      const known = [...flags.c.keys(), ...flags.s.keys()];
      complain(i, 'no rule has this option', nearest(flag, known));
      opaque(endOfValues(words.text, i + 1));
      continue;
    }
    const inside = words.text[i + 1] === '!' && row.codec.words > 0;
    const first = i + (inside ? 2 : 1);
    const version = flag.includes('ip6') ? 6 : 4;
    const read = row.codec.read(words.text.slice(first, first + row.codec.words), version);
    if (isBad(read)) {
      complain(first, `the value of ${row.flag} is ${read.bad}`);
      opaque(first + row.codec.words);
      continue;
    }
    const list = condition === undefined ? settings : conditions;
    list.push({ kind: key, value: read.value, not: not || inside });
    i = first + row.codec.words;
  }
  target ??= dialect.otherwise;
  return { ...dialect.canonical(conditions, settings, target), target, counters, origin };
}

/** The values of an option that nobody knows end where the next option begins. */
function endOfValues(text: readonly string[], from: number): number {
  let end = from;
  while (end < text.length && !/^-/.test(text[end] ?? '')) end++;
  return text[end - 1] === '!' && end > from ? end - 1 : end;
}

function opaqueWord(text: string): string {
  return /[\s"]/.test(text) || text === '' ? `"${text.replace(/["\\]/g, '\\$&')}"` : text;
}

/** Prints tables as the dialect's save program does. */
export function printFlat(
  tables: readonly FlatTable<AnyOption, AnyOption>[],
  dialect: Dialect,
  counters: boolean,
): string {
  const out: string[] = [];
  for (const table of tables) {
    out.push(`*${table.name}`);
    for (const chain of table.chains) out.push(`:${chain.name} ${chain.policy ?? '-'}`);
    for (const chain of table.chains) {
      for (const rule of chain.rules) {
        const { packets, bytes } = rule.counters ?? { packets: 0n, bytes: 0n };
        const count = counters ? `[${packets}:${bytes}] ` : '';
        out.push(`${count}-A ${chain.name}${printFlatRule(rule, dialect)}`);
      }
    }
  }
  return out.length === 0 ? '' : `${out.join('\n')}\n`;
}

/** Prints one rule with a blank before it. */
export function printFlatRule(rule: AnyRule, dialect: Dialect): string {
  const print = (rows: FlatRows, options: readonly AnyOption[]): string =>
    options.map((each) => printOption(rows, each, dialect.bangInside)).join('');
  const jump = rule.target === null ? '' : ` -j ${rule.target}`;
  const conditions = print(dialect.conditions, rule.conditions);
  const settings = print(dialect.settings, rule.settings);
  return dialect.targetFirst ? jump + conditions + settings : conditions + jump + settings;
}

function printOption(rows: FlatRows, { kind, value, not }: AnyOption, bangInside: boolean): string {
  const row = rows[kind];
  if (row === undefined) return '';
  if (row.flag === '') return ` ${String(value)}`;
  if (!not && row.silent !== undefined && row.silent === value) return '';
  const words = row.codec.write(value);
  if (!not) return ` ${row.flag}${words}`;
  return bangInside ? ` ${row.flag} !${words}` : ` ! ${row.flag}${words}`;
}
