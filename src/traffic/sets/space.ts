/**
 * The inputs that sets of packets are made of: one variable for each byte of each word, and
 * further variables for what may be every value of a
 * range (a port that NAT chooses). One space belongs to one question.
 */
import { FIELDS, type Field, field, PACKET_WORDS } from '../../packet/fields.ts';
import { type Packet } from '../packet.ts';
import { type Region, Regions } from './regions.ts';
import { type Shown, type Word, widthOf, ZERO } from './symbols.ts';

/**
 * Asked first in a diagram: what most rules look at. Fields that are compared with each other
 * stand together, and their bytes are asked in turn: then equality is a small diagram.
 */
const FIRST: readonly (readonly string[])[] = [
  ['in_port'],
  ['eth_type'],
  ['ip_proto'],
  ['ip_dst', 'ip_src'],
  ['tp_dst', 'tp_src'],
  ['ipv6_dst', 'ipv6_src'],
  ['eth_dst', 'eth_src'],
  ['vlan_tci'],
];

/**
 * Fields that constants are added to, whole: a part of a sum is no part of what it is made of.
 * All other words are cut into bytes, so that every mask is a few intervals of each byte.
 */
const WHOLE: ReadonlySet<string> = new Set(['frame_len', 'ip_len', 'ip_id', 'tcp_seq', 'tcp_ack']);
const BYTE = 8;

/** The space of one question. */
export interface Space {
  readonly regions: Regions;
  /** Each word of an input packet, all of whose bits are open. */
  readonly words: readonly Word[];
  /** Where the bits of an input packet are that a variable stands for; fresh variables have none. */
  readonly places: readonly { readonly word: number; readonly shift: number }[];
  /** By fresh variable: the value that a single packet would have been given. */
  readonly firsts: Map<number, number>;
  /** Choices that are hashes, by who hashes and by what is hashed: the same again is the same. */
  readonly hashes: WeakMap<object, Map<string, Word>>;
  /** Whether two choices are alike, as a choice of its own: variables by both of theirs. */
  readonly alike: Map<string, number>;
}

/** A space in which every field of a packet is open. */
export function openSpace(maxEdges?: number): Space {
  const regions = new Regions(maxEdges);
  const words: Word[] = Array.from({ length: PACKET_WORDS }, () => ZERO);
  const places: { word: number; shift: number }[] = [];
  const owners = ownersOfWords();
  const shown: Shown[][] = [];
  for (const { word, from, width } of inOrder(owners)) {
    const variable = regions.addVariable(width);
    places[variable] = { word, shift: from };
    shown[word] ??= [];
    shown[word].push({ from, width, variable, low: 0, add: 0 });
  }
  shown.forEach((pieces, word) => {
    const sorted = pieces.sort((a, b) => a.from - b.from);
    const width = widthOf(sorted);
    const rest = { ...ZERO[0]!, from: width, width: 32 - width };
    words[word] = width === 32 ? sorted : [...sorted, rest];
  });
  return { regions, words, places, firsts: new Map(), hashes: new WeakMap(), alike: new Map() };
}

/** A run of bits that one variable stands for. */
interface Run {
  readonly word: number;
  readonly from: number;
  readonly width: number;
}

/** The runs of all words in the order in which diagrams ask for them. */
function inOrder(owners: readonly (Field | undefined)[]): readonly Run[] {
  const order: Run[] = [];
  const seen = new Set<number>();
  const runs = (words: readonly number[]): readonly Run[] =>
    words.flatMap((word) => {
      const of = owners[word];
      if (of === undefined || seen.has(word)) return [];
      seen.add(word);
      return runsOf(of, word);
    });
  for (const group of FIRST) {
    const lists = group.map((name) => runs(wordsOf(field(name))));
    const longest = Math.max(...lists.map(({ length }) => length));
    for (let i = 0; i < longest; i++) {
      for (const list of lists) if (list[i] !== undefined) order.push(list[i]!);
    }
  }
  return [...order, ...runs(owners.map((_, word) => word))];
}

/** The most significant byte of a word comes first: prefixes are decided early. */
function runsOf(of: Field, word: number): readonly Run[] {
  const width = of.width % 32 !== 0 && word === of.word ? of.width % 32 : 32;
  const size = WHOLE.has(of.name) ? width : BYTE;
  const runs: Run[] = [];
  for (let from = Math.floor((width - 1) / size) * size; from >= 0; from -= size) {
    runs.push({ word, from, width: Math.min(size, width - from) });
  }
  return runs;
}

/** A variable that no field of the input shows: what is chosen, a port of NAT for example. */
export function freshVariable(space: Space, width: number, first = 0): number {
  const variable = space.regions.addVariable(width);
  space.firsts.set(variable, first);
  return variable;
}

/**
 * The inputs for which two choices are alike. Ports of 16 bits are too many to be told apart one by
 * one, so whether they are alike is chosen as well: more than can be, where three choices are alike
 * in pairs, or where one is also compared with a number; what holds whatever is chosen holds.
 */
export function alikeChoices({ regions, firsts, alike }: Space, a: number, b: number): Region {
  const [one, two] = a < b ? [a, b] : [b, a];
  const key = `${one} ${two}`;
  const variable = alike.get(key) ?? regions.addVariable(1);
  alike.set(key, variable);
  // One packet makes the first of all choices.
  firsts.set(variable, firsts.get(a) === firsts.get(b) ? 1 : 0);
  return regions.of(variable, Uint32Array.of(1, 1));
}

/** The packet that an input is, on top of a packet that has what the input leaves open. */
export function inputPacket(
  space: Space,
  region: Region,
  typical: Packet,
): { readonly words: Uint32Array; readonly choices: ReadonlyMap<number, number> } {
  const { regions, places } = space;
  const words = typical.words.slice();
  const wish = (variable: number): number | undefined => {
    const place = places[variable];
    if (place === undefined) return space.firsts.get(variable);
    return ((typical.words[place.word]! >>> place.shift) & regions.tops[variable]!) >>> 0;
  };
  const choices = new Map<number, number>();
  for (const [variable, value] of regions.sample(region, wish)) {
    const place = places[variable];
    if (place === undefined) choices.set(variable, value);
    else {
      const mask = (regions.tops[variable]! << place.shift) >>> 0;
      words[place.word] = ((words[place.word]! & ~mask) | (value << place.shift)) >>> 0;
    }
  }
  return { words, choices };
}

/** Whether a packet is an input of the region; choices are looked up by variable. */
export function isInput(
  { regions, places, firsts }: Space,
  region: Region,
  words: Uint32Array,
  choices: ReadonlyMap<number, number>,
): boolean {
  return regions.has(region, (variable) => {
    const place = places[variable];
    if (place === undefined) return choices.get(variable) ?? firsts.get(variable) ?? 0;
    return ((words[place.word]! >>> place.shift) & regions.tops[variable]!) >>> 0;
  });
}

/** The field that has each word to itself; overlays share it. */
function ownersOfWords(): readonly (Field | undefined)[] {
  const owners: (Field | undefined)[] = [];
  for (const of of FIELDS.values()) {
    for (const word of wordsOf(of)) {
      const known = owners[word];
      if (known === undefined || widthIn(of, word) > widthIn(known, word)) owners[word] = of;
    }
  }
  return owners;
}

function widthIn(of: Field, word: number): number {
  return (
    of.shift + (of.width % 32 !== 0 && word === of.word ? of.width % 32 : Math.min(32, of.width))
  );
}

function wordsOf(of: Field): readonly number[] {
  return Array.from({ length: Math.ceil(of.width / 32) }, (_, i) => of.word + i);
}
