/**
 * Where a snapshot is kept: a directory, a `.tar.gz` of one, or a single file. The only place
 * of the readers' side that touches a disk; files are read when they are asked for.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type Folder } from '../read/folder.ts';

/** Files below one directory; more than that is not a snapshot. */
const MOST_FILES = 200_000;

/** Opens `path`; throws the system's error when it cannot be opened. */
export function openFolder(path: string): Folder {
  if (statSync(path).isDirectory()) return directory(path);
  const bytes = readFileSync(path);
  const zipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return archive(tarEntries(zipped ? gunzipSync(bytes) : bytes));
}

function directory(root: string): Folder {
  let paths: readonly string[] | undefined;
  return {
    list: () => {
      paths ??= walk(root);
      return paths;
    },
    read: (path) => {
      try {
        return readFileSync(join(root, path));
      } catch {
        // A file that vanished or may not be read is missing like the rest.
        return undefined;
      }
    },
  };
}

/** Regular files in order of their paths; links to directories are not followed. */
function walk(root: string): readonly string[] {
  const found: string[] = [];
  const open = [''];
  while (open.length > 0 && found.length < MOST_FILES) {
    const at = open.pop() ?? '';
    for (const entry of readdirSync(join(root, at), { withFileTypes: true })) {
      const path = at === '' ? entry.name : `${at}/${entry.name}`;
      if (entry.isDirectory()) open.push(path);
      else if (entry.isFile() || entry.isSymbolicLink()) found.push(path);
    }
  }
  return found.sort();
}

function archive(entries: ReadonlyMap<string, Uint8Array>): Folder {
  const paths = [...entries.keys()].sort();
  return { list: () => paths, read: (path) => entries.get(path) };
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
