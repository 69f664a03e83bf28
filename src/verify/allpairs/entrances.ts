/**
 * Frames that come into a bridge, run together as far as they go the same way: those that differ
 * only in their destination (or in what a request of ARP asks for) up to the table that asks for
 * it, and those of ports that table 0 only sends on. Before: `bridge-run.ts`. After: `fabric.ts`.
 */
import { type Regions } from '../../traffic/sets/regions.ts';
import { doorOf, goOn, runBridge, runTogether, type Together } from './bridge-run.ts';
import { entry } from './floods.ts';
import { copyOf, type Frame, given, NeedsMore, NotCarried, OPEN, W, withLater } from './frame.ts';
import { type IndexedBridge } from './indexed-bridge.ts';
import { type Leaving } from './normal.ts';
import { type Cell, emptyCell, type Upkeep } from './upkeep.ts';

/** Frames that differ only in what is given later. */
export interface Kind<T> {
  /** How far they go as one; null: each by itself. */
  readonly together: Cell<Together | null>;
  /** What became of each, by what is given. */
  readonly known: Map<number, Cell<T>>;
}

export function openKind<T>(): Kind<T> {
  return { together: emptyCell(), known: new Map() };
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
export function isDead(upkeep: Upkeep, { together }: Kind<unknown>): boolean {
  if (together.stale) return false;
  const { value } = together;
  if (value === null || value.out.length + value.paused.length > 0) return false;
  upkeep.read(together);
  return true;
}

export function openEntrances(regions: Regions, upkeep: Upkeep): Entrances {
  const doors = new Map<IndexedBridge, Map<number, Cell<number | null>>>();

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
      const mine = entry(doors, bridge, () => new Map<number, Cell<number | null>>());
      const key = inPort * 0x1_0000 + ethType;
      return upkeep.get(mine, key, () => doorOf(regions, bridge, inPort, ethType));
    },
    leavings(bridge, frame, kind, door) {
      const together = upkeep.use(kind.together, () => {
        const later = withLater(frame) ?? copyOf(frame);
        if (door !== null) later.words[W.inPort] = OPEN;
        return ahead(bridge, later, door ?? 0);
      });
      if (together === null) return alone(bridge, frame, door);
      const { out, paused } = together;
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
