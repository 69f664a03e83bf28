/** Why a rule's drop happened, as a reason a person knows. */

import { type Reason } from '../../reasons/codes.ts';
import { type Drop } from '../outcome.ts';
import { printRuleLine } from './text/save.ts';
import { type Rule } from './types.ts';
import { type Decider } from './walk.ts';

/**
 * Chains that Neutron makes (neutron/agent/linux/iptables_firewall.py): the fallback of security
 * groups, and the chain `s…` of a port that lets only the port's own addresses pass.
 */
const FALLBACK = /-sg-fallback$/;
const SPOOFING = /^neutron-[a-z]+-s[0-9a-f]{8}-/;

/** The drop of a table's verdict. */
export function dropOf(by: Decider, kind: 'drop' | 'reject'): Drop {
  const where = `${by.table} ${by.chain}`;
  if (by.rule === null) {
    const evidence = `policy DROP of chain ${by.chain}`;
    return { reason: 'IPT_CHAIN_POLICY_DROP', where, evidence, origin: null };
  }
  const { rule } = by.rule;
  const evidence = printRuleLine(by.chain, rule);
  return { reason: reasonOf(by.chain, rule, kind), where, evidence, origin: rule.origin };
}

function reasonOf(chain: string, rule: Rule, kind: 'drop' | 'reject'): Reason {
  if (kind === 'reject') return 'IPT_REJECT';
  if (FALLBACK.test(chain)) return 'SG_NO_MATCHING_RULE';
  if (SPOOFING.test(chain)) return 'MAC_SPOOF_BLOCKED';
  return asksInvalid(rule) ? 'CT_INVALID' : 'IPT_RULE_DROP';
}

function asksInvalid({ matches }: Rule): boolean {
  return matches.some((match) => {
    if (match.kind !== 'state' && match.kind !== 'conntrack') return false;
    const { state } = match.options;
    return (
      state !== undefined && !state.not && state.value.length === 1 && state.value[0] === 'INVALID'
    );
  });
}
