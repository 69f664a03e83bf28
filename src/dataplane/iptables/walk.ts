/**
 * Traffic on its way through one table (net/ipv4/netfilter/ip_tables.c ipt_do_table()): from
 * the base chain through jumps and returns to a verdict. What a verdict leads to is the hook
 * runner's affair (hooks.ts).
 */

import { type Found, type Split } from '../../traffic/traffic.ts';
import { assignment } from '../../traffic/words.ts';
import { clear } from '../conntrack/marks.ts';
import { type Handle, loadMark, saveMark, untracked } from '../conntrack/netfilter.ts';
import { type Tracker } from '../conntrack/tracker.ts';
import { type Run } from '../outcome.ts';
import { type CompiledChain, type CompiledRule, type CompiledRules } from './chain.ts';
import { F } from './fields.ts';
import { type Surroundings } from './surroundings.ts';
import { changeTcpOptions } from './tcp-options.ts';
import { askTest } from './tests/ask.ts';
import { type Memory } from './tests/memory.ts';
import { printRule } from './text/rule.ts';
import { type KnownTarget } from './text/target-rows.ts';

/** How a packet shall be tracked: what `CT` said in the raw table. */
export interface Template {
  readonly zone: { readonly original: number; readonly reply: number };
  readonly helper: string | null;
}

/** Traffic with what the kernel keeps beside it in the sk_buff. */
export interface Item<P> {
  readonly p: P;
  /** The connection; null before tracking, and where nothing is tracked. */
  readonly handle: Handle<P> | null;
  readonly template: Template | null;
}

/** The rule or policy that ended the way through a table. */
export interface Decider {
  readonly table: string;
  readonly chain: string;
  /** null for a policy. */
  readonly rule: CompiledRule | null;
}

export type NatTarget = Extract<
  KnownTarget,
  { kind: 'DNAT' | 'SNAT' | 'MASQUERADE' | 'REDIRECT' | 'NETMAP' }
>;

/** What a table made of traffic. */
export type Verdict<P> =
  | { readonly kind: 'accept'; readonly item: Item<P> }
  | { readonly kind: 'drop'; readonly item: Item<P>; readonly by: Decider }
  | { readonly kind: 'reject'; readonly item: Item<P>; readonly with: string; readonly by: Decider }
  | { readonly kind: 'nat'; readonly item: Item<P>; readonly target: NatTarget };

/** What a walk through one table uses. */
export interface Passage<P> {
  readonly run: Run<P>;
  readonly tracker: Tracker<P> | null;
  readonly memory: Memory<P>;
  readonly around: Surroundings;
  readonly rules: CompiledRules;
  /** Names what was not understood, once per rule. */
  readonly surfaced: Set<CompiledRule>;
}

/** Jumps deeper than this are a loop; the kernel refuses such tables (ELOOP). */
const DEEPEST = 512;

/** Sends traffic through a base chain. */
export function walkTable<P>(
  passage: Passage<P>,
  base: string,
  item: Item<P>,
): readonly Verdict<P>[] {
  const chain = passage.rules.chains.get(base);
  if (chain === undefined) return [{ kind: 'accept', item }];
  const out: Verdict<P>[] = [];
  const policy = chain.of.policy ?? 'ACCEPT';
  for (const returned of walkChain(passage, chain, item, 0, out)) {
    const after = noteEnd(passage, chain, 'policy', returned);
    if (policy === 'ACCEPT') out.push({ kind: 'accept', item: after });
    else out.push({ kind: 'drop', item: after, by: decider(chain, null) });
  }
  return out;
}

function decider(chain: CompiledChain, rule: CompiledRule | null): Decider {
  return { table: chain.table, chain: chain.of.name, rule };
}

/** The item with other traffic; one packet stays itself, and so does its item. */
function withTraffic<P>(item: Item<P>, p: P): Item<P> {
  return item.p === p ? item : { ...item, p };
}

function noteEnd<P>(
  { run, rules }: Passage<P>,
  chain: CompiledChain,
  what: 'end' | 'policy',
  item: Item<P>,
): Item<P> {
  const { of, table } = chain;
  chain.endStep ??= {
    kind: 'rule',
    version: rules.version,
    table,
    chain: of.name,
    what,
    number: chain.rules.length + 1,
    text: what === 'policy' ? (of.policy ?? 'ACCEPT') : 'RETURN',
    origin: of.origin,
  };
  return withTraffic(item, run.traffic.note(item.p, chain.endStep));
}

function noteRule<P>(
  { run, rules }: Passage<P>,
  { of, table }: CompiledChain,
  entry: CompiledRule,
  p: P,
): P {
  const { rule, number } = entry;
  entry.step ??= {
    kind: 'rule',
    version: rules.version,
    table,
    chain: of.name,
    what: 'rule',
    number,
    text: printRule(rule).trim(),
    origin: rule.origin,
  };
  return run.traffic.note(p, entry.step);
}

const NOTHING: readonly never[] = [];

/** Sends traffic through a chain; verdicts go to `out`, what returns to the caller comes back. */
function walkChain<P>(
  passage: Passage<P>,
  chain: CompiledChain,
  item: Item<P>,
  depth: number,
  out: Verdict<P>[],
): readonly Item<P>[] {
  if (depth > DEEPEST) {
    passage.run.assume('UNSUPPORTED_ACTION', `chains of ${chain.table} jump in a circle`);
    out.push({ kind: 'drop', item, by: decider(chain, null) });
    return NOTHING;
  }
  const way: Way<P> = { passage, chain, depth, out, returned: [] };
  let items: readonly Item<P>[] = [item];
  for (let i = 0; i < chain.segments.length && items.length > 0; i++) {
    const segment = chain.segments[i]!;
    items =
      items.length === 1
        ? throughSegment(way, segment, items[0]!)
        : items.flatMap((each) => throughSegment(way, segment, each));
  }
  const user = chain.of.policy === null;
  for (let i = 0; i < items.length; i++) {
    way.returned.push(user ? noteEnd(passage, chain, 'end', items[i]!) : items[i]!);
  }
  return way.returned;
}

/** A walk through one chain. */
interface Way<P> {
  readonly passage: Passage<P>;
  readonly chain: CompiledChain;
  readonly depth: number;
  readonly out: Verdict<P>[];
  readonly returned: Item<P>[];
}

function throughSegment<P>(
  way: Way<P>,
  segment: CompiledChain['segments'][number],
  item: Item<P>,
): readonly Item<P>[] {
  const found = way.passage.run.traffic.lookup(item.p, segment);
  if (found.length !== 1) return found.flatMap((one) => throughRules(way, one, item));
  return throughRules(way, found[0]!, item);
}

/** One packet, or a part of a set, through the rules that it matches. */
function throughRules<P>(
  way: Way<P>,
  { entries, p }: Found<CompiledRule, P>,
  item: Item<P>,
): readonly Item<P>[] {
  let here: readonly Item<P>[] = [withTraffic(item, p)];
  for (let i = 0; i < entries.length && here.length > 0; i++) {
    const { entry, certain } = entries[i]!;
    if (!certain) surface(way.passage, entry);
    else if (here.length === 1) here = apply(way, entry, here[0]!);
    else here = here.flatMap((one) => apply(way, entry, one));
  }
  return here;
}

/**
 * A rule that may match and may not is taken for one that does not, and the answer says so:
 * nobody may rely on what follows.
 */
function surface<P>({ run, surfaced }: Passage<P>, entry: CompiledRule): void {
  if (surfaced.has(entry)) return;
  surfaced.add(entry);
  const { file, line } = entry.rule.origin;
  run.assume('UNSUPPORTED_MATCH', `${file}:${line}:${printRule(entry.rule)}`);
}

/** A rule whose match holds: asks what it remembers, then its target. Returns what goes on. */
function apply<P>(way: Way<P>, entry: CompiledRule, item: Item<P>): readonly Item<P>[] {
  if (entry.tests.length > 0) return applyTests(way, entry, item);
  const p = noteRule(way.passage, way.chain, entry, item.p);
  return act(way, entry, withTraffic(item, p));
}

function applyTests<P>(way: Way<P>, entry: CompiledRule, item: Item<P>): readonly Item<P>[] {
  const { passage, chain } = way;
  const missed: Item<P>[] = [];
  let hit: P | null = item.p;
  const { run, memory, around, rules, tracker } = passage;
  const asking = { run, memory, around, version: rules.version, handle: item.handle, tracker };
  for (const test of entry.tests) {
    if (hit === null) break;
    const only = test.kind === 'content' ? test.only : undefined;
    const asked: Split<P> = only === undefined ? { hit, miss: null } : run.traffic.split(hit, only);
    if (asked.hit === null) {
      hit = asked.miss;
      continue;
    }
    const split: Split<P> | null = askTest(asking, test, asked.hit);
    if (split === null) surface(passage, entry);
    const { hit: met, miss }: Split<P> = split ?? { hit: null, miss: asked.hit };
    if (miss !== null) missed.push({ ...item, p: miss });
    hit = run.traffic.join([met, asked.miss].filter((part) => part !== null))[0] ?? null;
  }
  if (hit === null) return missed;
  const going = act(way, entry, withTraffic(item, noteRule(passage, chain, entry, hit)));
  return missed.length === 0 ? going : [...going, ...missed];
}

function act<P>(way: Way<P>, entry: CompiledRule, item: Item<P>): readonly Item<P>[] {
  const { passage, chain, out } = way;
  const { target } = entry.rule;
  switch (target.kind) {
    case 'none':
      return [item];
    case 'verdict':
      if (target.verdict === 'RETURN') way.returned.push(item);
      else out.push(verdict(chain, entry, target.verdict, item));
      return NOTHING;
    case 'jump':
    case 'goto': {
      const called = passage.rules.chains.get(target.chain);
      if (called === undefined) {
        surface(passage, entry);
        return [item];
      }
      const back = walkChain(passage, called, item, way.depth + 1, out);
      if (target.kind === 'jump') return back;
      // After a goto the callee returns to our caller, so its return is ours as well.
      for (const each of back) way.returned.push(each);
      return NOTHING;
    }
    case 'DNAT':
    case 'SNAT':
    case 'MASQUERADE':
    case 'REDIRECT':
    case 'NETMAP':
      out.push({ kind: 'nat', item, target });
      return [];
    case 'REJECT': {
      const how = target.options.with?.value ?? 'icmp-port-unreachable';
      out.push({ kind: 'reject', item, with: how, by: decider(chain, entry) });
      return [];
    }
    case 'NFQUEUE':
      // Nobody listens as far as a dump tells; then the packet is dropped, or passes by.
      if (target.options.bypass !== undefined) out.push({ kind: 'accept', item });
      else out.push({ kind: 'drop', item, by: decider(chain, entry) });
      return [];
    case 'TCPMSS':
    case 'TCPOPTSTRIP': {
      const { run, around, rules } = passage;
      const going: Item<P>[] = [];
      for (const { p, fate } of changeTcpOptions(run, around, target, rules.version, item.p)) {
        if (fate === 'unknown') surface(passage, entry);
        if (fate === 'drop') out.push(verdict(chain, entry, 'DROP', { ...item, p }));
        else going.push({ ...item, p });
      }
      return going;
    }
    case 'verbatim':
      surface(passage, entry);
      return [item];
    case 'CT':
    case 'NOTRACK':
      return [template(passage, target, item)];
    case 'CONNMARK':
      return [connectionMark(passage, target, entry, item)];
    default:
      if (entry.effect === null) surface(passage, entry);
      else return [{ ...item, p: entry.effect(passage.run.traffic, item.p) }];
      return [item];
  }
}

function verdict<P>(
  chain: CompiledChain,
  entry: CompiledRule,
  word: 'ACCEPT' | 'DROP' | 'QUEUE',
  item: Item<P>,
): Verdict<P> {
  if (word === 'ACCEPT') return { kind: 'accept', item };
  return { kind: 'drop', item, by: decider(chain, entry) };
}

/** xt_CT.c xt_ct_target(): the first one counts, later ones find the packet's template set. */
function template<P>(
  { run }: Passage<P>,
  target: Extract<KnownTarget, { kind: 'CT' | 'NOTRACK' }>,
  item: Item<P>,
): Item<P> {
  if (item.handle !== null || item.template !== null) return item;
  if (target.kind === 'NOTRACK' || target.options.notrack !== undefined) {
    // An answer may still carry what was known of the packet that it answers.
    return { ...item, p: clear(run.traffic, item.p), handle: untracked<P>() };
  }
  const { zone, zoneOriginal, zoneReply, helper } = target.options;
  const number = (given: { readonly value: string } | undefined): number | null =>
    given === undefined ? null : Number(given.value);
  if ([zone, zoneOriginal, zoneReply].some((given) => given?.value === 'mark')) {
    run.assume('UNSUPPORTED_ACTION', 'CT --zone mark: the zone is taken for 0');
  }
  const whole = number(zone);
  const original = (whole ?? number(zoneOriginal) ?? 0) || 0;
  const reply = (whole ?? number(zoneReply) ?? 0) || 0;
  const p = run.traffic.set(item.p, assignment(F.ctZone, BigInt(original)));
  return { ...item, p, template: { zone: { original, reply }, helper: helper?.value ?? null } };
}

/** The connection's mark changes with the field; without a connection nothing happens. */
function connectionMark<P>(
  { run, tracker }: Passage<P>,
  { options }: Extract<KnownTarget, { kind: 'CONNMARK' }>,
  { effect }: CompiledRule,
  item: Item<P>,
): Item<P> {
  const { handle } = item;
  if (effect === null || tracker === null || (handle?.connection ?? null) === null) return item;
  if (handle === null) return item;
  // Another packet of the connection may have changed the mark since this one was tracked.
  const p = effect(run.traffic, loadMark(tracker, item.p, handle));
  if (options.restore !== undefined) return { ...item, p };
  return { ...item, p, handle: saveMark(tracker, p, handle) };
}
