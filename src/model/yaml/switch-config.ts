/**
 * What a data centre switch's running configuration says of its layer 2 ports: the `interface`
 * blocks with their `switchport` lines, as Cisco NX-OS, Arista EOS and others write them.
 */
import { complain, type Lines, linesOf } from '../../text/lines.ts';
import { type Parsed } from '../../text/problem.ts';

export interface SwitchPortConfig {
  readonly mode: 'access' | 'trunk';
  readonly untagged: number | null;
  /** Empty is all. */
  readonly allowed: readonly (readonly [number, number])[];
  readonly mtu: number | null;
  readonly enabled: boolean;
}

interface Draft {
  mode: 'access' | 'trunk';
  access: number;
  native: number;
  allowed: (readonly [number, number])[];
  mtu: number | null;
  enabled: boolean;
}

/** Lines of an interface block that say nothing about which frames pass. */
const BESIDES =
  /^(description|spanning-tree|channel-group|lldp|cdp|speed|duplex|flowcontrol|storm-control|logging|load-interval|no ip|switchport$|exit$|!)/;

/** Ports by name; a `switchport` line that is not understood is a problem. */
export function readSwitchConfig(
  file: string,
  text: string,
): Parsed<ReadonlyMap<string, SwitchPortConfig>> {
  const lines = linesOf(file, text);
  const ports = new Map<string, SwitchPortConfig>();
  let name = '';
  let draft: Draft | null = null;
  const close = (): void => {
    if (draft !== null) ports.set(name, closed(draft));
    draft = null;
  };
  for (const [i, raw] of lines.lines.entries()) {
    const line = raw.trim();
    const start = /^interface\s+(\S.*)$/.exec(line);
    if (start !== null || (/^\S/.test(raw) && line !== '')) close();
    if (start !== null) {
      name = (start[1] ?? '').replace(/\s+/g, '');
      draft = { mode: 'access', access: 1, native: 1, allowed: [], mtu: null, enabled: true };
    } else if (draft !== null && line !== '') statement(draft, lines, i, line);
  }
  close();
  return { value: ports, problems: lines.problems };
}

/** Without an allowed list a trunk carries everything; its native VLAN is 1 unless it is said. */
function closed({ mode, access, native, allowed, mtu, enabled }: Draft): SwitchPortConfig {
  return { mode, untagged: mode === 'access' ? access : native, allowed, mtu, enabled };
}

function statement(draft: Draft, lines: Lines, i: number, line: string): void {
  const words = line.split(/\s+/);
  const [first, second, third] = words;
  if (line === 'shutdown') draft.enabled = false;
  else if (line === 'no shutdown') draft.enabled = true;
  else if (first === 'mtu' && second !== undefined) draft.mtu = vlanOr(second, 65_535);
  else if (
    first === 'switchport' &&
    second === 'mode' &&
    (third === 'access' || third === 'trunk')
  ) {
    draft.mode = third;
  } else if (/^switchport access vlan \d+$/.test(line)) draft.access = Number(words[3]);
  else if (/^switchport trunk native vlan \d+$/.test(line)) draft.native = Number(words[4]);
  else if (/^switchport trunk allowed vlan /.test(line)) {
    allow(draft, lines, i, line, words.slice(4));
  } else if (!BESIDES.test(line)) {
    complain(lines, i, line, 'This statement of a switch port is not understood');
  }
}

function vlanOr(word: string, most: number): number | null {
  const value = Number(word);
  return Number.isInteger(value) && value > 0 && value <= most ? value : null;
}

/**
 * `100`, `100-101,200`, `add 100`, `remove 7`, `all`, `none`. A list that only ever is added to is
 * meant as the whole list, whatever the switch starts from.
 */
function allow(
  draft: Draft,
  lines: Lines,
  i: number,
  line: string,
  words: readonly string[],
): void {
  const [first = '', second] = words;
  const ranges = rangesOf(second ?? first);
  if (first === 'all') draft.allowed = [];
  else if (first === 'none') draft.allowed = [[0, 0]];
  else if (ranges === null || (second !== undefined && first !== 'add' && first !== 'remove')) {
    complain(lines, i, line, 'Expected VLANs such as 100-101,200');
  } else if (second === undefined) draft.allowed = [...ranges];
  else if (first === 'add') draft.allowed.push(...ranges);
  else
    draft.allowed = ranges.reduce(
      without,
      draft.allowed.length === 0 ? [[1, 4094]] : draft.allowed,
    );
}

function rangesOf(word: string): readonly (readonly [number, number])[] | null {
  const ranges: (readonly [number, number])[] = [];
  for (const part of word.split(',')) {
    const [, from, to] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    if (from === undefined) return null;
    ranges.push([Number(from), Number(to ?? from)]);
  }
  return ranges;
}

function without(
  all: (readonly [number, number])[],
  [low, high]: readonly [number, number],
): (readonly [number, number])[] {
  return all.flatMap(([from, to]): (readonly [number, number])[] => {
    const parts: (readonly [number, number])[] = [
      [from, Math.min(to, low - 1)],
      [Math.max(from, high + 1), to],
    ];
    return parts.filter(([a, b]) => a <= b);
  });
}
