/** Where the real captures are, and every snapshot folder below them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Folder } from '../../src/snapshot/read/folder.ts';

export const demo = resolve(import.meta.dirname, '../../demo/ovs-vxlan-ovsfw');
export const shared = resolve(import.meta.dirname, '../../../shared');
export const captures = join(shared, 'truth/captures');
export const seeds = join(shared, 'reference/seeds-artifacts');

/** True (with a message once) when the captures are not on this machine. */
export function withoutCaptures(): boolean {
  const absent = !existsSync(captures);
  if (absent) console.warn('skipped: ../shared/truth/captures is not here');
  return absent;
}

/** Folders that hold `hosts/` directly, as paths below the captures. */
export function snapshotFolders(): readonly string[] {
  const found: string[] = [];
  const open = existsSync(captures) ? [''] : [];
  while (open.length > 0) {
    const at = open.pop() ?? '';
    const entries = readdirSync(join(captures, at), { withFileTypes: true });
    if (entries.some((entry) => entry.name === 'hosts')) found.push(at);
    for (const { name } of entries.filter((entry) => entry.isDirectory())) {
      if (!['hosts', 'api', 'pcap', 'traces'].includes(name)) open.push(join(at, name));
    }
  }
  return found.sort();
}

/** Every regular file below a directory, as absolute paths. */
export function filesBelow(root: string): readonly string[] {
  if (!existsSync(root)) return [];
  const entries = readdirSync(root, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

export function textAt(path: string): string {
  return readFileSync(path, 'utf8');
}

/** A folder of texts. */
export function folderOf(files: Readonly<Record<string, string>>): Folder {
  const bytes = new Map(
    Object.entries(files).map(([path, text]) => [path, new TextEncoder().encode(text)]),
  );
  return { list: () => [...bytes.keys()].sort(), read: (path) => bytes.get(path) };
}
