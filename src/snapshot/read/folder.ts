/** A place with files, and how the readers keep what they read from it. */
import { type SourceText } from '../../dataplane/network.ts';
import { type Parsed, type Problem } from '../../text/problem.ts';

/** Files by path, with `/` between folders. Reading happens when it is asked for. */
export interface Folder {
  list(): readonly string[];
  read(path: string): Uint8Array | undefined;
}

/** A folder with what was read of it so far. */
export interface Store {
  readonly folder: Folder;
  /** Grows with every file that is read. */
  readonly problems: Problem[];
}

/** The value, computed when it is first asked for. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** The file as text (bytes that are no UTF-8 become U+FFFD), or undefined when there is none. */
export function sourceAt(store: Store, path: string | undefined): SourceText | undefined {
  if (path === undefined) return undefined;
  const bytes = store.folder.read(path);
  return bytes === undefined ? undefined : { file: path, text: new TextDecoder().decode(bytes) };
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
  const { value, problems } = reader(source.file, source.text);
  store.problems.push(...problems);
  return value;
}

/** The same for readers that scan bytes, which spares large dumps the decoding. */
export function readBytesWith<T>(
  store: Store,
  path: string | undefined,
  reader: (bytes: Uint8Array, file: string) => Parsed<T>,
  otherwise: T,
): T {
  const bytes = path === undefined ? undefined : store.folder.read(path);
  if (path === undefined || bytes === undefined) return otherwise;
  const { value, problems } = reader(bytes, path);
  store.problems.push(...problems);
  return value;
}
