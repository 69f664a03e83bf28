/**
 * Which packets are really sent while a plan runs: of each pair of servers one of every class
 * that the plan opens, closes, keeps or leaves closed. Before: what a proof knows of the pairs;
 * after: packets to send, with what has to become of them.
 */

import { type Region } from '../../traffic/sets/regions.ts';
import { type PacketClass } from '../../verify/proof/classes.ts';
import { groupOf } from '../../verify/proof/prove.ts';
import { type Pair } from '../prove/proving.ts';

/** What a plan does to the packets of a class. Those that matter most come first. */
export const CHANGES = ['opened', 'closed', 'kept', 'never'] as const;
export type ClassChange = (typeof CHANGES)[number];

/** One packet of a class. */
export interface Chosen {
  readonly from: string;
  readonly to: string;
  readonly change: ClassChange;
  readonly protocol: 'icmp' | 'tcp' | 'udp';
  /** Destination port; 0 of ICMP. */
  readonly port: number;
  /** null where all are of the class. */
  readonly sourcePort: number | null;
}

/** Where every port is the same one is taken that hardly any program has. */
const UNUSED_PORT = 61_123;

const PROTOCOLS: Readonly<Record<string, Chosen['protocol']>> = {
  icmp: 'icmp',
  icmp6: 'icmp',
  tcp: 'tcp',
  udp: 'udp',
};
const NUMBERS: Readonly<Record<number, Chosen['protocol']>> = {
  1: 'icmp',
  6: 'tcp',
  17: 'udp',
  58: 'icmp',
};

/** At most `most` packets: of every change as many as there is room for, of all pairs in turn. */
export function choose(pairs: readonly Pair[], most: number): readonly Chosen[] {
  const lists = CHANGES.map((change) => inTurn(pairs.map((pair) => chosenOf(pair, change))));
  const all: Chosen[] = [];
  // What is opened and closed is what the plan is for: half of the room is theirs.
  const rooms = [most / 4, most / 4, most / 4, most / 4].map(Math.ceil);
  for (const [i, list] of lists.entries()) all.push(...list.slice(0, rooms[i]));
  const rest = lists.flatMap((list, i) => list.slice(rooms[i]));
  return [...all, ...rest].slice(0, most);
}

function chosenOf(pair: Pair, change: ClassChange): readonly Chosen[] {
  const group = groupOf(pair.space, regionOf(pair, change));
  if (group === null) return [];
  const { from, to } = pair;
  const { protocol, port, sourcePort } = group.witness;
  return group.classes.flatMap((each): readonly Chosen[] => {
    const name = PROTOCOLS[each.protocol];
    if (name === undefined) return [];
    if (each.exact) return [{ from, to, change, protocol: name, ...portsOf(each) }];
    // Not every pair of its ports is of the class; the witness is.
    return NUMBERS[protocol] === name
      ? [{ from, to, change, protocol: name, port, sourcePort }]
      : [];
  });
}

function portsOf({
  protocol,
  ports,
  sourcePorts,
}: PacketClass): Pick<Chosen, 'port' | 'sourcePort'> {
  if (protocol.startsWith('icmp')) return { port: 0, sourcePort: null };
  const [range] = (ports ?? []).filter(([low, high]) => low <= UNUSED_PORT && UNUSED_PORT <= high);
  const port = ports === null || range !== undefined ? UNUSED_PORT : ports[0]![0];
  return { port, sourcePort: sourcePorts === null ? null : sourcePorts[0]![0] };
}

function regionOf({ space: { regions }, asked, before, after }: Pair, change: ClassChange): Region {
  switch (change) {
    case 'opened':
      return regions.minus(after, before);
    case 'closed':
      return regions.minus(before, after);
    case 'kept':
      return regions.and(before, after);
    case 'never':
      return regions.minus(asked, regions.or(before, after));
  }
}

/** The first of each list, then the second of each. */
function inTurn<T>(lists: readonly (readonly T[])[]): readonly T[] {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  return Array.from({ length: longest }, (_, i) => i).flatMap((i) =>
    lists.flatMap((list) => list.slice(i, i + 1)),
  );
}
