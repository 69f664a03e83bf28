/**
 * What a connection has carried until now, for `-m connbytes` (net/netfilter/xt_connbytes.c): each
 * packet counts when tracking sees it (nf_ct_acct_add()), so also the one that asks.
 */
import { allBits } from '../../../packet/fields.ts';
import { type Traffic } from '../../../traffic/traffic.ts';
import { type Connection } from '../../conntrack/connection.ts';
import { type Handle } from '../../conntrack/netfilter.ts';
import { F } from '../fields.ts';
import { type KnownMatch } from '../text/match-rows.ts';

/** By direction, the original one first. */
export interface Carried {
  readonly packets: [number, number];
  /** IP lengths; NaN once a packet of many lengths was among them. */
  readonly bytes: [number, number];
}

/** Connections with what they carried; those that no rule asks about are not counted. */
export type Accounts<P> = WeakMap<Connection<P>, Carried>;

/**
 * Counts a packet that tracking has just seen. Errors about a connection are not its own, and what
 * TCP lets through without believing it (a SYN once more) is not counted.
 */
export function account<P>(
  traffic: Traffic<P>,
  accounts: Accounts<P>,
  { connection, reply, error, passedOver }: Handle<P>,
  p: P,
): void {
  if (connection === null || error || passedOver === true) return;
  const carried = accounts.get(connection) ?? { packets: [0, 0], bytes: [0, 0] };
  const way = reply ? 1 : 0;
  const [only, other] = traffic.cases(traffic.fork(p), allBits(F.length), 1) ?? [];
  carried.packets[way] += 1;
  carried.bytes[way] += only === undefined || other !== undefined ? Number.NaN : only.value;
  accounts.set(connection, carried);
}

type Options = Extract<KnownMatch, { kind: 'connbytes' }>['options'];

/**
 * Whether a connection has carried as much as the rule asks for; null where nobody can know.
 * Simplification: a connection that a dump shows has carried what nobody knows; `connbytes` about
 * it is not judged.
 */
export function hasCarried<P>(
  accounts: Accounts<P>,
  { range, mode, direction }: Options,
  connection: Connection<P>,
): boolean | null {
  const carried = accounts.get(connection);
  if (connection.entry !== null || carried === undefined) return null;
  const of = ([original, reply]: readonly [number, number]): number =>
    direction?.value === 'original'
      ? original
      : direction?.value === 'reply'
        ? reply
        : original + reply;
  const [packets, bytes] = [of(carried.packets), of(carried.bytes)];
  const average = packets === 0 ? 0 : Math.floor(bytes / packets);
  const what = mode?.value === 'packets' ? packets : mode?.value === 'bytes' ? bytes : average;
  if (Number.isNaN(what)) return null;
  const [from = '0', to = ''] = (range?.value ?? '').split(':');
  const most = to === '' ? Number.POSITIVE_INFINITY : Number(to);
  // `!` is written by turning the two around, which one number does not show.
  const not = range?.not === true && Number(from) !== most;
  return (Number(from) <= what && what <= most) !== not;
}
