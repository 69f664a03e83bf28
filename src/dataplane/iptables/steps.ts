/** What the rules write into a packet's diary. */
import { type Origin } from '../../text/problem.ts';
import { type Step } from '../../traffic/traffic.ts';

/** A rule that matched, the end of a user chain, or the policy of a base chain. */
export interface RuleStep extends Step {
  readonly kind: 'rule';
  readonly version: 4 | 6;
  readonly table: string;
  readonly chain: string;
  readonly what: 'rule' | 'end' | 'policy';
  /** 1 for the first rule; one more than the rules for `end` and `policy`, as xt_TRACE counts. */
  readonly number: number;
  /** The rule, or the policy's word. */
  readonly text: string;
  readonly origin: Origin;
}

/** What NAT made of a connection's first packet. */
export interface TranslationStep extends Step {
  readonly kind: 'translation';
  readonly manip: 'src' | 'dst';
  /** False when no rule asked for it: the port was taken by another connection. */
  readonly byRule: boolean;
}
