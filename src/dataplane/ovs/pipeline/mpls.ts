/**
 * MPLS labels (lib/flow.c flow_push_mpls(), flow_pop_mpls()): at most three can be told apart.
 * Behind the last label the packet must be parsed anew, which takes another pass.
 */
import { field } from '../../../packet/fields.ts';
import { type Guard, guard } from '../../../traffic/guard.ts';
import { and, type Match, not, or, test } from '../../../traffic/match.ts';
import { type Traffic } from '../../../traffic/traffic.ts';
import { bitsOf, IS_IP, PREREQUISITES, writeNumberTo } from './conditions.ts';
import { forkPart, type Part, type Translation } from './part.ts';

const LSE = [field('mpls_lse'), field('mpls_lse2'), field('mpls_lse3')] as const;
const BOTTOM = field('mpls_bos');
const LABEL = field('mpls_label');
const TTL = field('mpls_ttl');
const isMpls: Match = PREREQUISITES.mpls?.match ?? { kind: 'none' };
const isIpv6 = guard(test(field('eth_type'), 0x86ddn));
const noTtl = guard(test(field('nw_ttl'), 0n));

/** The bottom-of-stack bit of one label stack entry (RFC 3032 §2.1). */
function bottomAt(depth: 0 | 1 | 2): Match {
  return test(LSE[depth], 0x100n, 0x100n);
}

/**
 * Guards for none, one and two labels; what is left has three or more (flow_count_mpls_labels()).
 * They are counted up to the bottom of the stack;
 * where none of the three is the bottom, those count that are not zero.
 */
const DEPTHS: readonly Guard[] = [
  guard(and(test(LSE[0], 0n), test(LSE[1], 0n), test(LSE[2], 0n))),
  guard(or(bottomAt(0), and(not(bottomAt(1)), not(bottomAt(2)), test(LSE[1], 0n)))),
  guard(or(bottomAt(1), and(not(bottomAt(2)), test(LSE[2], 0n)))),
];
const THREE: Guard = guard(and(isMpls, bottomAt(2)));

/** Parts by their number of labels; 3 stands for more as well. */
function byDepth<P>(t: Traffic<P>, p: P): { readonly labels: number; readonly p: P }[] {
  const parts: { labels: number; p: P }[] = [];
  const labelled =
    PREREQUISITES.mpls === null ? { hit: null, miss: p } : t.split(p, PREREQUISITES.mpls);
  if (labelled.miss !== null) parts.push({ labels: 0, p: labelled.miss });
  let rest = labelled.hit;
  for (const [i, depth] of DEPTHS.entries()) {
    if (rest === null) break;
    const { hit, miss } = t.split(rest, depth);
    if (hit !== null) parts.push({ labels: i, p: hit });
    rest = miss;
  }
  if (rest !== null) parts.push({ labels: DEPTHS.length, p: rest });
  return parts;
}

/** push_mpls: the first label takes TTL and class from the IP header, further ones copy the outer. */
export function pushMpls<P>(x: Translation<P>, part: Part<P>, etherType: number): Part<P>[] {
  const cases = byDepth(x.t, part.p);
  return cases.map(({ labels, p }) => {
    const q = cases.length === 1 ? part : forkPart(part, p);
    q.p = p;
    if (labels >= 3) q.error = 'Too many MPLS labels';
    else if (labels > 0) q.p = pushFurther(x, p, etherType);
    else q.p = pushFirst(x, p, etherType);
    return q;
  });
}

function pushFurther<P>({ t }: Translation<P>, p: P, etherType: number): P {
  const outer = t.fork(p);
  const pushed = t.copy(
    t.push(p, 'mpls', etherType),
    bitsOf('mpls_lse'),
    outer,
    bitsOf('mpls_lse'),
  );
  return t.set(pushed, writeNumberTo(BOTTOM, 0));
}

function pushFirst<P>({ t }: Translation<P>, p: P, etherType: number): P {
  const below = t.fork(p);
  const { hit: ip } = t.split(t.fork(p), IS_IP);
  const { hit: ipv6 } = t.split(t.fork(p), isIpv6);
  const { hit: zeroTtl } = t.split(t.fork(p), noTtl);
  let q = t.set(t.push(p, 'mpls', etherType), writeNumberTo(BOTTOM, 1));
  q = t.set(q, writeNumberTo(LABEL, ipv6 === null ? 0 : 2));
  q = t.set(q, writeNumberTo(TTL, 64));
  if (ip === null) return q;
  // The three low bits of the DSCP become the class, as xlate does it.
  q = t.copy(q, bitsOf('mpls_tc'), below, { field: field('ip_dscp'), start: 0, width: 3 });
  return zeroTtl === null ? t.copy(q, bitsOf('mpls_ttl'), below, bitsOf('nw_ttl')) : q;
}

/** pop_mpls: what the last label uncovers is only known after another pass of the datapath. */
export function popMpls<P>(x: Translation<P>, part: Part<P>, etherType: number): Part<P>[] {
  const cases = byDepth(x.t, part.p);
  return cases.map(({ labels, p }) => {
    const q = cases.length === 1 ? part : forkPart(part, p);
    q.p = p;
    if (labels === 0) return q;
    if (labels === 3 && x.t.split(x.t.fork(p), THREE).hit === null) {
      q.error = 'Too many MPLS labels';
      return q;
    }
    q.p = x.t.pop(p, 'mpls', etherType);
    if (etherType !== 0x8847 && etherType !== 0x8848) q.wasMpls = true;
    return q;
  });
}
