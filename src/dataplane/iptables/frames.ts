/**
 * Rules of ebtables and arptables at work: the same chains, jumps and policies as iptables, on
 * frames. Bridges ask them (net/bridge/netfilter/ebtables.c ebt_do_table(),
 * net/ipv4/netfilter/arp_tables.c arpt_do_table()).
 */

import { type Origin } from '../../text/problem.ts';
import { compileTable } from '../../traffic/compiled.ts';
import { type Match } from '../../traffic/match.ts';
import { type Table as CompiledTable, type Rule as TableRule } from '../../traffic/table.ts';
import { type Step, type Traffic } from '../../traffic/traffic.ts';
import { type Drop, type Run } from '../outcome.ts';
import { type HookName } from './hooks.ts';
import { type Carried, type Passed } from './passed.ts';
import { type FlatChain, type FlatRule, type FlatTable } from './text/flat.ts';

/** A rule about frames that matched, or the policy of a chain. */
export interface FrameRuleStep extends Step {
  readonly kind: 'frame-rule';
  readonly table: string;
  readonly chain: string;
  /** 1 for the first rule; one more than the rules for the policy. */
  readonly number: number;
  readonly text: string;
  readonly origin: Origin;
}

/** What happens after a target has changed the frame. */
export type Next = 'ACCEPT' | 'DROP' | 'CONTINUE' | 'RETURN';

/** How a program's conditions and targets are to be understood. */
export interface FrameLanguage<C, S> {
  readonly match: (rule: FlatRule<C, S>) => Match;
  /** Changes the frame, and says how it goes on; null for a target that is not computed. */
  readonly target: (
    rule: FlatRule<C, S>,
  ) => { readonly change: <P>(traffic: Traffic<P>, p: P) => P; readonly next: Next } | null;
  readonly print: (rule: FlatRule<C, S>) => string;
  /** Tables in the order in which a hook asks them. */
  readonly tables: Readonly<Record<HookName, readonly string[]>>;
}

interface Entry<C, S> {
  readonly rule: FlatRule<C, S>;
  readonly number: number;
}

interface CompiledFrames<C, S> {
  readonly of: FlatTable<C, S>;
  readonly chains: ReadonlyMap<string, CompiledFrameChain<C, S>>;
}

interface CompiledFrameChain<C, S> {
  readonly of: FlatChain<C, S>;
  /** Each rule is a table of its own where an earlier one may have changed the frame. */
  readonly segments: readonly CompiledTable<Entry<C, S>>[];
}

const VERDICTS: readonly string[] = ['ACCEPT', 'DROP', 'CONTINUE', 'RETURN', 'QUEUE'];

/** Tables of ebtables or arptables, compiled once. */
export interface FrameRules {
  start<P>(): {
    pass(
      run: Run<P>,
      hook: HookName,
      version: 4 | 6,
      p: P,
      handle: Carried<P>,
    ): readonly Passed<P>[];
  };
}

/** Compiles tables of one program. */
export function compileFrames<C, S>(
  tables: readonly FlatTable<C, S>[],
  language: FrameLanguage<C, S>,
): FrameRules {
  const compiled = new Map(tables.map((each) => [each.name, compileOne(each, language)]));
  return {
    start: () => ({
      pass: (run, hook, _version, p, handle) =>
        passFrames(run, compiled, language, hook, p, handle),
    }),
  };
}

function compileOne<C, S>(
  of: FlatTable<C, S>,
  language: FrameLanguage<C, S>,
): CompiledFrames<C, S> {
  const chains = of.chains.map((chain) => [chain.name, compileChain(chain, language)] as const);
  return { of, chains: new Map(chains) };
}

function compileChain<C, S>(
  of: FlatChain<C, S>,
  language: FrameLanguage<C, S>,
): CompiledFrameChain<C, S> {
  const segments: TableRule<Entry<C, S>>[][] = [[]];
  for (const [i, rule] of of.rules.entries()) {
    const target = rule.target ?? 'CONTINUE';
    const decisive = VERDICTS.includes(target) && target !== 'CONTINUE';
    const entry = { rule, number: i + 1 };
    segments.at(-1)?.push({ match: language.match(rule), rank: i, decisive, entry });
    if (!VERDICTS.includes(target)) segments.push([]);
  }
  return {
    of,
    segments: segments.filter((each) => each.length > 0).map((each) => compileTable(each)),
  };
}

type Ended<P> =
  | { readonly kind: 'accept' | 'return'; readonly p: P }
  | { readonly kind: 'drop'; readonly p: P; readonly drop: Drop };

interface Passage<P, C, S> {
  readonly run: Run<P>;
  readonly rules: CompiledFrames<C, S>;
  readonly language: FrameLanguage<C, S>;
}

function passFrames<P, C, S>(
  run: Run<P>,
  compiled: ReadonlyMap<string, CompiledFrames<C, S>>,
  language: FrameLanguage<C, S>,
  hook: HookName,
  p: P,
  handle: Carried<P>,
): readonly Passed<P>[] {
  const out: Passed<P>[] = [];
  let frames: readonly P[] = [p];
  for (const name of language.tables[hook]) {
    const rules = compiled.get(name);
    const chain = rules?.chains.get(hook.toUpperCase());
    if (rules === undefined || chain === undefined) continue;
    const next: P[] = [];
    for (const frame of frames) {
      for (const ended of walk({ run, rules, language }, chain, frame, 0)) {
        if (ended.kind === 'drop') out.push({ kind: 'dropped', drop: ended.drop, p: ended.p });
        else next.push(ended.p);
      }
    }
    frames = next;
  }
  for (const frame of frames) out.push({ kind: 'accepted', p: frame, handle });
  return out;
}

/** Jumps deeper than this are a loop, which ebtables refuses to load. */
const DEEPEST = 64;

function walk<P, C, S>(
  passage: Passage<P, C, S>,
  chain: CompiledFrameChain<C, S>,
  p: P,
  depth: number,
): readonly Ended<P>[] {
  const { run } = passage;
  const out: Ended<P>[] = [];
  let frames: readonly P[] = [p];
  for (const segment of chain.segments) {
    const next: P[] = [];
    for (const frame of frames) {
      for (const { entries, p: part } of run.traffic.lookup(frame, segment)) {
        let here: readonly P[] = [part];
        for (const { entry, certain } of entries) {
          if (certain) here = here.flatMap((each) => act(passage, chain, entry, each, depth, out));
          else surface(passage, entry);
        }
        next.push(...here);
      }
    }
    frames = next;
  }
  for (const frame of frames) out.push(byPolicy(passage, chain, frame));
  return out;
}

function surface<P, C, S>({ run, language }: Passage<P, C, S>, { rule }: Entry<C, S>): void {
  const { file, line } = rule.origin;
  run.assume('UNSUPPORTED_MATCH', `${file}:${line}:${language.print(rule)}`);
}

/** User chains of ebtables have a policy as well. */
function byPolicy<P, C, S>(
  passage: Passage<P, C, S>,
  chain: CompiledFrameChain<C, S>,
  p: P,
): Ended<P> {
  const policy = chain.of.policy ?? 'RETURN';
  const entry = {
    number: chain.of.rules.length + 1,
    text: `policy ${policy}`,
    origin: chain.of.origin,
  };
  const noted = note(passage, chain, entry, p);
  if (policy === 'DROP') return { kind: 'drop', p: noted, drop: dropOf(passage, chain, entry) };
  return { kind: policy === 'ACCEPT' ? 'accept' : 'return', p: noted };
}

interface Noted {
  readonly number: number;
  readonly text: string;
  readonly origin: Origin;
}

function note<P, C, S>(
  { run, rules }: Passage<P, C, S>,
  chain: CompiledFrameChain<C, S>,
  entry: Noted,
  p: P,
): P {
  const step = (): FrameRuleStep => ({
    kind: 'frame-rule',
    table: rules.of.name,
    chain: chain.of.name,
    ...entry,
  });
  return run.traffic.note(p, step);
}

/** Chains of Neutron (neutron/plugins/ml2/drivers/linuxbridge/agent/arp_protect.py). */
function dropOf<P, C, S>(
  { rules }: Passage<P, C, S>,
  chain: CompiledFrameChain<C, S>,
  { text, origin }: Noted,
): Drop {
  const { name } = chain.of;
  const arp = name.startsWith('neutronARP-');
  const mac = name.startsWith('neutronMAC-');
  const reason = arp ? 'ARP_SPOOF_BLOCKED' : mac ? 'MAC_SPOOF_BLOCKED' : 'IPT_RULE_DROP';
  return { reason, where: `${rules.of.name} ${name}`, evidence: text, origin };
}

function act<P, C, S>(
  passage: Passage<P, C, S>,
  chain: CompiledFrameChain<C, S>,
  { rule, number }: Entry<C, S>,
  p: P,
  depth: number,
  out: Ended<P>[],
): readonly P[] {
  const { language, rules, run } = passage;
  const text = `-A ${chain.of.name}${language.print(rule)}`;
  const entry: Noted = { number, text, origin: rule.origin };
  let frame = note(passage, chain, entry, p);
  let next: string = rule.target ?? 'CONTINUE';
  const called = rules.chains.get(next);
  if (called !== undefined) {
    if (depth >= DEEPEST) return [];
    const going: P[] = [];
    for (const ended of walk(passage, called, frame, depth + 1)) {
      if (ended.kind === 'return') going.push(ended.p);
      else out.push(ended);
    }
    return going;
  }
  if (!VERDICTS.includes(next)) {
    const made = language.target(rule);
    if (made === null) {
      surface(passage, { rule, number });
      return [frame];
    }
    frame = made.change(run.traffic, frame);
    next = made.next;
  }
  if (next === 'ACCEPT') out.push({ kind: 'accept', p: frame });
  else if (next === 'RETURN') out.push(returned(passage, chain, frame));
  else if (next === 'CONTINUE') return [frame];
  else out.push({ kind: 'drop', p: frame, drop: dropOf(passage, chain, entry) });
  return [];
}

/** RETURN goes back to the caller; in a base chain it means the policy. */
function returned<P, C, S>(
  passage: Passage<P, C, S>,
  chain: CompiledFrameChain<C, S>,
  p: P,
): Ended<P> {
  return BASE.includes(chain.of.name) ? byPolicy(passage, chain, p) : { kind: 'return', p };
}
const BASE: readonly string[] = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];

/** Used by languages to say that a rule asks what nobody can judge. */
export function unknownCondition(what: string, origin: Origin): Match {
  return { kind: 'opaque', text: what, origin };
}
