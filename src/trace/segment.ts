/**
 * A segment between hosts behaves as the switches of a data centre do: it learns where source
 * addresses are, sends known destinations there and everything else to everybody.
 */
import { type InterfaceId, type Segment } from '../dataplane/network.ts';
import { type Run } from '../dataplane/outcome.ts';
import { allBits, field } from '../packet/fields.ts';
import { compileTable } from '../traffic/compiled.ts';
import { guard } from '../traffic/guard.ts';
import { test } from '../traffic/match.ts';
import { type Rule, type Table } from '../traffic/table.ts';

const ETH_SRC = allBits(field('eth_src'));
const ETH_DST = allBits(field('eth_dst'));
const IS_GROUP = guard(test(field('eth_dst'), 1n << 40n, 1n << 40n));

interface Learned<P> {
  readonly member: InterfaceId;
  readonly seen: P;
}

/** What the segments of one walk have learned. */
export type SegmentMemory<P> = Map<string, Learned<P>[]>;

export interface Crossing<P> {
  readonly to: InterfaceId;
  readonly p: P;
}

/** Which member a MAC address is behind, as far as the snapshot shows. */
export type SegmentOwners = Table<InterfaceId>;

/** Members of a segment by the MAC addresses that stand behind each. */
export function segmentOwners(macs: Iterable<readonly [bigint, InterfaceId]>): SegmentOwners {
  const rules: Rule<InterfaceId>[] = [];
  for (const [mac, entry] of macs) {
    rules.push({ match: test(field('eth_dst'), mac), rank: rules.length, decisive: true, entry });
  }
  return compileTable(rules);
}

/**
 * Carries a frame over a segment: to the member it was learned from, else to the one that the
 * snapshot shows to be its owner, else to all others.
 */
export function crossSegment<P>(
  run: Run<P>,
  memory: SegmentMemory<P>,
  segment: Segment,
  owners: SegmentOwners,
  from: InterfaceId,
  p: P,
): readonly Crossing<P>[] {
  const { traffic } = run;
  const learned = memory.get(segment.name) ?? [];
  learn(run, learned, from, p);
  memory.set(segment.name, learned);
  const crossings: Crossing<P>[] = [];
  const group = traffic.split(p, IS_GROUP);
  let rest: P | null = group.miss;
  for (const { member, seen } of learned) {
    if (rest === null) break;
    const same = traffic.same(rest, seen, [[ETH_DST, ETH_SRC]]);
    if (same.hit !== null && !isSame(member, from)) crossings.push({ to: member, p: same.hit });
    rest = same.miss;
  }
  const flooded = group.hit === null ? [] : [group.hit];
  if (rest !== null) toOwners(run, owners, from, rest, crossings, flooded);
  for (const part of flooded) {
    for (const to of segment.members) {
      if (!isSame(to, from)) crossings.push({ to, p: traffic.fork(part) });
    }
  }
  return crossings;
}

/** Frames for a MAC that some member is known to have; the others are flooded. */
function toOwners<P>(
  run: Run<P>,
  owners: SegmentOwners,
  from: InterfaceId,
  p: P,
  crossings: Crossing<P>[],
  flooded: P[],
): void {
  for (const { entries, p: part } of run.traffic.lookup(p, owners)) {
    const owner = entries[0]?.entry;
    if (owner === undefined) flooded.push(part);
    else if (!isSame(owner, from)) crossings.push({ to: owner, p: part });
  }
}

function learn<P>(run: Run<P>, learned: Learned<P>[], member: InterfaceId, p: P): void {
  const { traffic } = run;
  const known = learned.findIndex(
    ({ seen }) => traffic.same(p, seen, [[ETH_SRC, ETH_SRC]]).hit !== null,
  );
  if (known >= 0) {
    const entry = learned[known];
    if (entry !== undefined && isSame(entry.member, member)) return;
    learned.splice(known, 1);
  }
  learned.unshift({ member, seen: traffic.fork(p) });
}

function isSame(a: InterfaceId, b: InterfaceId): boolean {
  return a.host === b.host && a.namespace === b.namespace && a.name === b.name;
}
