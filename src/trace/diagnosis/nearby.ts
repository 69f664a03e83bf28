/** Near misses of the elements as a trace shows them: the rule's text, and field by field why not. */
import { type NearMiss as RuleNearMiss } from '../../dataplane/iptables/near-miss.ts';
import { type FlowNearMiss } from '../../dataplane/ovs/pipeline/near-miss.ts';
import { printFlow, printMatch } from '../../dataplane/ovs/text/print-flow.ts';
import { type Flow } from '../../dataplane/ovs/types/flow.ts';
import { FIELDS } from '../../packet/fields.ts';
import { readField } from '../../traffic/words.ts';
import { formatValue, wantedText } from '../header.ts';
import { type NearMiss } from '../types.ts';
import { type Finding } from './case.ts';

/** A flow that was hit, as evidence: without its cookie, which says nothing about packets. */
export function flowHit(flow: Flow | null): Pick<Finding, 'evidence' | 'origin'> {
  if (flow === null) return {};
  return { evidence: printFlow({ ...flow, cookie: 0n }), origin: flow.origin };
}

/** A flow that nearly matched. */
export function flowMiss({ flow, field, wanted, actual }: FlowNearMiss): NearMiss {
  const wants = wantedText({ kind: 'test', field, ...wanted });
  return {
    rule: `table=${flow.table},${printMatch(flow)}`,
    origin: flow.origin,
    differs: [{ field: field.name, wanted: wants, actual: formatValue(field, actual) }],
  };
}

/** A rule that nearly matched; `words` is the packet as the rule saw it. */
export function ruleMiss(
  { text, origin, fields, failing }: RuleNearMiss,
  words: Uint32Array,
): NearMiss {
  const wanted = failing.map(wantedText).join(' and ');
  const actual = fields.flatMap((name) => {
    const of = FIELDS.get(name);
    return of === undefined ? [] : formatValue(of, readField(words, of));
  });
  return {
    rule: text,
    origin,
    differs: [{ field: fields.join(', '), wanted, actual: actual.join(', ') }],
  };
}
