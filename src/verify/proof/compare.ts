/**
 * What a change does to reachability: the packets between each pair of servers, and between servers
 * and somebody outside, that arrive in one network and not in the other, or that fare otherwise.
 * Both are proved in one space of inputs, so the difference is exact.
 */
import { type Network } from '../../dataplane/network.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { askedQuestion } from '../../trace/ask.ts';
import { NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { openSpace, type Space } from '../../traffic/sets/space.ts';
import { type FateChange, fateChanges, receivedOf } from './fates.ts';
import { type Pair } from './pairs.ts';
import { type Group, groupOf, type Proved, type Prover, prepareProofs } from './prove.ts';
import { setsTo } from './source.ts';
import { isUntouched } from './unchanged.ts';
import { ALL_WANTED, type Wanted } from './wanted.ts';

/** One pair of ends. */
export interface ReachChange extends Pair {
  /** Arriving in A and no more in B. */
  readonly lost: Group | null;
  /** Arriving in B and not in A. */
  readonly gained: Group | null;
  /** As reachable as before, but something else becomes of them. */
  readonly changed: Faring | null;
  /** Why nobody can say. */
  readonly unknown: readonly string[];
}

/** Packets that fare otherwise, and how. */
export interface Faring extends Group {
  readonly how: readonly string[];
}

/**
 * Compares some pairs, one after the other.
 * @param places those that differ, where all else is the same (`placesThatDiffer`)
 */
export function* comparePairs(
  a: Network,
  b: Network,
  pairs: readonly Pair[],
  places: ReadonlySet<string> | null = null,
): Generator<ReachChange> {
  const provers = [prepareProofs(a), prepareProofs(b)] as const;
  for (const pair of pairs) {
    const found = reachDifference([a, b], provers, pair, places);
    const { space, lost, gained, changed, how, unknown } = found;
    const faring = groupOf(space, changed);
    yield {
      ...pair,
      lost: groupOf(space, lost),
      gained: groupOf(space, gained),
      changed: faring === null ? null : { ...faring, how },
      unknown,
    };
  }
}

/** What differs for one pair, as regions of one space of inputs. */
export interface ReachDifference {
  readonly space: Space;
  readonly lost: Region;
  readonly gained: Region;
  /** Neither lost nor gained. */
  readonly changed: Region;
  readonly how: readonly string[];
  readonly unknown: readonly string[];
  /** The inputs that are such packets. */
  readonly inputsOf: (wanted: Wanted) => Region;
}

/** Proves one pair in both networks: first packets, their answers, and what follows on them. */
export function reachDifference(
  networks: readonly [Network, Network],
  provers: readonly [Prover, Prover],
  { from, to, version }: Pair,
  places: ReadonlySet<string> | null = null,
): ReachDifference {
  const space = openSpace();
  let address: IpAddress | null = null;
  let first: Proved | null = null;
  const proved = networks.map((network, i): Proved => {
    // What comes to nothing that differs fares the same.
    const same = places !== null && first?.kind === 'proved' && isUntouched(first.followed, places);
    if (same && first !== null) return first;
    const asked = askedQuestion(network, {
      from,
      to,
      ...(version === undefined ? {} : { version }),
    });
    if (asked.kind === 'wrong') return { kind: 'impossible', why: asked.message };
    address = asked.value.to.address;
    const ends = { from: asked.value.from, to: asked.value.to };
    const question = { ...ends, wanted: ALL_WANTED, established: true };
    first = provers[i === 0 ? 0 : 1].prove(question, space);
    return first;
  });
  const unknown = proved.flatMap((one) =>
    one.kind === 'impossible'
      ? [one.why]
      : one.proof.verdict === 'UNDETERMINED'
        ? [
            ...one.proof.unknown,
            ...(one.proof.lost === null ? [] : ['no end is known of some packets']),
          ]
        : [],
  );
  const [before, after] = proved.map((one) => (one.kind === 'proved' ? one.region : NOWHERE));
  const { regions } = space;
  const receiver = address;
  const lost = regions.minus(before ?? NOWHERE, after ?? NOWHERE);
  const gained = regions.minus(after ?? NOWHERE, before ?? NOWHERE);
  const moved = regions.or(lost, gained);
  // What is lost and gained tells why its answers are.
  const fares = changesBetween(space, proved).flatMap((one) => {
    const where = regions.minus(whole(space, one), moved);
    return where === NOWHERE ? [] : [{ where, text: howText(one) }];
  });
  return {
    space,
    lost,
    gained,
    changed: fares.reduce((all, { where }) => regions.or(all, where), NOWHERE),
    how: [...new Set(fares.map(({ text }) => text))],
    unknown: [...new Set(unknown)],
    inputsOf: (wanted) =>
      receiver === null
        ? NOWHERE
        : setsTo(receiver, wanted, space).reduce((all, { p }) => regions.or(all, p.where), NOWHERE),
  };
}

/** Questions about neighbours are asked by stacks, and tell of no packet of the question. */
function changesBetween(space: Space, proved: readonly Proved[]): readonly FateChange[] {
  const [before, after] = proved.map((one) =>
    one.kind === 'proved'
      ? receivedOf(one.followed.told).filter(({ role }) => role !== 'resolution')
      : null,
  );
  if (before === null || before === undefined || after === null || after === undefined) return [];
  return fateChanges(space, before, after);
}

function whole({ regions }: Space, { lost, gained, changed }: FateChange): Region {
  return regions.or(changed, regions.or(lost, gained));
}

const ROLES: Readonly<Record<FateChange['role'], string>> = {
  request: 'the packet',
  answer: 'its answer',
  data: 'what follows',
  error: 'an error about it',
  'late-error': 'an error about its answer',
  resolution: 'a question for a neighbour',
};

/** `its answer is received at compute1 vm-a1 no more`. */
export function howText({ place, role, lost, gained }: FateChange): string {
  const how = lost !== NOWHERE ? 'no more' : gained !== NOWHERE ? 'now' : 'as another packet';
  return `${ROLES[role]} is received at ${place} ${how}`;
}
