/**
 * The route decision: policy rules in order, in each table the longest prefix
 * (net/core/fib_rules.c fib_rules_lookup(), net/ipv4/fib_semantics.c fib_select_path()).
 */

import { writeIp } from '../../text/address-text.ts';
import { type Origin } from '../../text/problem.ts';
import { guard } from '../../traffic/guard.ts';
import { range } from '../../traffic/match.ts';
import { type Assignment } from '../../traffic/words.ts';
import { type Run } from '../outcome.ts';
import { type Fib, type LiveRoute } from './fib.ts';
import { B, F, put } from './headers.ts';
import { type RouteStep } from './steps.ts';
import { type NextHop, type PolicyRule, type Route } from './types.ts';

export type Decision =
  | { readonly kind: 'route'; readonly route: Route; readonly hop: NextHop | null }
  | {
      readonly kind: 'refused';
      readonly type: 'blackhole' | 'unreachable' | 'prohibit';
      /** A rule says "net unreachable" where a route says "host unreachable". */
      readonly by: 'rule' | 'route';
      readonly origin: Origin;
    }
  | { readonly kind: 'none' };

export interface Decided<P> {
  readonly decision: Decision;
  readonly p: P;
}

/** Decides for every part of the traffic; the parts are disjoint and together are `p`. */
export function decide<P>(run: Run<P>, fib: Fib, p: P): readonly Decided<P>[] {
  const out: Decided<P>[] = [];
  for (const found of run.traffic.lookup(p, fib.rules)) {
    follow(
      run,
      fib,
      found.entries.map((candidate) => candidate.entry),
      found.p,
      out,
    );
  }
  return out;
}

/**
 * Decides as if some fields had other values: what the kernel does not put into its question
 * (struct flowi4), no rule can see.
 */
export function decideWithout<P>(
  run: Run<P>,
  fib: Fib,
  p: P,
  writes: readonly Assignment[],
): readonly Decided<P>[] {
  const { traffic } = run;
  let asked = traffic.fork(p);
  for (const write of writes) asked = traffic.set(asked, write);
  return decide(run, fib, asked).flatMap(({ decision, p: answered }) => {
    const part = traffic.within(traffic.fork(p), answered);
    return part === null ? [] : [{ decision, p: part }];
  });
}

/** Asks the tables of the matching rules one after the other until a route is found. */
function follow<P>(
  run: Run<P>,
  fib: Fib,
  rules: readonly PolicyRule[],
  p: P,
  out: Decided<P>[],
): void {
  let goto = -1;
  for (const [i, { action, priority, origin }] of rules.entries()) {
    if (priority < goto || action.kind === 'nop') continue;
    if (action.kind === 'goto') {
      goto = action.priority;
      continue;
    }
    if (action.kind !== 'lookup') {
      out.push({ decision: { kind: 'refused', type: action.kind, by: 'rule', origin }, p });
      return;
    }
    const table = fib.tables.get(action.table);
    if (table === undefined) continue;
    const missed: P[] = [];
    for (const { entries, p: part } of run.traffic.lookup(p, table)) {
      const live = entries[0]?.entry;
      if (live === undefined || passesOn(live, action.suppressPrefixLength)) missed.push(part);
      else choosePath(run, live, part, out);
    }
    for (const rest of missed) follow(run, fib, rules.slice(i + 1), rest, out);
    return;
  }
  out.push({ decision: { kind: 'none' }, p });
}

/** `throw` routes and suppressed prefixes send the search on to the next rule. */
function passesOn({ route }: LiveRoute, suppress: number | null): boolean {
  if (route.type === 'throw') return true;
  return suppress !== null && (route.prefix?.length ?? 0) <= suppress;
}

function choosePath<P>(run: Run<P>, { route, hops }: LiveRoute, p: P, out: Decided<P>[]): void {
  const { type, origin } = route;
  if (type === 'blackhole' || type === 'unreachable' || type === 'prohibit') {
    out.push({ decision: { kind: 'refused', type, by: 'route', origin }, p });
    return;
  }
  const [first] = hops;
  if (first === undefined || hops.length === 1) {
    out.push({ decision: { kind: 'route', route, hop: first ?? null }, p });
    return;
  }
  choosePathOf(run, route, hops, p, out);
}

/** Several next hops: the kernel's hash has a random seed, so every bucket is possible. */
function choosePathOf<P>(
  run: Run<P>,
  route: Route,
  hops: readonly NextHop[],
  p: P,
  out: Decided<P>[],
): void {
  if (run.pick !== undefined) {
    const ends = hops.map(
      ({ gateway, device }) =>
        `${gateway === null ? '' : `via ${writeIp(gateway)} `}dev ${device ?? 'none'}`,
    );
    const { prefix, table, metric } = route;
    const to = prefix === null ? 'default' : `${writeIp(prefix.address)}/${prefix.length}`;
    const hop = hops[run.pick(`${route.origin.file} ${table} ${to} ${metric}`, ends)] ?? null;
    out.push({ decision: { kind: 'route', route, hop }, p });
    return;
  }
  const total = hops.reduce((sum, hop) => sum + hop.weight, 0);
  run.assume('AMBIGUOUS_HASH', `one of ${hops.length} next hops of ${route.origin.file}`);
  let rest: P | null = run.traffic.choose(p, B.hash, 0n, BigInt(total - 1));
  let from = 0;
  for (const hop of hops) {
    if (rest === null) return;
    const bucket = guard(range(F.hash, BigInt(from), BigInt(from + hop.weight - 1)));
    const { hit, miss }: { hit: P | null; miss: P | null } = run.traffic.split(rest, bucket);
    if (hit !== null) {
      out.push({ decision: { kind: 'route', route, hop }, p: run.traffic.set(hit, NO_HASH) });
    }
    rest = miss;
    from += hop.weight;
  }
}

const NO_HASH = put(F.hash, 0);

/** Writes the chosen route into the diary. */
export function noteRoute<P>(run: Run<P>, namespace: string, decision: Decision, p: P): P {
  if (decision.kind !== 'route') return p;
  const { route, hop } = decision;
  return run.traffic.note(
    p,
    (): RouteStep => ({
      kind: 'route',
      namespace,
      table: route.table,
      type: route.type,
      prefix: route.prefix,
      gateway: hop?.gateway ?? null,
      device: hop?.device ?? null,
      origin: route.origin,
    }),
  );
}
