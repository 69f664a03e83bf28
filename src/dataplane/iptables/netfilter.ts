/**
 * The rules of one namespace at work: what the network stack and bridges ask at each hook. The
 * order of stations stands in hooks.ts; here traffic goes from one to the next, and what a
 * verdict, a translation or the end of tracking means is carried out.
 */

import { guard } from '../../traffic/guard.ts';
import { and, test } from '../../traffic/match.ts';
import { STATUS } from '../conntrack/connection.ts';
import { help } from '../conntrack/control-connection.ts';
import { type Reassembly, startReassembly } from '../conntrack/defragment.ts';
import { clear, showConnection } from '../conntrack/marks.ts';
import {
  applyNat,
  bind,
  byMasqueraded,
  confirm,
  handleBits,
  masquerade,
  mayBind,
  wantsRule,
} from '../conntrack/netfilter.ts';
import { createTracker, type Tracker, type TrackerOptions } from '../conntrack/tracker.ts';
import { latest } from '../conntrack/versions.ts';
import { type Drop, type Run } from '../outcome.ts';
import { attach } from './attach.ts';
import { type CompiledRule, type CompiledRules, compileRules } from './chain.ts';
import { defragmented } from './defragment.ts';
import { dropOf } from './drop.ts';
import { F } from './fields.ts';
import { BASE_CHAIN, type HookName, STATIONS } from './hooks.ts';
import { manipAt, natRequests } from './nat-target.ts';
import { asksForBytes, needsTracking } from './needs.ts';
import { type Carried, type Passed, type Reroute } from './passed.ts';
import { rejectError, resetsFor, soundPart } from './reject.ts';
import { type TranslationStep } from './steps.ts';
import { type Surroundings } from './surroundings.ts';
import { emptyMemory, type Memory } from './tests/memory.ts';
import { type Tracking, trackItem } from './tracking.ts';
import { type Ruleset, type TableName } from './types.ts';
import { type Item, type Passage, type Verdict, walkTable } from './walk.ts';

/** The rules of a namespace compiled once: immutable, shared by every walk. */
export interface CompiledNetfilter {
  readonly rules: Readonly<Record<4 | 6, ReadonlyMap<TableName, CompiledRules>>>;
  /** Whether connection tracking is on. */
  readonly tracks: Readonly<Record<4 | 6, boolean>>;
  /** Whether it is counted what connections carry. */
  readonly counts: boolean;
  readonly surroundings: Surroundings;
}

/** Rules at work in one run, with what they and the tracker remember. */
export interface Netfilter<P> {
  readonly tracker: Tracker<P>;
  /** Sends traffic through all stations of one hook. Consumes `p`. */
  pass(
    run: Run<P>,
    hook: HookName,
    version: 4 | 6,
    p: P,
    handle: Carried<P>,
    reroute?: Reroute<P> | null,
  ): readonly Passed<P>[];
  /** Ends tracking before INPUT, as bridges do for groups (br_nf_local_in()). Consumes `p`. */
  confirm(version: 4 | 6, p: P, handle: Carried<P>): readonly Passed<P>[];
}

interface State<P> {
  readonly of: CompiledNetfilter;
  readonly run: Run<P>;
  readonly tracker: Tracker<P>;
  readonly tracking: Tracking<P>;
  readonly memory: Memory<P>;
  readonly fragments: Reassembly<P>;
  readonly surfaced: Set<CompiledRule>;
}

/** Compiles the rules of a namespace; at most one ruleset for each IP version. */
export function compileNetfilter(
  rulesets: readonly Ruleset[],
  surroundings: Surroundings,
): CompiledNetfilter {
  const tracks = (version: 4 | 6): boolean =>
    rulesets.some((each) => each.version === version && needsTracking(each));
  const compiled = (version: 4 | 6): ReadonlyMap<TableName, CompiledRules> => {
    const own = rulesets.filter((each) => each.version === version);
    // Where something is tracked no rule meets a fragment.
    const isNative = own.some((each) => each.nativePorts === true) && !tracks(version);
    const around = isNative ? { ...surroundings, portsOfFragments: true } : surroundings;
    const tables = own.flatMap((each) => each.tables);
    return new Map(tables.map((each) => [each.name, compileRules(each, version, around)]));
  };
  return {
    rules: { 4: compiled(4), 6: compiled(6) },
    tracks: { 4: tracks(4), 6: tracks(6) },
    counts: rulesets.some(asksForBytes),
    surroundings,
  };
}

/** Puts compiled rules to work for one run. */
export function startNetfilter<P>(
  run: Run<P>,
  of: CompiledNetfilter,
  options: Omit<TrackerOptions, 'personality'>,
  fragments: Reassembly<P> = startReassembly(),
): Netfilter<P> {
  const tracker = createTracker(run, { ...options, personality: 'kernel' });
  const memory = emptyMemory<P>();
  const state: State<P> = {
    of,
    run,
    tracker,
    tracking: { run, tracker, accounts: of.counts ? memory.accounts : null },
    memory,
    fragments,
    surfaced: new Set(),
  };
  return {
    tracker,
    pass: (_run, hook, version, p, handle, reroute = null) => {
      // An invalid packet carries nothing on, so that loopback may track it anew.
      const isNew = handle?.state === 'invalid' && (hook === 'prerouting' || hook === 'output');
      if (isNew || handle === null) {
        const shown = isNew ? clear(run.traffic, p) : p;
        const item = { p: shown, handle: null, template: null };
        return passHook(state, hook, version, item, reroute);
      }
      return latest(tracker, p, handle).flatMap((each) => {
        const item = { ...each, p: current(run, each.p, each.handle), template: null };
        return passHook(state, hook, version, item, reroute);
      });
    },
    confirm: (version, p, handle) => {
      if (!of.tracks[version]) return [{ kind: 'accepted', p, handle }];
      const out: Passed<P>[] = [];
      const tracked = handle === null ? [{ p, handle }] : latest(tracker, p, handle);
      const kept = tracked.flatMap((each) => confirmed(state, { ...each, template: null }, out));
      return [...out, ...kept.map((item) => ({ kind: 'accepted' as const, ...item }))];
    },
  };
}

/** What the packet's connection is by now. */
function current<P>({ traffic }: Run<P>, p: P, handle: Carried<P>): P {
  const connection = handle?.connection ?? null;
  if (handle === null || connection === null) return p;
  return showConnection(traffic, p, connection, handleBits(handle));
}

function passHook<P>(
  state: State<P>,
  hook: HookName,
  version: 4 | 6,
  item: Item<P>,
  reroute: Reroute<P> | null,
): readonly Passed<P>[] {
  const out: Passed<P>[] = [];
  let items: readonly Item<P>[] = [item];
  for (const station of STATIONS[hook]) {
    if (items.length === 0) break;
    switch (station.kind) {
      case 'defragment':
        if (state.of.tracks[version]) {
          items = items.flatMap((item) => defragmented(state, hook, version, item, out));
        }
        break;
      case 'table':
        items = throughTable(state, hook, version, station.table, items, out);
        if (station.table === 'mangle') items = rerouted(items, reroute, out);
        break;
      case 'track':
        if (state.of.tracks[version]) {
          items = items.flatMap((item) => trackItem(state.tracking, hook, item, out));
        }
        break;
      case 'nat':
        items = rerouted(throughNat(state, hook, version, items, out), reroute, out);
        break;
      case 'confirm':
        if (state.of.tracks[version]) items = items.flatMap((item) => confirmed(state, item, out));
        break;
    }
  }
  for (const { p, handle } of items) out.push({ kind: 'accepted', p, handle });
  return out;
}

/** ipt_mangle_out(), nf_nat_ipv4_local_fn(): without a route the packet gets no further. */
function rerouted<P>(
  items: readonly Item<P>[],
  reroute: Reroute<P> | null,
  out: Passed<P>[],
): readonly Item<P>[] {
  if (reroute === null) return items;
  return items.flatMap((item) => {
    const { passed, refused } = reroute(item.p);
    for (const each of refused) out.push({ kind: 'dropped', ...each });
    return passed.map((p) => ({ ...item, p }));
  });
}

function passage<P>(state: State<P>, rules: CompiledRules): Passage<P> {
  const { run, memory, surfaced, tracker, of } = state;
  const around = of.surroundings;
  const tracking = of.tracks[rules.version] ? tracker : null;
  return { run, memory, around, surfaced, rules, tracker: tracking };
}

function throughTable<P>(
  state: State<P>,
  hook: HookName,
  version: 4 | 6,
  name: TableName,
  items: readonly Item<P>[],
  out: Passed<P>[],
): readonly Item<P>[] {
  const rules = state.of.rules[version].get(name);
  if (rules === undefined) return items;
  const next: Item<P>[] = [];
  for (const item of items) {
    for (const verdict of walkTable(passage(state, rules), BASE_CHAIN[hook], item)) {
      if (verdict.kind === 'accept') next.push(verdict.item);
      else if (verdict.kind !== 'nat') ended(state, version, verdict, out);
    }
  }
  return next;
}

function ended<P>(
  { run }: State<P>,
  version: 4 | 6,
  verdict: Extract<Verdict<P>, { kind: 'drop' | 'reject' }>,
  out: Passed<P>[],
): void {
  const { item, by, kind } = verdict;
  if (kind === 'reject') {
    const error = rejectError(verdict.with);
    const { handle } = item;
    if (error !== null) {
      const sound = soundPart(run.traffic, version, run.traffic.fork(item.p));
      if (sound !== null) out.push({ kind: 'icmp-error', ...error, handle, p: sound });
    } else {
      for (const p of resetsFor(run.traffic, version, item.p)) {
        out.push({ kind: 'answer', ...attach(run.traffic, p, item.handle, false) });
      }
    }
  }
  out.push({ kind: 'dropped', drop: dropOf(by, kind), p: item.p });
}

const ICMP_REDIRECT = guard(and(test(F.protocol, 1n), test(F.icmpType, 5n)));

/** nf_nat_inet_fn(): asks the chain once for a connection and end, then rewrites every packet. */
function throughNat<P>(
  state: State<P>,
  hook: HookName,
  version: 4 | 6,
  items: readonly Item<P>[],
  out: Passed<P>[],
): readonly Item<P>[] {
  const rules = state.of.rules[version].get('nat');
  if (rules === undefined || !state.of.tracks[version]) return items;
  const manip = manipAt(hook);
  const next: Item<P>[] = [];
  for (const item of items) {
    const { handle } = item;
    if (handle === null || handle.connection === null) {
      next.push(item);
      continue;
    }
    const decided = wantsRule(handle, manip) ? decide(state, rules, hook, item, out) : [item];
    for (const each of decided) {
      const kept = handle.error
        ? withoutRedirect(state, version, each, out)
        : hook === 'postrouting'
          ? stillMasqueraded(state, each, out)
          : each.p;
      if (kept === null || each.handle === null) continue;
      next.push({ ...each, p: applyNat(state.tracker, kept, each.handle, manip) });
    }
  }
  return next;
}

function stillMasqueraded<P>(state: State<P>, item: Item<P>, out: Passed<P>[]): P | null {
  if (item.handle === null) return item.p;
  const { hit, miss } = byMasqueraded(state.tracker, { p: item.p, handle: item.handle });
  const drop = natDrop('the masqueraded connection left by another interface');
  if (miss !== null) out.push({ kind: 'dropped', p: miss, drop });
  return hit;
}

const NAT = STATUS.src_nat | STATUS.dst_nat;
const NAT_DONE = STATUS.src_nat_done | STATUS.dst_nat_done;

/**
 * nf_nat_icmp_reply_translation(): a redirect about a translated connection is dropped, and so is
 * one about a connection of which that is not decided yet (POSTROUTING comes after it is sent).
 */
function withoutRedirect<P>(
  { run }: State<P>,
  version: 4 | 6,
  { p, handle }: Item<P>,
  out: Passed<P>[],
): P | null {
  const status = handle?.connection?.status ?? 0;
  const isPlain = (status & NAT_DONE) === NAT_DONE && (status & NAT) === 0;
  if (version === 6 || isPlain) return p;
  const { hit, miss } = run.traffic.split(p, ICMP_REDIRECT);
  if (hit !== null)
    out.push({
      kind: 'dropped',
      p: hit,
      drop: natDrop('an ICMP redirect about a connection that is translated, or may be'),
    });
  return miss;
}

function natDrop(evidence: string): Drop {
  return { reason: 'IPT_RULE_DROP', where: 'nat', evidence, origin: null };
}

/** The first packet of a connection: what the chain says, or the null binding. */
function decide<P>(
  state: State<P>,
  rules: CompiledRules,
  hook: HookName,
  item: Item<P>,
  out: Passed<P>[],
): readonly Item<P>[] {
  const { run, of } = state;
  const manip = manipAt(hook);
  const next: Item<P>[] = [];
  for (const verdict of walkTable(passage(state, rules), BASE_CHAIN[hook], item)) {
    if (verdict.kind === 'drop' || verdict.kind === 'reject') {
      ended(state, rules.version, verdict, out);
      continue;
    }
    if (item.handle !== null && !mayBind(item.handle)) {
      next.push(verdict.item);
      continue;
    }
    const asked =
      verdict.kind === 'accept'
        ? [{ p: verdict.item.p, request: { manip, addresses: null, ports: null, random: false } }]
        : natRequests(run, of.surroundings, verdict.target, hook, rules.version, verdict.item.p);
    for (const { p, request } of asked) {
      if (request === null || item.handle === null) {
        out.push({
          kind: 'dropped',
          p,
          drop: natDrop('the interface has no address to translate to'),
        });
        continue;
      }
      const bits = manip === 'src' ? STATUS.src_nat : STATUS.dst_nat;
      for (const bound of bind(state.tracker, p, verdict.item.handle ?? item.handle, request)) {
        const changed = ((bound.handle.connection?.status ?? 0) & bits) !== 0;
        const byRule = verdict.kind === 'nat';
        const step = (): TranslationStep => ({ kind: 'translation', manip, byRule });
        const noted = changed ? run.traffic.note(bound.p, step) : bound.p;
        const isTied = byRule && verdict.target.kind === 'MASQUERADE';
        const made = { p: noted, handle: bound.handle };
        next.push({ ...(isTied ? masquerade(state.tracker, made) : made), template: null });
      }
    }
  }
  return next;
}

function confirmed<P>(state: State<P>, item: Item<P>, out: Passed<P>[]): readonly Item<P>[] {
  const { handle } = item;
  if (handle === null) return [item];
  const { connection, reply, error } = handle;
  const helped =
    connection === null || error
      ? item.p
      : help(state.tracker, item.p, connection, reply, handle.state === 'established');
  if (helped === null) {
    const drop = natDrop('the helper waits for the rest of a command');
    out.push({ kind: 'dropped', p: item.p, drop });
    return [];
  }
  // Only a packet of the original direction confirms (nf_conntrack_confirm()).
  if (reply) return [{ ...item, p: helped }];
  return confirm(state.tracker, helped, handle).flatMap(({ kept, clashed }) => {
    if (clashed !== null) {
      out.push({ kind: 'dropped', p: clashed, drop: natDrop('another connection took the tuple') });
    }
    return kept === null ? [] : [{ ...kept, template: null }];
  });
}
