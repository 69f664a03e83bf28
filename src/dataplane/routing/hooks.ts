/** What the network stack asks netfilter; bridges ask the same, so it is declared with them. */
export type { Carried, HookName, Hooks, Passed } from '../linuxbridge/hooks.ts';
