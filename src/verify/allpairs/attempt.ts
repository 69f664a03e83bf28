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
