/**
 * Proofs about all packets from one end to another: which reach it, which are answered, what
 * stops the others. Every claim has a witness that the walk of one packet replays; what hangs on
 * something unknown is said, and then the verdict is UNDETERMINED.
 */

import { type Network } from '../../dataplane/network.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { field, TCP_FLAGS } from '../../packet/fields.ts';
import { type Reason } from '../../reasons/codes.ts';
import { type CompiledNetwork, compileNetwork } from '../../trace/compiled-network.ts';
import { electedTwice } from '../../trace/diagnosis/split-brain.ts';
import { lackingOnTheWay } from '../../trace/lacking.ts';
import { lineageReader, type Role } from '../../trace/lineage.ts';
import { outsidePlace, outsideTarget, withOutside } from '../../trace/outside.ts';
import { type EnterStep } from '../../trace/steps.ts';
import { type TraceEnd, type Verdict } from '../../trace/types.ts';
import { type Ending } from '../../trace/walk.ts';
import { readSteps } from '../../traffic/diary.ts';
import { blankPacket, type Packet } from '../../traffic/packet.ts';
import { type PacketSet } from '../../traffic/sets/packet-set.ts';
import { NOWHERE, type Region, type Regions, TooManyRegions } from '../../traffic/sets/regions.ts';
import { packetSets } from '../../traffic/sets/set-traffic.ts';
import { inputPacket, openSpace, type Space } from '../../traffic/sets/space.ts';
import { type Step, type Traffic } from '../../traffic/traffic.ts';
import { assignment } from '../../traffic/words.ts';
import { classesOf, type PacketClass } from './classes.ts';
import { type Propagated, propagate, type Sender } from './propagate.ts';
import { COORDINATES, setsTo } from './source.ts';
import { type Wanted } from './wanted.ts';

/** All packets of some kinds from one end to another. */
export interface ProofQuestion {
  readonly from: TraceEnd;
  readonly to: TraceEnd;
  readonly wanted: Wanted;
  /** Bytes of every packet, which then must not be fragmented; without it they are small. */
  readonly length?: number | undefined;
  /** Follow further packets of the connections that were answered as well. */
  readonly established?: boolean;
  /** Packets that may arrive: what arrives beyond them is told. Null: nothing is asked of that. */
  readonly allowed?: Wanted;
}

/** One packet of a class: the coordinates that the question leaves open. */
export interface Witness {
  readonly protocol: number;
  readonly port: number;
  readonly sourcePort: number;
}

/** Packets of which the same is said, with one of them. */
export interface Group {
  readonly classes: readonly PacketClass[];
  readonly witness: Witness;
}

/** Packets that ended before they got there, by what stopped them. */
export interface Stopped extends Group {
  readonly code: Reason;
  readonly host: string;
  readonly where: string;
  readonly evidence: string;
  readonly origin: { readonly file: string; readonly line: number } | null;
}

export interface Proof {
  /** REACHABLE: some packets arrive; UNREACHABLE: no packet does, and nothing is in doubt. */
  readonly verdict: Verdict;
  readonly asked: Group | null;
  /** Packets that get to the end's own stack; null for none. */
  readonly arrives: Group | null;
  /** Of them those to which an answer comes back. */
  readonly answered: Group | null;
  /** Asked about and not arriving; null for none. */
  readonly missing: Group | null;
  /** Arriving and not allowed; null for none, and where nothing was asked of that. */
  readonly beyond: Group | null;
  readonly stopped: readonly Stopped[];
  /** Why the verdict is not sure. */
  readonly unknown: readonly string[];
  /** Inputs of which no end is known: a proof with any is no proof. */
  readonly lost: Group | null;
}

export type Proved =
  | {
      readonly kind: 'proved';
      readonly proof: Proof;
      /** The inputs that arrive, for comparison within one space. */
      readonly region: Region;
      readonly followed: Followed;
    }
  | { readonly kind: 'impossible'; readonly why: string };

/** Everything that became of the packets of one question: for claims that a proof does not make. */
export interface Followed {
  readonly space: Space;
  readonly asked: Region;
  readonly from: TraceEnd;
  readonly to: TraceEnd;
  readonly told: readonly Told[];
  /** Switches and namespaces to which something has come, as `World.met` names them. */
  readonly places: ReadonlySet<string>;
}

/** Proves questions over one network; what is compiled is kept between them. */
export interface Prover {
  /** @param space shared by proofs whose regions are compared with each other */
  prove(question: ProofQuestion, space?: Space, traffic?: Traffic<PacketSet>): Proved;
}

export function prepareProofs(network: Network): Prover {
  const compiled = compileNetwork(withOutside(network), {});
  return {
    prove: (question, space, traffic) =>
      prove(compiled, question, space ?? openSpace(), traffic ?? packetSets),
  };
}

/** Not arriving: the frame came by and was for somebody else. */
const NOT_MEANT: readonly Reason[] = ['NOT_FOR_ME'];
const UNSURE: readonly Reason[] = [
  'UNSUPPORTED_ACTION',
  'UNSUPPORTED_MATCH',
  'SNAPSHOT_INCOMPLETE',
  'ADDRESS_DUPLICATE',
];

function prove(
  compiled: CompiledNetwork,
  question: ProofQuestion,
  space: Space,
  traffic: Traffic<PacketSet>,
): Proved {
  const { from: asker, to, wanted, allowed } = question;
  const { address } = to;
  const outside = asker.kind === 'external' && asker.host === null;
  const from = { ...asker, ...(outside ? outsidePlace(compiled.network, address) : null) };
  if (from.host === null || from.namespace === null) {
    return { kind: 'impossible', why: `the snapshot does not show where ${from.label} sends from` };
  }
  if (address === null) {
    return { kind: 'impossible', why: `${to.label} has no address in the snapshot` };
  }
  const sender = { host: from.host, namespace: from.namespace };
  const source = outside ? from.address : null;
  const sets = setsTo(address, wanted, space, source, question.length ?? null);
  const borrowed = [
    ...outsideTarget(compiled.network, to),
    ...(source === null ? [] : [{ ...sender, address: source }]),
  ];
  if (sets.length === 0) return { kind: 'impossible', why: 'no packet was asked about' };
  let walked: Propagated<PacketSet> | null;
  try {
    walked = propagate(compiled, traffic, sender, sets, {
      borrowed,
      sets: true,
      further: (endings) =>
        question.established === true ? furtherPackets(sets, endings, sender) : [],
    });
  } catch (error) {
    if (error instanceof TooManyRegions) return { kind: 'impossible', why: error.message };
    throw error;
  }
  if (walked === null) {
    return { kind: 'impossible', why: `${from.host} has no namespace ${from.namespace}` };
  }
  const inputs = {
    asked: inputsOf(sets),
    allowed: allowed === undefined ? null : inputsOf(setsTo(address, allowed, space)),
  };
  return { kind: 'proved', ...concluded(compiled, { from, to, address }, walked, space, inputs) };
}

/** What follows on connections whose first packet was answered, as each of them was translated. */
function furtherPackets(
  sets: ReturnType<typeof setsTo>,
  endings: readonly Ending<PacketSet>[],
  sender: Sender,
): readonly PacketSet[] {
  const lineageOf = lineageReader();
  const answers = endings.filter(
    ({ device, outcome, p }) =>
      outcome.kind === 'delivered' &&
      device.host === sender.host &&
      device.name === sender.namespace &&
      lineageOf(p).role === 'answer',
  );
  return sets.flatMap(({ p, kind }) =>
    answers.flatMap((answer) => {
      const part = packetSets.within(p, answer.p);
      if (part === null) return [];
      return [kind === 'tcp' ? packetSets.set(part, DATA_FLAGS) : part];
    }),
  );
}

const DATA_FLAGS = assignment(field('tcp_flags'), BigInt(TCP_FLAGS.ack | TCP_FLAGS.psh));

function inputsOf(sets: ReturnType<typeof setsTo>): Region {
  return sets.reduce((all, { p }) => p.space.regions.or(all, p.where), NOWHERE);
}

interface Ends {
  readonly from: TraceEnd;
  readonly to: TraceEnd;
  readonly address: IpAddress;
}

/** An ending with what its diary says. */
export interface Told {
  readonly ending: Ending<PacketSet>;
  readonly steps: readonly Step[];
  readonly role: Role;
}

function concluded(
  compiled: CompiledNetwork,
  { from, to, address }: Ends,
  walked: Propagated<PacketSet>,
  space: Space,
  { asked, allowed }: { readonly asked: Region; readonly allowed: Region | null },
): { readonly proof: Proof; readonly region: Region; readonly followed: Followed } {
  const { regions } = space;
  const lineageOf = lineageReader();
  const told = walked.endings.map((ending): Told => {
    return { ending, steps: readSteps(ending.p), role: lineageOf(ending.p).role };
  });
  const shadow = (where: Region): Region => regions.shadow(where, space.places.length);
  const requests = told.filter(({ role }) => role === 'request');
  const arrives = union(
    regions,
    requests.filter((one) => arrived(one, to)),
    shadow,
  );
  const answers = told.filter(
    ({ ending, role }) =>
      (role === 'answer' || role === 'data') &&
      ending.outcome.kind === 'delivered' &&
      ending.device.host === from.host &&
      ending.device.name === from.namespace,
  );
  const answered = regions.and(arrives, union(regions, answers, shadow));
  const ended = union(regions, requests, shadow);
  const lost = regions.minus(asked, ended);
  const group = (where: Region): Group | null => groupOf(space, where);
  const unknown = doubts(compiled, walked, told, address);
  const sure = unknown.length === 0 && lost === NOWHERE;
  // What a person reads of regions is made when somebody does.
  const said = {
    asked: once(() => group(asked)),
    arrives: once(() => group(arrives)),
    answered: once(() => group(answered)),
    missing: once(() => group(regions.minus(asked, arrives))),
    beyond: once(() => group(allowed === null ? NOWHERE : regions.minus(arrives, allowed))),
    stopped: once(() => stoppedOf(space, requests, to, arrives, group, shadow)),
    lost: once(() => group(lost)),
  };
  const proof: Proof = {
    verdict: sure ? (arrives === NOWHERE ? 'UNREACHABLE' : 'REACHABLE') : 'UNDETERMINED',
    get asked() {
      return said.asked();
    },
    get arrives() {
      return said.arrives();
    },
    get answered() {
      return said.answered();
    },
    get missing() {
      return said.missing();
    },
    get beyond() {
      return said.beyond();
    },
    get stopped() {
      return said.stopped();
    },
    unknown,
    get lost() {
      return said.lost();
    },
  };
  return {
    proof,
    region: arrives,
    followed: { space, asked, from, to, told, places: walked.places },
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** A region as a person reads it; null for no packet. */
export function groupOf(space: Space, where: Region): Group | null {
  if (where === NOWHERE) return null;
  return { classes: classesOf(space, where), witness: witness(space, where) };
}

function union(regions: Regions, told: readonly Told[], shadow: (where: Region) => Region): Region {
  return told.reduce((all, { ending }) => regions.or(all, shadow(ending.p.where)), NOWHERE);
}

/** Whether a packet got to the stack that was meant; that nobody listens there is another matter. */
export function arrived({ ending: { device, outcome } }: Told, to: TraceEnd): boolean {
  // Of an address alone nobody knows where it is: whoever takes the packet has it.
  if (to.host === null || to.namespace === null) return outcome.kind === 'delivered';
  if (device.host !== to.host || device.name !== to.namespace) return false;
  if (outcome.kind === 'delivered') return true;
  return outcome.drop.reason === 'NOT_LISTENING';
}

/** What stopped the packets that did not arrive, the most first. */
function stoppedOf(
  { regions }: Space,
  requests: readonly Told[],
  to: TraceEnd,
  arrives: Region,
  group: (where: Region) => Group | null,
  shadow: (where: Region) => Region,
): readonly Stopped[] {
  const byCause = new Map<string, { told: Told; where: Region }>();
  for (const told of requests) {
    const { outcome, device, p } = told.ending;
    if (outcome.kind !== 'dropped' || arrived(told, to)) continue;
    const { drop } = outcome;
    if (NOT_MEANT.includes(drop.reason)) continue;
    const where = regions.minus(shadow(p.where), arrives);
    if (where === NOWHERE) continue;
    const key = `${device.host} ${device.name} ${drop.reason} ${drop.where} ${drop.evidence}`;
    const known = byCause.get(key);
    byCause.set(key, { told, where: regions.or(known?.where ?? NOWHERE, where) });
  }
  return [...byCause.values()].flatMap(({ told: { ending }, where }): readonly Stopped[] => {
    const found = group(where);
    if (found === null || ending.outcome.kind !== 'dropped') return [];
    const { reason, where: place, evidence, origin } = ending.outcome.drop;
    const at = origin === null ? null : { file: origin.file, line: origin.line };
    return [
      { ...found, code: reason, host: ending.device.host, where: place, evidence, origin: at },
    ];
  });
}

/** Everything that keeps a verdict from being sure. */
function doubts(
  { network }: CompiledNetwork,
  walked: Propagated<PacketSet>,
  told: readonly Told[],
  { version }: IpAddress,
): readonly string[] {
  const found = new Set<string>();
  for (const { ending } of told) for (const doubt of ending.p.doubts) found.add(doubt);
  for (const { code, detail } of walked.assumed.values()) {
    if (UNSURE.includes(code)) found.add(`${code}: ${detail}`);
  }
  const ways = told.map(({ steps }) => steps);
  const entered = told.flatMap(({ steps, role }) =>
    role === 'resolution'
      ? []
      : steps.flatMap((step) => (step.kind === 'enter' ? [(step as EnterStep).device] : [])),
  );
  for (const doubt of electedTwice(network, entered)) found.add(doubt);
  for (const { file, consequence } of lackingOnTheWay(network, ways, version)) {
    found.add(`SNAPSHOT_INCOMPLETE: ${file} is missing: ${consequence}`);
  }
  return [...found];
}

/** Packets that people know, by protocol, port and source port: the first that fits is told. */
const USUAL: readonly (readonly [number, number, number])[] = [
  [6, 443, 40_000],
  [1, 0, 0],
  [58, 0, 0],
  [17, 53, 40_000],
];

/** One packet of a region, as near to a usual one as the region has it. */
function witness(space: Space, where: Region): Witness {
  const sampled = (typical: Packet): Witness => {
    const { words } = inputPacket(space, where, typical);
    const [protocol, port, sourcePort] = COORDINATES.map((of) => words[of.word]!);
    return { protocol: protocol!, port: port!, sourcePort: sourcePort! };
  };
  for (const usual of USUAL) {
    const typical = blankPacket();
    for (const [i, of] of COORDINATES.entries()) typical.words[of.word] = usual[i]!;
    const found = sampled(typical);
    if (found.protocol === usual[0]) return found;
  }
  return sampled(blankPacket());
}
