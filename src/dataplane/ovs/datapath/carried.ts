/**
 * A tunnel frame whose inner packet the datapath had changed before it was encapsulated: the
 * pipeline composed the outer headers around the packet as it knew it.
 */
import { allBits, FIELDS, type FieldBits, field } from '../../../packet/fields.ts';
import { type Traffic } from '../../../traffic/traffic.ts';

const FRAME_LEN = field('frame_len');
const IP_LEN = field('ip_len');

/** Every word of the field table once; fields that overlay others come behind them. */
const ALL: readonly FieldBits[] = (() => {
  const covered = new Set<number>();
  const found: FieldBits[] = [];
  for (const each of FIELDS.values()) {
    if (covered.has(each.word)) continue;
    for (let i = 0; i < Math.ceil(each.width / 32); i++) covered.add(each.word + i);
    found.push(allBits(each));
  }
  return found;
})();

/**
 * The frame `outer` with `inner` in place of `before`, which it carried; lengths follow.
 * Consumes `inner`; the others stay valid.
 */
export function carrying<P>(t: Traffic<P>, outer: P, before: P, inner: P): P {
  const longer = lengthOf(t, inner) - lengthOf(t, before);
  let made = t.encapsulate(inner);
  for (const bits of ALL) made = t.copy(made, bits, outer, bits);
  if (longer === 0) return made;
  return t.add(t.add(made, FRAME_LEN, longer), IP_LEN, longer);
}

/** 0 for a set of packets of several lengths; those are not put together from fragments. */
function lengthOf<P>(t: Traffic<P>, p: P): number {
  const cases = t.cases(t.fork(p), allBits(FRAME_LEN), 1);
  return cases?.length === 1 ? (cases[0]?.value ?? 0) : 0;
}
