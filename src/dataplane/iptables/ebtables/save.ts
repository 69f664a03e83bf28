/** `ebtables-save [-c]` and what `ebtables-restore` takes. */
import { type Parsed } from '../../../text/problem.ts';
import { type Dialect, parseFlat, printFlat, printFlatRule } from '../text/flat.ts';
import { FRAME_CONDITIONS, FRAME_SETTINGS, type FrameRule, type FrameTable } from './rows.ts';

const EBTABLES: Dialect = {
  conditions: FRAME_CONDITIONS,
  settings: FRAME_SETTINGS,
  targets: ['ACCEPT', 'DROP', 'CONTINUE', 'RETURN', 'dnat', 'snat', 'mark', 'redirect', 'arpreply'],
  tables: ['filter', 'nat', 'broute'],
  bangInside: true,
  targetFirst: false,
};

/** Reads `ebtables-save [-c]`. `file` only names the origin. Never throws. */
export function parseEbtablesSave(text: string, file: string): Parsed<readonly FrameTable[]> {
  const { value, problems } = parseFlat(text, file, EBTABLES);
  // Options were read by the codecs of these rows, so they have the types of these rows.
  return { value: value as unknown as readonly FrameTable[], problems };
}

/** Prints tables as `ebtables-save` does, with `-c` if `counters`. */
export function printEbtablesSave(tables: readonly FrameTable[], counters = false): string {
  return printFlat(tables, EBTABLES, counters);
}

/** One rule, without `-A CHAIN`. */
export function printFrameRule(rule: FrameRule): string {
  return printFlatRule(rule, EBTABLES);
}
