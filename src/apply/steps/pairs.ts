/** Pairs of what is there and what shall be, sorted out by kind. */
import { type Item, type ItemKind, type ItemOf } from '../types.ts';

export interface Pair {
  readonly old: Item | null;
  readonly to: Item | null;
}

export interface PairOf<K extends ItemKind> {
  readonly old: ItemOf<K> | null;
  readonly to: ItemOf<K> | null;
}

export function pairsOf<K extends ItemKind>(kind: K, pairs: readonly Pair[]): readonly PairOf<K>[] {
  return pairs.filter(
    ({ old, to }) => (to ?? old)?.kind === kind,
  ) as unknown as readonly PairOf<K>[];
}

/** The way back. */
export function swapped(pairs: readonly Pair[]): readonly Pair[] {
  return pairs.map(({ old, to }) => ({ old: to, to: old }));
}

export function placeOf({ old, to }: Pair): string {
  return (to ?? old)?.place ?? '';
}
