/**
 * What became of all traffic of one question: where copies were received, for which inputs, and
 * what they then were. Two walks over one space of inputs are compared exactly: every copy that one
 * of them has and the other has not is told by its inputs. How something was lost is no fate.
 */
import { allBits, FIELDS, type FieldBits } from '../../packet/fields.ts';
import { type Role } from '../../trace/lineage.ts';
import { type Ending } from '../../trace/walk.ts';
import { type PacketSet } from '../../traffic/sets/packet-set.ts';
import { NOWHERE, type Region } from '../../traffic/sets/regions.ts';
import { packetSets } from '../../traffic/sets/set-traffic.ts';
import { type Space } from '../../traffic/sets/space.ts';
import { constant, type Piece, replaced, type Word, ZERO } from '../../traffic/sets/symbols.ts';
import { type FieldPairs } from '../../traffic/traffic.ts';

/** A copy that was received somewhere. */
export interface Received {
  /** `compute1 qrouter-…`: host and namespace. */
  readonly place: string;
  /** A copy of what was sent, or something that was made because of it. */
  readonly role: Role;
  readonly p: PacketSet;
}

/** One place at which two walks differ, with the inputs of which they do. */
export interface FateChange {
  readonly place: string;
  readonly role: Role;
  /** Received in the first walk only, in the second only, in both as different packets. */
  readonly lost: Region;
  readonly gained: Region;
  readonly changed: Region;
}

/** Headers that stay on the wire; what a switch or kernel remembers beside a packet is not. */
const HEADERS: FieldPairs = [...FIELDS.values()].flatMap(
  (of): readonly (readonly [FieldBits, FieldBits])[] =>
    of.metadata ? [] : [[allBits(of), allBits(of)]],
);

/** The copies that somebody's stack took. Nobody listening there is the program's matter. */
export function receivedOf(
  told: readonly { readonly ending: Ending<PacketSet>; readonly role: Role }[],
  taken: readonly string[] = ['NOT_LISTENING'],
): readonly Received[] {
  return told.flatMap(({ ending: { device, outcome, p }, role }) =>
    outcome.kind === 'delivered' || taken.includes(outcome.drop.reason)
      ? [{ place: `${device.host} ${device.name}`, role, p }]
      : [],
  );
}

/** Where two walks of the same inputs differ; what is chosen at random may be the same. */
export function fateChanges(
  space: Space,
  before: readonly Received[],
  after: readonly Received[],
): readonly FateChange[] {
  const { regions, places } = space;
  const shadow = (where: Region): Region => regions.shadow(where, places.length);
  const keyOf = ({ place, role }: Received): string => `${role} ${place}`;
  const union = (list: readonly Received[]): Region =>
    list.reduce((all, { p }) => regions.or(all, shadow(p.where)), NOWHERE);
  const found: FateChange[] = [];
  const all = [...before, ...after];
  for (const key of new Set(all.map(keyOf))) {
    const [old, now] = [before, after].map((list) => list.filter((one) => keyOf(one) === key));
    const first = all.find((one) => keyOf(one) === key);
    if (old === undefined || now === undefined || first === undefined) continue;
    const [was, is] = [union(old), union(now)];
    const { place, role } = first;
    const lost = regions.minus(was, is);
    const gained = regions.minus(is, was);
    const odd = regions.or(unlike(space, old, now, shadow), unlike(space, now, old, shadow));
    const changed = regions.and(odd, regions.and(was, is));
    if (lost !== NOWHERE || gained !== NOWHERE || changed !== NOWHERE) {
      found.push({ place, role, lost, gained, changed });
    }
  }
  return found;
}

/** Inputs of which some copy of the one list is no copy of the other. */
function unlike(
  { regions }: Space,
  list: readonly Received[],
  others: readonly Received[],
  shadow: (where: Region) => Region,
): Region {
  let odd: Region = NOWHERE;
  for (const { p } of list) {
    let rest = shadow(p.where);
    for (const other of others) {
      if (rest === NOWHERE) break;
      const [one, two] = withoutChoices(p, other.p);
      const { hit } = packetSets.same(one, two, HEADERS);
      // What cannot be compared exactly is told by the doubts of the sets.
      if (hit !== null) rest = regions.minus(rest, shadow(hit.where));
    }
    odd = regions.or(odd, rest);
  }
  return odd;
}

/**
 * Both packets without the bits that either of them got by choice (a port of NAT): another run may
 * choose the same.
 */
function withoutChoices(a: PacketSet, b: PacketSet): readonly [PacketSet, PacketSet] {
  const { places } = a.space;
  const pairs = a.words.map((word, i): readonly [Word, Word] => {
    const other = b.words[i] ?? ZERO;
    const chosen = [...word, ...other].filter(
      ({ variable }) => variable !== null && variable >= places.length,
    );
    return chosen.length === 0 ? [word, other] : [blanked(word, chosen), blanked(other, chosen)];
  });
  if (pairs.every(([one, two], i) => one === a.words[i] && two === b.words[i])) return [a, b];
  return [
    { ...a, words: pairs.map(([one]) => one) },
    { ...b, words: pairs.map(([, two]) => two) },
  ];
}

/** A word with zeros where pieces are; whole, where a sum would be cut. */
function blanked(word: Word, pieces: readonly Piece[]): Word {
  let made = word;
  for (const { from, width } of pieces) {
    const next = replaced(made, from, [constant(0, width, 0)]);
    if (next === null) return ZERO;
    made = next;
  }
  return made;
}
