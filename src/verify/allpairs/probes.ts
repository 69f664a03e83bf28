/**
 * What was asked of a table, and by whom: when a flow is added or taken away, only those lookups
 * may end otherwise whose frames it could match. Before: `upkeep.ts`. After: `flow-index.ts`.
 */
import { type Asked } from './asks.ts';
import { W } from './frame.ts';
import { type Cell, type Upkeep } from './upkeep.ts';

/** Frames that are alike to a table, and the results that were made with them. */
interface Probe {
  /** Slots of frames, and what stood there. */
  readonly slots: readonly number[];
  readonly held: readonly number[];
  users: Cell<unknown>[];
  /** Users are looked through for doubles when there are more. */
  most: number;
}

const HASH_START = 0x811c_9dc5;
const HASH_PRIME = 0x0100_0193;

/** The lookups of one table. */
export class Probes {
  private readonly upkeep: Upkeep;
  /** The slots that some flow asks; a new list when there is one more. */
  private slots: readonly number[] = [W.ethType];
  private readonly byHash = new Map<number, Probe[]>();

  constructor(upkeep: Upkeep) {
    this.upkeep = upkeep;
  }

  /** A flow asks for that slot. */
  asked(slot: number): void {
    if (!this.slots.includes(slot)) this.slots = [...this.slots, slot];
  }

  /** A frame is looked up for what is being made. */
  note(words: readonly number[]): void {
    const { user } = this.upkeep;
    if (user === null) return;
    const { slots } = this;
    let hash = Math.imul(HASH_START ^ slots.length, HASH_PRIME);
    for (let i = 0; i < slots.length; i++) {
      hash = Math.imul(hash ^ words[slots[i]!]!, HASH_PRIME);
    }
    const bucket = this.byHash.get(hash);
    for (const probe of bucket ?? []) {
      if (probe.slots !== slots || !holds(probe, words)) continue;
      noteUser(probe, user);
      return;
    }
    const made: Probe = { slots, held: slots.map((at) => words[at]!), users: [user], most: 64 };
    if (bucket === undefined) this.byHash.set(hash, [made]);
    else bucket.push(made);
  }

  /** What was made with frames that a flow could match; they are forgotten here. */
  takeUsers({ ethType, slots, values, count }: Asked, into: Cell<unknown>[]): void {
    for (const bucket of this.byHash.values()) {
      for (const probe of bucket) {
        const { slots: at, held, users } = probe;
        if (users.length === 0) continue;
        const type = held[at.indexOf(W.ethType)]!;
        let may = ethType === 0 || type < 0 || type === ethType;
        for (let i = 0; may && i < count; i++) {
          const { word, mask } = slots[i]!;
          const place = at.indexOf(word);
          const is = place < 0 ? -1 : held[place]!;
          may = is < 0 || (is & mask) >>> 0 === values[i];
        }
        if (!may) continue;
        for (const user of users) into.push(user);
        probe.users = [];
      }
    }
  }
}

function noteUser(probe: Probe, user: Cell<unknown>): void {
  const { users } = probe;
  if (users[users.length - 1] === user) return;
  users.push(user);
  if (users.length <= probe.most) return;
  probe.users = [...new Set(users)];
  probe.most = 64 + 2 * probe.users.length;
}

function holds({ slots, held }: Probe, words: readonly number[]): boolean {
  for (let i = 0; i < slots.length; i++) if (words[slots[i]!] !== held[i]) return false;
  return true;
}
