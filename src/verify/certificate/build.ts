/** Writes the books of a walk as a certificate; nothing is written where a proof is not sure. */
import { type RuleStep } from '../../dataplane/iptables/steps.ts';
import { type ActionStep, type FlowStep } from '../../dataplane/ovs/pipeline/steps.ts';
import { printFlow } from '../../dataplane/ovs/text/print-flow.ts';
import { type Origin } from '../../text/problem.ts';
import { lineageReader } from '../../trace/lineage.ts';
import { type DroppedStep, type EnterStep } from '../../trace/steps.ts';
import { type Page } from '../../traffic/diary.ts';
import { type PacketSet } from '../../traffic/sets/packet-set.ts';
import { EVERYWHERE, NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { openSpace, type Space } from '../../traffic/sets/space.ts';
import { ones } from '../../traffic/sets/symbols.ts';
import { type Step } from '../../traffic/traffic.ts';
import { type Proof, type ProofQuestion, type Prover } from '../proof/prove.ts';
import { COORDINATES } from '../proof/source.ts';
import { type Books, counted, type Entry, openBooks } from './record.ts';
import {
  type Certificate,
  type End,
  type Location,
  type PacketBox,
  type Part,
  type Place,
  type RuleText,
  type Variable,
} from './types.ts';

export type Certified =
  | { readonly kind: 'certified'; readonly proof: Proof; readonly certificate: Certificate }
  /** There is no certificate; the proof stands, if there is one. */
  | { readonly kind: 'none'; readonly proof: Proof | null; readonly why: string };

/** Boxes in all of a certificate; more are no reading matter, and no file. */
const MOST_BOXES = 200_000;

class TooManyBoxes extends Error {}

/** Proves a question and, where no packet arrives, writes the certificate. */
export function certify(prover: Prover, question: ProofQuestion): Certified {
  const books = openBooks();
  const space = openSpace();
  const proved = prover.prove(question, space, books.traffic);
  if (proved.kind === 'impossible') return { kind: 'none', proof: null, why: proved.why };
  const { proof, followed } = proved;
  const none = (why: string): Certified => ({ kind: 'none', proof, why });
  if (proof.verdict !== 'UNREACHABLE') return none('only that no packet arrives is certified');
  const places = [placeOf(followed.from), placeOf(followed.to)] as const;
  const [from, to] = places;
  if (from === null || to === null) return none('the snapshot does not show where the end is');
  try {
    return {
      kind: 'certified',
      proof,
      certificate: written(books, space, followed.asked, { from, to }),
    };
  } catch (error) {
    if (error instanceof TooManyBoxes) return none(error.message);
    throw error;
  }
}

function placeOf(end: {
  readonly host: string | null;
  readonly namespace: string | null;
}): Place | null {
  return end.host === null || end.namespace === null
    ? null
    : { host: end.host, device: end.namespace };
}

/** An entry that becomes a location, or one that only hands on to the next. */
interface Node {
  readonly entry: Entry;
  readonly step: Step;
  readonly region: Region;
  readonly next: Node[];
  readonly place: Place;
  id: number;
}

function written(
  { entries, chosen }: Books,
  space: Space,
  asked: Region,
  ends: { readonly from: Place; readonly to: Place },
): Certificate {
  const { regions } = space;
  let domain: Region = EVERYWHERE;
  for (const [variable, [low, high]] of chosen) {
    domain = regions.and(domain, regions.of(variable, Uint32Array.of(low, high)));
  }
  const nodes = nodesOf(entries, domain, ends.from);
  const kept = nodes.filter(isKept);
  for (const [i, node] of kept.entries()) node.id = i + 1;
  const boxes = boxWriter(space, chosen);
  const locations = kept.map((node): Location => {
    const end = endOf(node);
    return {
      id: node.id,
      place: node.place,
      what: node.step.kind,
      rule: ruleOf(node, boxes.name),
      in: boxes.of(node.region),
      parts: partsOf(node, space).map(({ region, to }) => ({ boxes: boxes.of(region), to })),
      end,
    };
  });
  const start = boxes.of(regions.and(asked, domain));
  const variables = boxes.variables();
  return { version: 1, claim: 'never', ...ends, variables, asked: start, locations };
}

/** The packets of the question alone: what is made because of them are others. */
function nodesOf(entries: readonly Entry[], domain: Region, from: Place): readonly Node[] {
  const roleOf = lineageReader();
  const byPage = new Map<Page, Node>();
  for (const entry of entries) {
    if (roleOf({ diary: entry.page }).role !== 'request') continue;
    const step = typeof entry.page.step === 'function' ? entry.page.step() : entry.page.step;
    if (step === null) continue;
    const before = entry.from.flatMap((page) => byPage.get(page) ?? []);
    const enter = step.kind === 'enter' ? (step as EnterStep) : null;
    const place =
      enter === null ? (before[0]?.place ?? from) : { host: enter.host, device: enter.device };
    const node: Node = { entry, step, region: counted(entry, domain), next: [], place, id: 0 };
    byPage.set(entry.page, node);
    for (const each of before) each.next.push(node);
  }
  return [...byPage.values()];
}

const TOLD: readonly string[] = ['made', 'enter', 'flow', 'rule', 'joined'];

function isKept(node: Node): boolean {
  const [only] = node.next;
  const same = node.next.length === 1 && only?.region === node.region;
  return !same || TOLD.includes(node.step.kind) || node.entry.from.length > 1;
}

/** The location that packets get to by way of entries that only hand on. */
function landing(node: Node): Node {
  let at = node;
  while (at.id === 0 && at.next[0] !== undefined) at = at.next[0];
  return at;
}

/** What came in, cut so that the packets of a part go to the same locations. */
function partsOf(
  node: Node,
  { regions }: Space,
): readonly { readonly region: Region; readonly to: Part['to'] }[] {
  let parts: readonly { readonly region: Region; readonly to: Part['to'] }[] = [
    { region: node.region, to: [] },
  ];
  for (const each of node.next) {
    const { id } = landing(each);
    parts = parts.flatMap(({ region, to }) => {
      const goes = { region: regions.and(region, each.region), to: [...to, id] };
      const stays = { region: regions.minus(region, each.region), to };
      return [goes, stays].filter((part) => part.region !== NOWHERE);
    });
  }
  return parts;
}

function endOf({ step, next }: Node): End | null {
  if (step.kind === 'delivered') {
    return { kind: 'delivered', to: (step as Step & { readonly to: string }).to };
  }
  if (step.kind === 'dropped')
    return { kind: 'dropped', reason: (step as DroppedStep).drop.reason };
  // A copy that a flow drops while another one goes on has no ending of its own.
  const drops = step.kind === 'flow-action' && (step as ActionStep).action.kind === 'drop';
  return drops && next.length === 0 ? { kind: 'dropped', reason: 'OF_EXPLICIT_DROP' } : null;
}

function ruleOf({ step, entry }: Node, name: (variable: number) => string): RuleText | null {
  const at = ({ file, line }: Origin): string => `${file}:${line}`;
  const shows = shownBy(entry.set, name);
  if (step.kind === 'rule') {
    const { text, origin } = step as RuleStep;
    return { text, at: at(origin), shows };
  }
  const flow = step.kind === 'flow' ? (step as FlowStep).flow : null;
  return flow === null ? null : { text: printFlow(flow), at: at(flow.origin), shows };
}

/** Fields all of whose bytes are still those of the packets that were asked about. */
function shownBy(
  { space, words }: PacketSet,
  name: (variable: number) => string,
): RuleText['shows'] {
  const shows: Record<string, readonly string[]> = {};
  for (const of of COORDINATES) {
    const pieces = words[of.word]!.filter(({ from }) => from < of.width).reverse();
    const names = pieces.flatMap((piece) => {
      const { variable, width } = piece;
      if (variable === null || piece.add !== 0 || piece.low !== 0 || width !== 8) return [];
      return space.regions.tops[variable] === ones(width) ? [name(variable)] : [];
    });
    if (names.length === of.width / 8) shows[of.name] = names;
  }
  return shows;
}

/** Regions as boxes; equal regions share them. */
function boxWriter(
  { regions, places }: Space,
  chosen: Books['chosen'],
): {
  readonly of: (region: Region) => readonly PacketBox[];
  readonly name: (variable: number) => string;
  readonly variables: () => readonly Variable[];
} {
  const known = new Map<Region, readonly PacketBox[]>();
  const named = new Map<number, string>();
  let left = MOST_BOXES;
  const name = (variable: number): string => {
    const found = named.get(variable) ?? nameOf(variable);
    named.set(variable, found);
    return found;
  };
  const nameOf = (variable: number): string => {
    const place = places[variable];
    if (place === undefined) return `choice ${variable - places.length + 1}`;
    const of = COORDINATES.find(({ word }) => word === place.word);
    return `${of?.name ?? `word ${place.word}`}[${place.shift}..${place.shift + 7}]`;
  };
  const valuesOf = (variable: number): readonly [number, number] =>
    chosen.get(variable) ?? [0, regions.tops[variable]!];
  const collect = (at: Region, box: PacketBox, into: PacketBox[]): void => {
    if (at === NOWHERE) return;
    if (at === EVERYWHERE) {
      if (--left < 0) throw new TooManyBoxes(`the certificate has more than ${MOST_BOXES} boxes`);
      into.push(box);
      return;
    }
    const { variable, ends, behind } = regions.edges(at);
    for (const [i, end] of ends.entries()) {
      const low = i === 0 ? 0 : ends[i - 1]! + 1;
      const [least, most] = valuesOf(variable);
      const every = low === least && end === most;
      const narrower = every ? box : { ...box, [name(variable)]: [low, end] as const };
      collect(behind[i]!, narrower, into);
    }
  };
  const of = (region: Region): readonly PacketBox[] => {
    const found = known.get(region);
    if (found !== undefined) return found;
    const into: PacketBox[] = [];
    collect(region, {}, into);
    known.set(region, into);
    return into;
  };
  const variables = (): readonly Variable[] =>
    [...named].map(([variable, each]) => {
      const [low, high] = valuesOf(variable);
      return { name: each, low, high };
    });
  return { of, name, variables };
}
