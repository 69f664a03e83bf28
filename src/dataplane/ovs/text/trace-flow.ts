/**
 * The packet argument of `ovs-appctl ofproto/trace`: fields with exact values, each only after
 * what it needs (lib/ofp-flow.c parse_ofp_exact_flow), and the states for `--ct-next`.
 */

import { CT_STATE } from '../../../packet/fields.ts';
import { textOf } from '../../../text/byte-memo.ts';
import { type Parsed } from '../../../text/problem.ts';
import { type FieldTest } from '../types/flow.ts';
import { fieldExists } from './consistency.ts';
import { complain, type FlowReader, type FlowTextOptions, flowReader } from './flow-line.ts';
import { FIELD_NAMES, keywordOf } from './keywords.ts';
import { mergedSlots, mergedTests } from './match-tests.ts';
import { type Fault, fault } from './numbers.ts';
import { bytesOf, keyText, nextPair, type PairCursor, pairCursor } from './pairs.ts';
import { type Reading, readWord, SHORTHANDS, type Word } from './words.ts';

/**
 * Reads a trace's packet: one test a field, value and full mask, in the field table's order.
 * Protocols stand explicitly (`tcp` gives eth_type and ip_proto).
 */
export function parseTraceFlow(
  text: string,
  file = 'flow',
  options: FlowTextOptions = {},
): Parsed<readonly FieldTest[]> {
  const bytes = bytesOf(text.replace(/[\r\n]/g, ' '));
  const reader = flowReader(bytes, file, options);
  const reading: Reading = { ...options, tlvMap: options.tlvMap ?? [] };
  const words: Word[] = [];
  const cursor = pairCursor(bytes, 0, bytes.length);
  while (nextPair(cursor)) {
    const key = keyText(cursor);
    const word = readWord(key, textOf(bytes, cursor.valueStart, cursor.valueEnd), reading);
    const wrong = word.fault ?? refusal(key, word, words, cursor, reading);
    if (wrong === null) words.push(word);
    else report(reader, wrong, cursor);
  }
  return { value: mergedTests(words).tests, problems: reader.problems };
}

function report(reader: FlowReader, wrong: Fault, cursor: PairCursor): void {
  complain(reader, wrong, cursor.keyStart, Math.max(cursor.keyEnd, cursor.valueEnd), 1, 0);
}

/** The bits of the tag that a name is about; the presence bit belongs to none of these. */
const OWN_BITS: Readonly<Record<string, bigint>> = {
  dl_vlan: 0x0fffn,
  dl_vlan_pcp: 0xe000n,
  vlan_pcp: 0xe000n,
};

/** Why a word cannot stand here; null when it can. */
function refusal(
  key: string,
  word: Word,
  before: readonly Word[],
  cursor: PairCursor,
  reading: Reading,
): Fault | null {
  if (word.opaque !== null) return fault('a tunnel option without TLV map', key);
  const keyword = keywordOf(key, reading.tlvMap);
  const shorthand = Object.hasOwn(SHORTHANDS, key);
  if (keyword === undefined && !shorthand) return fault('unknown field', key, FIELD_NAMES);
  const slots = mergedSlots(before);
  // Like the switch, take a field that is zero for one that was not set.
  const own = (mask: bigint): bigint => mask & (OWN_BITS[key] ?? mask);
  if (word.sets.some((set) => ((slots.get(set.slot)?.value ?? 0n) & own(set.mask)) !== 0n)) {
    return fault('the field is set twice', key);
  }
  if (keyword === undefined) return null;
  if (cursor.mark === 0 || word.sets.some((set) => set.mask === 0n)) {
    return fault('a packet has one value in each field', key);
  }
  if (!fieldExists(keyword, slots)) return fault('the protocol of the field must come first', key);
  return isExact(word, keyword.vlan !== null) ? null : fault('a mask is not allowed here', key);
}

function isExact(word: Word, vlan: boolean): boolean {
  if (vlan) return true;
  return word.sets.every((set) => {
    const width = set.mask.toString(2).length;
    return set.mask === (1n << BigInt(width)) - 1n || set.mask === 0xfcn;
  });
}

/**
 * The states of `--ct-next`: words joined by commas, blanks or `|`, as ct_state bits. A state
 * that no tracked packet can have is refused (lib/flow.c validate_ct_state).
 */
export function parseCtNext(text: string): number | Fault {
  let state = 0;
  for (const word of text.split(/[, |]+/)) {
    if (word === '') continue;
    const bit: number | undefined = Object.entries(CT_STATE).find(([name]) => name === word)?.[1];
    if (bit === undefined) return fault('unknown connection state', word, Object.keys(CT_STATE));
    state |= bit;
  }
  if (state !== 0 && (state & CT_STATE.trk) === 0) return fault('without trk there is no state');
  if ((state & CT_STATE.inv) !== 0 && (state & ~(CT_STATE.trk | CT_STATE.inv)) !== 0) {
    return fault('an invalid packet is only inv and trk');
  }
  if ((state & CT_STATE.new) !== 0 && (state & (CT_STATE.est | CT_STATE.rpl)) !== 0) {
    return fault('a new connection is neither established nor has it replies');
  }
  return state;
}
