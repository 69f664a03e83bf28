/**
 * JSON as a dump holds it: a value of the wrong type is a problem with a place in the file,
 * never an exception, and unknown keys are nobody's business. Readers of `ip -json`,
 * OVSDB and API answers stand on this.
 */
import { type Problem } from './problem.ts';
import { nearest } from './suggest.ts';

type Step = string | number;

/** One value inside of a JSON text, with the way to it. */
export interface JsonNode {
  readonly source: JsonSource;
  readonly path: readonly Step[];
  readonly value: unknown;
}

/** A text that was read, and how places in it are found. */
export interface JsonSource {
  readonly file: string;
  readonly text: string;
  /** Line of the file that the text starts on, for files of one document per line. */
  readonly firstLine: number;
  readonly problems: Problem[];
  /** Where the value at the end of a way starts, counted in characters. */
  readonly offset: (path: readonly Step[]) => number;
  /** Where a key of the object at the end of a way starts. */
  readonly keyOffset: (path: readonly Step[], key: string) => number;
}

const MOST_PROBLEMS = 100;

/** A value that knows what it stands in: only problems ask for the whole way. */
class Inner implements JsonNode {
  readonly source: JsonSource;
  readonly value: unknown;
  private readonly within: JsonNode | null;
  private readonly step: Step;

  constructor(source: JsonSource, within: JsonNode | null, step: Step, value: unknown) {
    this.source = source;
    this.within = within;
    this.step = step;
    this.value = value;
  }

  get path(): readonly Step[] {
    return this.within === null ? [] : [...this.within.path, this.step];
  }
}

/** The document's root, or undefined and a problem when the text is not JSON. */
export function jsonRoot(
  file: string,
  text: string,
  problems: Problem[],
  firstLine = 1,
): JsonNode | undefined {
  const offset = (path: readonly Step[]): number => offsetOf(text, path);
  const keyOffset = (path: readonly Step[], key: string): number => offsetOf(text, [...path, key]);
  const source = { file, text, firstLine, problems, offset, keyOffset };
  try {
    const value: unknown = JSON.parse(text);
    return new Inner(source, null, '', value);
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    const position = /position (\d+)/.exec(message);
    const at = position === null ? text.length : Number(position[1]);
    report(source, at, 'This is not JSON');
    return undefined;
  }
}

/** Another value at the same place, for what is read as if it had another form. */
export function asValue({ source, path }: JsonNode, value: unknown): JsonNode {
  return { source, path, value };
}

/** Members of an array; a missing value is empty, another type a problem. */
export function items(node: JsonNode | undefined): JsonNode[] {
  if (node === undefined || node.value === null || node.value === undefined) return [];
  if (!Array.isArray(node.value)) {
    wrong(node, 'Expected a list');
    return [];
  }
  return node.value.map((value: unknown, i) => new Inner(node.source, node, i, value));
}

/** A member of an object; undefined when it is absent or null. */
export function member(node: JsonNode | undefined, key: string): JsonNode | undefined {
  if (node === undefined || !isRecord(node.value)) return undefined;
  const value = Object.hasOwn(node.value, key) ? node.value[key] : undefined;
  if (value === null || value === undefined) return undefined;
  return new Inner(node.source, node, key, value);
}

/** Names of the members, when it is an object. */
export function keysOf(node: JsonNode | undefined): string[] {
  return node !== undefined && isRecord(node.value) ? Object.keys(node.value) : [];
}

/** Objects of a list; every other member is a problem. Empty objects are left out: `ip -json`
 * prints `{}` for what a filter hid. */
export function records(node: JsonNode | undefined): JsonNode[] {
  return items(node).filter((item) => {
    if (isRecord(item.value)) return Object.keys(item.value).length > 0;
    wrong(item, 'Expected an object');
    return false;
  });
}

export function textOf(node: JsonNode | undefined): string | undefined {
  if (node === undefined) return undefined;
  if (typeof node.value === 'string') return node.value;
  wrong(node, 'Expected text');
  return undefined;
}

/** A safe number; text of decimal or hexadecimal digits counts, as some tools print it so. */
export function numberOf(node: JsonNode | undefined): number | undefined {
  if (node === undefined) return undefined;
  const { value } = node;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'string' && /^(\d{1,15}|0x[0-9a-f]{1,12})$/i.test(value))
    return Number(value);
  wrong(node, 'Expected a number');
  return undefined;
}

export function truthOf(node: JsonNode | undefined): boolean | undefined {
  if (node === undefined) return undefined;
  const { value } = node;
  if (typeof value === 'boolean') return value;
  if (value === 1 || value === 0) return value === 1;
  if (value === 'on' || value === 'off') return value === 'on';
  if (value === 'UP' || value === 'DOWN') return value === 'UP';
  wrong(node, 'Expected true or false');
  return undefined;
}

/** What `read` makes of a text member; a problem when it makes nothing of it. */
export function readAs<T>(
  node: JsonNode | undefined,
  read: (text: string) => T | undefined,
  what: string,
): T | undefined {
  const text = textOf(node);
  if (node === undefined || text === undefined) return undefined;
  const value = read(text);
  if (value === undefined) wrong(node, `This is not ${what}`);
  return value;
}

/** Adds a problem at the place of the value. */
export function wrong(node: JsonNode, message: string, didYouMean?: string): void {
  const { source } = node;
  if (source.problems.length >= MOST_PROBLEMS) return;
  report(source, source.offset(node.path), message, didYouMean);
}

/**
 * Adds a problem for every key that nobody reads, where every key is meant to have an effect, and
 * for what has no keys at all.
 */
export function reportUnknownKeys(node: JsonNode | undefined, known: readonly string[]): void {
  if (node === undefined) return;
  if (!isRecord(node.value)) {
    wrong(node, `Expected an object with ${known.slice(0, 3).join(', ')}…`);
    return;
  }
  const { source, path } = node;
  for (const key of Object.keys(node.value)) {
    if (known.includes(key) || source.problems.length >= MOST_PROBLEMS) continue;
    const message = `Nothing here is called ${JSON.stringify(key)}`;
    report(source, source.keyOffset(path, key), message, nearest(key, known));
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Line and column of a value in its file, from 1. */
export function placeOf({ source, path }: JsonNode): Place {
  return placeAt(source, source.offset(path));
}

interface Place {
  readonly line: number;
  readonly column: number;
}

function placeAt({ text, firstLine }: JsonSource, at: number): Place {
  const before = text.slice(0, at);
  let line = firstLine;
  for (let i = before.indexOf('\n'); i >= 0; i = before.indexOf('\n', i + 1)) line++;
  return { line, column: at - before.lastIndexOf('\n') };
}

function report(source: JsonSource, at: number, message: string, didYouMean?: string): void {
  source.problems.push({
    file: source.file,
    ...placeAt(source, at),
    text: (source.text.slice(at, at + 200).split('\n')[0] ?? '').slice(0, 200),
    message,
    ...(didYouMean === undefined ? {} : { didYouMean }),
  });
}

/** Where the value at `path` starts. The text is known to be JSON; only problems pay for this. */
function offsetOf(text: string, path: readonly Step[]): number {
  let at = skipSpace(text, 0);
  for (const step of path) {
    let count = 0;
    at = skipSpace(text, at + 1);
    while (at < text.length && text[at] !== ']' && text[at] !== '}') {
      let key: Step = count++;
      if (typeof step === 'string') {
        const end = skipValue(text, at);
        key = JSON.parse(text.slice(at, end)) as string;
        at = skipSpace(text, skipSpace(text, end) + 1);
      }
      if (key === step) break;
      at = skipSpace(text, skipValue(text, at));
      if (text[at] === ',') at = skipSpace(text, at + 1);
    }
  }
  return at;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && (text.codePointAt(at) ?? 0) <= 32) at++;
  return at;
}

function skipValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  do {
    const c = text[at];
    if (c === '"') {
      at++;
      while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
    } else if (c === '{' || c === '[') depth++;
    else if (c === '}' || c === ']') depth--;
    at++;
    if (depth === 0 && (c === '"' || c === '}' || c === ']' || /[,\]}\s]/.test(text[at] ?? ','))) {
      return at;
    }
  } while (at < text.length);
  return at;
}
