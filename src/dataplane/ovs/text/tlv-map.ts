/**
 * The map from tunnel options to tun_metadata fields: what `ovs-ofctl dump-tlv-map` prints and
 * `add-tlv-map` reads (ovs-ofctl(8)).
 */
import { type Parsed, type Problem } from '../../../text/problem.ts';
import { type TlvMapping } from '../types/switch.ts';

/** ` 0x102   0x1       8  tun_metadata5` of a dump. */
const ROW = /^\s*(0x[0-9a-f]+|0)\s+(0x[0-9a-f]+|0)\s+([0-9]+)\s+tun_metadata([0-9]+)\s*$/i;
/** `{class=0x102,type=1,len=8}->tun_metadata5` of a command. */
const COMMAND =
  /\{class=(0x[0-9a-f]+|[0-9]+),type=(0x[0-9a-f]+|[0-9]+),len=([0-9]+)\}->tun_metadata([0-9]+)/gi;
const FRAME = /^(?:NXT_TLV_TABLE|\s*(?:max option|allocated option|mapping table|class\s|-+\s))/;

/** Reads a dump or a file of mappings, in the order in which they were added. */
export function parseTlvMap(text: string, file: string): Parsed<readonly TlvMapping[]> {
  const mappings: TlvMapping[] = [];
  const problems: Problem[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    if (line.trim() === '' || FRAME.test(line)) continue;
    const row = ROW.exec(line);
    const found = row === null ? [...line.matchAll(COMMAND)] : [row];
    for (const parts of found) {
      const mapping = mappingOf(parts);
      if (mapping !== undefined) mappings.push(mapping);
      else problems.push(problem(file, i, line, 'a tunnel option does not fit its field'));
    }
    if (found.length === 0) problems.push(problem(file, i, line, 'not a mapping of an option'));
  }
  return { value: mappings, problems };
}

function problem(file: string, index: number, line: string, message: string): Problem {
  return { file, line: index + 1, column: 1, text: line.slice(0, 200), message };
}

function mappingOf(parts: RegExpExecArray): TlvMapping | undefined {
  const [optionClass = 0, optionType = 0, length = 0, index = 0] = parts.slice(1, 5).map(Number);
  const fits = optionClass <= 0xffff && optionType <= 0xff && index <= 63;
  // Lengths are words, at most 124 bytes (lib/tun-metadata.c tun_metadata_add_entry).
  const whole = length > 0 && length <= 124 && length % 4 === 0;
  return fits && whole ? { index, optionClass, optionType, length } : undefined;
}

/** The map as one argument of add-tlv-map. */
export function printTlvMap(mappings: readonly TlvMapping[]): string {
  return mappings
    .map(({ optionClass, optionType, length, index }) => {
      const option = `class=0x${optionClass.toString(16)},type=0x${optionType.toString(16)}`;
      return `{${option},len=${length}}->tun_metadata${index}`;
    })
    .join(',');
}
