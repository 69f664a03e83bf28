/**
 * The proof of a plan: in its end and in every state between (any hosts of a phase done, anything
 * learned that could have been), packets that may pass before and after pass, and none passes that
 * may pass neither before nor after.
 */
import { type Network } from '../../dataplane/network.ts';
import { askedQuestion } from '../../trace/ask.ts';
import { NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { openSpace, type Space } from '../../traffic/sets/space.ts';
import { type Group, groupOf, type Prover, prepareProofs } from '../../verify/proof/prove.ts';
import { ALL_WANTED } from '../../verify/proof/wanted.ts';
import { type PhaseName } from '../types.ts';
import { grow, type Learnable, learns, withLearned } from './learned.ts';
import { pairsInTurn } from './pairs.ts';
import { type Between, type Ends, networkOfStages, type Stage, type Stages } from './stages.ts';

/** A state in which something is wrong. */
export interface Bad {
  readonly phase: PhaseName;
  /** Hosts on which the phase is done already. */
  readonly done: readonly string[];
  /** The step behind which one more host is, in the middle of the phase; null: none is. */
  readonly behind: string | null;
  /** What was remembered from traffic, by host; empty: nothing. */
  readonly remembered: readonly string[];
  readonly from: string;
  readonly to: string;
  /** `outlives`: a connection that stood before goes on although it is not allowed any more. */
  readonly kind: 'lost' | 'opened' | 'outlives';
  readonly group: Group;
  /** `gap`: it ends with the phase; `blackhole`: it stands when all hosts are done. */
  readonly lasts: 'gap' | 'blackhole';
}

export interface Checked {
  readonly bad: readonly Bad[];
  /** What was asked of, with what may pass before and after. */
  readonly pairs: readonly Pair[];
  /** What could not be proved, and why. */
  readonly undecided: readonly string[];
  readonly states: number;
  readonly proofs: number;
}

export interface CheckOptions {
  /** Pairs of servers at most; with more, one of each kind comes first. */
  readonly mostPairs: number;
  /** Whether to go on behind the first bad state of a phase. */
  readonly all: boolean;
}

export const USUAL_CHECK: CheckOptions = { mostPairs: 60, all: false };

/** Packets from one server to another, as regions of one space. */
export interface Pair {
  readonly from: string;
  readonly to: string;
  readonly space: Space;
  readonly asked: Region;
  readonly before: Region;
  readonly after: Region;
}

export function checkStages(
  stages: Stages,
  ends: Ends,
  options: CheckOptions = USUAL_CHECK,
): Checked {
  const { hosts, phases } = stages;
  const proving = new Proving();
  const everyone = (done: number): readonly Stage[] => hosts.map((host) => stages.of(host, done));
  const oldNetwork = networkOfStages(everyone(0), ends, new Map());
  const newNetwork = networkOfStages(everyone(phases.length), ends, new Map());
  const pairs = proving.pairs(oldNetwork, newNetwork, options.mostPairs);
  const bad: Bad[] = [];
  const tried = new Set<string>();
  let learnable: ReadonlyMap<string, Learnable> = grow(new Map(), stageMap(hosts, everyone(0)));
  for (const [i, phase] of phases.entries()) {
    // Whoever is flushed in this phase forgets; who is not done may still remember everything.
    const reached: Map<string, Map<string, Set<string>>>[] = [];
    for (const { done, middle } of momentsOf(hosts, stages, i)) {
      const now = hosts.map((host) =>
        host === middle?.host ? middle.stage : stages.of(host, done.includes(host) ? i + 1 : i),
      );
      const complete = done.length === hosts.length;
      const start = phase === 'flush' ? without(learnable, done.filter(stages.forgets)) : learnable;
      const memory = grow(start, stageMap(hosts, now));
      reached.push(memory);
      for (const choice of choicesOf(hosts, now, memory)) {
        const key = `${now.map((stage) => stage.key).join('|')} ${choice.map(({ text }) => text).join()}`;
        if (tried.has(key)) continue;
        tried.add(key);
        const plain = networkOfStages(now, ends, new Map());
        const more = new Map(
          choice.flatMap(({ host, vlan, key: tunnel }) =>
            withLearned(host, now[hosts.indexOf(host)]!, plain, vlan, tunnel),
          ),
        );
        const network = more.size === 0 ? plain : networkOfStages(now, ends, more);
        const remembered = choice.map(({ text }) => text);
        const found = proving.compare(network, pairs);
        bad.push(
          ...found.map(
            (one): Bad => ({
              phase,
              done,
              behind: middle?.step ?? null,
              remembered,
              ...one,
              lasts: complete ? 'blackhole' : 'gap',
            }),
          ),
        );
        if (found.length > 0 && !options.all) break;
      }
      if (bad.length > 0 && !options.all) return { bad, pairs, ...proving.told(tried.size) };
    }
    learnable = joined(phase === 'flush' ? [reached.at(-1) ?? new Map()] : reached);
  }
  return { bad, pairs, ...proving.told(tried.size) };
}

function stageMap(hosts: readonly string[], stages: readonly Stage[]): Map<string, Stage> {
  return new Map(hosts.map((host, i) => [host, stages[i]!]));
}

function without(
  learnable: ReadonlyMap<string, Learnable>,
  hosts: readonly string[],
): Map<string, Learnable> {
  return new Map([...learnable].filter(([host]) => !hosts.includes(host)));
}

function joined(all: readonly ReadonlyMap<string, Learnable>[]): Map<string, Learnable> {
  const out = new Map<string, Map<string, Set<string>>>();
  for (const one of all) {
    for (const [host, vlans] of one) {
      const own = out.get(host) ?? new Map<string, Set<string>>();
      out.set(host, own);
      for (const [vlan, keys] of vlans) own.set(vlan, new Set([...(own.get(vlan) ?? []), ...keys]));
    }
  }
  return out;
}

interface Moment {
  readonly done: readonly string[];
  /** A host between two steps of the phase. */
  readonly middle: (Between & { readonly host: string }) | null;
}

/** Every combination of hosts that are done, and each host in its middle with none or all done. */
function momentsOf(hosts: readonly string[], stages: Stages, phase: number): readonly Moment[] {
  const subsets = subsetsOf(hosts, stages, phase);
  const [first = [], last = []] = [subsets[0], subsets.at(-1)];
  const middles = hosts.flatMap((host) =>
    stages.between(host, phase).flatMap((one): readonly Moment[] =>
      [first, last].map((done) => ({
        done: done.filter((each) => each !== host),
        middle: { ...one, host },
      })),
    ),
  );
  // What all have remembered at the end is what the next phase begins with.
  const whole = subsets.map((done): Moment => ({ done, middle: null }));
  return [...whole.slice(0, -1), ...middles, ...whole.slice(-1)];
}

/** Hosts that a phase changes, in every combination; of many hosts none, each one, all but one, all. */
function subsetsOf(
  hosts: readonly string[],
  stages: Stages,
  phase: number,
): readonly (readonly string[])[] {
  const changed = hosts.filter(
    (host) => stages.of(host, phase).key !== stages.of(host, phase + 1).key,
  );
  const still = hosts.filter((host) => !changed.includes(host));
  const some: (readonly string[])[] =
    changed.length <= 4
      ? Array.from({ length: 2 ** changed.length }, (_, bits) =>
          changed.filter((_host, i) => (bits >> i) & 1),
        )
      : [
          [],
          ...changed.map((one) => [one]),
          ...changed.map((one) => changed.filter((each) => each !== one)),
          changed,
        ];
  return some.sort((a, b) => a.length - b.length).map((of) => [...still, ...of]);
}

interface Choice {
  readonly host: string;
  readonly vlan: number;
  readonly key: string;
  readonly text: string;
}

/**
 * Nothing remembered, or one key that one host may have learned. Where a packet goes at a host
 * depends on that host's memory alone, and without memory it is flooded; so what several memories
 * spoil together, one of them spoils as well.
 */
function choicesOf(
  hosts: readonly string[],
  stages: readonly Stage[],
  memory: ReadonlyMap<string, Learnable>,
): readonly (readonly Choice[])[] {
  const single = hosts.flatMap((host, i) => {
    if (!learns(stages[i]!)) return [];
    return [...(memory.get(host) ?? [])].flatMap(([vlan, keys]) =>
      [...keys].map((key): readonly Choice[] => [
        { host, vlan: Number(vlan), key, text: `${host} remembers key ${BigInt(key)}` },
      ]),
    );
  });
  return [[], ...single];
}

/** Proofs of pairs, with what could not be decided. */
class Proving {
  readonly #undecided = new Set<string>();
  #proofs = 0;

  told(states: number): Omit<Checked, 'bad' | 'pairs'> {
    return { undecided: [...this.#undecided], states, proofs: this.#proofs };
  }

  pairs(old: Network, to: Network, most: number): readonly Pair[] {
    const { pairs: all, kinds } = pairsInTurn(old, to);
    const provers = [prepareProofs(old), prepareProofs(to)] as const;
    const chosen = all.slice(0, most);
    if (chosen.length < all.length) {
      const met = Math.min(kinds, chosen.length);
      this.#undecided.add(
        `only ${chosen.length} of ${all.length} pairs of servers were looked at, of ${met} of the ${kinds} kinds (host, networks and security groups of both)`,
      );
    }
    return chosen.flatMap(({ from, to: target }): readonly Pair[] => {
      const space = openSpace();
      const before = this.#region(provers[0], old, from, target, space);
      const after = this.#region(provers[1], to, from, target, space);
      if (before === null || after === null) return [];
      const asked = space.regions.or(before.asked, after.asked);
      const regions = { asked, before: before.arrives, after: after.arrives };
      return [{ from, to: target, space, ...regions }];
    });
  }

  compare(
    network: Network,
    pairs: readonly Pair[],
  ): readonly Pick<Bad, 'from' | 'to' | 'kind' | 'group'>[] {
    const prover = prepareProofs(network);
    return pairs.flatMap(({ from, to, space, before, after }) => {
      const now = this.#region(prover, network, from, to, space)?.arrives ?? null;
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

  /** What arrives; nothing where a server has no place yet; null where nobody can say. */
  #region(
    prover: Prover,
    network: Network,
    from: string,
    to: string,
    space: Space,
  ): { readonly asked: Region; readonly arrives: Region } | null {
    const asked = askedQuestion(network, { from, to });
    if (asked.kind === 'wrong') return { asked: NOWHERE, arrives: NOWHERE };
    this.#proofs++;
    const proved = prover.prove(
      { from: asked.value.from, to: asked.value.to, wanted: ALL_WANTED },
      space,
    );
    if (proved.kind === 'impossible') {
      this.#undecided.add(`${from} → ${to}: ${proved.why}`);
      return null;
    }
    if (proved.proof.verdict === 'UNDETERMINED') {
      this.#undecided.add(
        `${from} → ${to}: ${proved.proof.unknown[0] ?? 'no end is known of some packets'}`,
      );
      return null;
    }
    return { asked: proved.followed.asked, arrives: proved.region };
  }
}
