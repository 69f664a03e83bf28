/**
 * `arrives`: which packets get from some ends to others. A property that says nothing (no packet
 * is asked about, an end that is not there, a sender that sends nothing into the network) fails:
 * CI must not pass because a name was misspelt.
 */
import { type JsonNode, member, truthOf, wrong } from '../../../text/json-text.ts';
import { NOWHERE, type Region } from '../../../traffic/sets/regions.ts';
import { classText } from '../../proof/classes.ts';
import { type Group, groupOf, type Proof } from '../../proof/prove.ts';
import { ALL_WANTED, type Wanted } from '../../proof/wanted.ts';
import { endsOf, everyServer } from '../ends.ts';
import {
  type Checked,
  CLAIMS,
  MODALITIES,
  type Modality,
  type ReachProperty,
  STATES,
  type State,
} from '../types.ts';
import { arrivals, dropByChoice, endingsOf, type Walked } from '../walks.ts';
import { passesInOrder, placesOf } from '../ways.ts';
import { choiceOf, namesOf, neededNames, PACKET_KEYS, versionOf, wantedOf } from '../words.ts';
import { type Begun, type Checking, type KindRow, plain } from './row.ts';

export const REACH_KEYS = [
  'from',
  'to',
  'arrives',
  ...PACKET_KEYS,
  'ipv6',
  'answered',
  'state',
  'modality',
  'via',
  'avoid',
  'nobody_else',
] as const;

export const REACH: KindRow<ReachProperty> = {
  kind: 'reach',
  sign: 'arrives',
  keys: REACH_KEYS,
  read: readReach,
  check: checkReach,
};

function readReach(node: JsonNode, { name, ...place }: Begun): ReachProperty | null {
  const [from, to] = [neededNames(node, 'from'), neededNames(node, 'to')];
  const claim = choiceOf(node, 'arrives', CLAIMS);
  if (claim === undefined) wrong(node, `A property says what arrives: ${CLAIMS.join(', ')}`);
  const wanted = wantedOf(node);
  const answered = truthOf(member(node, 'answered')) === true;
  const state = choiceOf(node, 'state', STATES);
  const modality = choiceOf(node, 'modality', MODALITIES);
  if (answered && state !== undefined && state !== 'reply') {
    wrong(node, 'answered means state: reply; take one of them');
    return null;
  }
  if (from === null || to === null || claim === undefined || claim === null) return null;
  if (wanted === null || state === null || modality === null) return null;
  return {
    kind: 'reach',
    name: name ?? `${from.join(', ')} → ${to.join(', ')}`,
    ...place,
    from,
    to,
    claim,
    wanted,
    version: versionOf(node),
    state: state ?? (answered ? 'reply' : 'new'),
    modality: modality ?? null,
    via: namesOf(node, 'via'),
    avoid: namesOf(node, 'avoid'),
    nobodyElse: truthOf(member(node, 'nobody_else')) === true,
  };
}

function* checkReach(checking: Checking, property: ReachProperty): Generator<Checked> {
  const { network, file } = checking;
  const [from, to] = [property.from, property.to].map((words) =>
    endsOf(network, file.groups, words),
  );
  const wrongs = [...(from?.wrong ?? []), ...(to?.wrong ?? [])];
  const pair = `${property.from.join(', ')} → ${property.to.join(', ')}`;
  if (from === undefined || to === undefined || wrongs.length > 0) {
    yield plain(property, pair, 'fails', wrongs);
    return;
  }
  let pairs = 0;
  for (const sender of from.names) {
    for (const receiver of to.names) {
      // Lists of ends may overlap: nobody is asked about himself.
      if (sender === receiver) continue;
      pairs++;
      yield checkPair(checking, property, sender, receiver);
    }
  }
  if (pairs === 0) yield plain(property, pair, 'fails', ['no two different ends are asked about']);
  if (property.nobodyElse) {
    yield* checkOthers(checking, property, new Set([...from.names, ...to.names]), to.names);
  }
}

/** Of all other servers nothing arrives, of which ever protocol. */
function* checkOthers(
  checking: Checking,
  property: ReachProperty,
  meant: ReadonlySet<string>,
  receivers: readonly string[],
): Generator<Checked> {
  const others = everyServer(checking.network).filter((name) => !meant.has(name));
  const none: ReachProperty = {
    ...property,
    claim: 'none',
    wanted: ALL_WANTED,
    state: 'new',
    modality: 'may',
    via: [],
    avoid: [],
  };
  for (const sender of others) {
    for (const receiver of receivers) {
      yield { ...checkPair(checking, none, sender, receiver, false), property };
    }
  }
}

/**
 * Checks one pair of ends.
 * @param sends a sender that is cut off makes the claim say nothing
 */
export function checkPair(
  checking: Checking,
  property: ReachProperty,
  from: string,
  to: string,
  sends = true,
): Checked {
  const { claim, version, state } = property;
  const said = { property, subject: `${from} → ${to}`, from, to, code: null, origin: null };
  const wanted = state === 'new' ? property.wanted : answerable(property.wanted);
  const walked = checking.walks.walk({
    from,
    to,
    version,
    wanted: claim === 'only' ? ALL_WANTED : wanted,
    ...(claim === 'only' ? { allowed: wanted } : {}),
    ...(state === 'established' ? { established: true } : {}),
  });
  if (walked.kind === 'wrong') {
    return { ...said, holds: 'fails', because: walked.because, witness: null, proof: null };
  }
  if (walked.kind === 'impossible') {
    return { ...said, holds: 'unsure', because: [walked.why], witness: null, proof: null };
  }
  const { proof, unsure } = walked;
  const { holds, because, shown } = judged(checking, property, walked, sends);
  const first = holds === 'holds' ? undefined : proof.stopped[0];
  const found =
    claim === 'none' || first === undefined
      ? said
      : { ...said, code: first.code, origin: first.origin };
  // What is seen to fail by a packet fails whatever else is unknown; nothing else is sure then.
  if (unsure.length > 0 && !(holds === 'fails' && shown !== null)) {
    return { ...found, holds: 'unsure', because: unsure, witness: null, proof };
  }
  return { ...found, holds, because, witness: shown?.witness ?? null, proof };
}

/** Protocols of which nothing is known have no answers. */
function answerable(wanted: Wanted): Wanted {
  return { ...wanted, others: false };
}

interface Judged {
  readonly holds: Checked['holds'];
  readonly because: readonly string[];
  /** The packets that show it. */
  readonly shown: Group | null;
}

const HOLDS: Judged = { holds: 'holds', because: [], shown: null };
const HAPPENS: Readonly<Record<State, string>> = {
  new: 'arrives',
  established: 'goes on arriving once it was answered',
  reply: 'is answered',
};

function judged(
  checking: Checking,
  { claim, state, modality, via, avoid }: ReachProperty,
  walked: Extract<Walked, { kind: 'walked' }>,
  sends: boolean,
): Judged {
  const { proof, followed } = walked;
  const { space, asked } = followed;
  const { regions } = space;
  const what = HAPPENS[state];
  const group = (where: Region): Group | null => groupOf(space, where);
  if (proof.asked === null) return failed('no packet is asked about', null);
  const strongest: Modality = claim === 'none' ? 'may' : 'must';
  const come = arrivals(walked, state, modality ?? strongest);
  const none = (): Judged => {
    const ever = arrivals(walked, state, 'may');
    const sometimes = group(ever);
    if (sometimes === null) return failed(`no packet ${what}${stoppedBy(proof)}`, null);
    const stopped = state === 'new' ? dropByChoice(walked, ever) : null;
    const by = stopped === null ? '' : `: ${stopped.text}`;
    return failed(`${groupText(sometimes)} ${what} for some choices only${by}`, sometimes);
  };
  const strays = strayOf(checking, walked, state, via, avoid);
  if (strays !== null) return strays;
  switch (claim) {
    case 'none': {
      const shown = group(come);
      if (shown !== null) return failed(`${groupText(shown)} ${what}`, shown);
      const mute = sends ? neverSent(walked) : null;
      return mute === null ? HOLDS : failed(mute, null);
    }
    case 'some':
      return come === NOWHERE ? none() : HOLDS;
    case 'all': {
      if (come === NOWHERE) return none();
      const missing = group(regions.minus(asked, come));
      if (missing === null) return HOLDS;
      const ever = regions.minus(asked, arrivals(walked, state, 'may')) === NOWHERE;
      const choices = ever ? ' for every choice' : stoppedBy(proof);
      const not = state === 'reply' ? 'is not answered' : 'does not arrive';
      return failed(`${groupText(missing)} ${not}${choices}`, missing);
    }
    case 'only':
      if (proof.beyond !== null) {
        return failed(`${groupText(proof.beyond)} arrives as well`, proof.beyond);
      }
      return come === NOWHERE ? none() : HOLDS;
  }
}

/** Packets that arrive by another way than they should. */
function strayOf(
  { network }: Checking,
  { followed }: Extract<Walked, { kind: 'walked' }>,
  state: State,
  via: readonly string[],
  avoid: readonly string[],
): Judged | null {
  if (via.length === 0 && avoid.length === 0) return null;
  for (const { ending, steps } of endingsOf(followed, state)) {
    const passed = placesOf(network, steps);
    const met = avoid.find((place) => passed.includes(place));
    if (met === undefined && passesInOrder(via, passed)) continue;
    const shown = groupOf(followed.space, ending.p.where);
    if (shown === null) continue;
    const how = met === undefined ? `not through ${via.join(', ')}` : `through ${met}`;
    return failed(`${groupText(shown)} arrives ${how}`, shown);
  }
  return null;
}

/** Where a sender is cut off: nothing is proved by what never got into the network. */
const CUT_OFF: readonly string[] = [
  'OF_PORT_DOWN',
  'INTERFACE_DOWN',
  'VLAN_LOCAL_DEAD_4095',
  'OF_NO_SUCH_PORT',
];

/** Why no packet at all left its sender; null when one did. */
function neverSent({ followed, proof }: Extract<Walked, { kind: 'walked' }>): string | null {
  const own = followed.told.filter(({ ending }) => ending.outcome.kind === 'dropped');
  const elsewhere = followed.told.some(
    ({ ending, steps }) =>
      ending.outcome.kind === 'delivered' ||
      !CUT_OFF.includes(ending.outcome.drop.reason) ||
      steps.filter(({ kind }) => kind === 'enter').length > 2,
  );
  if (elsewhere || own.length === 0) return null;
  const [first] = proof.stopped;
  return `says nothing: the sender is cut off${first === undefined ? '' : stoppedBy(proof)}`;
}

function failed(because: string, shown: Group | null): Judged {
  return { holds: 'fails', because: [because], shown };
}

function stoppedBy({ stopped: [first] }: Proof): string {
  if (first === undefined) return '';
  const { code, host, where, origin } = first;
  return `: ${code} at ${host}, ${where}${origin === null ? '' : ` (${origin.file}:${origin.line})`}`;
}

export function groupText({ classes }: Group): string {
  return classes.map(classText).join('; ');
}
