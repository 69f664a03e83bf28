/**
 * Where the network stack asks netfilter: the five hooks of a namespace. Without rules every
 * hook accepts. Order of the stages around them: net/ipv4/ip_input.c, ip_forward.c, ip_output.c.
 */
import { type Handle } from '../conntrack/netfilter.ts';
import { type Drop, type Run } from '../outcome.ts';

export type HookName = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';

/** What a packet carries from hook to hook (skb->_nfct); null before the first hook. */
export type Carried<P> = Handle<P> | null;

/** What a hook made of traffic. */
export type Passed<P> =
  | { readonly kind: 'accepted'; readonly p: P; readonly handle: Carried<P> }
  | { readonly kind: 'dropped'; readonly drop: Drop; readonly p: P }
  /** A packet that a rule made in answer (TCP reset); the stack routes and sends it. */
  | { readonly kind: 'answer'; readonly p: P; readonly handle: Carried<P> }
  /** REJECT with an ICMP error about `p`, which the stack makes and sends; `dropped` is extra. */
  | { readonly kind: 'icmp-error'; readonly type: number; readonly code: number; readonly p: P };

export interface Hooks<P> {
  /**
   * Sends traffic through all chains of one hook in priority order. `meta_iif` and `meta_oif`
   * hold interface indexes, 0 where the hook has none (no input device in OUTPUT).
   */
  pass(run: Run<P>, hook: HookName, version: 4 | 6, p: P, handle: Carried<P>): readonly Passed<P>[];
}
