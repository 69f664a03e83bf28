/**
 * `ipset save` and `ipset save -output xml`, and the text that `ipset restore` takes.
 */
import { type Origin, type Parsed, type Problem } from '../../../text/problem.ts';
import { nearest } from '../../../text/suggest.ts';
import { type Words, wordsOf } from '../text/words.ts';
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
/** Words of old releases, which are read and not printed. */
const COMMANDS: Readonly<Record<string, 'create' | 'add' | 'del' | 'flush' | 'destroy'>> = {
  create: 'create',
  '-N': 'create',
  '-create': 'create',
  n: 'create',
  add: 'add',
  '-A': 'add',
  del: 'del',
  '-D': 'del',
  flush: 'flush',
  '-F': 'flush',
  destroy: 'destroy',
  '-X': 'destroy',
};
const OLD_TYPES: Readonly<Record<string, SetType>> = {
  iphash: 'hash:ip',
  nethash: 'hash:net',
  ipporthash: 'hash:ip,port',
  ipmap: 'bitmap:ip',
  macipmap: 'bitmap:ip,mac',
  portmap: 'bitmap:port',
  setlist: 'list:set',
};

type OpenSet = Omit<IpSet, 'entries'> & { entries: SetEntry[] };

/** Reads `ipset save` in either form. `file` only names the origin. Never throws. */
export function parseIpsetSave(text: string, file: string): Parsed<readonly IpSet[]> {
  return text.trimStart().startsWith('<') ? parseXml(text, file) : parseLines(text, file);
}

function parseLines(text: string, file: string): Parsed<readonly IpSet[]> {
  const problems: Problem[] = [];
  const sets = new Map<string, OpenSet>();
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.trimEnd();
    if (line === '' || line.startsWith('#') || line === 'COMMIT') continue;
    const words = withoutExist(
      wordsOf(line.startsWith('ipset ') ? `      ${line.slice(6)}` : line),
    );
    runCommand(words, line, { file, line: i + 1 }, sets, problems);
  }
  return { value: [...sets.values()], problems };
}

/** `-exist` may stand anywhere; a file is read as if everything had it. */
function withoutExist({ text, column }: Words): Words {
  if (!text.includes('-exist') && !text.includes('-!')) return { text, column };
  const kept = [...text.keys()].filter((i) => text[i] !== '-exist' && text[i] !== '-!');
  return { text: kept.map((i) => text[i] ?? ''), column: kept.map((i) => column[i] ?? 1) };
}

function runCommand(
  words: Words,
  line: string,
  origin: Origin,
  sets: Map<string, OpenSet>,
  problems: Problem[],
): void {
  const complain = (index: number, message: string, didYouMean?: string): void => {
    const column = words.column[index] ?? line.length + 1;
    const problem = { ...origin, column, text: (words.text[index] ?? '').slice(0, 200), message };
    problems.push(didYouMean === undefined ? problem : { ...problem, didYouMean });
  };
  const [head = '', name = '', third = ''] = words.text;
  const command = COMMANDS[head];
  if (command === undefined) return complain(0, 'this is no line of ipset save');
  const set = sets.get(name);
  if (command === 'create') {
    const type = readType(third);
    if (type === null) {
      return complain(2, 'ipset has no type of this name', nearest(third, Object.keys(SET_TYPES)));
    }
    const options = readOptions(words, 3, complain);
    if (set === undefined) sets.set(name, openSet(name, type, options, origin));
    else if (set.type !== type) complain(2, 'the set exists already with another type');
    return;
  }
  if (command === 'destroy' && name !== '') sets.delete(name);
  else if (set === undefined) {
    if (name !== '') complain(1, 'no set of this name was created', nearest(name, sets.keys()));
  } else if (command === 'flush') set.entries = [];
  else
    changeEntries(set, command === 'add', third, readOptions(words, 3, complain), origin, () =>
      complain(2, `this is no entry of a ${set.type} set`),
    );
}

function changeEntries(
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

function readType(text: string): SetType | null {
  const known = Object.keys(SET_TYPES).find((type): type is SetType => type === text);
  return known ?? OLD_TYPES[text] ?? null;
}

function openSet(
  name: string,
  type: SetType,
  options: readonly SetOption[],
  origin: Origin,
): OpenSet {
  const family = options.find((each) => each.name === 'family')?.value;
  return { name, type, version: family === 'inet6' ? 6 : 4, options, entries: [], origin };
}

function readOptions(
  words: Words,
  start: number,
  complain: (index: number, message: string, hint?: string) => void,
): readonly SetOption[] {
  const options: SetOption[] = [];
  const adds = COMMANDS[words.text[0] ?? ''] !== 'create';
  for (let i = start; i < words.text.length; i++) {
    const name = words.text[i] ?? '';
    if (BARE.has(name) || (name === 'comment' && !adds)) options.push({ name, value: null });
    else if (VALUED.has(name) || name === 'comment') {
      options.push({ name, value: words.text[++i] ?? '' });
    } else complain(i, 'ipset has no option of this name', nearest(name, [...VALUED, ...BARE]));
  }
  return options;
}

const TAG = /<(\/?)([a-z]+)(?:\s+name="([^"]*)")?\s*(\/?)>/g;
const ENTITIES: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
};

function unescaped(text: string): string {
  const plain = text.replace(/&(lt|gt|amp|quot|apos);/g, (_, name: string) => ENTITIES[name] ?? '');
  return plain.startsWith('"') && plain.endsWith('"') ? plain.slice(1, -1) : plain;
}

/** The elements that `ipset save -output xml` prints: ipset, type, header, member, elem. */
function parseXml(text: string, file: string): Parsed<readonly IpSet[]> {
  const problems: Problem[] = [];
  const sets: OpenSet[] = [];
  let name = '';
  let type: SetType | null = null;
  let inside: 'ipset' | 'header' | 'member' = 'ipset';
  let element = '';
  let options: SetOption[] = [];
  let line = 1;
  let counted = 0;
  for (const found of text.matchAll(TAG)) {
    for (; counted < found.index; counted++) if (text.charCodeAt(counted) === 10) line++;
    const [whole, closes, tag = '', named, empty] = found;
    const end = text.indexOf('<', found.index + whole.length);
    const content = unescaped(text.slice(found.index + whole.length, end < 0 ? undefined : end));
    const origin = { file, line };
    const complain = (what: string, message: string): void => {
      problems.push({ ...origin, column: 1, text: what.slice(0, 200), message });
    };
    if (closes === '/') {
      const set = sets.at(-1);
      if (tag === 'header' && type !== null) sets.push(openSet(name, type, options, origin));
      else if (tag === 'member' && type !== null && set !== undefined) {
        changeEntries(set, true, element, options, origin, () =>
          complain(element, `this is no entry of a ${set.type} set`),
        );
      }
      if (tag === 'header' || tag === 'member') inside = 'ipset';
      continue;
    }
    if (tag === 'ipset') name = named ?? '';
    else if (tag === 'type') {
      type = readType(content.trim());
      if (type === null) complain(content.trim(), 'ipset has no type of this name');
    } else if (tag === 'header' || tag === 'member') {
      inside = tag;
      options = [];
    } else if (tag === 'elem') element = content.trim();
    else if (
      inside !== 'ipset' &&
      tag !== 'memsize' &&
      tag !== 'references' &&
      tag !== 'numentries'
    ) {
      options.push({ name: tag, value: empty === '/' ? null : content });
    }
  }
  return { value: sets, problems };
}

/** Prints what `ipset restore` takes, as `ipset save` does. */
export function printIpsetSave(sets: readonly IpSet[]): string {
  const out: string[] = [];
  for (const set of sets) {
    out.push(`create ${set.name} ${set.type}${printOptions(set.options)}`);
    for (const { parts, options } of set.entries) {
      out.push(`add ${set.name} ${writeElement(parts, set.version)}${printOptions(options)}`);
    }
  }
  return out.length === 0 ? '' : `${out.join('\n')}\n`;
}

function printOptions(options: readonly SetOption[]): string {
  let text = '';
  for (const { name, value } of options) {
    text += ` ${name}`;
    if (value !== null) text += name === 'comment' ? ` "${value}"` : ` ${value}`;
  }
  return text;
}
