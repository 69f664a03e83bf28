/**
 * clone(): the actions inside see a copy of everything (xlate clone_xlate_actions()). The action
 * set runs at the end of the clone as well, so an output written before it is sent once more.
 */
import { nestHeader } from './action-size.ts';
import { type PreparedAction } from './actions.ts';
import {
  emit,
  listOf,
  type Mode,
  type Part,
  restore,
  splitting,
  type Translation,
} from './part.ts';

/** Runs actions on a copy; what they change is undone, what they send stays sent. */
export function cloneActions<P>(
  x: Translation<P>,
  part: Part<P>,
  actions: readonly PreparedAction[],
  mode: Mode,
): Part<P>[] {
  const { stack, stackBytes, actionSet, wasMpls, conntracked, inPort, outside } = part;
  const saved = x.t.fork(part.p);
  const inline = mode.last || actions.every((action) => action.reversible);
  const outer = part.effects;
  if (!inline) {
    part.effects = null;
    part.outside = { effects: outer, p: saved, header: nestHeader, outside };
  }
  const inner: Mode = inline ? mode : { last: true, bucket: false };
  const ran = x.engine.run(x, part, actions, { ...inner, bucket: false });
  const done = splitting(ran, (q) => x.engine.finish(x, q));
  for (const q of done) {
    q.cloned = q.p;
    q.stack = stack;
    q.stackBytes = stackBytes;
    q.actionSet = actionSet;
    if (inline) continue;
    q.wasMpls = wasMpls;
    q.conntracked = conntracked;
    const effects = listOf(q.effects);
    q.effects = outer;
    q.outside = outside;
    if (effects.length > 0) emit(q, { kind: 'clone', p: x.t.fork(saved), actions: effects });
  }
  return restore(x, done, saved, inPort);
}
