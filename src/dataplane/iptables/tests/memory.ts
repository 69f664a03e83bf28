/**
 * Matches that remember or throw dice: limit, quota, recent, statistic; hashlimit and connlimit
 * stand in counting.ts. They are asked where
 * they stand in their rule, on the run's own clock; no two runs share what they remember.
 */
import { allBits } from '../../../packet/fields.ts';
import { type Guard, guard } from '../../../traffic/guard.ts';
import { NONE, range } from '../../../traffic/match.ts';
import { type Split, type Traffic } from '../../../traffic/traffic.ts';
import { type Handle } from '../../conntrack/netfilter.ts';
import { type Run } from '../../outcome.ts';
import { F } from '../fields.ts';
import { type Network } from '../text/address.ts';
import { RATE_UNITS, type Rate } from '../text/rate.ts';
import { addressPairs } from './address-pairs.ts';
import { type Accounts } from './carried.ts';
import { type Bucket, type Counted, withinConnections, withinRate } from './counting.ts';
import { type MemoryTest } from './types.ts';

type Of<K extends MemoryTest['kind']> = Extract<MemoryTest, { kind: K }>;

/** What the rules of one namespace remember during one run. */
export interface Memory<P> {
  /** By test: tokens in ten-thousandths of a second, and when they were counted. */
  readonly buckets: Map<MemoryTest, { tokens: number; at_us: number }>;
  /** By test: packets since the last one that matched. */
  readonly counts: Map<MemoryTest, number>;
  /** By test: bytes that are left. */
  readonly quotas: Map<MemoryTest, number>;
  /** By name of the list: addresses that were seen, newest last. */
  readonly lists: Map<string, SeenAddress<P>[]>;
  /** By name: the buckets of hashlimit. */
  readonly rates: Map<string, Bucket<P>[]>;
  /** What connections have carried, where some rule asks for it. */
  readonly accounts: Accounts<P>;
  /** By test: the connections that connlimit has seen. */
  readonly connections: Map<MemoryTest, Counted<P>[]>;
}

interface SeenAddress<P> {
  /** A packet whose address it is. */
  readonly p: P;
  readonly version: 4 | 6;
  /** Whether it is the source or the destination of that packet. */
  readonly end: 'source' | 'destination';
  times_us: number[];
}

/** Nothing remembered. */
export function emptyMemory<P>(): Memory<P> {
  return {
    buckets: new Map(),
    counts: new Map(),
    quotas: new Map(),
    lists: new Map(),
    rates: new Map(),
    connections: new Map(),
    accounts: new WeakMap(),
  };
}

/** xt_recent: `ip_list_tot` and `ip_pkt_list_tot` of the module. */
const MOST_ADDRESSES = 100;
const MOST_TIMES = 20;

/** Asks one test; traffic that meets it is `hit`. Null where nobody can know. */
export function askMemory<P>(
  run: Run<P>,
  memory: Memory<P>,
  match: MemoryTest,
  version: 4 | 6,
  handle: Handle<P> | null,
  p: P,
): Split<P> | null {
  switch (match.kind) {
    case 'limit':
      return takeToken(run, memory, match) ? { hit: p, miss: null } : { hit: null, miss: p };
    case 'quota':
      return withinQuota(run.traffic, memory, match, p);
    case 'statistic':
      return byChance(run.traffic, memory, match, p);
    case 'recent':
      return seenLately(run, memory, match, version, p);
    case 'hashlimit':
      return withinRate(run, memory.rates, match, version, p);
    case 'connlimit':
      return withinConnections(run, memory.connections, match, version, handle, p);
  }
}

const THREE_PER_HOUR: Rate = { count: 3, per: 'hour' };

/**
 * xt_limit.c limit_mt(): the bucket starts full and fills with the time.
 * Simplification: a set of packets takes one token, as if it were one packet.
 */
function takeToken<P>(run: Run<P>, memory: Memory<P>, match: Of<'limit'>): boolean {
  const { count, per } = match.options.limit?.value ?? THREE_PER_HOUR;
  const cost = Math.floor(RATE_UNITS[per] / count);
  const most = cost * (match.options.burst?.value ?? 5);
  const bucket = memory.buckets.get(match) ?? { tokens: most, at_us: run.now_us };
  bucket.tokens = Math.min(most, bucket.tokens + (run.now_us - bucket.at_us) / 100);
  bucket.at_us = run.now_us;
  memory.buckets.set(match, bucket);
  if (bucket.tokens < cost) return false;
  bucket.tokens -= cost;
  return true;
}

/**
 * xt_quota.c quota_mt(): once a packet did not fit, none does any more.
 * Simplification: a set of packets of many lengths takes the length of one that is 0 bytes long.
 */
function withinQuota<P>(
  traffic: Traffic<P>,
  memory: Memory<P>,
  match: Of<'quota'>,
  p: P,
): Split<P> {
  const { quota } = match.options;
  const left = memory.quotas.get(match) ?? Number(quota?.value ?? 0);
  const [only, other] = traffic.cases(p, allBits(F.length), 1) ?? [];
  const length = only === undefined || other !== undefined ? 0 : only.value;
  const fits = left >= length;
  memory.quotas.set(match, fits ? left - length : 0);
  const hit = fits !== (quota?.not === true);
  return hit ? { hit: p, miss: null } : { hit: null, miss: p };
}

const DICE = 0x8000_0000;

function below(limit: number): Guard {
  return guard(limit <= 0 ? NONE : range(F.random, 0n, BigInt(limit - 1)));
}

/** xt_statistic.c statistic_mt(): 31 random bits against the probability, or every nth packet. */
function byChance<P>(
  traffic: Traffic<P>,
  memory: Memory<P>,
  match: Of<'statistic'>,
  p: P,
): Split<P> {
  const { options } = match;
  if (options.mode?.value === 'random') {
    const thrown = traffic.choose(p, allBits(F.random), 0n, BigInt(DICE - 1));
    const { hit, miss } = traffic.split(thrown, below(options.probability?.value ?? 0));
    return options.probability?.not === true ? { hit: miss, miss: hit } : { hit, miss };
  }
  return everyNth(memory, match, p);
}

function everyNth<P>(memory: Memory<P>, match: Of<'statistic'>, p: P): Split<P> {
  const { options } = match;
  const every = Math.max(1, options.every?.value ?? 1);
  const first = every - 1 - (options.packet?.value ?? 0);
  const count = (memory.counts.get(match) ?? first) + 1;
  const due = count >= every;
  memory.counts.set(match, due ? 0 : count);
  const hit = due !== (options.every?.not === true);
  return hit ? { hit: p, miss: null } : { hit: null, miss: p };
}

/** xt_recent.c recent_mt(). */
function seenLately<P>(
  run: Run<P>,
  memory: Memory<P>,
  { options }: Of<'recent'>,
  version: 4 | 6,
  p: P,
): Split<P> {
  const { traffic } = run;
  const name = options.name?.value ?? 'DEFAULT';
  const list = memory.lists.get(name) ?? [];
  memory.lists.set(name, list);
  const end = options.rdest === undefined ? 'source' : 'destination';
  const mask: Network['mask'] = options.mask?.value.value ?? 0xffff_ffffn;
  const hits: P[] = [];
  const misses: P[] = [];
  let rest: P | null = p;
  for (const seen of [...list]) {
    if (rest === null) break;
    if (seen.version !== version) continue;
    const pairs = addressPairs(version, end, seen.end, mask);
    const { hit, miss }: Split<P> = traffic.same(rest, seen.p, pairs);
    if (hit !== null) (known(run, list, seen, options) ? hits : misses).push(hit);
    rest = miss;
  }
  if (rest !== null) {
    if (options.set !== undefined) {
      const times_us = [run.now_us];
      list.push({ p: traffic.fork(rest), version, end, times_us });
      if (list.length > MOST_ADDRESSES) list.shift();
    }
    (options.set !== undefined ? hits : misses).push(rest);
  }
  const test = options.set ?? options.rcheck ?? options.update ?? options.remove;
  const [hit = null] = traffic.join(hits);
  const [miss = null] = traffic.join(misses);
  return test?.not === true ? { hit: miss, miss: hit } : { hit, miss };
}

/** What happens with an address that is in the list already. */
function known<P>(
  run: Run<P>,
  list: SeenAddress<P>[],
  seen: SeenAddress<P>,
  options: Of<'recent'>['options'],
): boolean {
  const remember = (): void => {
    seen.times_us = [...seen.times_us, run.now_us].slice(-MOST_TIMES);
  };
  if (options.set !== undefined) {
    remember();
    return true;
  }
  if (options.remove !== undefined) {
    list.splice(list.indexOf(seen), 1);
    return true;
  }
  const window_us = (options.seconds?.value ?? Number.POSITIVE_INFINITY) * 1e6;
  const lately = seen.times_us.filter((time) => run.now_us - time <= window_us);
  const found = lately.length >= Math.max(1, options.hitCount?.value ?? 1);
  if (found && options.update !== undefined) remember();
  return found;
}
