/** `ipset save -output xml` and `ipset list -output xml`. */
import { type Parsed, type Problem } from '../../../text/problem.ts';
import { changeEntries, type OpenSet, openSet, readType } from './open-set.ts';
import { type IpSet, type SetOption, type SetType } from './types.ts';

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
export function parseXml(text: string, file: string): Parsed<readonly IpSet[]> {
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
