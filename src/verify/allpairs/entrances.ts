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

export interface Entrances {
  /** By which table the frames of a port go on, whatever else they are; null where more decides. */
  door(bridge: IndexedBridge, inPort: number, frame: Frame): number | null;
  /**
   * Where a frame leaves whose source is open; it stands in its port.
   * @param kind names everything of the frame but what may be given later, and its port
   * @param door the table it goes on by, its port forgotten; null: runs from its port on
   */
  leavings(
    bridge: IndexedBridge,
    frame: Frame,
    kind: string,
    door: number | null,
  ): readonly Leaving[];
}

export function openEntrances(regions: Regions): Entrances {
  const doors = new Map<IndexedBridge, Map<number, number | null>>();
  const together = new Map<IndexedBridge, Map<string, Together | null>>();

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
      const mine = together.get(bridge) ?? new Map<string, Together | null>();
      together.set(bridge, mine);
      let found = mine.get(kind);
      if (found === undefined) {
        const later = withLater(frame) ?? copyOf(frame);
        if (door !== null) later.words[W.inPort] = OPEN;
        found = ahead(bridge, later, door ?? 0);
        mine.set(kind, found);
      }
      if (found === null) return alone(bridge, frame, door);
      const { out, paused } = found;
      const all = out.map((one) => ({ ...one, frame: given(one.frame, frame) }));
      for (const one of paused) all.push(...goOn(regions, bridge, one, frame));
      return all;
    },
  };
}
