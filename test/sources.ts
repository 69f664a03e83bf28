/** Every source file of the project with its text: what the tests about the project itself read. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '..');

export interface SourceFile {
  /** Path from the project's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** All TypeScript files below a folder of the project, sorted by path. */
export function sourcesBelow(folder: string): readonly SourceFile[] {
  const root = join(ROOT, folder);
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => ({ path: relative(ROOT, path), text: readFileSync(path, 'utf8') }));
}

/** The modules a file imports, as written. */
export function importsOf(file: SourceFile): readonly string[] {
  return [...file.text.matchAll(/(?:^|\n)\s*(?:import|export)[^;'"]*?from\s+'([^']+)'/g)]
    .map((match) => match[1] ?? '')
    .concat([...file.text.matchAll(/import\(\s*'([^']+)'\s*\)/g)].map((match) => match[1] ?? ''));
}
