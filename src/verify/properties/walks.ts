/**
 * Proofs between pairs of ends by the words that name them, kept while several properties ask for
 * the same, and what the rules saw of them.
 */
import { type Network } from '../../dataplane/network.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { type Reason } from '../../reasons/codes.ts';
import { askedQuestion } from '../../trace/ask.ts';
import { NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { openSpace } from '../../traffic/sets/space.ts';
import { arrived, type Followed, type Proof, type Prover, prepareProofs } from '../proof/prove.ts';
import { isUntouched } from '../proof/unchanged.ts';
import { type Wanted } from '../proof/wanted.ts';
import { type Overheard, recorder } from './recorder.ts';
import { type Checked, type Modality, type State } from './types.ts';

/** Which packets of which pair. */
export interface WalkQuestion {
  readonly from: string;
  readonly to: string;
  readonly wanted: Wanted;
  readonly version: 4 | 6;
  readonly allowed?: Wanted;
  readonly established?: boolean;
  /** Bytes of every packet; without it they are small. */
  readonly length?: number;
  /** Another address of the receiver than its own: a floating IP. */
  readonly at?: IpAddress;
}

export type Walked =
  | {
      readonly kind: 'walked';
      readonly proof: Proof;
      readonly followed: Followed;
      /** Inputs with choices that can be made. */
      readonly possible: Region;
      /** Why nothing is sure that no packet shows. */
      readonly unsure: readonly string[];
    }
  /** An end that does not exist, or two of one name. */
  | { readonly kind: 'wrong'; readonly because: readonly string[] }
  | { readonly kind: 'impossible'; readonly why: string };

export interface Walks {
  walk(question: WalkQuestion): Walked;
}

/** Walks over a network from which another one differs in some switches and namespaces only. */
export interface KnownWalks {
  readonly walks: Walks;
  readonly changed: ReadonlySet<string>;
}

/** Walks that are kept at once; each holds its diagrams. */
const MOST_KEPT = 200;

/**
 * Prepares a network for the questions of many properties.
 * @param known what came to nothing that changed is taken over from there
 */
export function openWalks(
  network: Network,
  overheard: Overheard | null = null,
  known: KnownWalks | null = null,
): Walks {
  const prover = prepareProofs(network);
  const kept = new Map<string, Walked>();
  return {
    walk(question) {
      if (known !== null && overheard === null) {
        const before = known.walks.walk(question);
        if (before.kind === 'walked' && isUntouched(before.followed, known.changed)) return before;
      }
      const key = JSON.stringify(question, (_, value: unknown) =>
        typeof value === 'bigint' ? String(value) : value,
      );
      const again = kept.get(key);
      if (again !== undefined) return again;
      const walked = walkOnce(network, prover, question, overheard);
      if (kept.size >= MOST_KEPT) kept.delete(kept.keys().next().value ?? '');
      kept.set(key, walked);
      return walked;
    },
  };
}

function walkOnce(
  network: Network,
  prover: Prover,
  { from, to, version, at, ...rest }: WalkQuestion,
  overheard: Overheard | null,
): Walked {
  const asked = askedQuestion(network, { from, to, version });
  if (asked.kind === 'wrong') {
    const because = [asked.message, ...asked.details.map((line) => line.trim())];
    return { kind: 'wrong', because };
  }
  const { traffic, possible } = recorder(overheard);
  const receiver = at === undefined ? asked.value.to : { ...asked.value.to, address: at };
  const question = { from: asked.value.from, to: receiver, ...rest };
  const proved = prover.prove(question, openSpace(), traffic);
  if (proved.kind === 'impossible') return proved;
  const { proof, followed } = proved;
  const unsure = [
    ...proof.unknown,
    ...(proof.lost === null ? [] : ['no end is known of some of the packets']),
  ];
  return { kind: 'walked', proof, followed, possible: possible(), unsure };
}

/** The inputs whose packets of a state arrive, whatever is chosen or for some choice. */
export function arrivals(
  walked: Extract<Walked, { kind: 'walked' }>,
  state: State,
  modality: Modality,
): Region {
  const { followed, possible } = walked;
  const { regions, places } = followed.space;
  const come = endingsOf(followed, state).reduce(
    (all, { ending }) => regions.or(all, ending.p.where),
    NOWHERE,
  );
  const some = regions.shadow(come, places.length);
  if (modality === 'may') return regions.and(some, followed.asked);
  const missed = regions.minus(regions.and(followed.asked, possible), come);
  return regions.minus(regions.and(some, followed.asked), regions.shadow(missed, places.length));
}

/** What stops requests of a region for some choices, where something does. */
export function dropByChoice(
  { followed }: Extract<Walked, { kind: 'walked' }>,
  region: Region,
): { readonly code: Reason; readonly text: string; readonly origin: Checked['origin'] } | null {
  const { regions, places } = followed.space;
  for (const { role, ending } of followed.told) {
    const { outcome, p, device } = ending;
    if (role !== 'request' || outcome.kind !== 'dropped') continue;
    const { reason, where, origin } = outcome.drop;
    if (regions.and(p.where, region) === NOWHERE) continue;
    // Copies that end there whatever is chosen decide nothing.
    if (regions.shadow(p.where, places.length) === p.where) continue;
    const at = origin === null ? null : { file: origin.file, line: origin.line };
    const line = at === null ? '' : ` (${at.file}:${at.line})`;
    return { code: reason, text: `${reason} at ${device.host}, ${where}${line}`, origin: at };
  }
  return null;
}

/** The endings at which packets of a state are where they were meant to get. */
export function endingsOf({ told, from, to }: Followed, state: State): Followed['told'] {
  return told.filter((one) => {
    if (state === 'new') return one.role === 'request' && arrived(one, to);
    if (state === 'established') return one.role === 'data' && arrived(one, to);
    const { device, outcome } = one.ending;
    return (
      (one.role === 'answer' || one.role === 'data') &&
      outcome.kind === 'delivered' &&
      device.host === from.host &&
      device.name === from.namespace
    );
  });
}
