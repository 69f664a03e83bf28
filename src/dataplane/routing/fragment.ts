/**
 * Packets larger than the MTU of their way out, and those that came in fragments
 * (net/ipv4/ip_output.c ip_finish_output(), ip_fragment(); net/ipv6/ip6_output.c). Stands between
 * POSTROUTING and the neighbour.
 */
import { cut, longestPiece } from '../conntrack/refragment.ts';
import { IS, longerThan } from './headers.ts';
import { sendError } from './icmp-error.ts';
import { drop, type Work } from './stack.ts';

/**
 * The pieces that leave: one, the packet itself, where nothing has to be cut.
 *
 * @param own the host made the packet: IPv6 lets only its sender cut it (RFC 8200 §4.5)
 */
export function fragment<P>(
  work: Work<P>,
  version: 4 | 6,
  mtu: number,
  own: boolean,
  p: P,
): readonly P[] {
  const { traffic } = work.run;
  const { hit, miss } = traffic.split(p, longerThan(mtu));
  const out: P[] = [];
  if (miss !== null) {
    const whole = traffic.pieces(miss).length === 0;
    out.push(...(whole ? [miss] : cut(traffic, version, mtu, miss)));
  }
  const large =
    hit === null ? null : own && version === 6 ? hit : withoutFixed(work, version, mtu, hit);
  if (large !== null) out.push(...cut(traffic, version, mtu, large));
  return out;
}

/**
 * Drops what must not be cut: IPv4 with DF, IPv6 packets of others. What was cut by its sender may be
 * cut again, but not into smaller pieces than came (IPSKB_FRAG_PMTU, skb->ignore_df).
 */
function withoutFixed<P>(work: Work<P>, version: 4 | 6, mtu: number, p: P): P | null {
  const { traffic } = work.run;
  if (mayBeCut(work, version, mtu, p)) return p;
  const { hit, miss } = version === 6 ? { hit: p, miss: null } : traffic.split(p, IS.dontFragment);
  if (hit !== null) {
    const [type, code] = version === 4 ? [3, 4] : [2, 0];
    sendError(work, { version, device: null, type, code, mtu }, traffic.fork(hit));
    drop(work, hit, 'MTU_EXCEEDED_DF', 'output', `larger than the MTU ${mtu}`);
  }
  return miss;
}

/** The packet came in fragments that all fit. */
export function mayBeCut<P>(work: Work<P>, version: 4 | 6, mtu: number, p: P): boolean {
  const longest = longestPiece(work.run.traffic, version, p);
  return longest > 0 && longest <= mtu;
}
