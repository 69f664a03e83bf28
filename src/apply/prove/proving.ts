/**
 * Proofs of single pairs over the states of a plan: what may pass before and after, and what of it
 * a state between loses or adds. Before: `views.ts`. After: `check.ts`.
 */
import { type Network } from '../../dataplane/network.ts';
import { askedQuestion } from '../../trace/ask.ts';
import { type EnterStep } from '../../trace/steps.ts';
import { NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { openSpace, type Space } from '../../traffic/sets/space.ts';
import {
  type Followed,
  type Group,
  groupOf,
  type Prover,
  prepareProofs,
} from '../../verify/proof/prove.ts';
import { ALL_WANTED } from '../../verify/proof/wanted.ts';
import { pairsInTurn } from './pairs.ts';
import { type View } from './views.ts';

/** Packets from one server to another, as regions of one space. */
export interface Pair {
  readonly from: string;
  readonly to: string;
  readonly space: Space;
  readonly asked: Region;
  readonly before: Region;
  readonly after: Region;
}

/** What is not as it should be of a pair in one state. */
export interface Wrong {
  readonly from: string;
  readonly to: string;
  readonly kind: 'lost' | 'opened';
  readonly group: Group;
}

interface Arrival {
  readonly asked: Region;
  readonly arrives: Region;
  /** Hosts that the packets came to. */
  readonly met: ReadonlySet<string>;
}

/** What became of a pair in a state, and what of the state it depends on. */
interface Known {
  readonly around: string;
  readonly keys: readonly (readonly [host: string, key: string])[];
  readonly arrives: Region;
}

/** Proofs of pairs, with what could not be decided. */
export class Proving {
  readonly #undecided = new Set<string>();
  readonly #known = new Map<Pair, Known[]>();
  #proofs = 0;

  get undecided(): readonly string[] {
    return [...this.#undecided];
  }

  get proofs(): number {
    return this.#proofs;
  }

  leave(why: string): void {
    this.#undecided.add(why);
  }

  pairs(old: View, to: View, most: number): readonly Pair[] {
    const { pairs: all } = pairsInTurn(old.sender(), to.sender());
    const chosen = all.slice(0, most);
    const provers = [new Provers(), new Provers()] as const;
    return chosen.flatMap(({ from, to: target }): readonly Pair[] => {
      const space = openSpace();
      const before = this.#arrival(provers[0], old, from, target, space);
      const after = this.#arrival(provers[1], to, from, target, space);
      if (before === null || after === null) return [];
      const asked = space.regions.or(before.asked, after.asked);
      const regions = { asked, before: before.arrives, after: after.arrives };
      return [{ from, to: target, space, ...regions }];
    });
  }

  compare(view: View, pairs: readonly Pair[]): readonly Wrong[] {
    const provers = new Provers();
    return pairs.flatMap((pair): readonly Wrong[] => {
      const { from, to, space, before, after } = pair;
      const now = this.#arrives(provers, view, pair);
      if (now === null) return [];
      const { regions } = space;
      const lost = groupOf(space, regions.minus(regions.and(before, after), now));
      const opened = groupOf(space, regions.minus(now, regions.or(before, after)));
      return [
        ...(lost === null ? [] : [{ from, to, kind: 'lost' as const, group: lost }]),
        ...(opened === null ? [] : [{ from, to, kind: 'opened' as const, group: opened }]),
      ];
    });
  }

  /** Where the hosts that packets come to are as they were, the same arrives. */
  #arrives(provers: Provers, view: View, pair: Pair): Region | null {
    const known = this.#known.get(pair) ?? [];
    this.#known.set(pair, known);
    const same = known.find(
      ({ around, keys }) =>
        around === view.around && keys.every(([host, key]) => view.keys.get(host) === key),
    );
    if (same !== undefined) return same.arrives;
    const found = this.#arrival(provers, view, pair.from, pair.to, pair.space);
    if (found === null) return null;
    const keys = [...found.met].map((host) => [host, view.keys.get(host) ?? ''] as const);
    known.push({ around: view.around, keys, arrives: found.arrives });
    return found.arrives;
  }

  /** What arrives, at any place where a server that moves is plugged in; null: nobody can say. */
  #arrival(provers: Provers, view: View, from: string, to: string, space: Space): Arrival | null {
    const first = this.#region(provers, view, view.sender(), { from, to, space });
    const other = view.receiver(to);
    if (first === null || other === null) return first;
    const second = this.#region(provers, view, other, { from, to, space });
    if (second === null) return null;
    const { regions } = space;
    return {
      asked: regions.or(first.asked, second.asked),
      arrives: regions.or(first.arrives, second.arrives),
      met: new Set([...first.met, ...second.met]),
    };
  }

  /** What arrives; nothing where a server has no place yet; null where nobody can say. */
  #region(
    provers: Provers,
    { vacant }: View,
    network: Network,
    { from, to, space }: Pick<Pair, 'from' | 'to' | 'space'>,
  ): Arrival | null {
    const asked = askedQuestion(network, { from, to });
    if (asked.kind === 'wrong')
      return { asked: NOWHERE, arrives: NOWHERE, met: new Set(network.hosts.keys()) };
    this.#proofs++;
    const proved = provers
      .of(network)
      .prove({ from: asked.value.from, to: asked.value.to, wanted: ALL_WANTED }, space);
    if (proved.kind === 'impossible') {
      this.leave(`${from} → ${to}: ${proved.why}`);
      return null;
    }
    const { unknown, lost } = proved.proof;
    // Whoever is behind a tap that its server has left takes nothing that counts.
    const isSure =
      lost === null && unknown.every((why) => vacant.some((tap) => why.includes(` ${tap} `)));
    if (proved.proof.verdict === 'UNDETERMINED' && !isSure) {
      this.leave(
        `${from} → ${to}: ${proved.proof.unknown[0] ?? 'no end is known of some packets'}`,
      );
      return null;
    }
    const { followed, region } = proved;
    return { asked: followed.asked, arrives: region, met: metBy(followed) };
  }
}

/** Hosts that packets, their answers and what was asked on their behalf came to. */
function metBy({ told, from }: Followed): ReadonlySet<string> {
  const met = new Set<string>(from.host === null ? [] : [from.host]);
  for (const { ending, steps } of told) {
    met.add(ending.device.host);
    for (const step of steps) {
      if (step.kind === 'enter') met.add((step as EnterStep).device.split(' ', 1)[0] ?? '');
    }
  }
  return met;
}

/** Networks that were compiled for proofs, as long as one state is looked at. */
class Provers {
  readonly #known = new Map<Network, Prover>();

  of(network: Network): Prover {
    const prover = this.#known.get(network) ?? prepareProofs(network);
    this.#known.set(network, prover);
    return prover;
  }
}
