/** How V8 works for a program that is gone after a fraction of a second. */
import { setFlagsFromString } from 'node:v8';

/**
 * Optimised code rarely pays before most questions end, and a young heap that starts at one megabyte
 * is cleaned ten times meanwhile. Only where V8 is known to have these flags: of an unknown one it
 * complains on stderr. Code caches hold for the flags they were made with.
 */
export function preferShortRuns(): void {
  if (!process.versions.v8.startsWith('11.')) return;
  setFlagsFromString('--interrupt-budget=1000000');
  setFlagsFromString('--semi-space-growth-factor=8');
}
