/** ICMP errors belong to the connection of the packet they quote (nf_conntrack_inet_error()). */
import { allBits } from '../../packet/fields.ts';
import { type Zone } from './connection.ts';
import { addressFields, answerClass, classify, invert } from './protocols.ts';
import { find, type Lookup, type Tracker } from './tracker.ts';

/**
 * Finds the connections that ICMP errors are about. `reply` tells that the error travels
 * against the connection's first packet. Parts without a connection are invalid: nothing
 * quoted, an unknown connection, or an error that is not sent to the quoted sender.
 */
export function relatedTo<P>(
  tracker: Tracker<P>,
  p: P,
  version: 4 | 6,
  zone: Zone,
): readonly Lookup<P>[] {
  const { traffic } = tracker.run;
  const unrelated = (part: P): Lookup<P> => ({ p: part, connection: null, reply: false });
  const quoted = traffic.quoted(p);
  if (quoted === null) return [unrelated(p)];
  const { src, dst } = addressFields(version);
  const address = traffic.same(quoted, p, [[allBits(src), allBits(dst)]]);
  const found: Lookup<P>[] = [];
  if (address.miss !== null) {
    const stray = traffic.within(traffic.fork(p), address.miss);
    if (stray !== null) found.push(unrelated(stray));
  }
  if (address.hit === null) return found;
  for (const { cls, p: original } of classify(traffic, address.hit, tracker.personality)) {
    const fits = cls.treatment === 'track' && cls.version === version;
    const parts = fits
      ? find(tracker, invert(traffic, original, cls), answerClass(cls), zone)
      : [unrelated(original)];
    for (const part of parts) {
      const error = traffic.within(traffic.fork(p), part.p);
      if (error !== null) found.push({ ...part, p: error });
    }
  }
  return found;
}
