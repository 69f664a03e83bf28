/**
 * What a host learns about the MTU of a path: an ICMP error says that one of its own packets was
 * too large, and later ones to that destination are made smaller
 * (net/ipv4/route.c __ip_rt_update_pmtu(), net/ipv6/route.c rt6_do_update_pmtu(); RFC 1191, 8201).
 */
import { ADDRESSES, B, IS } from './headers.ts';
import { type Work } from './stack.ts';

/** A destination whose path takes no longer packets. */
export interface PathMtu<P> {
  readonly version: 4 | 6;
  /** The packet that the error quoted: its destination is meant. */
  readonly about: P;
  readonly mtu: number;
}

/** Traffic with the longest packet, in bytes, that its path takes. */
export interface Sized<P> {
  readonly p: P;
  readonly mtu: number;
}

/** No path is believed to be narrower (net.ipv4.route.min_pmtu; RFC 8200 §5). */
const NARROWEST = { 4: 552, 6: 1280 } as const;
const MOST_PATHS = 1024;

/** Remembers what an error that was delivered here says. Does not consume `p`. */
export function learnPathMtu<P>(work: Work<P>, version: 4 | 6, p: P): void {
  const { traffic } = work.run;
  const { hit } = traffic.split(traffic.fork(p), version === 4 ? IS.tooLarge : IS.tooLarge6);
  const about = hit === null ? null : traffic.quoted(hit);
  if (hit === null || about === null) return;
  // Simplification: an error about any own packet is believed, with or without an open socket.
  const own = version === 4 ? traffic.split(about, work.stack.config.ownSource).hit : about;
  const [said, other] = traffic.cases(hit, B.icmpMtu, 1) ?? [];
  if (own === null || said === undefined || other !== undefined) return;
  const value = version === 4 ? said.value & 0xffff : said.value;
  const { pathMtus } = work.stack;
  pathMtus.unshift({ version, about: own, mtu: Math.max(value, NARROWEST[version]) });
  pathMtus.length = Math.min(pathMtus.length, MOST_PATHS);
}

/** Splits traffic of the host by what is known about its paths; `mtu` holds for all others. */
export function byPathMtu<P>(
  work: Work<P>,
  version: 4 | 6,
  mtu: number,
  p: P,
): readonly Sized<P>[] {
  const { traffic } = work.run;
  const to = ADDRESSES[version].destination;
  const parts: Sized<P>[] = [];
  let rest: P | null = p;
  for (const known of work.stack.pathMtus) {
    if (rest === null) break;
    if (known.version !== version || known.mtu >= mtu) continue;
    const { hit, miss }: { hit: P | null; miss: P | null } = traffic.same(rest, known.about, [
      [to, to],
    ]);
    if (hit !== null) parts.push({ p: hit, mtu: known.mtu });
    rest = miss;
  }
  return rest === null ? parts : [...parts, { p: rest, mtu }];
}
