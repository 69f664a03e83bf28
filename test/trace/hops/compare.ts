/**
 * Real sightings of one probe against ours: packet by packet they must be whole copies of the
 * way that our packet of that kind went, in its order, and nothing of ours may be missing.
 */
import { fixedText, type Header, headerText } from './header.ts';

/** A real sighting. */
export interface SeenHeader extends Header {
  /** Epoch seconds. */
  readonly t: number;
  /** TCP flags: segments of one kind are compared with each other. */
  readonly variant: string;
}

/** What was compared with what, and what differs (as sentences). */
export interface Differences<O extends Header, S extends SeenHeader> {
  readonly pairs: readonly { readonly ours: O; readonly seen: S }[];
  readonly differs: readonly string[];
}

/**
 * @param isRecorded whether whoever wrote the real sightings down would have written this one
 * @param isChance whether the value of a port or identifier is only an example of ours
 */
export function differences<O extends Header, S extends SeenHeader>(
  ours: readonly O[],
  real: readonly S[],
  isRecorded: (header: O) => boolean,
  isChance: (port: number) => boolean,
): Differences<O, S> {
  const differs: string[] = [];
  const pairs: { ours: O; seen: S }[] = [];
  const known = new Map<number, number>();
  const wanted = ours.filter(isRecorded);
  const names = new Set(real.map(({ part, variant }) => `${part} ${variant}`));
  for (const name of names) {
    const group = real.filter(({ part, variant }) => `${part} ${variant}` === name);
    const way = wanted.filter((one) => one.part === group[0]?.part);
    const counts = way.map(() => 0);
    for (const seen of inOrder(group, way)) {
      const i = way.findIndex((mine, k) => {
        const turn = k === 0 || (counts[k] ?? 0) < (counts[k - 1] ?? 0);
        return turn && fixedText(mine) === fixedText(seen) && fits(known, isChance, mine, seen);
      });
      const mine = way[i];
      if (mine === undefined) differs.push(`${name}: real ${headerText(seen)} is not in ours`);
      else {
        counts[i] = (counts[i] ?? 0) + 1;
        pairs.push({ ours: mine, seen });
      }
    }
    const most = Math.max(...counts);
    for (const [i, mine] of way.entries()) {
      if (counts[i] === most && most > 0) continue;
      differs.push(`${name}: ours ${headerText(mine)} was seen ${counts[i]} times, not ${most}`);
    }
  }
  const parts = new Set(real.map(({ part }) => part));
  for (const mine of wanted) {
    if (!parts.has(mine.part))
      differs.push(`${mine.part}: ours ${headerText(mine)} was never seen`);
  }
  return { pairs, differs };
}

/** What was seen in the same microsecond has no order of its own. */
function inOrder<S extends SeenHeader>(group: readonly S[], way: readonly Header[]): readonly S[] {
  const place = (seen: S): number => {
    return way.findIndex((mine) => fixedText(mine) === fixedText(seen));
  };
  return [...group].sort((a, b) => a.t - b.t || place(a) - place(b));
}

/** A value left to chance may be any, but has to be the same one everywhere. */
function fits(
  known: Map<number, number>,
  isChance: (port: number) => boolean,
  { ports }: Header,
  seen: Header,
): boolean {
  return ports.every((port, i) => {
    const value = seen.ports[i] ?? -1;
    if (!isChance(port)) return port === value;
    const before = known.get(port);
    if (before === undefined) known.set(port, value);
    return before === undefined || before === value;
  });
}
