/**
 * `change`: before and after. What a change adds and removes between servers is what was expected
 * of it, and without further word everything else stays the same.
 */
import {
  type JsonNode,
  member,
  records,
  reportUnknownKeys,
  textOf,
  wrong,
} from '../../../text/json-text.ts';
import { NOWHERE, type Region } from '../../../traffic/sets/regions.ts';
import { commonServers, type ReachDifference, reachDifference } from '../../proof/compare.ts';
import { groupOf, prepareProofs } from '../../proof/prove.ts';
import { type Wanted } from '../../proof/wanted.ts';
import { endsOf } from '../ends.ts';
import { type ChangeProperty, type Checked, type ExpectedChange } from '../types.ts';
import { choiceOf, namesOf, neededNames, objectOf, PACKET_KEYS, wantedOf } from '../words.ts';
import { groupText } from './reach.ts';
import { type Begun, type Checking, type KindRow, plain } from './row.ts';

const EXPECT_KEYS = ['added', 'removed'] as const;
const PATTERN_KEYS = ['from', 'to', ...PACKET_KEYS] as const;

export const CHANGE: KindRow<ChangeProperty> = {
  kind: 'change',
  sign: 'change',
  keys: ['change', 'expect', 'otherwise', 'among'],
  read: readChange,
  check: checkChange,
};

function readChange(node: JsonNode, { name, ...place }: Begun): ChangeProperty | null {
  const change = objectOf(node, 'change');
  reportUnknownKeys(change, ['before']);
  const before = textOf(member(change, 'before'));
  if (before === undefined) {
    wrong(change ?? node, 'A change needs before: a snapshot, or a cloud.yaml');
    return null;
  }
  const expect = objectOf(node, 'expect');
  if (expect !== undefined) reportUnknownKeys(expect, EXPECT_KEYS);
  const [added, removed] = EXPECT_KEYS.map((key) =>
    records(member(expect, key)).flatMap((one) => patternOf(one) ?? []),
  );
  const otherwise = choiceOf(node, 'otherwise', ['same', 'any'] as const);
  if (otherwise === null || added === undefined || removed === undefined) return null;
  const among = namesOf(node, 'among');
  return {
    kind: 'change',
    name: name ?? `change since ${before}`,
    ...place,
    before,
    added,
    removed,
    otherwise: otherwise ?? 'same',
    among: among.length === 0 ? null : among,
  };
}

function patternOf(node: JsonNode): ExpectedChange | null {
  reportUnknownKeys(node, PATTERN_KEYS);
  const [from, to] = [neededNames(node, 'from'), neededNames(node, 'to')];
  const wanted = wantedOf(node);
  return from === null || to === null || wanted === null ? null : { from, to, wanted };
}

/** An expectation with the pairs it is about, and whether any of them was met. */
interface Pattern {
  readonly pairs: ReadonlySet<string>;
  readonly wanted: Wanted;
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
    return names;
  };
  const patternsOf = (list: readonly ExpectedChange[]): readonly Pattern[] =>
    list.map(({ from, to, wanted }) => {
      const senders = namesIn(from);
      const receivers = namesIn(to);
      const pairs = senders.flatMap((a) => receivers.map((b) => `${a} ${b}`));
      return { pairs: new Set(pairs), wanted };
    });
  const [added, removed] = [patternsOf(property.added), patternsOf(property.removed)];
  const common = commonServers(before, network);
  const among = property.among === null ? common : namesIn(property.among);
  if (wrongs.length > 0 || among.length < 2) {
    const because = wrongs.length > 0 ? wrongs : ['says nothing: both have no two servers'];
    yield plain(property, property.before, 'fails', because);
    return;
  }
  const provers = [prepareProofs(before), prepareProofs(network)] as const;
  const met = new Set<Pattern>();
  for (const from of among) {
    for (const to of among) {
      if (from === to) continue;
      const said = { ...plain(property, `${from} → ${to}`, 'holds'), from, to };
      const difference = reachDifference([before, network], provers, from, to);
      if (difference.unknown.length > 0) {
        yield { ...said, holds: 'unsure', because: difference.unknown };
        continue;
      }
      const mine = (list: readonly Pattern[]): readonly Pattern[] =>
        list.filter(({ pairs }) => pairs.has(`${from} ${to}`));
      for (const one of [...mine(added), ...mine(removed)]) met.add(one);
      const found = [
        ...findings(difference, difference.gained, mine(added), 'added', property.otherwise),
        ...findings(difference, difference.lost, mine(removed), 'removed', property.otherwise),
      ];
      for (const { text, where } of found) {
        const witness = groupOf(difference.space, where)?.witness ?? null;
        yield { ...said, holds: 'fails', because: [text], witness };
      }
      if (found.length === 0) yield said;
    }
  }
  for (const one of [...added, ...removed]) {
    if (met.has(one)) continue;
    const because = [`says nothing: ${[...one.pairs].join(', ')} is not compared`];
    yield plain(property, property.before, 'fails', because);
  }
}

interface Found {
  readonly text: string;
  readonly where: Region;
}

/** What happened and was not expected, and the other way round. */
function findings(
  { space, inputsOf }: ReachDifference,
  happened: Region,
  expected: readonly Pattern[],
  word: 'added' | 'removed',
  otherwise: ChangeProperty['otherwise'],
): readonly Found[] {
  const { regions } = space;
  const wanted = expected.reduce((all, one) => regions.or(all, inputsOf(one.wanted)), NOWHERE);
  const found: Found[] = [];
  const tell = (where: Region, how: string): void => {
    const group = groupOf(space, where);
    if (group !== null) found.push({ text: `${groupText(group)} ${how}`, where });
  };
  if (otherwise === 'same') tell(regions.minus(happened, wanted), `is ${word}`);
  tell(regions.minus(wanted, happened), `was expected to be ${word} and is not`);
  return found;
}
