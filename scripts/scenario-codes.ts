/** Which scenarios show which reason: every expect.yaml that names its code. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { REASONS } from '../src/reasons/codes.ts';

const SCENARIOS = resolve(import.meta.dirname, '../scenarios');

/** Folders of scenarios by code, in order; codes that none shows are absent. */
export function scenariosByCode(): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const name of readdirSync(SCENARIOS).sort()) {
    const file = join(SCENARIOS, name, 'expect.yaml');
    if (!existsSync(file)) continue;
    const words = new Set(readFileSync(file, 'utf8').match(/[A-Z][A-Z_0-9]+/g));
    for (const code of Object.keys(REASONS)) {
      if (words.has(code)) found.set(code, [...(found.get(code) ?? []), name]);
    }
  }
  return found;
}
