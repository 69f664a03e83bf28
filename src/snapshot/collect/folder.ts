/**
 * Where a snapshot is kept: a directory, a `.tar.gz` of one, or a single file. The only place
 * of the readers' side that touches a disk; files are read when they are asked for. What cannot
 * be read is refused with its reason, and every limit is stated here.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, constants as zlib } from 'node:zlib';
import { type Folder } from '../read/folder.ts';

/** Files below one directory; more than that is not a snapshot. */
const MOST_FILES = 200_000;
/** Bytes of one file: more than a table of a million flows. */
const MOST_BYTES = 256 * 1024 * 1024;
/** Bytes of an archive, also when it is unpacked. */
const MOST_ARCHIVE_BYTES = 1024 * 1024 * 1024;

/** Archives that have to be unpacked first, by how they begin. */
const UNSUPPORTED: readonly (readonly [readonly number[], string])[] = [
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'xz'],
  [[0x42, 0x5a, 0x68], 'bzip2'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd'],
  [[0x50, 0x4b, 0x03, 0x04], 'zip'],
];

/** Opens `path`; throws an error that says why when it cannot be opened. */
export function openFolder(path: string): Folder {
  if (statSync(path).isDirectory()) return directory(path);
  const bytes = readRegular(path, MOST_ARCHIVE_BYTES);
  for (const [magic, name] of UNSUPPORTED) {
    if (magic.every((byte, i) => bytes[i] === byte)) {
      throw new Error(`it is compressed with ${name}; unpack it and name the folder`);
    }
  }
  const zipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return archive(tarEntries(zipped ? unzipped(bytes) : bytes));
}

/** Files that lie anywhere, each by its own path. */
export function openFiles(paths: readonly string[]): Folder {
  const refusals = new Map<string, string>();
  return {
    list: () => paths,
    read: (path) => readOrRefuse(path, path, refusals),
    refusal: (path) => refusals.get(path) ?? null,
  };
}

function directory(root: string): Folder {
  const refusals = new Map<string, string>();
  let paths: readonly string[] | undefined;
  return {
    list: () => {
      paths ??= walk(root, refusals);
      return paths;
    },
    read: (path) => readOrRefuse(join(root, path), path, refusals),
    refusal: (path) => refusals.get(path) ?? null,
    unlisted: () => [...refusals.keys()].filter((path) => path.endsWith('/')),
  };
}

function readOrRefuse(
  path: string,
  name: string,
  refusals: Map<string, string>,
): Uint8Array | undefined {
  try {
    return readRegular(path, MOST_BYTES);
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    // A file that vanished is missing like the rest.
    if (code !== 'ENOENT') refusals.set(name, `The file cannot be read: ${reasonOf(error)}`);
    return undefined;
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  const known: Readonly<Record<string, string>> = {
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    ELOOP: 'its symbolic links go round in a circle',
    EISDIR: 'it is a directory',
  };
  return known[String(code)] ?? String(message);
}

/** The bytes of a regular file of limited size; never waits for a pipe. */
function readRegular(path: string, limit: number): Uint8Array {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const status = fstatSync(file);
    if (status.isDirectory()) throw new Error('it is a directory');
    if (!status.isFile()) throw new Error('it is no regular file');
    if (status.size > limit) {
      throw new Error(`it has ${status.size} bytes, and at most ${limit} are read`);
    }
    const bytes = new Uint8Array(status.size);
    let length = 0;
    while (length < bytes.length) {
      const count = readSync(file, bytes, length, bytes.length - length, null);
      if (count === 0) break;
      length += count;
    }
    return length === bytes.length ? bytes : bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

/** Regular files in order of their paths; links to directories are not followed. */
function walk(root: string, refusals: Map<string, string>): readonly string[] {
  const found: string[] = [];
  const open = [''];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const entry of entriesOf(root, at, refusals)) {
      const path = at === '' ? entry.name : `${at}/${entry.name}`;
      if (entry.isDirectory()) open.push(path);
      else if (entry.isFile() || entry.isSymbolicLink()) found.push(path);
    }
    if (found.length > MOST_FILES) {
      throw new Error(`it holds more than ${MOST_FILES} files; name the snapshot's own folder`);
    }
  }
  return found.sort();
}

function entriesOf(root: string, at: string, refusals: Map<string, string>) {
  try {
    return readdirSync(join(root, at), { withFileTypes: true });
  } catch (error) {
    if (at === '') throw error;
    refusals.set(`${at}/`, `The folder cannot be read: ${reasonOf(error)}`);
    return [];
  }
}

function archive(entries: ReadonlyMap<string, Uint8Array>): Folder {
  const paths = [...entries.keys()].sort();
  return { list: () => paths, read: (path) => entries.get(path) };
}

/** A cut archive gives what it still holds; files that are cut with it show that themselves. */
function unzipped(bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes, {
      finishFlush: zlib.Z_SYNC_FLUSH,
      maxOutputLength: MOST_ARCHIVE_BYTES,
    });
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      throw new Error(`unpacked it has more than ${MOST_ARCHIVE_BYTES} bytes`);
    }
    throw error;
  }
}

/** Regular files of a POSIX tar (pax and GNU long names included). */
export function tarEntries(tar: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const entries = new Map<string, Uint8Array>();
  let longName: string | undefined;
  for (let at = 0; at + 512 <= tar.length; ) {
    const header = tar.subarray(at, at + 512);
    const size = Number.parseInt(textAt(header, 124, 12).trim() || '0', 8);
    if (header[0] === 0 || !Number.isInteger(size) || size < 0) break;
    const type = String.fromCharCode(header[156] ?? 0);
    const body = tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
    if (type === 'L') longName = textAt(body, 0, body.length);
    else if (type === 'x') longName = paxPath(body) ?? longName;
    else {
      const prefix = textAt(header, 345, 155);
      const short = textAt(header, 0, 100);
      const name = longName ?? (prefix === '' ? short : `${prefix}/${short}`);
      longName = undefined;
      if (type === '0' || type === '\0') entries.set(name.replace(/^\.\//, ''), body);
    }
  }
  return entries;
}

function textAt(bytes: Uint8Array, from: number, length: number): string {
  const part = bytes.subarray(from, from + length);
  const end = part.indexOf(0);
  return new TextDecoder().decode(end < 0 ? part : part.subarray(0, end));
}

function paxPath(body: Uint8Array): string | undefined {
  return /^\d+ path=(.*)$/m.exec(new TextDecoder().decode(body))?.[1];
}
