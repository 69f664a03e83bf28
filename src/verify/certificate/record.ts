/**
 * Keeps the books while a set of all packets walks: the operations on packet sets, with a record
 * of every note, of the sets that were joined, and of the range of every choice.
 */
import { type Page } from '../../traffic/diary.ts';
import { type PacketSet } from '../../traffic/sets/packet-set.ts';
import { type Region } from '../../traffic/sets/regions.ts';
import { packetSets } from '../../traffic/sets/set-traffic.ts';
import { type Step, type Traffic } from '../../traffic/traffic.ts';

/** One note: which inputs were there, and the notes their packets had come from. */
export interface Entry {
  readonly page: Page;
  readonly set: PacketSet;
  readonly from: readonly Page[];
}

/** Sets of one place became one. */
interface JoinedStep extends Step {
  readonly kind: 'joined';
}

const JOINED: JoinedStep = { kind: 'joined' };

export interface Books {
  /** Hand it to a prover; one walk fills it. */
  readonly traffic: Traffic<PacketSet>;
  /** In the order they were written. */
  readonly entries: readonly Entry[];
  /** Values of variables that were chosen, both ends included. */
  readonly chosen: ReadonlyMap<number, readonly [number, number]>;
}

export function openBooks(): Books {
  const entries: Entry[] = [];
  const chosen = new Map<number, readonly [number, number]>();
  const enter = (set: PacketSet, from: readonly PacketSet[]): PacketSet => {
    const { diary: page } = set;
    const before = from.flatMap(({ diary }) => (diary === null ? [] : [diary]));
    if (page !== null) entries.push({ page, set, from: [...new Set(before)] });
    return set;
  };
  const traffic: Traffic<PacketSet> = {
    ...packetSets,
    note: (p, step) => enter(packetSets.note(p, step), [p]),
    choose(p, to, from, upTo, hash) {
      const variable = p.space.regions.tops.length;
      const made = packetSets.choose(p, to, from, upTo, hash);
      if (p.space.regions.tops.length > variable) {
        chosen.set(variable, [Number(from), Number(upTo)]);
      }
      return made;
    },
    join(parts) {
      return packetSets.join(parts).map((one) => {
        if (parts.includes(one)) return one;
        const members = parts.filter((part) => packetSets.join([one, part]).length === 1);
        return enter(packetSets.note(one, JOINED), members);
      });
    },
  };
  return { traffic, entries, chosen };
}

/** Inputs of an entry as they are counted: choices have values of their ranges. */
export function counted({ set }: Entry, domain: Region): Region {
  return set.space.regions.and(set.where, domain);
}
