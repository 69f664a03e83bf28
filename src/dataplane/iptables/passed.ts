/** What a hook of netfilter is given and gives back; the hooks stand in netfilter.ts. */
import { type Handle } from '../conntrack/netfilter.ts';
import { type Drop } from '../outcome.ts';

/** What a packet carries from hook to hook (skb->_nfct); null before the first hook. */
export type Carried<P> = Handle<P> | null;

/** What a hook made of traffic. */
export type Passed<P> =
  | { readonly kind: 'accepted'; readonly p: P; readonly handle: Carried<P> }
  | { readonly kind: 'dropped'; readonly drop: Drop; readonly p: P }
  /** A fragment that waits for the others. */
  | { readonly kind: 'kept'; readonly p: P }
  /** A TCP reset that REJECT made; the stack routes and sends it. */
  | { readonly kind: 'answer'; readonly p: P; readonly handle: Carried<P> }
  /** The stack shall send this ICMP error about `p`. */
  | {
      readonly kind: 'icmp-error';
      readonly type: number;
      readonly code: number;
      /** The connection of `p`, to which the error belongs as well (attach.ts). */
      readonly handle: Carried<P>;
      readonly p: P;
    };

/** Asked in OUTPUT behind the tables that may change a packet's route. Consumes `p`. */
export type Reroute<P> = (p: P) => {
  readonly passed: readonly P[];
  readonly refused: readonly { readonly drop: Drop; readonly p: P }[];
};
