/**
 * Packets larger than the MTU of their way out (net/ipv4/ip_output.c ip_fragment()).
 * Stands between POSTROUTING and the neighbour.
 */
import { IS } from './headers.ts';
import { drop, type Work } from './stack.ts';

/** The pieces that leave; with DF set, or in IPv6, nothing leaves. */
export function fragment<P>(work: Work<P>, version: 4 | 6, mtu: number, p: P): readonly P[] {
  const { traffic } = work.run;
  const whole = version === 6 ? { hit: p, miss: null } : traffic.split(p, IS.dontFragment);
  if (whole.hit !== null) {
    drop(work, whole.hit, 'MTU_EXCEEDED_DF', 'output', `larger than the MTU ${mtu}`);
  }
  // Simplification: the pieces travel as one packet; no element decides by where it was cut.
  return whole.miss === null ? [] : [whole.miss];
}
