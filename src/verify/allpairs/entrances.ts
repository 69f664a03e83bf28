/**
 * Frames that come into a bridge, run together as far as they go the same way: those that differ
 * only in their destination (or in what a request of ARP asks for) up to the table that asks for
 * it, and those of ports that table 0 only sends on. Before: `bridge-run.ts`. After: `fabric.ts`.
 */
import { type Regions } from '../../traffic/sets/regions.ts';
import { doorOf, goOn, runBridge, runTogether, type Together } from './bridge-run.ts';
import { copyOf, type Frame, given, NeedsMore, NotCarried, OPEN, W, withLater } from './frame.ts';
import { type IndexedBridge } from './indexed-bridge.ts';
import { type Leaving } from './normal.ts';

/** Frames that differ only in what is given later. */
export interface Kind<T> {
  /** How far they go as one; null: each by itself, undefined: nobody has gone yet. */
  together: Together | null | undefined;
  /** What became of each, by what is given. */
  readonly known: Map<number, T>;
}

export function openKind<T>(): Kind<T> {
  return { together: undefined, known: new Map() };
}

export interface Entrances {
  /** By which table the frames of a port go on, whatever else they are; null where more decides. */
  door(bridge: IndexedBridge, inPort: number, frame: Frame): number | null;
  /**
   * Where a frame leaves that stands in its port.
   * @param door the table it goes on by, its port forgotten; null: runs from its port on
   */
  leavings(
    bridge: IndexedBridge,
    frame: Frame,
    kind: Kind<unknown>,
    door: number | null,
  ): readonly Leaving[];
}

/** Whether frames of a kind go nowhere, whatever is given later. */
export function isDead({ together }: Kind<unknown>): boolean {
  return together != null && together.out.length === 0 && together.paused.length === 0;
}

export function openEntrances(regions: Regions): Entrances {
  const doors = new Map<IndexedBridge, Map<number, number | null>>();

  const ahead = (bridge: IndexedBridge, frame: Frame, table: number): Together | null => {
    try {
      return runTogether(regions, bridge, table, frame);
    } catch (error) {
      if (error instanceof NotCarried || error instanceof NeedsMore) return null;
      throw error;
    }
  };

  const alone = (bridge: IndexedBridge, frame: Frame, door: number | null): readonly Leaving[] => {
    if (door !== null) throw new NeedsMore('a port decides');
    return runBridge(regions, bridge, frame);
  };

  return {
    door(bridge, inPort, frame) {
      const ethType = frame.words[W.ethType]!;
      const mine = doors.get(bridge) ?? new Map<number, number | null>();
      doors.set(bridge, mine);
      const key = inPort * 0x1_0000 + ethType;
      let found = mine.get(key);
      if (found === undefined) {
        found = doorOf(regions, bridge, inPort, ethType);
        mine.set(key, found);
      }
      return found;
    },
    leavings(bridge, frame, kind, door) {
      if (kind.together === undefined) {
        const later = withLater(frame) ?? copyOf(frame);
        if (door !== null) later.words[W.inPort] = OPEN;
        kind.together = ahead(bridge, later, door ?? 0);
      }
      if (kind.together === null) return alone(bridge, frame, door);
      const { out, paused } = kind.together;
      const all = out.map(({ port, frame: left, zones, dumped }): Leaving => {
        return { port, frame: given(left, frame), zones, dumped };
      });
      for (const one of paused) {
        for (const each of goOn(regions, bridge, one, frame)) all.push(each);
      }
      return all;
    },
  };
}
