/**
 * The table of remembered connections: made from a dump's entries, asked with a packet, filled
 * during the run. The kernel's hooks (`netfilter.ts`) and OVS's ct action (`ovs-userspace.ts`,
 * `ovs-kernel.ts`) stand on it.
 */
import { type Field } from '../../packet/fields.ts';
import { type Table } from '../../traffic/table.ts';
import { assignment } from '../../traffic/words.ts';
import { type Run } from '../outcome.ts';
import { type Connection, NO_HELP, STATUS, type Zone } from './connection.ts';
import { type EntrySide, invertTuple, zoneTable } from './dump-index.ts';
import { dumpedState, dumpedStatus, dumpedTimeout } from './dumped.ts';
import { addressFields, F, hasPorts, type PacketClass, tuplePairs } from './protocols.ts';
import { type DumpedConnectionStep } from './steps.ts';
import { type TableLimit } from './sysctls.ts';
import { TCP_DEFAULTS, type TcpSettings } from './tcp-kernel.ts';
import { defaultTimeouts, type Timeouts } from './timeouts.ts';
import { type ConnectionEntry, type Personality, type Tuple } from './types.ts';

const TRANSLATED = STATUS.src_nat | STATUS.dst_nat;

export interface TrackerOptions {
  readonly personality: Personality;
  /** Entries of the dump; null when there was none: then the run starts from an empty table. */
  readonly entries: readonly ConnectionEntry[] | null;
  readonly timeouts?: Timeouts;
  readonly tcp?: Partial<TcpSettings>;
  /** How full the table is; null when there is room for every connection. */
  readonly limit?: TableLimit | null;
  readonly verifies?: boolean;
  readonly helpsByPort?: boolean;
  /** Packet sets: parts of the input go different ways, so no state may be overwritten. */
  readonly sets?: boolean;
}

/** nf_nat_follow_master(): which direction announced the connection, and which port it wants. */
export interface Follow {
  readonly reply: boolean;
  readonly port: number;
}

/** A connection that a helper waits for (nf_conntrack_expect.c). */
export interface Expectation<P> {
  readonly master: Connection<P>;
  readonly zone: Zone;
  /** Only the fields of `pairs` of a packet are compared with this one. */
  readonly expected: P;
  readonly cls: PacketClass;
  readonly withSourcePort: boolean;
  /** Set where the master is translated: the expected connection is translated like it. */
  readonly follow: Follow | null;
  readonly expires_us: number;
}

export interface Tracker<P> {
  readonly run: Run<P>;
  readonly personality: Personality;
  readonly timeouts: Timeouts;
  readonly tcp: TcpSettings;
  readonly sets: boolean;
  readonly limit: TableLimit | null;
  /** Connections that were begun in the run: they count as well. */
  begun: number;
  /** Packets that came in with a wrong checksum are invalid. */
  readonly verifies: boolean;
  /** Helpers attach themselves by port. */
  readonly helpsByPort: boolean;
  /** Newest first is looked up first; kept by protocol class. */
  readonly made: Map<string, Connection<P>[]>;
  readonly tables: ReadonlyMap<number, Table<EntrySide>>;
  /** Entries of the dump that became connections of the run. */
  readonly taken: Set<number>;
  readonly expectations: Expectation<P>[];
}

/** Connections of a packet's tuple: `reply` when it travels against the first packet. */
export interface Lookup<P> {
  readonly p: P;
  readonly connection: Connection<P> | null;
  readonly reply: boolean;
}

/** Makes a table for one run; without a dump it notes that nothing was known. */
export function createTracker<P>(run: Run<P>, options: TrackerOptions): Tracker<P> {
  const { personality, entries } = options;
  if (entries === null) run.assume('ASSUME_FRESH_CONNTRACK', `${personality} connection tracking`);
  return {
    run,
    personality,
    timeouts: { ...defaultTimeouts(personality), ...options.timeouts },
    tcp: { ...TCP_DEFAULTS, ...options.tcp },
    sets: options.sets ?? run.sets ?? false,
    limit: options.limit ?? null,
    begun: 0,
    verifies: options.verifies ?? true,
    helpsByPort: options.helpsByPort ?? false,
    made: new Map(),
    tables: tablesOf(entries ?? [], personality),
    taken: new Set(),
    expectations: [],
  };
}

function tablesOf(
  entries: readonly ConnectionEntry[],
  personality: Personality,
): ReadonlyMap<number, Table<EntrySide>> {
  const zones = new Map<number, EntrySide[]>();
  const add = (zone: number, side: EntrySide): void => {
    const sides = zones.get(zone);
    if (sides === undefined) zones.set(zone, [side]);
    else sides.push(side);
  };
  for (const [index, entry] of entries.entries()) {
    add(entry.zone, { index, entry, reply: false });
    add(entry.zoneReply ?? entry.zone, { index, entry, reply: true });
  }
  return new Map([...zones].map(([zone, sides]) => [zone, zoneTable(sides, personality)]));
}

function bucketOf(cls: PacketClass): string {
  return `${cls.version}${cls.kind}`;
}

export function isCurrent<P>(tracker: Tracker<P>, connection: Connection<P>): boolean {
  return connection.alive && connection.expires_us > tracker.run.now_us;
}

/** How often the table is swept (lib/conntrack.c CT_CLEAN_INTERVAL). */
const SWEPT_EVERY_US = 5_000_000;

/** When a translated connection of the userspace datapath that has ended leaves the table. */
type Sweep = 'not yet' | 'perhaps' | 'done';

/**
 * No packet belongs to an ended connection any more, but its reverse tuple stays in the table
 * until the next sweep. When that is depends on when the switch was started.
 */
function sweepOf<P>({ run, personality }: Tracker<P>, connection: Connection<P>): Sweep {
  if (personality !== 'userspace' || (connection.status & TRANSLATED) === 0) return 'done';
  const ended_us = run.now_us - connection.expires_us;
  if (ended_us <= 0) return 'not yet';
  return ended_us < SWEPT_EVERY_US ? 'perhaps' : 'done';
}

/** The connections of a class, oldest first; also such as have ended. */
export function madeOf<P>(tracker: Tracker<P>, cls: PacketClass): readonly Connection<P>[] {
  return tracker.made.get(bucketOf(cls)) ?? [];
}

/** Every connection that was used or made in the run and still stands, oldest first. */
export function currentConnections<P>(tracker: Tracker<P>): readonly Connection<P>[] {
  return [...tracker.made.values()].flat().filter((one) => isCurrent(tracker, one));
}

/** Puts a connection into the table; the newest is found first. */
export function insert<P>(tracker: Tracker<P>, connection: Connection<P>): void {
  const bucket = bucketOf(connection.cls);
  const list = (tracker.made.get(bucket) ?? []).filter(
    (one) => isCurrent(tracker, one) || sweepOf(tracker, one) !== 'done',
  );
  list.push(connection);
  tracker.made.set(bucket, list);
}

/** Finds the connections of traffic of one class in a zone: disjoint parts. */
export function find<P>(
  tracker: Tracker<P>,
  p: P,
  cls: PacketClass,
  zone: Zone,
): readonly Lookup<P>[] {
  const found: Lookup<P>[] = [];
  let rest: P | null = p;
  if (zone.original === zone.reply) rest = search(tracker, rest, cls, zone, BOTH, found);
  else {
    // Each direction's tuples are hashed with its zone: two searches, first packets' first.
    rest = search(tracker, rest, cls, zone, FORWARD, found);
    if (rest !== null) rest = search(tracker, rest, cls, zone, BACKWARD, found);
  }
  if (rest !== null) found.push(...findDumped(tracker, rest, cls, zone));
  return found;
}

interface Ways {
  readonly forward: boolean;
  readonly backward: boolean;
}

const BOTH: Ways = { forward: true, backward: true };
const FORWARD: Ways = { forward: true, backward: false };
const BACKWARD: Ways = { forward: false, backward: true };

/** Searches the connections of this run, newest first; gives back what belongs to none. */
function search<P>(
  tracker: Tracker<P>,
  p: P,
  cls: PacketClass,
  zone: Zone,
  { forward, backward }: Ways,
  found: Lookup<P>[],
): P | null {
  const { traffic } = tracker.run;
  const pairs = tuplePairs(cls);
  const icmp = cls.kind === 'icmp';
  let rest: P | null = p;
  const list = tracker.made.get(bucketOf(cls)) ?? [];
  for (let i = list.length - 1; i >= 0 && rest !== null; i--) {
    const one = list[i];
    if (one === undefined || !isCurrent(tracker, one)) continue;
    const answers = backward && one.zone.reply === zone.reply;
    // Who speaks to himself is found as his own answer: that entry stands in front.
    if (answers && (!icmp || one.cls.replyType === cls.icmpType)) {
      const split = traffic.same(rest, one.after, pairs.reverse);
      if (split.hit !== null) found.push({ p: split.hit, connection: one, reply: true });
      rest = split.miss;
    }
    if (rest === null) break;
    const belongs = forward && one.zone.original === zone.original;
    if (belongs && (!icmp || one.cls.icmpType === cls.icmpType)) {
      const split = traffic.same(rest, one.before, pairs.forward);
      if (split.hit !== null) found.push({ p: split.hit, connection: one, reply: false });
      rest = split.miss;
    }
  }
  return rest;
}

/**
 * Whether the tuple of an answer in `zone`, for which `found` was found, is really taken: answers
 * are hashed with the zone of answers, so first packets of another zone lie elsewhere.
 */
export function occupies<P>(zone: Zone, { connection, reply }: Lookup<P>): boolean {
  return connection !== null && (reply || zone.original === zone.reply);
}

/**
 * Splits traffic by whether it answers a translated connection that has ended unswept. Where the
 * sweep may be over it is taken to be, and the run says so.
 */
export function answersUnswept<P>(
  tracker: Tracker<P>,
  p: P,
  cls: PacketClass,
  zone: Zone,
): { readonly hit: P | null; readonly miss: P | null } {
  const { traffic, assume } = tracker.run;
  for (const one of tracker.made.get(bucketOf(cls)) ?? []) {
    const sweep = isCurrent(tracker, one) ? 'done' : sweepOf(tracker, one);
    if (sweep === 'done' || one.zone.reply !== zone.reply) continue;
    if (cls.kind === 'icmp' && one.cls.replyType !== cls.icmpType) continue;
    const split = traffic.same(traffic.fork(p), one.after, tuplePairs(cls).reverse);
    if (split.hit === null) continue;
    if (sweep === 'not yet') return split;
    assume('ASSUME_SWEPT', `${cls.kind} connection that ended less than five seconds before`);
  }
  return { hit: null, miss: p };
}

/** Asks the dump; an entry that is met becomes a connection of the run. */
function findDumped<P>(
  tracker: Tracker<P>,
  p: P,
  cls: PacketClass,
  zone: Zone,
): readonly Lookup<P>[] {
  const found: Lookup<P>[] = [];
  const zones = zone.original === zone.reply ? [zone.original] : [zone.original, zone.reply];
  let waiting: P[] = [p];
  for (const id of zones) {
    const table = tracker.tables.get(id);
    if (table === undefined) continue;
    const missed: P[] = [];
    for (const part of waiting.flatMap((one) => tracker.run.traffic.lookup(one, table))) {
      const side = part.entries.find(({ entry }) => fits(tracker, entry, id, zone))?.entry;
      const connection = side === undefined ? null : take(tracker, part.p, side, cls);
      if (side === undefined || connection === null) missed.push(part.p);
      else found.push({ p: noteDumped(tracker, part.p, side), connection, reply: side.reply });
    }
    waiting = missed;
  }
  for (const rest of waiting) found.push({ p: rest, connection: null, reply: false });
  return found;
}

function noteDumped<P>({ run }: Tracker<P>, p: P, { entry, reply }: EntrySide): P {
  return run.traffic.note(p, (): DumpedConnectionStep => {
    return { kind: 'dumped-connection', entry, reply };
  });
}

function fits<P>(tracker: Tracker<P>, side: EntrySide, id: number, zone: Zone): boolean {
  return !tracker.taken.has(side.index) && id === (side.reply ? zone.reply : zone.original);
}

/** Makes the connection that an entry stands for; null when its time is over. */
function take<P>(
  tracker: Tracker<P>,
  p: P,
  side: EntrySide,
  cls: PacketClass,
): Connection<P> | null {
  const { run, personality } = tracker;
  const { entry } = side;
  const expires_us = dumpedTimeout(entry, personality, tracker.timeouts);
  if (expires_us <= run.now_us) return null;
  if (!tracker.sets) tracker.taken.add(side.index);
  const original = entry.original;
  const direct = { ...cls, icmpType: original.icmpType, replyType: entry.reply.icmpType };
  const before = packetOf(tracker, p, original, direct);
  const memo = run.traffic.set(
    run.traffic.set(run.traffic.blank(p), assignment(F.ctMark, BigInt(entry.mark))),
    assignment(F.ctLabel, entry.labels),
  );
  const connection: Connection<P> = {
    identity: {},
    cls: { ...direct, opens: true },
    zone: { original: entry.zone, reply: entry.zoneReply ?? entry.zone },
    before,
    after: packetOf(tracker, p, invertTuple(entry.reply), direct),
    memo,
    status: dumpedStatus(entry),
    state: dumpedState(entry, personality),
    expires_us,
    ...NO_HELP,
    helper: entry.helper,
    master: null,
    alive: true,
    entry,
  };
  insert(tracker, connection);
  return connection;
}

/** A packet that has the fields of a tuple and no others. */
function packetOf<P>(tracker: Tracker<P>, p: P, tuple: Tuple, cls: PacketClass): P {
  const { traffic } = tracker.run;
  const { src, dst } = addressFields(cls.version);
  let packet = traffic.blank(p);
  const put = (to: Field, value: bigint): void => {
    packet = traffic.set(packet, assignment(to, value));
  };
  put(F.ethType, cls.version === 4 ? 0x0800n : 0x86ddn);
  put(F.proto, BigInt(tuple.protocol));
  put(src, tuple.source.value);
  put(dst, tuple.destination.value);
  if (hasPorts(cls.kind)) {
    put(F.tpSrc, BigInt(tuple.sourcePort));
    put(F.tpDst, BigInt(tuple.destinationPort));
  } else if (cls.kind === 'icmp') {
    put(F.tpSrc, BigInt(tuple.icmpType));
    put(F.tpDst, BigInt(tuple.icmpCode));
    put(F.icmpId, BigInt(tuple.icmpId));
  }
  return packet;
}

/** A later version of a connection: in place for one packet, a shadowing entry for sets. */
export function changed<P>(
  tracker: Tracker<P>,
  connection: Connection<P>,
  p: P,
  change: Partial<
    Pick<
      Connection<P>,
      | 'after'
      | 'memo'
      | 'masqueradedBy'
      | 'status'
      | 'state'
      | 'expires_us'
      | 'helper'
      | 'alive'
      | 'shifts'
    >
  >,
): Connection<P> {
  if (!tracker.sets) return Object.assign(connection, change);
  const { traffic } = tracker.run;
  const before = traffic.within(traffic.fork(connection.before), p) ?? connection.before;
  const after = traffic.within(traffic.fork(change.after ?? connection.after), p);
  const next = { ...connection, ...change, before };
  if (after !== null) next.after = after;
  if ((connection.status & 0x8) !== 0) insert(tracker, next);
  return next;
}
