/**
 * One rule as text: the options that every rule has, its matches and its target, read and
 * printed (iptables/iptables.c save_rule4(), iptables/xshared.c do_parse()).
 */

import { type Origin, type Problem } from '../../../text/problem.ts';
import { nearest } from '../../../text/suggest.ts';
import { type Rule, type RuleMatch, type Target, type Verbatim } from '../types.ts';
import { type Network, readNetwork, writeNetwork } from './address.ts';
import { CANONICAL_MATCH, CANONICAL_TARGET, canonical } from './canonical.ts';
import { type Codec, interfaceName, ipProtocol } from './codec.ts';
import { IMPLIED, type KnownMatch, MATCHES } from './match-rows.ts';
import {
  type FlagEntry,
  flagsOf,
  type Given,
  isBad,
  printOptions,
  type Row,
  withUsual,
} from './options.ts';
import { type KnownTarget, TARGETS } from './target-rows.ts';
import { quoted, type Words } from './words.ts';

const MATCH_ROWS: ReadonlyMap<string, Row> = new Map(Object.entries(MATCHES));
const TARGET_ROWS: ReadonlyMap<string, Row> = new Map(Object.entries(TARGETS));
const FLAGS = new Map<Row, ReadonlyMap<string, FlagEntry>>(
  [...MATCH_ROWS.values(), ...TARGET_ROWS.values()].map((row) => [row, flagsOf(row)]),
);
/** Matches whose options repeat: no row says more about them than their words. */
const KEPT_AS_WORDS: ReadonlySet<string> = new Set(['policy', 'unclean']);
const MATCH_ALIASES: Readonly<Record<string, string>> = { icmpv6: 'icmp6', 'ipv6-icmp': 'icmp6' };
const VERDICTS = ['ACCEPT', 'DROP', 'RETURN', 'QUEUE'] as const;

const COMMON: Readonly<Record<string, 's' | 'd' | 'i' | 'o' | 'p' | 'f' | 'm' | 'j' | 'g' | 'c'>> =
  {
    '-s': 's',
    '--source': 's',
    '--src': 's',
    '-d': 'd',
    '--destination': 'd',
    '--dst': 'd',
    '-i': 'i',
    '--in-interface': 'i',
    '-o': 'o',
    '--out-interface': 'o',
    '-p': 'p',
    '--protocol': 'p',
    '--proto': 'p',
    '-f': 'f',
    '--fragment': 'f',
    '-m': 'm',
    '--match': 'm',
    '-j': 'j',
    '--jump': 'j',
    '-g': 'g',
    '--goto': 'g',
    '-c': 'c',
    '--set-counters': 'c',
  };

/** What a rule is read with. */
export interface RuleContext {
  readonly version: 4 | 6;
  readonly line: string;
  readonly origin: Origin;
  /** Whether the table has a chain of that name. */
  readonly hasChain: (name: string) => boolean;
  readonly problems: Problem[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

interface Loaded {
  readonly kind: string;
  readonly row: Row;
  readonly options: Record<string, Given<unknown>>;
}

/** Reads the words of one rule. */
class RuleReader {
  private at: number;
  private readonly words: Words;
  private readonly context: RuleContext;
  private readonly rule: Writable<Rule>;
  private readonly matches: (Loaded | Verbatim)[] = [];
  private target: Loaded | Target = { kind: 'none' };

  constructor(words: Words, start: number, context: RuleContext) {
    this.words = words;
    this.at = start;
    this.context = context;
    this.rule = {
      source: null,
      destination: null,
      inInterface: null,
      outInterface: null,
      protocol: null,
      fragment: null,
      matches: [],
      target: { kind: 'none' },
      counters: null,
      origin: context.origin,
    };
  }

  read(): Rule {
    while (this.at < this.words.text.length) this.option();
    const version = this.context.version;
    this.rule.matches = this.matches.map((match) => finishMatch(match, version));
    this.rule.target = finishTarget(this.target, version);
    return this.rule;
  }

  private word(): string {
    return this.words.text[this.at] ?? '';
  }

  private problem(message: string, at = this.at, didYouMean?: string): void {
    const { origin, problems, line } = this.context;
    const column = this.words.column[at] ?? line.length + 1;
    const text = (this.words.text[at] ?? '').slice(0, 200);
    const hint = didYouMean === undefined ? {} : { didYouMean };
    problems.push({ file: origin.file, line: origin.line, column, text, message, ...hint });
  }

  private option(): void {
    const start = this.at;
    let not = false;
    if (this.word() === '!') {
      not = true;
      this.at++;
    }
    const flag = this.word();
    const common = COMMON[flag];
    if (common !== undefined) {
      this.at++;
      this.common(common, not);
    } else {
      const found = this.owner(flag);
      if (found === null) this.unknownOption(flag, start);
      else this.extension(found.loaded, found.entry, not);
    }
  }

  private common(which: string, negated: boolean): void {
    let not = negated;
    // Before iptables 1.4.3 the exclamation mark stood behind the option.
    if (this.word() === '!' && which !== 'f') {
      not = true;
      this.at++;
    }
    if (which === 'f') this.rule.fragment = { value: true, not };
    else if (which === 'm') this.loadMatch();
    else if (which === 'j' || which === 'g') this.loadTarget(which);
    else if (which === 'c') this.counters();
    else if (which === 's') this.rule.source = this.network(not);
    else if (which === 'd') this.rule.destination = this.network(not);
    else if (which === 'i') this.rule.inInterface = this.value(interfaceName, not);
    else if (which === 'o') this.rule.outInterface = this.value(interfaceName, not);
    else {
      const protocol = this.value(ipProtocol, not);
      this.rule.protocol = protocol?.value.number === 0 ? null : protocol;
    }
  }

  private counters(): void {
    const [packets = '', bytes = ''] = [this.word(), this.words.text[this.at + 1]];
    if (/^\d+$/.test(packets) && /^\d+$/.test(bytes)) {
      this.rule.counters = { packets: BigInt(packets), bytes: BigInt(bytes) };
    } else this.problem('counters are two numbers');
    this.at += 2;
  }

  private network(not: boolean): Given<Network> | null {
    const value = readNetwork(this.word(), this.context.version);
    if (value === null) this.problem('this is not one address or network');
    this.at++;
    // A condition that every address meets is not kept, as iptables does not print it.
    return value === null || (value.mask === 0n && !not) ? null : { value, not };
  }

  private value<T>(codec: Codec<T>, not: boolean): Given<T> | null {
    const read = codec.read([this.word()], this.context.version);
    if (isBad(read)) this.problem(`this is ${read.bad}`);
    this.at++;
    return isBad(read) ? null : { value: read.value, not };
  }

  private loadMatch(): void {
    const written = this.word();
    const name = MATCH_ALIASES[written] ?? written;
    const row = MATCH_ROWS.get(name);
    if (row !== undefined && (row.only ?? this.context.version) === this.context.version) {
      this.at++;
      if (!this.matches.some((match) => match.kind === name && protocolMatch(name))) {
        this.matches.push({ kind: name, row, options: {} });
      }
      return;
    }
    if (!KEPT_AS_WORDS.has(name)) {
      this.problem('no match has this name', this.at, nearest(name, MATCH_ROWS.keys()));
    }
    this.at++;
    this.matches.push({ kind: 'verbatim', name, words: this.verbatim() });
  }

  private loadTarget(which: 'j' | 'g'): void {
    const name = this.word();
    const at = this.at++;
    const row = TARGET_ROWS.get(name);
    const verdict = VERDICTS.find((known) => known === name);
    if (which === 'g' || this.context.hasChain(name)) {
      if (!this.context.hasChain(name)) this.problem('the table has no chain of this name', at);
      this.target = which === 'g' ? { kind: 'goto', chain: name } : { kind: 'jump', chain: name };
    } else if (verdict !== undefined) this.target = { kind: 'verdict', verdict };
    else if (row !== undefined && (row.only ?? this.context.version) === this.context.version) {
      this.target = { kind: name, row, options: {} };
    } else {
      this.problem('no chain and no target has this name', at, nearest(name, TARGET_ROWS.keys()));
      this.target = { kind: 'verbatim', name, words: this.verbatim() };
    }
  }

  /** Takes the words up to the next option that every rule has. */
  private verbatim(): readonly string[] {
    const start = this.at;
    while (this.at < this.words.text.length) {
      const next = this.word() === '!' ? (this.words.text[this.at + 1] ?? '') : this.word();
      // `policy --proto esp` is an option of the match; only short common options end it.
      if (COMMON[next] !== undefined && !next.startsWith('--p')) break;
      this.at++;
    }
    return this.words.text.slice(start, this.at);
  }

  /** Which match or target the option belongs to; the protocol's own match is loaded if needed. */
  private owner(flag: string): { readonly loaded: Loaded; readonly entry: FlagEntry } | null {
    if (isLoaded(this.target)) {
      const entry = FLAGS.get(this.target.row)?.get(flag);
      if (entry !== undefined) return { loaded: this.target, entry };
    }
    for (let i = this.matches.length - 1; i >= 0; i--) {
      const loaded = this.matches[i];
      if (loaded === undefined || !isLoaded(loaded)) continue;
      const entry = FLAGS.get(loaded.row)?.get(flag);
      if (entry !== undefined) return { loaded, entry };
    }
    const implied = IMPLIED.get(this.rule.protocol?.value.number ?? -1);
    const row = implied === undefined ? undefined : MATCHES[implied];
    if (implied === undefined || row === undefined) return null;
    const entry = FLAGS.get(row)?.get(flag);
    if (entry === undefined) return null;
    const loaded: Loaded = { kind: implied, row, options: {} };
    this.matches.push(loaded);
    return { loaded, entry };
  }

  private extension(loaded: Loaded, entry: FlagEntry, negated: boolean): void {
    const at = this.at++;
    let not = negated;
    if (this.word() === '!' && entry.row.codec.words > 0) {
      not = true;
      this.at++;
    }
    if (not && entry.row.not !== true) this.problem('this option cannot be negated', at);
    if (entry.fixed !== undefined) {
      loaded.options[entry.key] = { value: entry.fixed.value, not };
      return;
    }
    const count = entry.row.codec.words;
    const words = this.words.text.slice(this.at, this.at + count);
    if (words.length < count) {
      this.problem('the value of this option is missing', at);
      this.at += words.length;
      return;
    }
    const read = entry.row.codec.read(words, this.context.version);
    if (isBad(read)) this.problem(`the value of ${entry.row.flag} is ${read.bad}`);
    else loaded.options[entry.key] = { value: read.value, not };
    this.at += count;
  }

  private unknownOption(flag: string, start: number): void {
    const known: string[] = [];
    for (const loaded of [...this.matches, this.target]) {
      if (isLoaded(loaded)) known.push(...(FLAGS.get(loaded.row)?.keys() ?? []));
    }
    this.problem('no match or target of the rule has this option', this.at, nearest(flag, known));
    this.at++;
    const words = this.verbatim();
    const name = this.words.text.slice(start, this.at - words.length).join(' ');
    this.matches.push({ kind: 'verbatim', name: '', words: [name, ...words] });
  }
}

/** `-p tcp -m tcp` must not load the match twice; others may stand twice (`-m mark -m mark`). */
function protocolMatch(name: string): boolean {
  return [...IMPLIED.values()].some((implied) => implied === name);
}

function isLoaded(thing: Loaded | Target | Verbatim): thing is Loaded {
  return 'row' in thing;
}

// The two casts below are where options that were read by a row's codecs get that row's type.
function finishMatch(match: Loaded | Verbatim, version: 4 | 6): RuleMatch {
  if (!isLoaded(match)) return match;
  const options = canonical(CANONICAL_MATCH, match.kind, match.options, version);
  return {
    kind: match.kind,
    options: withUsual(match.row, { ...(options as object) }),
  } as KnownMatch;
}

function finishTarget(target: Loaded | Target, version: 4 | 6): Target {
  if (!isLoaded(target)) return target;
  const options = canonical(CANONICAL_TARGET, target.kind, target.options, version);
  return {
    kind: target.kind,
    options: withUsual(target.row, { ...(options as object) }),
  } as KnownTarget;
}

/** Reads the words of one rule from `start` on. Problems go to the context. */
export function readRule(words: Words, start: number, context: RuleContext): Rule {
  return new RuleReader(words, start, context).read();
}

const bang = (given: Given<unknown>): string => (given.not ? ' !' : '');

/** Prints a rule without `-A CHAIN` and counters; with a blank before it unless it is empty. */
export function printRule(rule: Rule): string {
  let text = '';
  const { source, destination, inInterface, outInterface, protocol, fragment } = rule;
  if (source !== null) text += `${bang(source)} -s ${writeNetwork(source.value)}`;
  if (destination !== null) text += `${bang(destination)} -d ${writeNetwork(destination.value)}`;
  if (inInterface !== null)
    text += `${bang(inInterface)} -i${interfaceName.write(inInterface.value)}`;
  if (outInterface !== null) {
    text += `${bang(outInterface)} -o${interfaceName.write(outInterface.value)}`;
  }
  if (protocol !== null) text += `${bang(protocol)} -p ${protocol.value.name}`;
  if (fragment !== null) text += `${bang(fragment)} -f`;
  for (const match of rule.matches) text += printMatch(match);
  return text + printTarget(rule.target);
}

function printMatch(match: RuleMatch): string {
  if (match.kind !== 'verbatim') {
    return ` -m ${match.kind}${printOptions(MATCHES[match.kind], match.options)}`;
  }
  const head = match.name === '' ? '' : ` -m ${match.name}`;
  return head + match.words.map((each) => ` ${verbatimWord(each)}`).join('');
}

/** Words of an unknown match are quoted only where blanks would break them. */
function verbatimWord(each: string): string {
  return /[\s"'\\]/.test(each) && !each.startsWith('! ') ? quoted(each) : each;
}

/** Prints a target; with a blank before it unless there is none. */
export function printTarget(target: Target): string {
  switch (target.kind) {
    case 'none':
      return '';
    case 'verdict':
      return ` -j ${target.verdict}`;
    case 'jump':
      return ` -j ${target.chain}`;
    case 'goto':
      return ` -g ${target.chain}`;
    case 'verbatim':
      return ` -j ${target.name}${target.words.map((each) => ` ${verbatimWord(each)}`).join('')}`;
    default:
      return ` -j ${target.kind}${printOptions(TARGETS[target.kind], target.options)}`;
  }
}
