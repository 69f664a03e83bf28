/**
 * Where the network stack asks netfilter: the five hooks of a namespace. Without rules every
 * hook accepts. Order of the stages around them: net/ipv4/ip_input.c, ip_forward.c, ip_output.c.
 */
import { type Drop, type Run } from '../outcome.ts';

export type HookName = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';

/** What a hook made of traffic. */
export type Passed<P> =
  | { readonly kind: 'accepted'; readonly p: P }
  | { readonly kind: 'dropped'; readonly drop: Drop; readonly p: P }
  /** A packet that a rule made in answer (REJECT); the stack routes and sends it as its own. */
  | { readonly kind: 'answer'; readonly p: P }
  /** As `answer`, a TCP reset; it goes back with this source whatever the route says. */
  | { readonly kind: 'icmp-error'; readonly type: number; readonly code: number; readonly p: P };

export interface Hooks<P> {
  /**
   * Sends traffic through all chains of one hook in priority order. `meta_iif` and `meta_oif`
   * hold interface indexes, 0 where the hook has none (no input device in OUTPUT).
   */
  pass(run: Run<P>, hook: HookName, version: 4 | 6, p: P): readonly Passed<P>[];
}

/** The hooks of a namespace without rules. */
export const acceptAll: Hooks<never> = {
  pass: (_run, _hook, _version, p) => [{ kind: 'accepted', p }],
};
