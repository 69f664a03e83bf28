/**
 * What a change does to others: all packets between the ends concerned, proved before and after.
 * Only few pairs are proved; how many were left out is said.
 */
import { type Network } from '../dataplane/network.ts';
import { classText } from '../verify/proof/classes.ts';
import { comparePairs } from '../verify/proof/compare.ts';
import { commonServers } from '../verify/proof/pairs.ts';
import { type Group } from '../verify/proof/prove.ts';
import { type Stuck } from './attempt.ts';
import { type Situation } from './situation.ts';
import { type Effects, type Pair } from './types.ts';

/** Compares what arrives before a change and with it. */
export function effectsOf(
  { situation, question }: Pick<Stuck, 'situation' | 'question'>,
  after: Situation,
  most: number,
): Effects {
  const before = situation.network;
  const pairs = pairsConcerned(before, after.network, [question.from.label, question.to.label]);
  const gained: Effects['gained'][number][] = [];
  const lost: Effects['lost'][number][] = [];
  const unknown: Effects['unknown'][number][] = [];
  const shown = pairs.slice(0, most);
  for (const change of comparePairs(before, after.network, shown)) {
    const { from, to } = change;
    const [why] = change.unknown;
    if (why !== undefined) unknown.push({ pair: { from, to }, why });
    if (change.gained !== null) gained.push({ from, to, packets: packetsText(change.gained) });
    if (change.lost !== null) lost.push({ from, to, packets: packetsText(change.lost) });
  }
  return { pairs: shown.length, leftOut: pairs.length - shown.length, gained, lost, unknown };
}

function packetsText({ classes }: Group): string {
  return classes.map(classText).join('; ');
}

/** The pair that was asked about first, then each end with others, then others among them. */
function pairsConcerned(
  a: Network,
  b: Network,
  [from, to]: readonly [string, string],
): readonly Pair[] {
  const servers = commonServers(a, b);
  const pairs = servers.flatMap((one) =>
    servers.filter((other) => other !== one).map((other) => ({ from: one, to: other })),
  );
  const rank = (pair: Pair): number => {
    if (pair.from === from && pair.to === to) return 0;
    if (pair.to === to) return 1;
    if (pair.from === from || pair.from === to) return 2;
    return pair.to === from ? 3 : 4;
  };
  return pairs.toSorted((x, y) => rank(x) - rank(y));
}
