/**
 * Connection tracking is off in a namespace until a rule needs it: then there is no state, no
 * NAT and no reassembly (net/netfilter/xt_conntrack.c conntrack_mt_check() and its like call
 * nf_ct_netns_get(); `CT --notrack` alone does not).
 */
import { type Rule, type Ruleset } from './types.ts';

const MATCHES: ReadonlySet<string> = new Set([
  'state',
  'conntrack',
  'connmark',
  'connlabel',
  'connbytes',
  'connlimit',
  'helper',
  'cluster',
]);
const TARGETS: ReadonlySet<string> = new Set([
  'CONNMARK',
  'SNAT',
  'DNAT',
  'MASQUERADE',
  'REDIRECT',
  'NETMAP',
  'CONNSECMARK',
  'SYNPROXY',
  'CLUSTERIP',
]);

/** Whether the rules switch tracking on for their IP version. */
export function needsTracking({ tables }: Ruleset): boolean {
  return tables.some(({ chains }) => chains.some(({ rules }) => rules.some(ruleNeeds)));
}

/** Whether some rule asks how much connections have carried. */
export function asksForBytes({ tables }: Ruleset): boolean {
  const asks = ({ matches }: Rule): boolean => matches.some(({ kind }) => kind === 'connbytes');
  return tables.some(({ chains }) => chains.some(({ rules }) => rules.some(asks)));
}

function ruleNeeds({ matches, target }: Rule): boolean {
  if (matches.some(({ kind }) => MATCHES.has(kind))) return true;
  if (target.kind === 'CT') return target.options.notrack === undefined;
  return TARGETS.has(target.kind);
}
