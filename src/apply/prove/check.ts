/**
 * The proof of a plan: in its end and in every state between (any hosts of a wave done, anything
 * learned that could have been), packets that may pass before and after pass, and none passes that
 * may pass neither before nor after.
 */
import { type Network } from '../../dataplane/network.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';
import { type Group } from '../../verify/proof/prove.ts';
import { movesOf } from '../steps/moved.ts';
import { type PhaseName } from '../types.ts';
import { type Everyone, openEveryone } from './everyone.ts';
import { grow, type Learnable, learns, withLearned } from './learned.ts';
import { changing, contentOf, learnedIn, type Remembered, viewWith } from './memory.ts';
import { aloneMoments, type Moment, momentsOf, stagesAt } from './moments.ts';
import { pairsInTurn } from './pairs.ts';
import { type Pair, Proving, type Wrong } from './proving.ts';
import { type Ends, networkOfStages, type Stage, type Stages } from './stages.ts';
import { type View, viewsOf } from './views.ts';

/** A state in which something is wrong. */
export interface Bad {
  readonly phase: PhaseName;
  readonly wave: number;
  /** Hosts on which the wave is done already. */
  readonly done: readonly string[];
  /** The step behind which one more host is, in the middle of the wave; null: none is. */
  readonly behind: string | null;
  /** What was remembered from traffic, by host; empty: nothing. */
  readonly remembered: readonly string[];
  readonly from: string;
  readonly to: string;
  /** `outlives`: a connection that stood before goes on although it is not allowed any more. */
  readonly kind: 'lost' | 'opened' | 'outlives';
  readonly group: Group;
  /** `gap`: it ends with the wave; `later`: with a later one; `blackhole`: it stands at the end. */
  readonly lasts: 'gap' | 'later' | 'blackhole';
}

export interface Checked {
  readonly bad: readonly Bad[];
  /**
   * What is lost while one host has gone back by itself and the others have not yet: `done` are the
   * others. It ends when the controller has sent them back as well.
   */
  readonly alone: readonly Bad[];
  /** What was asked of, with what may pass before and after. */
  readonly pairs: readonly Pair[];
  /** What could not be proved, and why. */
  readonly undecided: readonly string[];
  /** How pairs were looked at where there are more than are proved one by one. */
  readonly notes: readonly string[];
  readonly states: number;
  readonly proofs: number;
}

export interface CheckOptions {
  /** Pairs of servers at most; with more, one of each kind comes first. */
  readonly mostPairs: number;
  /** Whether to go on behind the first bad state. */
  readonly all: boolean;
}

export const USUAL_CHECK: CheckOptions = { mostPairs: 60, all: false };

/** Entries that may be stale and are tried in one state at most. */
const MOST_STALE = 24;

export function checkStages(
  stages: Stages,
  ends: Ends,
  options: CheckOptions = USUAL_CHECK,
): Checked {
  const check = new Check(stages, ends, options);
  check.waves();
  return check.told();
}

class Check {
  readonly #stages: Stages;
  readonly #all: boolean;
  readonly #mostPairs: number;
  readonly #proving = new Proving();
  readonly #pairs: readonly Pair[];
  readonly #view: (stages: readonly Stage[], more: ReadonlyMap<string, string>) => View;
  /** As read, and behind each wave: what is learned then and not always. */
  readonly #learned: readonly (readonly Remembered[])[];
  readonly #serversOf: ReadonlyMap<string, readonly string[]>;
  readonly #bad: Bad[] = [];
  readonly #alone: Bad[] = [];
  readonly #final: string;
  readonly #notes: string[] = [];
  readonly #everyone: Everyone | null;
  readonly #tried = new Set<string>();
  #learnable: ReadonlyMap<string, Learnable>;
  #memories: readonly Remembered[];

  constructor(stages: Stages, ends: Ends, { mostPairs, all }: CheckOptions) {
    this.#stages = stages;
    this.#mostPairs = mostPairs;
    this.#all = all;
    const { hosts, waves } = stages;
    const everyone = (done: number): readonly Stage[] => hosts.map((host) => stages.of(host, done));
    const [first, last] = [everyone(0), everyone(waves.length)];
    this.#final = keyOf(last);
    const moves = movesOf(
      networkOfStages(first, ends, new Map()),
      networkOfStages(last, ends, new Map()),
    );
    this.#view = viewsOf(hosts, ends, moves);
    const [old, to] = [this.#view(first, new Map()), this.#view(last, new Map())];
    this.#pairs = this.#proving.pairs(old, to, mostPairs);
    this.#everyone = this.#openEveryone(old, to);
    this.#serversOf = serversByAddress([old.sender(), to.sender()]);
    this.#learned = this.#learnedBehind(everyone);
    this.#learnable = grow(new Map(), stageMap(hosts, first));
    this.#memories = this.#learned[0] ?? [];
  }

  told(): Checked {
    const { undecided, proofs } = this.#proving;
    const [bad, alone, pairs, states] = [this.#bad, this.#alone, this.#pairs, this.#tried.size];
    return { bad, alone, pairs, undecided, notes: this.#notes, proofs, states };
  }

  waves(): void {
    for (const [wave, phase] of this.#stages.waves.entries()) {
      this.#wave(wave, phase);
      if (this.#bad.length > 0 && !this.#all) return;
    }
  }

  /** Where there are more pairs than are proved one by one, all of them are carried in one pass. */
  #openEveryone(old: View, to: View): Everyone | null {
    const { pairs: all, kinds } = pairsInTurn(old.sender(), to.sender());
    const proved = this.#pairs.length;
    if (all.length <= this.#mostPairs) return null;
    const met = Math.min(kinds, proved);
    const opened = openEveryone(old, to);
    const some = `${proved} of ${all.length} pairs of servers, of ${met} of the ${kinds} kinds (host, networks and security groups of both)`;
    if (typeof opened === 'string') {
      this.#proving.leave(`only ${some}, were looked at: ${opened}`);
      return null;
    }
    const open = all.length - opened.carried;
    if (open > 0) {
      this.#proving.leave(
        `only ${some}, were proved one by one; of ${open} pairs the one pass over all says nothing`,
      );
    } else {
      this.#notes.push(
        `all pairs were looked at in every state by one pass; ${some}, also with everything that hosts may remember`,
      );
    }
    return opened;
  }

  /** Pairs beside those that are proved one by one. */
  #others(view: View, remembered: readonly string[]): readonly Wrong[] {
    if (this.#everyone === null || remembered.length > 0) return [];
    const found = this.#everyone.wrong(view);
    if (typeof found !== 'string') return found;
    this.#proving.leave(found);
    return [];
  }

  /** What hosts remember that changes with the plan; equal states are looked at once. */
  #learnedBehind(everyone: (done: number) => readonly Stage[]): readonly (readonly Remembered[])[] {
    const known = new Map<string, ReturnType<typeof learnedIn>>();
    const behind = Array.from({ length: this.#stages.waves.length + 1 }, (_, done) => {
      const stages = everyone(done);
      const key = keyOf(stages);
      const facts =
        known.get(key) ?? learnedIn(this.#view(stages, new Map()).sender(), this.#pairs);
      known.set(key, facts);
      return facts;
    });
    return changing(behind, (about) => this.#serversOf.has(about));
  }

  #wave(wave: number, phase: PhaseName): void {
    const { hosts } = this.#stages;
    const forgets = (host: string): boolean =>
      this.#stages.forgets(host, wave, 'flow br-tun table=20,');
    const left = (one: Remembered): readonly Remembered[] => {
      const facts = one.facts.filter(({ key }) => !this.#stages.forgets(one.host, wave, key));
      return facts.length === 0 ? [] : [{ ...one, facts }];
    };
    // Whoever is flushed in this wave forgets; who is not done may still remember everything.
    const reached: Map<string, Map<string, Set<string>>>[] = [];
    const behind = this.#learned[wave + 1] ?? [];
    for (const moment of momentsOf(this.#stages, wave)) {
      const now = stagesAt(this.#stages, wave, moment);
      const forgotten = moment.done.filter(forgets);
      const memory = grow(without(this.#learnable, forgotten), stageMap(hosts, now));
      reached.push(memory);
      const view = this.#view(now, new Map());
      const kept = this.#memories.flatMap((one) =>
        moment.done.includes(one.host) ? left(one) : [one],
      );
      this.#moment({ wave, phase, moment, now, view, memory }, kept);
      if (this.#bad.length > 0 && !this.#all) return;
    }
    this.#learnable = joined(hosts.some(forgets) ? [reached.at(-1) ?? new Map()] : reached);
    this.#memories = distinct([...this.#memories.flatMap(left), ...behind]);
    for (const moment of aloneMoments(this.#stages, wave)) {
      const now = stagesAt(this.#stages, wave, moment);
      const view = this.#view(now, new Map());
      const { bad, alone } = this.#state({ wave, phase, moment, now, view, memory: new Map() });
      this.#bad.push(...bad);
      this.#alone.push(...alone);
    }
  }

  #moment(at: At, stale: readonly Remembered[]): void {
    const { now, view, memory } = at;
    const { hosts } = this.#stages;
    for (const choice of choicesOf(hosts, now, memory)) {
      const more = new Map(
        choice.flatMap(({ host, vlan, key: tunnel }) =>
          withLearned(host, now[hosts.indexOf(host)]!, view.sender(), vlan, tunnel),
        ),
      );
      const remembered = choice.map(({ text }) => text);
      const seen = more.size === 0 ? view : withKeys(this.#view(now, more), choice);
      if (this.#report({ ...at, view: seen }, remembered, this.#pairs)) return;
    }
    if (stale.length > MOST_STALE) {
      this.#proving.leave(
        `only ${MOST_STALE} of ${stale.length} addresses that hosts may remember elsewhere were looked at`,
      );
    }
    for (const one of stale.slice(0, MOST_STALE)) {
      const servers = this.#serversOf.get(one.about);
      // Where it is no server's address, packets to any server may go by it.
      const concerned = this.#pairs.filter(({ to }) => servers?.includes(to) ?? true);
      if (
        this.#report(
          { ...at, view: viewWith(view, one, concerned) },
          [one.text],
          concerned,
          contentOf(one),
        )
      )
        return;
    }
  }

  /** Whether to go no further. */
  #report(at: At, remembered: readonly string[], pairs: readonly Pair[], memoryKey = ''): boolean {
    const { bad } = this.#state(at, remembered, pairs, memoryKey);
    this.#bad.push(...bad);
    return bad.length > 0 && !this.#all;
  }

  #state(
    { wave, phase, moment, now, view }: At,
    remembered: readonly string[] = [],
    pairs: readonly Pair[] = this.#pairs,
    memoryKey = '',
  ): { readonly bad: readonly Bad[]; readonly alone: readonly Bad[] } {
    const key = `${keyOf(now)} ${remembered.join()} ${memoryKey}`;
    if (this.#tried.has(key)) return { bad: [], alone: [] };
    this.#tried.add(key);
    const { done, middle, alone } = moment;
    const complete = done.length === this.#stages.hosts.length;
    const own = this.#proving.compare(view, pairs);
    const named = new Set(own.map(({ from, to, kind }) => `${kind} ${from} ${to}`));
    const others = this.#others(view, remembered).filter(
      ({ from, to, kind }) => !named.has(`${kind} ${from} ${to}`),
    );
    const found = [...own, ...others].map(
      (one: Wrong): Bad => ({
        phase,
        wave,
        done,
        behind: middle?.step ?? null,
        remembered: alone === null ? remembered : [`${alone} has gone back by itself`],
        ...one,
        lasts: !complete ? 'gap' : keyOf(now) === this.#final ? 'blackhole' : 'later',
      }),
    );
    // Nothing may be opened even then; what is lost is told.
    const isTold = ({ kind }: Bad): boolean => alone !== null && kind === 'lost';
    return { bad: found.filter((one) => !isTold(one)), alone: found.filter(isTold) };
  }
}

/** A state of all hosts in a wave. */
interface At {
  readonly wave: number;
  readonly phase: PhaseName;
  readonly moment: Moment;
  readonly now: readonly Stage[];
  readonly view: View;
  readonly memory: ReadonlyMap<string, Learnable>;
}

/** The view of hosts that remember keys of tunnels. */
function withKeys(view: View, choice: readonly Choice[]): View {
  const own = choice.map(
    ({ host, text }) => [host, `${view.keys.get(host) ?? ''} ${text}`] as const,
  );
  return { ...view, keys: new Map([...view.keys, ...own]) };
}

function distinct(all: readonly Remembered[]): readonly Remembered[] {
  return [...new Map(all.map((one) => [contentOf(one), one])).values()];
}

/** Servers by their MAC and IP addresses, as text. */
function serversByAddress(networks: readonly Network[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { endpoints } of networks) {
    for (const { role, name, mac, addresses } of endpoints) {
      if (role !== 'vm') continue;
      for (const word of [writeMac(mac), ...addresses.map(writeIp)]) {
        const names = found.get(word) ?? [];
        found.set(word, names.includes(name) ? names : [...names, name]);
      }
    }
  }
  return found;
}

function keyOf(stages: readonly Stage[]): string {
  return stages.map(({ key }) => key).join('|');
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
        {
          host,
          vlan: Number(vlan),
          key,
          text: `${host} remembers key ${BigInt(key)} for VLAN ${vlan}`,
        },
      ]),
    );
  });
  return [[], ...single];
}
