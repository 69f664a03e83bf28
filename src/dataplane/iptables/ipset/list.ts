/**
 * `ipset list`: the same sets with a heading for each word, and the members below. A report that
 * was made for people often has this output and no other.
 */
import { type Parsed, type Problem } from '../../../text/problem.ts';
import { nearest } from '../../../text/suggest.ts';
import { wordsOf } from '../text/words.ts';
import { changeEntries, type OpenSet, openSet, readOptions, readType } from './open-set.ts';
import { type IpSet, SET_TYPES } from './types.ts';

/** Headings that say nothing about what is in the set. */
const SILENT: ReadonlySet<string> = new Set([
  'Revision',
  'Size in memory',
  'References',
  'Number of entries',
  'Default',
]);

/** Reads `ipset list`. `file` only names the origin. Never throws. */
export function parseList(text: string, file: string): Parsed<readonly IpSet[]> {
  const problems: Problem[] = [];
  const sets: OpenSet[] = [];
  let name = '';
  let type = '';
  let members = false;
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.trimEnd();
    const origin = { file, line: i + 1 };
    const complain = (column: number, what: string, message: string, hint?: string): void => {
      const problem = { ...origin, column, text: what.slice(0, 200), message };
      problems.push(hint === undefined ? problem : { ...problem, didYouMean: hint });
    };
    const heading = /^([A-Z][A-Za-z ]*):(?: (.*))?$/.exec(line);
    const [, key = '', value = ''] = heading ?? [];
    if (line === '') members = false;
    else if (heading !== null && key === 'Name') {
      name = value;
      members = false;
    } // Members of a set that could not be made are named by that problem already.
    else if (members && sets.at(-1)?.name !== name) continue;
    else if (members) readMember(sets, line, origin, complain);
    else if (key === 'Type') type = value;
    else if (key === 'Header') {
      const known = readType(type);
      if (known === null) {
        const hint = nearest(type, Object.keys(SET_TYPES));
        complain(1, type, 'ipset has no type of this name', hint);
        continue;
      }
      const words = wordsOf(value);
      const options = readOptions(words, 0, true, (index, message, hint) =>
        complain((words.column[index] ?? 1) + 8, words.text[index] ?? '', message, hint),
      );
      sets.push(openSet(name, known, options, origin));
    } else if (key === 'Members') members = true;
    else if (!SILENT.has(key)) complain(1, line, 'this is no line of ipset list');
  }
  return { value: sets, problems };
}

type Complain = (column: number, what: string, message: string, hint?: string) => void;

function readMember(
  sets: readonly OpenSet[],
  line: string,
  origin: { readonly file: string; readonly line: number },
  complain: Complain,
): void {
  const set = sets.at(-1);
  if (set === undefined) return;
  const words = wordsOf(line);
  const [element = ''] = words.text;
  const options = readOptions(words, 1, false, (index, message, hint) =>
    complain(words.column[index] ?? 1, words.text[index] ?? '', message, hint),
  );
  changeEntries(set, true, element, options, origin, () =>
    complain(1, element, `this is no entry of a ${set.type} set`),
  );
}
