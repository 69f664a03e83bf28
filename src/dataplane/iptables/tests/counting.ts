/**
 * Matches that keep one account per address: hashlimit (net/netfilter/xt_hashlimit.c) and
 * connlimit (xt_connlimit.c, nf_conncount.c). They stand beside memory.ts and share its clock.
 */
import { allBits } from '../../../packet/fields.ts';
import { guard } from '../../../traffic/guard.ts';
import { or, test } from '../../../traffic/match.ts';
import { type FieldPairs, type Split } from '../../../traffic/traffic.ts';
import { type Connection, STATUS } from '../../conntrack/connection.ts';
import { type Handle } from '../../conntrack/netfilter.ts';
import { type Run } from '../../outcome.ts';
import { F } from '../fields.ts';
import { prefixMask } from '../text/address.ts';
import { RATE_UNITS, readRateWord } from '../text/rate.ts';
import { addressPairs } from './address-pairs.ts';
import { type MemoryTest } from './types.ts';

type Of<K extends MemoryTest['kind']> = Extract<MemoryTest, { kind: K }>;

/** The tokens of one address or port. */
export interface Bucket<P> {
  /** A packet of it. */
  readonly p: P;
  readonly hasPorts: boolean;
  /** In microseconds. */
  tokens: number;
  at_us: number;
}

/** A connection that was counted, by a packet of its address. */
export interface Counted<P> {
  readonly p: P;
  readonly connection: Connection<P>;
}

const HAS_PORTS = guard(
  or(...[6, 17, 33, 132, 136].map((protocol) => test(F.protocol, BigInt(protocol)))),
);
const MOST_BUCKETS = 4096;

/**
 * hashlimit_mt_common(): a bucket per address or port, which starts full; null for rates in
 * bytes and measured ones.
 * Simplification: `-m hashlimit` by bytes, or with `--hashlimit-rate-match`, is not judged.
 */
export function withinRate<P>(
  { traffic, now_us }: Run<P>,
  tables: Map<string, Bucket<P>[]>,
  { options }: Of<'hashlimit'>,
  version: 4 | 6,
  p: P,
): Split<P> | null {
  const rate = readRateWord((options.upto ?? options.above)?.value ?? '');
  const burst = Number(options.burst?.value ?? '5');
  if (rate === null || options.rateMatch !== undefined || !Number.isSafeInteger(burst)) return null;
  const cost = Math.floor((RATE_UNITS[rate.per] * 100) / rate.count);
  const isAbove = (options.above !== undefined) !== ((options.upto ?? options.above)?.not === true);
  const key = `${version} ${options.name?.value ?? ''}`;
  const buckets = tables.get(key) ?? [];
  tables.set(key, buckets);
  const usesPorts = (options.mode?.value ?? '').includes('port');
  const byPorts = usesPorts ? traffic.split(p, HAS_PORTS) : { hit: null, miss: p };
  const hits: P[] = [];
  const misses: P[] = [];
  for (const [hasPorts, part] of [
    [true, byPorts.hit],
    [false, byPorts.miss],
  ] as const) {
    let rest: P | null = part;
    const pairs = keyPairs(options, version, hasPorts);
    const take = (bucket: Bucket<P>, here: P): void => {
      const filled = bucket.tokens + (now_us - bucket.at_us);
      const tokens = Math.min(cost * burst, filled);
      const isBelow = tokens >= cost;
      Object.assign(bucket, { tokens: isBelow ? tokens - cost : tokens, at_us: now_us });
      (isBelow === isAbove ? misses : hits).push(here);
    };
    for (const bucket of [...buckets]) {
      if (rest === null) break;
      if (bucket.hasPorts !== hasPorts) continue;
      const { hit, miss }: Split<P> = traffic.same(rest, bucket.p, pairs);
      if (hit !== null) take(bucket, hit);
      rest = miss;
    }
    if (rest === null) continue;
    const made = { p: traffic.fork(rest), hasPorts, tokens: cost * burst, at_us: now_us };
    buckets.push(made);
    if (buckets.length > MOST_BUCKETS) buckets.shift();
    take(made, rest);
  }
  return { hit: traffic.join(hits)[0] ?? null, miss: traffic.join(misses)[0] ?? null };
}

/** What tells buckets apart; without a mode there is one for all. */
function keyPairs(
  { mode, sourceMask, destinationMask }: Of<'hashlimit'>['options'],
  version: 4 | 6,
  hasPorts: boolean,
): FieldPairs {
  const modes = (mode?.value ?? '').split(',');
  const width = version === 4 ? 32 : 128;
  const pairs: FieldPairs[number][] = [];
  const mask = (length: number | undefined): bigint => prefixMask(length ?? width, version);
  if (modes.includes('srcip')) {
    pairs.push(...addressPairs(version, 'source', 'source', mask(sourceMask?.value)));
  }
  if (modes.includes('dstip')) {
    const bits = mask(destinationMask?.value);
    pairs.push(...addressPairs(version, 'destination', 'destination', bits));
  }
  if (hasPorts && modes.includes('srcport')) pairs.push([SOURCE_PORT, SOURCE_PORT]);
  if (hasPorts && modes.includes('dstport')) pairs.push([DESTINATION_PORT, DESTINATION_PORT]);
  return pairs;
}

const SOURCE_PORT = allBits(F.sourcePort);
const DESTINATION_PORT = allBits(F.destinationPort);

/**
 * connlimit_mt(): how many living connections of the packet's address this rule has seen, this
 * one included; null before tracking. Those of a dump count once they are met.
 * Simplification: `-m connlimit` counts each connection once; the kernel may count one twice whose
 * packets come within one tick of its clock.
 */
export function withinConnections<P>(
  { traffic, now_us }: Run<P>,
  lists: Map<MemoryTest, Counted<P>[]>,
  match: Of<'connlimit'>,
  version: 4 | 6,
  handle: Handle<P> | null,
  p: P,
): Split<P> | null {
  const { options } = match;
  const own = handle?.connection ?? null;
  const limit = (options.upto ?? options.above)?.value;
  if (handle === null || limit === undefined) return null;
  const end = options.destination === undefined ? 'source' : 'destination';
  const length = options.mask?.value ?? (version === 4 ? 32 : 128);
  const pairs = addressPairs(version, end, end, prefixMask(length, version));
  const living = (lists.get(match) ?? []).filter(
    ({ connection }) => connection !== own && isOpen(connection, now_us),
  );
  const counted = own === null ? [] : [{ p: traffic.fork(p), connection: own }];
  lists.set(match, [...living, ...counted]);
  // Simplification: a set of packets is counted as one connection of one address.
  const count = living.filter((one) => {
    if (own !== null && one.connection.zone.original !== own.zone.original) return false;
    return traffic.same(traffic.fork(p), one.p, pairs).hit !== null;
  }).length;
  const holds = count + 1 > limit === (options.above !== undefined);
  return holds ? { hit: p, miss: null } : { hit: null, miss: p };
}

/** already_closed(): TCP that is over does not count any more, nor what was never confirmed. */
function isOpen<P>({ alive, status, expires_us, state }: Connection<P>, now_us: number): boolean {
  if (!alive || expires_us <= now_us || (status & STATUS.confirmed) === 0) return false;
  return state.kind !== 'tcp' || !['TIME_WAIT', 'CLOSE'].includes(state.tcp.state);
}
