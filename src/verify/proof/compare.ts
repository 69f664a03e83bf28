/**
 * What a change does to reachability: the packets between each pair of servers that arrive in one
 * network and not in the other. Both are proved in one space of inputs, so the difference is exact.
 */
import { type Network } from '../../dataplane/network.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { askedQuestion } from '../../trace/ask.ts';
import { NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { openSpace, type Space } from '../../traffic/sets/space.ts';
import { type Group, groupOf, type Proved, type Prover, prepareProofs } from './prove.ts';
import { setsTo } from './source.ts';
import { ALL_WANTED, type Wanted } from './wanted.ts';

/** One pair of ends. */
export interface ReachChange {
  readonly from: string;
  readonly to: string;
  /** Arriving in A and no more in B. */
  readonly lost: Group | null;
  /** Arriving in B and not in A. */
  readonly gained: Group | null;
  /** Why nobody can say. */
  readonly unknown: readonly string[];
}

/** The servers of both networks that have one name and an address in each. */
export function commonServers(a: Network, b: Network): readonly string[] {
  const names = ({ endpoints }: Network): ReadonlySet<string> =>
    new Set(endpoints.flatMap(({ role, name }) => (role === 'vm' ? [name] : [])));
  const other = names(b);
  return [...names(a)].filter((name) => other.has(name)).sort();
}

/** Compares all pairs of servers, one after the other. */
export function* compareReach(
  a: Network,
  b: Network,
  servers: readonly string[],
): Generator<ReachChange> {
  const pairs = servers.flatMap((from) =>
    servers.filter((to) => to !== from).map((to) => ({ from, to })),
  );
  yield* comparePairs(a, b, pairs);
}

/** Compares some pairs, one after the other. */
export function* comparePairs(
  a: Network,
  b: Network,
  pairs: readonly { readonly from: string; readonly to: string }[],
): Generator<ReachChange> {
  const provers = [prepareProofs(a), prepareProofs(b)] as const;
  for (const { from, to } of pairs) yield comparePair([a, b], provers, from, to);
}

function comparePair(
  networks: readonly [Network, Network],
  provers: readonly [Prover, Prover],
  from: string,
  to: string,
): ReachChange {
  const { space, lost, gained, unknown } = reachDifference(networks, provers, from, to);
  return { from, to, lost: groupOf(space, lost), gained: groupOf(space, gained), unknown };
}

/** What differs for one pair, as regions of one space of inputs. */
export interface ReachDifference {
  readonly space: Space;
  readonly lost: Region;
  readonly gained: Region;
  readonly unknown: readonly string[];
  /** The inputs that are such packets. */
  readonly inputsOf: (wanted: Wanted) => Region;
}

/** Proves one pair in both networks. */
export function reachDifference(
  networks: readonly [Network, Network],
  provers: readonly [Prover, Prover],
  from: string,
  to: string,
): ReachDifference {
  const space = openSpace();
  let address: IpAddress | null = null;
  const proved = networks.map((network, i): Proved => {
    const asked = askedQuestion(network, { from, to });
    if (asked.kind === 'wrong') return { kind: 'impossible', why: asked.message };
    address = asked.value.to.address;
    const question = { from: asked.value.from, to: asked.value.to, wanted: ALL_WANTED };
    return provers[i === 0 ? 0 : 1].prove(question, space);
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
  return {
    space,
    lost: regions.minus(before ?? NOWHERE, after ?? NOWHERE),
    gained: regions.minus(after ?? NOWHERE, before ?? NOWHERE),
    unknown: [...new Set(unknown)],
    inputsOf: (wanted) =>
      receiver === null
        ? NOWHERE
        : setsTo(receiver, wanted, space).reduce((all, { p }) => regions.or(all, p.where), NOWHERE),
  };
}
