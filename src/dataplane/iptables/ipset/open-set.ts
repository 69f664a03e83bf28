/** Sets that are being read, whatever the text is: commands, XML or a list. */
import { type Origin } from '../../../text/problem.ts';
import { nearest } from '../../../text/suggest.ts';
import { type Words } from '../text/words.ts';
import { readElement, writeElement } from './element.ts';
import { type IpSet, SET_TYPES, type SetEntry, type SetOption, type SetType } from './types.ts';

/** Options of `create` and `add` that take no value. */
const BARE: ReadonlySet<string> = new Set([
  'counters',
  'skbinfo',
  'forceadd',
  'nomatch',
  'wildcard',
]);
const VALUED: ReadonlySet<string> = new Set([
  'family',
  'hashsize',
  'maxelem',
  'bucketsize',
  'initval',
  'timeout',
  'netmask',
  'bitmask',
  'markmask',
  'range',
  'size',
  'packets',
  'bytes',
  'skbmark',
  'skbprio',
  'skbqueue',
  'before',
  'after',
  'probes',
  'resize',
  'gc',
]);
const OLD_TYPES: Readonly<Record<string, SetType>> = {
  iphash: 'hash:ip',
  nethash: 'hash:net',
  ipporthash: 'hash:ip,port',
  ipmap: 'bitmap:ip',
  macipmap: 'bitmap:ip,mac',
  portmap: 'bitmap:port',
  setlist: 'list:set',
};

/** A set that grows while its text is read. */
export type OpenSet = Omit<IpSet, 'entries'> & { entries: SetEntry[] };

/** Adds an element that is written so, or takes it out. */
export function changeEntries(
  set: OpenSet,
  adds: boolean,
  text: string,
  options: readonly SetOption[],
  origin: Origin,
  complain: () => void,
): void {
  const parts = readElement(text, SET_TYPES[set.type], set.version);
  if (parts === null) return complain();
  if (adds) {
    set.entries.push({ parts, options, origin });
    return;
  }
  const wanted = writeElement(parts, set.version);
  set.entries = set.entries.filter((each) => writeElement(each.parts, set.version) !== wanted);
}

/** A type of today or of old releases; null when it is none. */
export function readType(text: string): SetType | null {
  const known = Object.keys(SET_TYPES).find((type): type is SetType => type === text);
  return known ?? OLD_TYPES[text] ?? null;
}

/** An empty set. */
export function openSet(
  name: string,
  type: SetType,
  options: readonly SetOption[],
  origin: Origin,
): OpenSet {
  const family = options.find((each) => each.name === 'family')?.value;
  return { name, type, version: family === 'inet6' ? 6 : 4, options, entries: [], origin };
}

/** The options from `start` on; `creates` tells those of a set from those of an element. */
export function readOptions(
  words: Words,
  start: number,
  creates: boolean,
  complain: (index: number, message: string, hint?: string) => void,
): readonly SetOption[] {
  const options: SetOption[] = [];
  for (let i = start; i < words.text.length; i++) {
    // Releases before 5 wrote `--hashsize`.
    const name = (words.text[i] ?? '').replace(/^--/, '');
    if (BARE.has(name) || (name === 'comment' && creates)) options.push({ name, value: null });
    else if (VALUED.has(name) || name === 'comment') {
      options.push({ name, value: words.text[++i] ?? '' });
    } else complain(i, 'ipset has no option of this name', nearest(name, [...VALUED, ...BARE]));
  }
  return options;
}
