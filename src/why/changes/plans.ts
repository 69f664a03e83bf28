/**
 * The smallest change of a host itself: what its agent would have made otherwise, and nothing else,
 * with the host's own numbers. It is proposed beside the restart of the agent, which does as much
 * and more.
 */
import { onHost } from '../../trace/diagnosis/commands.ts';
import { type Attempt, hostsOnTheWay, type Proposal, type Stuck } from '../attempt.ts';
import { deviationsOf } from '../deviations.ts';
import { mendsOf } from '../mend/mends.ts';
import { type Mend } from '../mend/types.ts';
import { isElected } from '../settling.ts';

/** So many single mends are tried alone; then all of a place together, then all of a host. */
const SINGLE = 6;
/** Each costs a comparison. */
const MOST_HOSTS = 8;
/** With more lines nobody reads a plan, and the agent does it better. */
const MOST_LINES = 40;

export const hostPlans: Proposal = (stuck) => {
  const { situation } = stuck;
  const { cloud, opened, real } = situation;
  if (cloud === null || opened === null) return [];
  const mends = hostsConcerned(stuck).flatMap((host) =>
    [...deviationsOf(real, opened, host).keys()]
      .filter((key) => !situation.pieces.has(key))
      .flatMap((key) => mendsOf(real, opened, host, key)),
  );
  const ranked = mends
    .map((mend) => ({ mend, rank: rankOf(mend, stuck) }))
    .sort((a, b) => b.rank - a.rank)
    .map(({ mend }) => mend);
  const [first] = ranked;
  if (first === undefined) return [];
  const together = [
    ranked.filter(({ host, device }) => host === first.host && device === first.device),
    ranked.filter(({ host }) => host === first.host),
    ranked,
  ];
  const groups = [...ranked.slice(0, SINGLE).map((one) => [one]), ...together];
  const seen = new Set<string>();
  return groups.flatMap((group): readonly Attempt[] => {
    const lines = group.flatMap((mend) => mend.lines.map((line) => onHost(mend.host, line)));
    const key = lines.toSorted().join('\n');
    if (lines.length === 0 || lines.length > MOST_LINES || seen.has(key)) return [];
    seen.add(key);
    return [
      {
        change: { kind: 'plan', summary: summaryOf(group), commands: lines },
        makes: { edits: group.flatMap(({ edits }) => edits) },
      },
    ];
  });
};

/** Elections depend on what lies between all hosts of a router. */
function hostsConcerned(stuck: Stuck): readonly string[] {
  const near = hostsOnTheWay(stuck);
  if (!isElected(stuck.blocker.code)) return near;
  const all = stuck.situation.cloud?.hosts.map(({ name }) => name) ?? [];
  return [...new Set([...near, ...all])].slice(0, MOST_HOSTS);
}

/** How near a mend is to the blocker: its host, its place, and what both name. */
function rankOf({ host, device, part, text }: Mend, { blocker }: Stuck): number {
  const { component, evidence, because } = blocker;
  const told = `${component} ${evidence} ${because.join(' ')}`;
  const words =
    text.match(/[0-9a-f:]{17}|\d+\.\d+\.\d+\.\d+|0x[0-9a-f]+|\b(?:tap|qvo|qr-|qg-|vxlan-)\S+/g) ??
    [];
  const named = [...new Set(words)].filter((word) => told.includes(word)).length;
  return (
    (host === blocker.host ? 8 : 0) +
    (told.includes(device) ? 4 : 0) +
    (component.includes(part) ? 4 : 0) +
    Math.min(named, 3)
  );
}

function summaryOf(mends: readonly Mend[]): string {
  const places = [...new Set(mends.map(({ host, device, part }) => `${host} ${device} ${part}`))];
  const shown = places.slice(0, 3).join(', ');
  const more = places.length > 3 ? ` and ${places.length - 3} more` : '';
  return `change only what is not as its agent would have it: ${shown}${more}`;
}
