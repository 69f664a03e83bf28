#!/usr/bin/env node
/**
 * Starts the program from the file that the build joins into: reading hundreds of small files would
 * take longer than most questions. What few questions need is in a second file. The code cache
 * beside each spares compiling; V8 refuses one that another version wrote, and the program then
 * starts a little slower.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';
import { preferShortRuns } from './short-runs.ts';

const program = joined('../joined.cjs');
preferShortRuns();
const start: unknown = program.runInThisContext();
let rest: Readonly<Record<string, unknown>> | undefined;
if (typeof start === 'function') {
  start(createRequire(import.meta.url), import.meta.url, (name: string): unknown => {
    rest ??= joined('../joined-rest.cjs').runInThisContext() as Readonly<Record<string, unknown>>;
    return rest[name];
  });
}

function joined(name: string): Script {
  const filename = fileURLToPath(new URL(name, import.meta.url));
  return new Script(readFileSync(filename, 'latin1'), { filename, ...codeCache(filename) });
}

function codeCache(filename: string): { cachedData?: Buffer } {
  try {
    return { cachedData: readFileSync(`${filename}.cache`) };
  } catch {
    return {};
  }
}
