/** Later versions of a connection, as copies of one frame see what became of it. */
import { type Split } from '../../traffic/traffic.ts';
import { type Connection } from './connection.ts';
import { type Handle, type Tracked } from './netfilter.ts';
import { madeOf, type Tracker } from './tracker.ts';

/**
 * Copies of one frame have one connection: what became of it on the way of one of them counts for
 * the others (skb_clone() shares the entry). One packet's copies share the object as well; for
 * sets the newest version is looked up, which may exist for a part of the packets only.
 */
export function latest<P>(tracker: Tracker<P>, p: P, handle: Handle<P>): readonly Tracked<P>[] {
  const { connection } = handle;
  if (!tracker.sets || connection === null) return [{ p, handle }];
  const found: Tracked<P>[] = [];
  let rest: P | null = p;
  for (const one of versionsSince(tracker, connection)) {
    if (rest === null) return found;
    const split: Split<P> = tracker.run.traffic.same(rest, one.before, []);
    if (split.hit !== null) found.push({ p: split.hit, handle: { ...handle, connection: one } });
    rest = split.miss;
  }
  return rest === null ? found : [...found, { p: rest, handle }];
}

/** Versions of a connection that came after this one, newest first. */
function versionsSince<P>(
  tracker: Tracker<P>,
  connection: Connection<P>,
): readonly Connection<P>[] {
  const list = madeOf(tracker, connection.cls);
  const own = list.filter(({ identity }) => identity === connection.identity);
  return own.slice(own.indexOf(connection) + 1).reverse();
}
