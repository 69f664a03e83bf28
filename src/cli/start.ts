#!/usr/bin/env node
/**
 * Starts the program from the one file that the build joins all others into: reading hundreds of
 * small files would take longer than most questions. The code cache beside it spares compiling;
 * V8 refuses one that another version wrote, and the program then starts a little slower.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

const filename = fileURLToPath(new URL('../joined.cjs', import.meta.url));
const script = new Script(readFileSync(filename, 'latin1'), { filename, ...codeCache() });
// Most questions end before optimised code pays, and a young heap that starts at one megabyte is
// cleaned ten times. After the script is made, or the flags would refuse the cache; only where V8
// is known to have these flags, since an unknown one is complained of on stderr.
if (process.versions.v8.startsWith('11.')) {
  setFlagsFromString('--interrupt-budget=1000000');
  setFlagsFromString('--semi-space-growth-factor=8');
}
const start: unknown = script.runInThisContext();
if (typeof start === 'function') start(createRequire(import.meta.url), import.meta.url);

function codeCache(): { cachedData?: Buffer } {
  try {
    return { cachedData: readFileSync(`${filename}.cache`) };
  } catch {
    return {};
  }
}
