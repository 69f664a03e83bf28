/**
 * `ipset save`, and the text that `ipset restore` takes; xml.ts and list.ts read other outputs.
 */
import { type Origin, type Parsed, type Problem } from '../../../text/problem.ts';
import { nearest } from '../../../text/suggest.ts';
import { type Words, wordsOf } from '../text/words.ts';
import { writeElement } from './element.ts';
import { parseList } from './list.ts';
import { changeEntries, type OpenSet, openSet, readOptions, readType } from './open-set.ts';
import { type IpSet, SET_TYPES, type SetOption } from './types.ts';
import { parseXml } from './xml.ts';

/** Words of old releases, which are read and not printed. */
const COMMANDS: Readonly<
  Record<string, 'create' | 'add' | 'del' | 'flush' | 'destroy' | 'rename' | 'swap'>
> = {
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
  rename: 'rename',
  '-E': 'rename',
  swap: 'swap',
  '-W': 'swap',
};
/** Reads `ipset save` or `ipset list`, as text or XML. `file` only names it. Never throws. */
export function parseIpsetSave(text: string, file: string): Parsed<readonly IpSet[]> {
  if (text.trimStart().startsWith('<')) return parseXml(text, file);
  return /^Name: /m.test(text) ? parseList(text, file) : parseLines(text, file);
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
    const options = readOptions(words, 3, true, complain);
    if (set === undefined) sets.set(name, openSet(name, type, options, origin));
    else if (set.type !== type) complain(2, 'the set exists already with another type');
    return;
  }
  if (command === 'destroy' && name !== '') sets.delete(name);
  else if (command === 'rename' || command === 'swap') {
    const other = sets.get(third);
    if (set === undefined) complain(1, 'no set of this name was created');
    else if (command === 'swap' && other === undefined)
      complain(2, 'no set of this name was created');
    else {
      sets.delete(name);
      sets.set(third, { ...set, name: third });
      if (command === 'swap' && other !== undefined) sets.set(name, { ...other, name });
    }
  } else if (set === undefined) {
    if (name !== '') complain(1, 'no set of this name was created', nearest(name, sets.keys()));
  } else if (command === 'flush') set.entries = [];
  else
    changeEntries(
      set,
      command === 'add',
      third,
      readOptions(words, 3, false, complain),
      origin,
      () => complain(2, `this is no entry of a ${set.type} set`),
    );
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
