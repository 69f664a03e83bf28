/** A file of properties (YAML): every slip at its place. */
import {
  items,
  type JsonNode,
  keysOf,
  member,
  placeOf,
  records,
  reportUnknownKeys,
  textOf,
  truthOf,
  wrong,
} from '../../text/json-text.ts';
import { type Parsed, type Problem } from '../../text/problem.ts';
import { nearest } from '../../text/suggest.ts';
import { yamlRoot } from '../../text/yaml-text.ts';
import { type Range } from '../../traffic/match.ts';
import { ALL_WANTED, EVERY_PORT, portRanges, type Wanted } from '../proof/wanted.ts';
import { CLAIMS, type Claim, type Property } from './types.ts';

const FILE_KEYS = ['version', 'properties'] as const;
export const PROPERTY_KEYS = [
  'name',
  'from',
  'to',
  'arrives',
  'icmp',
  'tcp',
  'udp',
  'ipv6',
  'answered',
] as const;

/** The properties of a file; what cannot be read is a problem and checks nothing. */
export function readProperties(file: string, text: string): Parsed<readonly Property[]> {
  const problems: Problem[] = [];
  const root = yamlRoot(file, text, problems);
  if (root === undefined) return { value: [], problems };
  reportUnknownKeys(root, FILE_KEYS);
  const value = records(member(root, 'properties')).flatMap((node) => propertyOf(node) ?? []);
  if (value.length === 0) wrong(root, 'There is no property to check');
  return { value, problems };
}

function propertyOf(node: JsonNode): Property | null {
  reportUnknownKeys(node, PROPERTY_KEYS);
  const [from, to] = [endsOf(node, 'from'), endsOf(node, 'to')];
  const claim = claimOf(member(node, 'arrives'));
  if (claim === null) wrong(node, `A property says what arrives: ${CLAIMS.join(', ')}`);
  const wanted = wantedOf(node);
  if (from === null || to === null || claim === null || wanted === null) return null;
  const name = textOf(member(node, 'name')) ?? `${from.join(', ')} → ${to.join(', ')}`;
  const answered = truthOf(member(node, 'answered')) === true;
  const version = truthOf(member(node, 'ipv6')) === true ? 6 : 4;
  return { name, ...placeOf(node), from, to, claim, wanted, version, answered };
}

/** A name or a list of names. */
function endsOf(node: JsonNode, key: 'from' | 'to'): readonly string[] | null {
  const found = member(node, key);
  const list = found === undefined ? [] : Array.isArray(found.value) ? items(found) : [found];
  const names = list.flatMap((each) => textOf(each) ?? []);
  if (names.length > 0) return names;
  wrong(node, `A property needs ${key}: a name or a list of names`);
  return null;
}

function claimOf(node: JsonNode | undefined): Claim | null {
  const text = textOf(node);
  if (node === undefined || text === undefined) return null;
  const found = CLAIMS.find((each) => each === text);
  if (found === undefined) {
    wrong(node, `Expected one of ${CLAIMS.join(', ')}`, nearest(text, CLAIMS));
  }
  return found ?? null;
}

/** Without any protocol every packet is meant. */
function wantedOf(node: JsonNode): Wanted | null {
  const named = keysOf(node).filter((key) => key === 'icmp' || key === 'tcp' || key === 'udp');
  if (named.length === 0) return ALL_WANTED;
  const tcp = portsOf(member(node, 'tcp'));
  const udp = portsOf(member(node, 'udp'));
  if (tcp === undefined || udp === undefined) return null;
  return { icmp: truthOf(member(node, 'icmp')) === true, tcp, udp, others: false };
}

/** Null without the protocol; undefined when its ports cannot be read. */
function portsOf(node: JsonNode | undefined): readonly Range[] | null | undefined {
  if (node === undefined || node.value === false) return null;
  if (node.value === true) return EVERY_PORT;
  const { value } = node;
  const word = typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '';
  const ranges = portRanges(word);
  if (ranges !== null) return ranges;
  wrong(node, 'Expected ports: 22, 80-90, "22,443" or all');
  return undefined;
}
