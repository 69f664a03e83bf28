/**
 * The words of one rule become the rule (iptables/xshared.c do_parse()). Options may be
 * abbreviated and joined with their value as getopt_long(3) allows. What cannot be understood
 * stays in the rule as words: its condition is then opaque, and never silently absent.
 */
import { type Origin, type Problem } from '../../../text/problem.ts';
import { nearest } from '../../../text/suggest.ts';
import { type Rule, type RuleMatch, type Target, type Verbatim } from '../types.ts';
import { type Network, readNetwork } from './address.ts';
import { CANONICAL_MATCH, CANONICAL_TARGET, canonical } from './canonical.ts';
import { type Codec, interfaceName, ipProtocol } from './codec.ts';
import { COMMON, type Common, type Flags, inFull, NO_FLAGS, spellings } from './getopt.ts';
import { IMPLIED, type KnownMatch, MATCHES } from './match-rows.ts';
import { type FlagEntry, type Given, isBad, type Row, withUsual } from './options.ts';
import { type KnownTarget, TARGETS } from './target-rows.ts';
import { type Words } from './words.ts';

const MATCH_ROWS: ReadonlyMap<string, Row> = new Map(Object.entries(MATCHES));
const TARGET_ROWS: ReadonlyMap<string, Row> = new Map(Object.entries(TARGETS));
/** Matches whose options repeat: no row says more about them than their words. */
const KEPT_AS_WORDS: ReadonlySet<string> = new Set(['policy', 'unclean']);
const MATCH_ALIASES: Readonly<Record<string, string>> = { icmpv6: 'icmp6', 'ipv6-icmp': 'icmp6' };
const VERDICTS = ['ACCEPT', 'DROP', 'RETURN', 'QUEUE'] as const;

/** What a rule is read with. */
export interface RuleContext {
  readonly version: 4 | 6;
  readonly line: string;
  readonly origin: Origin;
  /** Whether the table has a chain of that name. */
  readonly hasChain: (name: string) => boolean;
  /** Chains that a misspelt name may have meant. */
  readonly chains?: () => Iterable<string>;
  readonly problems: Problem[];
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** A match or target that has been named, and the words that were given to it. */
interface Loaded {
  readonly kind: string;
  readonly row: Row;
  readonly options: Record<string, Given<unknown>>;
  readonly words: string[];
  /** Set when one of the words was not understood: the whole is then kept as words. */
  opaque: boolean;
}

interface Found {
  readonly loaded: Loaded;
  readonly entry: FlagEntry;
}

function load(kind: string, row: Row): Loaded {
  return { kind, row, options: {}, words: [], opaque: false };
}

/** Reads the words of one rule. */
class RuleReader {
  private at: number;
  private text: readonly string[];
  private column: readonly number[];
  private readonly context: RuleContext;
  private readonly rule: Writable<Rule>;
  private readonly sources: Given<Network>[] = [];
  private readonly destinations: Given<Network>[] = [];
  private readonly matches: (Loaded | Verbatim)[] = [];
  private target: Loaded | Target = { kind: 'none' };

  constructor(words: Words, start: number, context: RuleContext) {
    this.text = words.text;
    this.column = words.column;
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

  /** More than one rule when addresses were given as a list (`-s 10.0.0.1,10.0.0.2`). */
  read(): readonly Rule[] {
    while (this.at < this.text.length) this.option();
    this.rule.matches = this.matches.map((match) => this.finishMatch(match));
    this.rule.target = this.finishTarget(this.target);
    const { sources, destinations, rule } = this;
    if (sources.length < 2 && destinations.length < 2) {
      rule.source = keepNetwork(sources[0]);
      rule.destination = keepNetwork(destinations[0]);
      return [rule];
    }
    const from = sources.length === 0 ? [undefined] : sources;
    const to = destinations.length === 0 ? [undefined] : destinations;
    return from.flatMap((source) =>
      to.map((destination) => ({
        ...rule,
        source: keepNetwork(source),
        destination: keepNetwork(destination),
      })),
    );
  }

  private word(): string {
    return this.text[this.at] ?? '';
  }

  private problem(message: string, at = this.at, didYouMean?: string): void {
    const { origin, problems, line } = this.context;
    const column = this.column[at] ?? line.length + 1;
    const text = (this.text[at] ?? '').slice(0, 200);
    const hint = didYouMean === undefined ? {} : { didYouMean };
    problems.push({ file: origin.file, line: origin.line, column, text, message, ...hint });
  }

  /** Something that every packet may or may not meet, as nobody knows what it says. */
  private opaque(start: number): void {
    this.matches.push({ kind: 'verbatim', name: '', words: this.text.slice(start, this.at) });
  }

  private option(): void {
    const start = this.at;
    let not = false;
    if (this.word() === '!') {
      not = true;
      this.at++;
    }
    const common = COMMON.get(this.word());
    const found = common === undefined ? this.owner(this.word()) : null;
    if (common === undefined && found === null && this.rewrite()) {
      this.at = start;
    } else if (common !== undefined) {
      this.at++;
      this.common(common, not, start);
    } else if (found !== null) this.extension(found, not, start);
    else this.unknownOption(start);
  }

  /** Cuts `--dport=80` in two, and completes `--destination-po`. */
  private rewrite(): boolean {
    const by = inFull(this.word(), this.loadedFlags(), this.impliedFlags());
    if (by === null) return false;
    const column = this.column[this.at] ?? 0;
    this.text = this.text.toSpliced(this.at, 1, ...by);
    this.column = this.column.toSpliced(this.at, 1, ...by.map(() => column));
    return true;
  }

  private loadedFlags(): readonly Flags[] {
    const all = [...this.matches, this.target];
    return all.flatMap((each) => (isLoaded(each) ? [spellings(each.row)] : []));
  }

  private impliedFlags(): Flags {
    const name = IMPLIED.get(this.rule.protocol?.value.number ?? -1);
    return name === undefined ? NO_FLAGS : spellings(MATCHES[name]);
  }

  private common(which: Common, negated: boolean, start: number): void {
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
    else if (which === 's') this.networks(this.sources, not, start);
    else if (which === 'd') this.networks(this.destinations, not, start);
    else if (which === 'i') this.rule.inInterface = this.value(interfaceName, not, start);
    else if (which === 'o') this.rule.outInterface = this.value(interfaceName, not, start);
    else {
      const protocol = this.value(ipProtocol, not, start);
      this.rule.protocol = protocol?.value.number === 0 ? null : protocol;
    }
  }

  private counters(): void {
    const [packets = '', bytes = ''] = [this.word(), this.text[this.at + 1]];
    if (/^\d+$/.test(packets) && /^\d+$/.test(bytes)) {
      this.rule.counters = { packets: BigInt(packets), bytes: BigInt(bytes) };
    } else this.problem('counters are two numbers');
    this.at += 2;
  }

  private networks(to: Given<Network>[], not: boolean, start: number): void {
    const given = this.word().split(',');
    const values = given.map((each) => readNetwork(each, this.context.version));
    if (values.includes(null)) this.problem('this is not one address or network');
    else if (not && values.length > 1) this.problem('a list of addresses cannot be negated');
    else if (to.length > 0) this.problem('this option stands twice');
    else to.push(...values.flatMap((value) => (value === null ? [] : { value, not })));
    this.at++;
    if (to.length < values.length) this.opaque(start);
  }

  private value<T>(codec: Codec<T>, not: boolean, start: number): Given<T> | null {
    const read = codec.read([this.word()], this.context.version);
    if (isBad(read)) this.problem(`this is ${read.bad}`);
    this.at++;
    if (!isBad(read)) return { value: read.value, not };
    this.opaque(start);
    return null;
  }

  private loadMatch(): void {
    const written = this.word();
    const name = MATCH_ALIASES[written] ?? written;
    const row = MATCH_ROWS.get(name);
    if (row !== undefined && (row.only ?? this.context.version) === this.context.version) {
      this.at++;
      // A match may stand twice, each with options of its own (`-m udp --sport 67 -m udp --dport 68`).
      this.matches.push(load(name, row));
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
      if (!this.context.hasChain(name)) {
        this.problem('the table has no chain of this name', at, this.nearestTo(name, []));
      }
      this.target = which === 'g' ? { kind: 'goto', chain: name } : { kind: 'jump', chain: name };
    } else if (verdict !== undefined) this.target = { kind: 'verdict', verdict };
    else if (row !== undefined && (row.only ?? this.context.version) === this.context.version) {
      this.target = load(name, row);
    } else {
      const hint = this.nearestTo(name, [...TARGET_ROWS.keys(), ...VERDICTS]);
      this.problem('no chain and no target has this name', at, hint);
      this.target = { kind: 'verbatim', name, words: this.verbatim() };
    }
  }

  private nearestTo(name: string, others: readonly string[]): string | undefined {
    return nearest(name, [...(this.context.chains?.() ?? []), ...others]);
  }

  /** Takes the words up to the next option that every rule has. */
  private verbatim(): readonly string[] {
    const start = this.at;
    while (this.at < this.text.length) {
      const next = this.word() === '!' ? (this.text[this.at + 1] ?? '') : this.word();
      // `policy --proto esp` is an option of the match; only short common options end it.
      if (COMMON.has(next) && !next.startsWith('--p')) break;
      this.at++;
    }
    return this.text.slice(start, this.at);
  }

  /** Which match or target the option belongs to; the protocol's own match is loaded if needed. */
  private owner(flag: string): Found | null {
    if (isLoaded(this.target)) {
      const entry = spellings(this.target.row).get(flag);
      if (entry !== undefined) return { loaded: this.target, entry };
    }
    for (let i = this.matches.length - 1; i >= 0; i--) {
      const loaded = this.matches[i];
      if (loaded === undefined || !isLoaded(loaded)) continue;
      const entry = spellings(loaded.row).get(flag);
      if (entry !== undefined) return { loaded, entry };
    }
    // `-m multiport --dport 1,2` is an abbreviation, not the option of the protocol's match.
    if (this.loadedFlags().some((flags) => [...flags.keys()].some((each) => each.startsWith(flag))))
      return null;
    const implied = IMPLIED.get(this.rule.protocol?.value.number ?? -1);
    const entry = this.impliedFlags().get(flag);
    if (implied === undefined || entry === undefined) return null;
    const loaded = load(implied, MATCHES[implied]);
    this.matches.push(loaded);
    return { loaded, entry };
  }

  private extension({ loaded, entry }: Found, negated: boolean, start: number): void {
    const at = this.at++;
    let not = negated;
    // Before iptables 1.4.3 the exclamation mark stood before the value.
    const { codec } = entry.row;
    const valued = entry.fixed === undefined && codec.words > 0 && codec.optional !== true;
    if (valued && this.word() === '!') {
      not = true;
      this.at++;
    }
    const refuse = (message: string): void => {
      this.problem(message, at);
      loaded.opaque = true;
    };
    if (not && entry.row.not !== true) refuse('this option cannot be negated');
    if (loaded.options[entry.key] !== undefined) refuse('this option stands twice');
    if (entry.fixed !== undefined) {
      loaded.options[entry.key] = { value: entry.fixed.value, not };
    } else {
      const { words: count, optional } = codec;
      const without = optional === true && /^(-|!|$)/.test(this.word());
      const words = without ? [] : this.text.slice(this.at, this.at + count);
      this.at += words.length;
      if (words.length < count && !without) refuse('the value of this option is missing');
      else {
        const read = codec.read(words, this.context.version);
        if (isBad(read)) refuse(`the value of ${entry.row.flag} is ${read.bad}`);
        else loaded.options[entry.key] = { value: read.value, not };
      }
    }
    loaded.words.push(...this.text.slice(start, this.at));
  }

  private unknownOption(start: number): void {
    const known = this.loadedFlags().flatMap((flags) => [...flags.keys()]);
    const hint = nearest(this.word(), known);
    this.problem('no match or target of the rule has this option', this.at, hint);
    this.at++;
    this.verbatim();
    this.opaque(start);
  }

  /** What iptables refuses to load without (`option "--mark" must be specified`). */
  private lacks({ kind, row, options, opaque }: Loaded): void {
    if (opaque) return;
    for (const group of row.needs ?? []) {
      if (group.some((key) => options[key] !== undefined)) continue;
      const flags = group.map((key) => row.options[key]?.flag ?? key);
      const { line, origin, problems } = this.context;
      const message = `${kind} needs ${flags.join(' or ')}`;
      problems.push({ ...origin, column: 1, text: line.slice(0, 200), message });
    }
  }

  // The two casts below are where options that were read by a row's codecs get that row's type.
  private finishMatch(match: Loaded | Verbatim): RuleMatch {
    if (!isLoaded(match)) return match;
    this.lacks(match);
    if (match.opaque) return { kind: 'verbatim', name: match.kind, words: match.words };
    const options = canonical(CANONICAL_MATCH, match.kind, match.options, this.context.version);
    return { kind: match.kind, options: withUsual(match.row, { ...options }) } as KnownMatch;
  }

  private finishTarget(target: Loaded | Target): Target {
    if (!isLoaded(target)) return target;
    this.lacks(target);
    if (target.opaque) return { kind: 'verbatim', name: target.kind, words: target.words };
    const options = canonical(CANONICAL_TARGET, target.kind, target.options, this.context.version);
    return { kind: target.kind, options: withUsual(target.row, { ...options }) } as KnownTarget;
  }
}

/** A condition that every address meets is not kept, as iptables does not print it. */
function keepNetwork(given: Given<Network> | undefined): Given<Network> | null {
  return given === undefined || (given.value.mask === 0n && !given.not) ? null : given;
}

function isLoaded(thing: Loaded | Target | Verbatim): thing is Loaded {
  return 'row' in thing;
}

/**
 * Reads the words of one rule from `start` on: one rule, or one for each pair of addresses when
 * they were given as lists. Problems go to the context.
 */
export function readRule(words: Words, start: number, context: RuleContext): readonly Rule[] {
  return new RuleReader(words, start, context).read();
}
