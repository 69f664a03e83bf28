/** What the engine does not carry, kept as an answer: asked again, it is not tried again. */
import { NeedsMore, NotCarried } from './frame.ts';

/** What is made, or why the engine does not carry it. */
export function attempt<T>(make: () => T): T | NotCarried {
  try {
    return make();
  } catch (error) {
    if (error instanceof NotCarried) return error;
    if (error instanceof NeedsMore) return new NotCarried('a flow asks for more of the frame');
    throw error;
  }
}

/** What is made at the first asking and kept; throws NotCarried each time where it was thrown. */
export function kept<K, T>(map: Map<K, T | NotCarried>, key: K, make: () => T): T {
  let found = map.get(key);
  if (found === undefined) {
    found = attempt(make);
    map.set(key, found);
  }
  if (found instanceof NotCarried) throw found;
  return found;
}
