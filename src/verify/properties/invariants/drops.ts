/** Invariants about where packets end: loops, and drops that nobody wanted. */
import { type Reason } from '../../../reasons/codes.ts';
import { prepareTracing, type Tracer } from '../../../trace/tracer.ts';
import { type Blocker } from '../../../trace/types.ts';
import { NOWHERE } from '../../../traffic/sets/regions.ts';
import { type Followed, groupOf, type Stopped, type Told } from '../../proof/prove.ts';
import { groupText } from '../kinds/reach.ts';
import { type Checking } from '../kinds/row.ts';
import { type Checked, type InvariantProperty } from '../types.ts';
import { checkPairs, connected, type Finding, type JudgePair } from './between.ts';
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
  const judge: JudgePair = ({ proof, followed }, pair) => {
    const findings = new Map<string, Finding>();
    const refused = refusedBySender(followed);
    for (const stopped of proof.stopped) {
      const { code, where, evidence, witness, origin } = stopped;
      if (refused.has(`${code} ${where} ${evidence}`) || POLICY.includes(code)) continue;
      const told = meaningOf(checking, tracer, pair, property, stopped);
      if (POLICY.includes(told.code) || property.except.includes(told.code)) continue;
      const text = `${groupText(stopped)} is lost: ${told.code} at ${told.host}, ${told.component}: ${told.evidence}`;
      // Copies that were flooded end at many places for one reason.
      const key = `${told.code} ${told.host} ${told.component}`;
      if (findings.has(key)) continue;
      findings.set(key, {
        because: [text],
        witness,
        code: told.code,
        origin: told.origin ?? origin,
      });
    }
    return [...findings.values()];
  };
  yield* checkPairs(checking, property, judge, (from, to) => connected(checking, from, to));
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

/** What the trace of one of the packets says: it knows what agents mean by a rule. */
function meaningOf(
  { network }: Checking,
  tracer: Tracer,
  pair: { readonly from: string; readonly to: string },
  { version }: InvariantProperty,
  { code, host, where, evidence, origin, witness }: Stopped,
): Pick<Blocker, 'code' | 'host' | 'component' | 'evidence'> & Pick<Stopped, 'origin'> {
  const question = questionOf(network, pair, witness, version);
  const traced = question === null ? null : tracer.trace(question);
  const blockers = traced?.kind === 'traced' ? traced.trace.blockers : [];
  const found = blockers.find(({ direction }) => direction === 'request');
  return found ?? { code, host, component: where, evidence, origin };
}
