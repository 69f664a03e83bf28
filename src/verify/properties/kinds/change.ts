/**
 * `change`: before and after. What a change adds and removes between servers is what was expected
 * of it, and without further word everything else stays the same.
 */
import { type Network } from '../../../dataplane/network.ts';
import {
  type JsonNode,
  member,
  records,
  reportUnknownKeys,
  textOf,
  truthOf,
  wrong,
} from '../../../text/json-text.ts';
import { NOWHERE, type Region } from '../../../traffic/sets/regions.ts';
import { type ReachDifference, reachDifference } from '../../proof/compare.ts';
import { compareFrames } from '../../proof/compare-frames.ts';
import { SOMEBODY_OUTSIDE } from '../../proof/outside-ends.ts';
import { commonServers, outsidePairs, serverPairs, servicePairs } from '../../proof/pairs.ts';
import { groupOf, prepareProofs } from '../../proof/prove.ts';
import { type Wanted } from '../../proof/wanted.ts';
import { endsOf } from '../ends.ts';
import { type ChangeProperty, type Checked, type ExpectedChange, OTHERWISE } from '../types.ts';
import {
  choiceOf,
  namesOf,
  neededNames,
  objectOf,
  PACKET_KEYS,
  versionOf,
  wantedOf,
} from '../words.ts';
import { groupText } from './reach.ts';
import { type Begun, type Checking, type KindRow, plain } from './row.ts';

export const CHANGE_KEYS = ['change', 'expect', 'otherwise', 'among', 'frames'] as const;
export const BEFORE_KEYS = ['before'] as const;
export const EXPECT_KEYS = ['added', 'removed', 'changed'] as const;
export const PATTERN_KEYS = ['from', 'to', ...PACKET_KEYS, 'ipv6'] as const;

export const CHANGE: KindRow<ChangeProperty> = {
  kind: 'change',
  sign: 'change',
  keys: CHANGE_KEYS,
  read: readChange,
  check: checkChange,
};

function readChange(node: JsonNode, { name, ...place }: Begun): ChangeProperty | null {
  const change = objectOf(node, 'change');
  reportUnknownKeys(change, BEFORE_KEYS);
  const before = textOf(member(change, 'before'));
  if (before === undefined) {
    wrong(change ?? node, 'A change needs before: a snapshot, or a cloud.yaml');
    return null;
  }
  const expect = objectOf(node, 'expect');
  if (expect !== undefined) reportUnknownKeys(expect, EXPECT_KEYS);
  const [added, removed, changed] = EXPECT_KEYS.map((key) =>
    records(member(expect, key)).flatMap((one) => patternOf(one) ?? []),
  );
  const otherwise = choiceOf(node, 'otherwise', OTHERWISE);
  if (otherwise === null || added === undefined || removed === undefined) return null;
  if (changed === undefined) return null;
  const among = namesOf(node, 'among');
  return {
    kind: 'change',
    name: name ?? `change since ${before}`,
    ...place,
    before,
    added,
    removed,
    changed,
    otherwise: otherwise ?? 'same',
    among: among.length === 0 ? null : among,
    frames: truthOf(member(node, 'frames')) === true,
  };
}

function patternOf(node: JsonNode): ExpectedChange | null {
  reportUnknownKeys(node, PATTERN_KEYS);
  const [from, to] = [neededNames(node, 'from'), neededNames(node, 'to')];
  const wanted = wantedOf(node);
  if (from === null || to === null || wanted === null) return null;
  const version = member(node, 'ipv6') === undefined ? null : versionOf(node);
  return { from, to, wanted, version };
}

/** Somebody who is no part of the cloud, as patterns and `among` name him. */
const OUTSIDE_WORD = 'outside';

/** All that are outside are `outside` to patterns. */
function outsideWord(end: string): string {
  return end.startsWith('external:') ? SOMEBODY_OUTSIDE : end;
}

/** An expectation with the pairs it is about, and whether any of them was met. */
interface Pattern {
  readonly pairs: ReadonlySet<string>;
  readonly wanted: Wanted;
  readonly version: 4 | 6 | null;
}

function* checkChange(checking: Checking, property: ChangeProperty): Generator<Checked> {
  const { network, open, file } = checking;
  const before = open(property.before);
  if (typeof before === 'string') {
    yield plain(property, property.before, 'fails', [before]);
    return;
  }
  const wrongs: string[] = [];
  const namesIn = (words: readonly string[]): readonly string[] => {
    const { names, wrong: why } = endsOf(network, file.groups, words);
    wrongs.push(...why);
    return names.map((name) => (name === OUTSIDE_WORD ? SOMEBODY_OUTSIDE : name));
  };
  const patternsOf = (list: readonly ExpectedChange[]): readonly Pattern[] =>
    list.map(({ from, to, ...packets }) => {
      const senders = namesIn(from);
      const receivers = namesIn(to);
      const pairs = senders.flatMap((a) => receivers.map((b) => `${a} ${b}`));
      return { pairs: new Set(pairs), ...packets };
    });
  const [added, removed, changed] = EXPECT_KEYS.map((key) => patternsOf(property[key]));
  if (added === undefined || removed === undefined || changed === undefined) return;
  const common = commonServers(before, network);
  const named = property.among === null ? null : namesIn(property.among);
  const among = named?.filter((name) => name !== SOMEBODY_OUTSIDE) ?? common;
  const outside = named === null || named.includes(SOMEBODY_OUTSIDE);
  if (wrongs.length > 0 || among.length + (outside ? 1 : 0) < 2) {
    const because = wrongs.length > 0 ? wrongs : ['says nothing: both have no two servers'];
    yield plain(property, property.before, 'fails', because);
    return;
  }
  const provers = [prepareProofs(before), prepareProofs(network)] as const;
  const met = new Set<Pattern>();
  const seen = new Set<string>();
  const networks = [before, network] as const;
  const pairs = [
    ...serverPairs(networks, among),
    ...(outside ? outsidePairs(networks, among) : []),
    ...(named === null ? servicePairs(networks, among) : []),
  ];
  for (const pair of pairs) {
    const { from, to } = pair;
    const six = pair.version === 6 ? ' (IPv6)' : '';
    const said = { ...plain(property, `${from} → ${to}${six}`, 'holds'), from, to };
    const difference = reachDifference(networks, provers, pair);
    if (difference.unknown.length > 0) {
      yield { ...said, holds: 'unsure', because: difference.unknown };
      continue;
    }
    // Without a word about it, an expectation is allowed over both versions and has to be met by
    // the first of them.
    const first = pair.version !== 6 || !seen.has(`${from} ${to}`);
    seen.add(`${from} ${to}`);
    const meant = `${outsideWord(from)} ${outsideWord(to)}`;
    const mine = (list: readonly Pattern[]): Expected => {
      const allowed = list.filter(
        ({ pairs, version }) =>
          (pairs.has(`${from} ${to}`) || pairs.has(meant)) &&
          (version === null || version === (pair.version ?? 4)),
      );
      for (const one of allowed) met.add(one);
      // Of those outside, everything may happen to all and has to happen to the one that is meant.
      const needed = allowed.filter(
        ({ pairs, version }) => (version !== null || first) && pairs.has(`${from} ${to}`),
      );
      return { allowed, needed };
    };
    const { gained, lost, changed: other, how } = difference;
    const { otherwise } = property;
    const found = [
      ...findings(difference, gained, mine(added), 'added', otherwise),
      ...findings(difference, lost, mine(removed), 'removed', otherwise),
      ...findings(difference, other, mine(changed), 'changed', otherwise).map((one) => ({
        ...one,
        text: [one.text, ...(one.where === NOWHERE ? [] : how)].join('; '),
      })),
    ];
    for (const { text, where } of found) {
      const witness = groupOf(difference.space, where)?.witness ?? null;
      yield { ...said, holds: 'fails', because: [text], witness };
    }
    if (found.length === 0) yield said;
  }
  for (const one of [...added, ...removed, ...changed]) {
    if (met.has(one)) continue;
    const because = [`says nothing: ${[...one.pairs].join(', ')} is not compared`];
    yield plain(property, property.before, 'fails', because);
  }
  if (property.frames) yield* checkFrames(property, networks, among);
}

/** Nobody receives another frame of a server than before. */
function* checkFrames(
  property: ChangeProperty,
  [before, network]: readonly [Network, Network],
  servers: readonly string[],
): Generator<Checked> {
  for (const { server, kind, differences, unknown } of compareFrames(before, network, servers)) {
    const said = { ...plain(property, `${server} ${kind} frames`, 'holds'), from: server };
    for (const { place, ...how } of differences) {
      const because = (['lost', 'gained', 'changed'] as const).flatMap((word) =>
        how[word] === null ? [] : [`${how[word]} is ${word} at ${place}`],
      );
      yield { ...said, holds: 'fails', because };
    }
    if (differences.length > 0) continue;
    yield unknown.length > 0 ? { ...said, holds: 'unsure', because: unknown } : said;
  }
}

/** Patterns about one pair: what may happen, and what has to. */
interface Expected {
  readonly allowed: readonly Pattern[];
  readonly needed: readonly Pattern[];
}

interface Found {
  readonly text: string;
  readonly where: Region;
}

/** What happened and was not expected, and the other way round. */
function findings(
  { space, inputsOf }: ReachDifference,
  happened: Region,
  { allowed, needed }: Expected,
  word: (typeof EXPECT_KEYS)[number],
  otherwise: ChangeProperty['otherwise'],
): readonly Found[] {
  const { regions } = space;
  const inputs = (list: readonly Pattern[]): Region =>
    list.reduce((all, one) => regions.or(all, inputsOf(one.wanted)), NOWHERE);
  const found: Found[] = [];
  const tell = (where: Region, how: string): void => {
    const group = groupOf(space, where);
    if (group !== null) found.push({ text: `${groupText(group)} ${how}`, where });
  };
  if (otherwise === 'same') tell(regions.minus(happened, inputs(allowed)), `is ${word}`);
  tell(regions.minus(inputs(needed), happened), `was expected to be ${word} and is not`);
  return found;
}
