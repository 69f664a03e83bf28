/**
 * A segment between hosts behaves as the switches of a data centre do: it learns where source
 * addresses are, sends known destinations there and everything else to everybody.
 */
import { type InterfaceId, type Segment } from '../dataplane/network.ts';
import { type Run } from '../dataplane/outcome.ts';
import { allBits, field } from '../packet/fields.ts';
import { guard } from '../traffic/guard.ts';
import { test } from '../traffic/match.ts';

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

/** Carries a frame over a segment: to the member it was learned from, or to all others. */
export function crossSegment<P>(
  run: Run<P>,
  memory: SegmentMemory<P>,
  segment: Segment,
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
  for (const flooded of [group.hit, rest]) {
    if (flooded === null) continue;
    for (const to of segment.members) {
      if (!isSame(to, from)) crossings.push({ to, p: traffic.fork(flooded) });
    }
  }
  return crossings;
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
