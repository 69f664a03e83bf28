/** `ebtables-save [-c]` and what `ebtables-restore` takes. */
import { type Parsed } from '../../../text/problem.ts';
import { type AnyOption, type Dialect, parseFlat, printFlat, printFlatRule } from '../text/flat.ts';
import { FRAME_CONDITIONS, FRAME_SETTINGS, type FrameRule, type FrameTable } from './rows.ts';

const EBTABLES: Dialect = {
  conditions: FRAME_CONDITIONS,
  settings: FRAME_SETTINGS,
  targets: ['ACCEPT', 'DROP', 'CONTINUE', 'RETURN', 'dnat', 'snat', 'mark', 'redirect', 'arpreply'],
  tables: ['filter', 'nat', 'broute'],
  bangInside: true,
  targetFirst: false,
  otherwise: 'CONTINUE',
  canonical(conditions, settings, target) {
    const found = [...conditions];
    const has = (...kinds: readonly string[]): boolean =>
      found.some(({ kind }) => kinds.includes(kind));
    const add = (kind: string, value: unknown): void => {
      found.push({ kind, value, not: false });
    };
    if (has('log', 'logPrefix', 'logIp', 'logIp6', 'logArp') && !has('logLevel')) {
      add('logLevel', 'notice');
    }
    if (has('nflog', 'nflogPrefix', 'nflogRange', 'nflogThreshold') && !has('nflogGroup')) {
      add('nflogGroup', 1);
    }
    if (has('limit') && !has('limitBurst')) add('limitBurst', 5);
    const kept = found.filter(({ kind }) => kind !== 'log' && kind !== 'nflog');
    return { conditions: inOrder(kept), settings: withNext(settings, target) };
  },
};

const NEXT: Readonly<Record<string, string>> = {
  dnat: 'dnatTarget',
  snat: 'snatTarget',
  mark: 'markTarget',
};

/** What happens after a target is always printed by these. */
function withNext(settings: readonly AnyOption[], target: string | null): readonly AnyOption[] {
  const kind = NEXT[target ?? ''];
  if (kind === undefined || settings.some((each) => each.kind === kind)) return settings;
  return [...settings, { kind, value: 'ACCEPT', not: false }];
}

/** Conditions of every rule come first, then each match with its options, then what is logged. */
const KINDS = Object.keys(FRAME_CONDITIONS);
const EVERY_RULE = KINDS.indexOf('amongSource');

function matchOf(kind: string): string {
  const found = /^(among|arp|ip6|ip|vlan|stp|limit|log|nflog|sap|snap)/.exec(kind)?.[1] ?? kind;
  return found === 'snap' ? 'sap' : found;
}

function inOrder(conditions: readonly AnyOption[]): readonly AnyOption[] {
  const matches = [...new Set(conditions.map(({ kind }) => matchOf(kind)))];
  const rank = ({ kind }: AnyOption): number => {
    const row = KINDS.indexOf(kind);
    if (row < EVERY_RULE) return row;
    const match = matchOf(kind);
    const watches = match === 'log' || match === 'nflog';
    return (watches ? 1000 : 100 + matches.indexOf(match)) * 100 + row;
  };
  return conditions
    .map((each, i) => ({ each, at: rank(each), i }))
    .sort((a, b) => a.at - b.at || a.i - b.i)
    .map(({ each }) => each);
}

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
