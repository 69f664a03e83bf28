/** A place with files, and how the readers keep what they read from it. */
import { type FilePlace, type SourceText } from '../../dataplane/network.ts';
import { type Parsed, type Problem } from '../../text/problem.ts';
import { conditionOf, textOf } from './condition.ts';

/** Files by path, with `/` between folders. Reading happens when it is asked for. */
export interface Folder {
  list(): readonly string[];
  read(path: string): Uint8Array | undefined;
  /** Why a file that is there could not be read; null when it is simply not there. */
  refusal?(path: string): string | null;
  /** Folders that could not be listed, with a slash at the end. */
  unlisted?(): readonly string[];
}

/** A folder with what was read of it so far. */
export interface Store {
  readonly folder: Folder;
  /** Grows with every file that is read. */
  readonly problems: Problem[];
  /** What the files are about; null while that is still to be found out. */
  readonly placeOf: (path: string) => FilePlace | null;
  /** Files whose condition was looked at. */
  readonly seen: Set<string>;
}

/** A store of which nothing was read yet. */
export function openStore(folder: Folder, placeOf: Store['placeOf'] = () => null): Store {
  return { folder, problems: [], placeOf, seen: new Set() };
}

/** The value, computed when it is first asked for. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** The same for a value of every name. */
export function cached<T>(read: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    const found = known.get(name) ?? read(name);
    known.set(name, found);
    return found;
  };
}

/** The file's bytes as UTF-8, or undefined when there is none; its condition is reported once. */
export function bytesAt(store: Store, path: string | undefined): Uint8Array | undefined {
  if (path === undefined) return undefined;
  const raw = store.folder.read(path);
  const first = !store.seen.has(path);
  store.seen.add(path);
  if (raw === undefined) {
    const message = store.folder.refusal?.(path) ?? null;
    if (first && message !== null) {
      store.problems.push({ file: path, line: 1, column: 1, text: '', message });
    }
    return undefined;
  }
  const { bytes, problems } = conditionOf(path, raw, store.placeOf(path));
  if (first) store.problems.push(...problems);
  return bytes;
}

/** The file as text (bytes that are no UTF-8 become U+FFFD), or undefined when there is none. */
export function sourceAt(store: Store, path: string | undefined): SourceText | undefined {
  const known = path !== undefined && store.seen.has(path);
  const bytes = bytesAt(store, path);
  if (path === undefined || bytes === undefined) return undefined;
  const { text, problem } = textOf(path, bytes);
  if (problem !== null && !known) store.problems.push(problem);
  return { file: path, text };
}

/** What `reader` makes of the file; `otherwise` when there is no such file. */
export function readWith<T>(
  store: Store,
  path: string | undefined,
  reader: (file: string, text: string) => Parsed<T>,
  otherwise: T,
): T {
  const source = sourceAt(store, path);
  if (source === undefined) return otherwise;
  return taken(store, reader(source.file, source.text));
}

/** The same for readers that scan bytes, which spares large dumps the decoding. */
export function readBytesWith<T>(
  store: Store,
  path: string | undefined,
  reader: (bytes: Uint8Array, file: string) => Parsed<T>,
  otherwise: T,
): T {
  const bytes = bytesAt(store, path);
  if (path === undefined || bytes === undefined) return otherwise;
  return taken(store, reader(bytes, path));
}

/** Problems of one file that are kept; a dump that is none at all has one on every line. */
const MOST_PROBLEMS = 1000;

function taken<T>(store: Store, { value, problems }: Parsed<T>): T {
  for (const problem of problems.slice(0, MOST_PROBLEMS)) store.problems.push(problem);
  const more = problems.length - MOST_PROBLEMS;
  const last = problems[MOST_PROBLEMS];
  if (last !== undefined) {
    store.problems.push({ ...last, text: '', message: `${more} more problems are not listed` });
  }
  return value;
}
