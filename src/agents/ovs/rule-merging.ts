/**
 * Rules of one port that name groups and differ only in their ports are cut where their ranges
 * begin and end, so that one flow carries all conjunctions that a port number belongs to: a flow
 * of its own per rule would hide the others (neutron/agent/linux/openvswitch_firewall/rules.py
 * `merge_port_ranges`, Zed).
 */
import { type NeutronRule } from '../../model/neutron.ts';

/** A rule that names a group, with the first of its two conjunctions. */
export interface Referring {
  readonly rule: NeutronRule;
  readonly id: number;
}

export interface MergedRule {
  readonly rule: NeutronRule;
  readonly ids: readonly number[];
}

const WITH_PORTS = new Set(['tcp', '6', 'udp', '17', 'sctp', '132']);

export function mergedRules(all: readonly Referring[]): readonly MergedRule[] {
  const alike = new Map<string, Referring[]>();
  for (const each of all) {
    const { direction, version, protocol } = each.rule;
    const key = `${direction} ${version} ${numbered(protocol)}`;
    alike.set(key, [...(alike.get(key) ?? []), each]);
  }
  return [...alike.values()].flatMap((group) => {
    const ports = WITH_PORTS.has(group[0]?.rule.protocol?.toLowerCase() ?? '');
    return group.length > 1 && ports
      ? cut(group)
      : group.map(({ rule, id }) => ({ rule, ids: [id] }));
  });
}

const NUMBERS: Readonly<Record<string, string>> = { tcp: '6', udp: '17', sctp: '132' };

function numbered(protocol: string | null): string {
  const name = protocol?.toLowerCase() ?? '';
  return NUMBERS[name] ?? name;
}

const FIRST = 1;
const LAST = 65535;

interface Range {
  readonly from: number;
  readonly to: number;
  readonly id: number;
}

/** Ranges of one conjunction that overlap are one; those that only touch stay two. */
function joinedRanges(group: readonly Referring[]): readonly Range[] {
  const sorted = group
    .map(({ rule, id }) => ({ from: rule.portMin ?? FIRST, to: rule.portMax ?? LAST, id }))
    .sort((a, b) => a.id - b.id || a.from - b.from);
  const joined: Range[] = [];
  for (const each of sorted) {
    const before = joined.at(-1);
    if (before?.id === each.id && each.from <= before.to) {
      joined[joined.length - 1] = { ...before, to: Math.max(before.to, each.to) };
    } else joined.push(each);
  }
  return joined;
}

/** The ranges between all beginnings and ends, each with whatever covers it. */
function cut(group: readonly Referring[]): readonly MergedRule[] {
  const [first] = group;
  if (first === undefined) return [];
  const ranges = joinedRanges(group);
  const starts = new Set(ranges.flatMap(({ from, to }) => [from, to + 1]));
  const sorted = [...starts].sort((a, b) => a - b);
  const parts = sorted.flatMap((from, at) => {
    const to = (sorted[at + 1] ?? LAST + 1) - 1;
    const covering = ranges.filter((range) => range.from <= from && to <= range.to);
    const ids = [...new Set(covering.map(({ id }) => id))];
    return ids.length === 0 || to < from ? [] : [{ from, to, ids }];
  });
  const whole = parts.length === 1 && parts[0]?.from === FIRST && parts[0].to === LAST;
  return parts.map(({ from, to, ids }) => ({
    rule: { ...first.rule, portMin: whole ? null : from, portMax: whole ? null : to },
    ids,
  }));
}
