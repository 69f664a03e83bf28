/**
 * ACLs and conditions (Configuration Manual, section 7): what is looked at, how it is compared,
 * and `if`/`unless` with their terms.
 */
import { readPrefix } from '../../../../text/address-text.ts';
import { type Acl, type AclTest, type Condition, type HaproxyLine, type Term } from '../types.ts';
import { type Complaints, complain } from './lexer.ts';

type TextHow = Extract<AclTest, { kind: 'text' }>['how'];

/** Endings of a criterion that say how values are compared. */
const ENDINGS: ReadonlyMap<string, TextHow> = new Map<string, TextHow>([
  ['', 'exact'],
  ['_beg', 'begins'],
  ['_end', 'ends'],
  ['_sub', 'contains'],
  ['_dir', 'directory'],
  ['_dom', 'domain'],
]);

/** `-m METHOD` says the same. */
const METHODS: ReadonlyMap<string, TextHow> = new Map<string, TextHow>([
  ['str', 'exact'],
  ['beg', 'begins'],
  ['end', 'ends'],
  ['sub', 'contains'],
  ['dir', 'directory'],
  ['dom', 'domain'],
  ['found', 'found'],
]);

/** Names that need no `acl` line (section 7.4). */
const PREDEFINED: ReadonlyMap<string, AclTest> = new Map<string, AclTest>([
  ['TRUE', { kind: 'always', value: true }],
  ['FALSE', { kind: 'always', value: false }],
  ['LOCALHOST', addressTest('src', ['127.0.0.1/8', '::1'])],
  ...(['GET', 'POST', 'OPTIONS', 'CONNECT', 'TRACE', 'DELETE', 'PUT'] as const).map(
    (method): [string, AclTest] => [`METH_${method}`, textTest('method', 'exact', [method], false)],
  ),
]);

function textTest(
  of: string,
  how: TextHow,
  values: readonly string[],
  ignoreCase: boolean,
): AclTest {
  return { kind: 'text', of, how, values, ignoreCase };
}

function addressTest(of: 'src' | 'dst', values: readonly string[]): AclTest {
  const prefixes = values.flatMap((value) => readPrefix(value) ?? []);
  if (prefixes.length !== values.length) return opaque([of, ...values]);
  return { kind: 'address', of, prefixes };
}

function opaque(words: readonly string[]): AclTest {
  return { kind: 'opaque', text: words.join(' ') };
}

/** Reads `acl NAME CRITERION …`. */
export function readAcl(line: HaproxyLine, complaints: Complaints): Acl | undefined {
  const [, name, ...rest] = line.words;
  if (name === undefined || rest.length === 0) {
    complain(complaints, line, 0, 'expected acl NAME CRITERION');
    return undefined;
  }
  return { name, test: readTest(rest), origin: line.origin };
}

/** Reads `CRITERION [FLAGS] VALUES`. What is not understood is opaque. */
function readTest(words: readonly string[]): AclTest {
  const [criterion = '', ...rest] = words;
  const { ignoreCase, how, values } = flagsOf(rest);
  if (values === null) return opaque(words);
  if (criterion === 'src' || criterion === 'dst') return addressTest(criterion, values);
  if (criterion === 'src_port' || criterion === 'dst_port') {
    const ranges = values.map(portRange);
    if (ranges.some((range) => range === null)) return opaque(words);
    const of = criterion === 'src_port' ? 'src' : 'dst';
    return { kind: 'port', of, ranges: ranges.flatMap((range) => (range === null ? [] : [range])) };
  }
  if (criterion === 'ssl_fc' && values.length === 0) return { kind: 'tls' };
  if (criterion === 'always_true' || criterion === 'always_false') {
    return { kind: 'always', value: criterion === 'always_true' };
  }
  const text = textCriterion(criterion);
  if (text === null) return opaque(words);
  const method = how ?? (values.length === 0 ? 'found' : text.how);
  return textTest(text.of, method, values, ignoreCase);
}

/** `path_beg`, `hdr(host)`, `hdr_dom(Host)`, `req.hdr(host)`, `method`, `url_end`. */
function textCriterion(word: string): { of: string; how: TextHow } | null {
  const [, name, ending = '', header] =
    /^(?:req\.)?(path|url|method|hdr|fhdr)(_[a-z]+)?(?:\(([\w-]+)\))?$/.exec(word) ?? [];
  const how = ENDINGS.get(ending);
  if (name === undefined || how === undefined) return null;
  const isHeader = name === 'hdr' || name === 'fhdr';
  if (isHeader !== (header !== undefined)) return null;
  return { of: isHeader ? `header ${header?.toLowerCase()}` : name, how };
}

interface Flags {
  readonly ignoreCase: boolean;
  readonly how: TextHow | null;
  /** null: a flag that is not understood (values from a file, a resolver…). */
  readonly values: readonly string[] | null;
}

function flagsOf(words: readonly string[]): Flags {
  let ignoreCase = false;
  let how: TextHow | null = null;
  let at = 0;
  for (; at < words.length; at++) {
    const word = words[at];
    if (word === '-i') ignoreCase = true;
    else if (word === '-n') continue;
    else if (word === '--') {
      at++;
      break;
    } else if (word === '-m') {
      how = METHODS.get(words[++at] ?? '') ?? null;
      if (how === null) return { ignoreCase, how, values: null };
    } else if (word?.startsWith('-') === true) return { ignoreCase, how, values: null };
    else break;
  }
  return { ignoreCase, how, values: words.slice(at) };
}

/** `80`, `80:90`. */
function portRange(word: string): readonly [number, number] | null {
  const [, from, to] = /^(\d{1,5})(?:[:-](\d{1,5}))?$/.exec(word) ?? [];
  return from === undefined ? null : [Number(from), Number(to ?? from)];
}

/**
 * Reads a condition from the word `if` or `unless` on; null when there is none.
 *
 * @param at the index of that word in the line
 */
export function readCondition(
  line: HaproxyLine,
  at: number,
  acls: readonly Acl[],
  complaints: Complaints,
): Condition | null {
  const keyword = line.words[at];
  if (keyword === undefined) return null;
  const anyOf: Term[][] = [[]];
  for (let index = at + 1; index < line.words.length; index++) {
    let word = line.words[index] ?? '';
    if (word === '||' || word === 'or') {
      anyOf.push([]);
      continue;
    }
    let not = false;
    while (word.startsWith('!')) {
      not = !not;
      word = word.slice(1);
      if (word === '') word = line.words[++index] ?? '';
    }
    let tests: readonly AclTest[];
    if (word === '{') {
      const end = line.words.indexOf('}', index);
      if (end < 0) complain(complaints, line, index, 'the condition is not closed');
      tests = [readTest(line.words.slice(index + 1, end < 0 ? undefined : end))];
      index = end < 0 ? line.words.length : end;
    } else tests = named(line, index, word, acls, complaints);
    anyOf.at(-1)?.push({ not, tests });
  }
  return { unless: keyword === 'unless', anyOf };
}

function named(
  line: HaproxyLine,
  index: number,
  name: string,
  acls: readonly Acl[],
  complaints: Complaints,
): readonly AclTest[] {
  const own = acls.filter((acl) => acl.name === name).map(({ test }) => test);
  if (own.length > 0) return own;
  const predefined = PREDEFINED.get(name);
  if (predefined !== undefined) return [predefined];
  // Simplification: haproxy's predefined ACLs about HTTP versions and content are unknown.
  if (/^(HTTP|HTTP_.*|REQ_CONTENT|WAIT_END|RDP_COOKIE)$/.test(name)) return [opaque([name])];
  complain(complaints, line, index, 'no such acl', [
    ...acls.map((acl) => acl.name),
    ...PREDEFINED.keys(),
  ]);
  return [opaque([name])];
}
