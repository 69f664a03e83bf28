/** A folder that a command writes to: it has to be empty or new, so that nothing is overwritten. */
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { UsageError } from './exit-codes.ts';

export function refuseFull(folder: string): void {
  if (!existsSync(folder)) return;
  if (!statSync(folder).isDirectory()) throw new UsageError(`${folder} is no folder`);
  if (readdirSync(folder).length > 0) throw new UsageError(`${folder} is not empty`);
}

/** Writes files by their paths below the folder. */
export function writeFiles(
  folder: string,
  files: ReadonlyMap<string, () => string | Uint8Array>,
): void {
  for (const [name, content] of files) {
    const file = join(folder, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content());
  }
}
