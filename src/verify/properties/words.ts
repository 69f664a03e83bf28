/** Words that properties of several kinds have in common, read with every slip at its place. */
import {
  isRecord,
  items,
  type JsonNode,
  keysOf,
  member,
  numberOf,
  textOf,
  truthOf,
  wrong,
} from '../../text/json-text.ts';
import { nearest } from '../../text/suggest.ts';
import { type Range } from '../../traffic/match.ts';
import { ALL_WANTED, EVERY_PORT, portRanges, type Wanted } from '../proof/wanted.ts';

/** A name or a list of names; empty when the key is not there. */
export function namesOf(node: JsonNode, key: string): readonly string[] {
  const found = member(node, key);
  if (found === undefined) return [];
  const list = Array.isArray(found.value) ? items(found) : [found];
  return list.flatMap((each) => textOf(each) ?? []);
}

/** The same, needed: null and a problem without any. */
export function neededNames(node: JsonNode, key: string): readonly string[] | null {
  const names = namesOf(node, key);
  if (names.length > 0) return names;
  wrong(node, `A property needs ${key}: a name or a list of names`);
  return null;
}

/** One of some words; undefined when the key is not there, null and a problem for another word. */
export function choiceOf<W extends string>(
  node: JsonNode,
  key: string,
  words: readonly W[],
): W | null | undefined {
  const found = member(node, key);
  if (found === undefined) return undefined;
  const text = textOf(found);
  if (text === undefined) return null;
  const word = words.find((each) => each === text);
  if (word === undefined) wrong(found, `Expected one of ${words.join(', ')}`, nearest(text, words));
  return word ?? null;
}

/** A whole number from `least` on; undefined when the key is not there, null for another value. */
export function wholeOf(node: JsonNode, key: string, least: number): number | null | undefined {
  const found = member(node, key);
  if (found === undefined) return undefined;
  const value = numberOf(found);
  if (value === undefined) return null;
  if (Number.isInteger(value) && value >= least) return value;
  wrong(found, `Expected a whole number from ${least} on`);
  return null;
}

export function versionOf(node: JsonNode): 4 | 6 {
  return truthOf(member(node, 'ipv6')) === true ? 6 : 4;
}

/** Keys that say which packets are meant. */
export const PACKET_KEYS = ['icmp', 'tcp', 'udp'] as const;

/** Without any protocol every packet is meant; null when ports cannot be read. */
export function wantedOf(node: JsonNode): Wanted | null {
  return namedPackets(node) ? packetsOf(node) : ALL_WANTED;
}

/** Whether a node says itself which packets it means. */
export function namedPackets(node: JsonNode): boolean {
  return keysOf(node).some((key) => PACKET_KEYS.some((one) => one === key));
}

function packetsOf(node: JsonNode): Wanted | null {
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

/** A member that has keys of its own; a problem when it is something else. */
export function objectOf(node: JsonNode, key: string): JsonNode | undefined {
  const found = member(node, key);
  if (found === undefined || isRecord(found.value)) return found;
  wrong(found, 'Expected an object');
  return undefined;
}
