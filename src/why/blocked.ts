/**
 * Everything that keeps the packets of a question from arriving: one packet that is missing is
 * explained, what helps is made in a copy of the network, and the proof is asked again, until all
 * packets that are meant arrive or nobody knows a change for those that do not.
 */
import { type Network } from '../dataplane/network.ts';
import { type Cloud } from '../model/cloud.ts';
import { type Question } from '../trace/types.ts';
import { NOWHERE, type Region } from '../traffic/sets/regions.ts';
import { type Group, groupOf, type Witness } from '../verify/proof/prove.ts';
import { setsTo } from '../verify/proof/source.ts';
import { type Wanted } from '../verify/proof/wanted.ts';
import { questionOf } from '../verify/properties/invariants/witness.ts';
import { type Modality, type State } from '../verify/properties/types.ts';
import { arrivals, openWalks, type Walked } from '../verify/properties/walks.ts';
import { type PortRange } from './attempt.ts';
import { effectsOf } from './effects.ts';
import { type Helped, searchFrom } from './search.ts';
import { changed, openSituation, type Situation } from './situation.ts';
import { type Change, type Effects, type Why } from './types.ts';

/** Which packets shall arrive. */
export interface BlockedQuestion {
  readonly from: string;
  readonly to: string;
  readonly version: 4 | 6;
  readonly wanted: Wanted;
  readonly state: State;
  readonly modality: Modality;
  /** Every packet that is wanted, or any of them. */
  readonly goal: 'all' | 'some';
}

export interface BlockedOptions {
  /** Neutron's objects and hosts; null where nobody knows them. */
  readonly cloud: Cloud | null;
  /** How many pairs of ends are proved again for what the changes do to others. */
  readonly effectPairs: number;
}

export interface Blocked {
  /** Kinds of packets that are missing, each with a packet and everything that stops it. */
  readonly stopped: readonly { readonly packets: Group; readonly why: Why }[];
  /** The fewest of the changes found with which the packets arrive; empty where none help. */
  readonly together: readonly Change[];
  /** What the proof says with these changes made; null where there are none. */
  readonly proved: {
    readonly reached: boolean;
    readonly missing: Group | null;
    readonly unknown: readonly string[];
  } | null;
  readonly effects: Effects | null;
  /** Why there may be more; null where there is nothing. */
  readonly openEnd: string | null;
}

/** Kinds of packets that are explained, one behind the other. */
const MOST_KINDS = 6;

export function explainBlocked(
  network: Network,
  question: BlockedQuestion,
  options: BlockedOptions,
): Blocked {
  const start = openSituation(network, options.cloud);
  const stopped: Blocked['stopped'][number][] = [];
  const chosen: Helped[] = [];
  const hopeless = new Set<number>();
  let situation = start;
  let first: Question | null = null;
  let openEnd: string | null = null;
  for (;;) {
    const standing = standingOf(situation, question, hopeless);
    if (typeof standing === 'string') {
      openEnd = standing;
      break;
    }
    if (standing === null) break;
    if (stopped.length === MOST_KINDS) {
      openEnd = `more than ${MOST_KINDS} kinds of packets are missing`;
      break;
    }
    const { packets, kind } = standing;
    const asked = questionOf(situation.network, question, packets.witness, question.version);
    const traced = asked === null ? null : situation.tracer.trace(asked);
    if (asked === null || traced?.kind !== 'traced') {
      openEnd = 'the missing packet cannot be traced by itself';
      break;
    }
    first ??= asked;
    const { trace } = traced;
    const {
      needed,
      after: _all,
      ...rest
    } = searchFrom(situation, asked, trace, {
      cloud: options.cloud,
      allBlockers: true,
      fixes: true,
      effectPairs: 0,
      ports: question.goal === 'all' ? rangeAround(packets) : null,
    });
    const told = { packets, why: { trace, ...rest, small: null } };
    const alike = needed.length > 0 ? -1 : stopped.findIndex((one) => isAlike(one.why, told.why));
    if (alike < 0) stopped.push(told);
    else stopped[alike] = { ...told, packets: together(stopped[alike]!.packets, packets) };
    if (needed.length === 0) {
      openEnd =
        trace.verdict === 'REACHABLE'
          ? 'whether it arrives hangs on a choice on its way'
          : rest.openEnd;
      hopeless.add(kind);
      continue;
    }
    chosen.push(...needed);
    situation = made(situation, needed);
  }
  const needed = fewest(start, question, chosen);
  const final = made(start, needed);
  return {
    stopped,
    together: needed.map(({ attempt }) => attempt.change),
    proved: needed.length === 0 ? null : provedIn(final, question),
    effects:
      needed.length === 0 || first === null || options.effectPairs === 0
        ? null
        : effectsOf({ situation: start, question: first }, final, options.effectPairs),
    openEnd,
  };
}

function made(so: Situation, all: readonly Helped[]): Situation {
  return all.reduce((before, { attempt }) => changed(before, attempt.makes), so);
}

/** Whether nothing helps against the very same blockers. */
function isAlike(one: Why, other: Why): boolean {
  const key = ({ blockers }: Why): string =>
    JSON.stringify(
      blockers.map(({ blocker: { code, host, component, because }, noFix }) => [
        code,
        host,
        component,
        because,
        noFix,
      ]),
    );
  return one.together.length === 0 && key(one) === key(other);
}

function together(a: Group, b: Group): Group {
  return { classes: [...a.classes, ...b.classes], witness: a.witness };
}

type WalkedWell = Extract<Walked, { kind: 'walked' }>;

function walkedIn({ network }: Situation, question: BlockedQuestion): WalkedWell | string {
  const { from, to, version, wanted, state } = question;
  const established = state === 'established' ? { established: true } : {};
  const walked = openWalks(network).walk({ from, to, version, wanted, ...established });
  if (walked.kind === 'walked') return walked;
  return walked.kind === 'wrong' ? walked.because.join('; ') : walked.why;
}

/** Packets that are asked about and do not arrive; nowhere when enough do. */
function missingOf(walked: WalkedWell, { state, modality, goal }: BlockedQuestion): Region {
  const { asked, space } = walked.followed;
  const come = arrivals(walked, state, modality);
  return goal === 'some' && come !== NOWHERE ? NOWHERE : space.regions.minus(asked, come);
}

/** Kinds in the order in which they are explained: what people try first, first. */
const KINDS: readonly ((wanted: Wanted) => Wanted)[] = [
  ({ icmp }) => ({ icmp, tcp: null, udp: null, others: false }),
  ({ tcp }) => ({ icmp: false, tcp, udp: null, others: false }),
  ({ udp }) => ({ icmp: false, tcp: null, udp, others: false }),
  ({ others }) => ({ icmp: false, tcp: null, udp: null, others }),
];

/** The kind of packets to explain next; null when nothing is missing, a sentence when unknown. */
function standingOf(
  situation: Situation,
  question: BlockedQuestion,
  hopeless: ReadonlySet<number>,
): { readonly packets: Group; readonly kind: number } | string | null {
  const walked = walkedIn(situation, question);
  if (typeof walked === 'string') return walked;
  const { space, to } = walked.followed;
  const missing = missingOf(walked, question);
  if (missing === NOWHERE || to.address === null) return null;
  const { address } = to;
  for (const [kind, only] of KINDS.entries()) {
    if (hopeless.has(kind)) continue;
    const sets = setsTo(address, only(question.wanted), space);
    const own = sets.reduce((all, { p }) => space.regions.or(all, p.where), NOWHERE);
    const packets = groupOf(space, space.regions.and(missing, own));
    if (packets !== null) return { packets, kind };
  }
  return null;
}

/** The run of missing ports in which a group's witness stands. */
function rangeAround({ classes, witness }: Group): PortRange | null {
  const ports = classes.flatMap((one) =>
    one.protocol === nameOf(witness) ? (one.ports ?? []) : [],
  );
  const run = ports.find(([low, high]) => low <= witness.port && witness.port <= high);
  if (run !== undefined) return run;
  return nameOf(witness) === null ? null : [0, 65_535];
}

function nameOf({ protocol }: Witness): string | null {
  return protocol === 6 ? 'tcp' : protocol === 17 ? 'udp' : null;
}

/** Without changes that are not needed: each is left out once, the first first. */
function fewest(
  start: Situation,
  question: BlockedQuestion,
  chosen: readonly Helped[],
): readonly Helped[] {
  let needed = chosen;
  if (provedIn(made(start, chosen), question)?.reached !== true) return chosen;
  for (const one of chosen) {
    if (needed.length === 1) break;
    const rest = needed.filter((other) => other !== one);
    if (provedIn(made(start, rest), question)?.reached === true) needed = rest;
  }
  return needed;
}

function provedIn(situation: Situation, question: BlockedQuestion): Blocked['proved'] {
  const walked = walkedIn(situation, question);
  if (typeof walked === 'string') return { reached: false, missing: null, unknown: [walked] };
  const missing = missingOf(walked, question);
  return {
    reached: missing === NOWHERE && walked.unsure.length === 0,
    missing: groupOf(walked.followed.space, missing),
    unknown: walked.unsure,
  };
}
