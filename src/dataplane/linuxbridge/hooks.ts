/**
 * Where the network stack and bridges ask netfilter: the five hooks of a namespace. Without
 * rules every hook accepts. Order of the stages around them: net/ipv4/ip_input.c, ip_forward.c,
 * ip_output.c.
 */
import { type HookName } from '../iptables/hooks.ts';
import { type Netfilter } from '../iptables/netfilter.ts';
import { type Carried, type Passed } from '../iptables/passed.ts';

export type { Carried, HookName, Passed };

/** What is asked at each hook; iptables, ebtables and arptables stand behind it. */
export type Hooks<P> = Pick<Netfilter<P>, 'pass'> & Partial<Pick<Netfilter<P>, 'confirm'>>;
