/** Invariants about where packets end: loops, and drops that nobody wanted. */
import { type Reason } from '../../../reasons/codes.ts';
import { prepareTracing, type Tracer } from '../../../trace/tracer.ts';
import { NOWHERE } from '../../../traffic/sets/regions.ts';
import { type Followed, groupOf, type Stopped, type Told } from '../../proof/prove.ts';
import { groupText } from '../kinds/reach.ts';
import { type Checking } from '../kinds/row.ts';
import { type Checked, type InvariantProperty } from '../types.ts';
import { checkPairs, type Finding } from './between.ts';
import { questionOf } from './witness.ts';

/** Traffic that goes in a circle ends by one of these. */
const CIRCLES: readonly Reason[] = ['OF_LOOP_OR_RESUBMIT_LIMIT', 'NETWORK_LOOP', 'TTL_EXPIRED'];

/** No packet, nor anything made because of it, goes in a circle. */
export function* checkLoops(checking: Checking, property: InvariantProperty): Generator<Checked> {
  yield* checkPairs(checking, property, ({ followed }) => {
    const found = followed.told.filter((one) => CIRCLES.some((code) => code === codeOf(one)));
    const [first] = found;
    if (first === undefined || first.ending.outcome.kind !== 'dropped') return [];
    const { regions, places } = followed.space;
    const where = found.reduce(
      (all, { ending }) => regions.or(all, regions.shadow(ending.p.where, places.length)),
      NOWHERE,
    );
    const shown = groupOf(followed.space, where);
    const { drop } = first.ending.outcome;
    const { device } = first.ending;
    const text = `${shown === null ? '' : groupText(shown)} goes in a circle: ${drop.reason} at ${device.host}, ${drop.where}`;
    return [
      { because: [text], witness: shown?.witness ?? null, code: drop.reason, origin: drop.origin },
    ];
  });
}

function codeOf({ ending: { outcome } }: Told): Reason | null {
  return outcome.kind === 'dropped' ? outcome.drop.reason : null;
}

/** Drops that somebody asked for. */
const POLICY: readonly Reason[] = [
  'SG_NO_MATCHING_RULE',
  'SG_REMOTE_GROUP_NOT_MEMBER',
  'SG_PORT_SECURITY_BLOCKED',
  'MAC_SPOOF_BLOCKED',
  'ARP_SPOOF_BLOCKED',
  'IPT_RULE_DROP',
  'IPT_CHAIN_POLICY_DROP',
  'IPT_REJECT',
  'ROUTE_REFUSES',
];

/**
 * No packet that left its sender is lost for another reason than policy. What a drop means is
 * what the trace of one of its packets says.
 */
export function* checkBlackHoles(
  checking: Checking,
  property: InvariantProperty,
): Generator<Checked> {
  const tracer = prepareTracing(checking.network);
  yield* checkPairs(checking, property, ({ proof, followed }, pair) => {
    const findings: Finding[] = [];
    const refused = refusedBySender(followed);
    for (const stopped of proof.stopped) {
      const { host, where, evidence, witness, origin } = stopped;
      if (refused.has(`${stopped.code} ${where} ${evidence}`)) continue;
      if (POLICY.includes(stopped.code)) continue;
      const code = meaningOf(checking, tracer, pair, property, stopped);
      if (POLICY.includes(code) || property.except.includes(code)) continue;
      const text = `${groupText(stopped)} is lost: ${code} at ${host}, ${where}: ${evidence}`;
      findings.push({ because: [text], witness, code, origin });
    }
    return findings;
  });
}

/** What the sender's own stack refuses never was on its way. */
function refusedBySender({ told, from }: Followed): ReadonlySet<string> {
  return new Set(
    told.flatMap(({ ending: { outcome, device } }) =>
      outcome.kind === 'dropped' && device.host === from.host && device.name === from.namespace
        ? [`${outcome.drop.reason} ${outcome.drop.where} ${outcome.drop.evidence}`]
        : [],
    ),
  );
}

/** The code that a trace of one of the packets gives: it knows what agents mean by a rule. */
function meaningOf(
  { network }: Checking,
  tracer: Tracer,
  pair: { readonly from: string; readonly to: string },
  { version }: InvariantProperty,
  { code, witness }: Stopped,
): Reason {
  const question = questionOf(network, pair, witness, version);
  const traced = question === null ? null : tracer.trace(question);
  if (traced?.kind !== 'traced') return code;
  return traced.trace.blockers.find(({ direction }) => direction === 'request')?.code ?? code;
}
