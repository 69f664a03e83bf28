/**
 * The second route decision for packets of the host itself: OUTPUT changed an address, the mark
 * or the TOS (net/ipv4/netfilter.c ip_route_me_harder()). The kernel asks it behind the mangle
 * table and behind nat, and what has no route any more gets no further.
 */
import { type Reroute } from '../iptables/passed.ts';
import { type Drop } from '../outcome.ts';
import { B, F, put } from './headers.ts';
import { type Decided, type Decision, decideWithout } from './route.ts';
import { placed, type Work } from './stack.ts';

const NO_OUTPUT = put(F.outputDevice, 0);
/** Protocol and ports are part of the question only where received packets need them as well. */
const ADDRESSES_ONLY = [put(F.protocol, 0), put(F.sourcePort, 0), put(F.destinationPort, 0)];

const ASKED = {
  4: [B.ipSource, B.ipDestination, B.mark, B.tos],
  6: [B.ipv6Source, B.ipv6Destination, B.mark, B.tos],
} as const;

/** What kept everything the route depends on, and new decisions for the rest. */
export interface Rerouted<P> {
  readonly unchanged: P | null;
  readonly decided: readonly Decided<P>[];
}

/** Decides again for what differs from `before`. */
export function reroute<P>(work: Work<P>, version: 4 | 6, before: P, p: P): Rerouted<P> {
  const { bound = null } = work;
  const { traffic } = work.run;
  const pairs = ASKED[version].map((bits) => [bits, bits] as const);
  const { hit, miss } = traffic.same(p, before, pairs);
  if (miss === null) return { unchanged: hit, decided: [] };
  const fib = work.stack.config.fib[version];
  const unasked = fib.dissects ? [] : ADDRESSES_ONLY;
  const asked = [bound === null ? NO_OUTPUT : bound.setOutput, ...unasked];
  return { unchanged: hit, decided: decideWithout(work.run, fib, miss, asked) };
}

/** What the OUTPUT hook asks between its tables: who may go on. */
export function rerouting<P>(work: Work<P>, version: 4 | 6, before: P): Reroute<P> {
  return (p) => {
    const { unchanged, decided } = reroute(work, version, before, p);
    const parts: P[] = unchanged === null ? [] : [unchanged];
    const refused: { drop: Drop; p: P }[] = [];
    for (const { decision, p: part } of decided) {
      if (decision.kind === 'route') parts.push(part);
      else refused.push({ drop: placed(work, 'route output', refusal(decision)), p: part });
    }
    return { passed: parts, refused };
  };
}

/** Why a packet of the host itself has no way. */
export function refusal(
  decision: Exclude<Decision, { readonly kind: 'route' }>,
): Omit<Drop, 'where'> {
  if (decision.kind === 'none') {
    return { reason: 'NO_ROUTE', evidence: 'no route matches', origin: null };
  }
  const evidence = `${decision.by} of type ${decision.type}`;
  return { reason: 'ROUTE_REFUSES', evidence, origin: decision.origin };
}
