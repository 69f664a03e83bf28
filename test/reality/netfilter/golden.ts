/** Where the recorded kernel cases lie: all of them beside the repository, a part within it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type KernelCase } from './case.ts';

const shared = resolve(import.meta.dirname, '../../../../shared/truth/netfilter/golden');
const fixtures = resolve(import.meta.dirname, '../../fixtures/netfilter');

/** Recorded mixtures (mixture/mixture.ts), small enough for every run. */
export const MIXTURE_RECORDS = resolve(fixtures, 'mixtures');

export const FOLDER = existsSync(shared) ? shared : fixtures;
export const IS_COMPLETE = FOLDER === shared;

export function profiles(folder = FOLDER): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl.gz'))
    .map((name) => name.replace('.jsonl.gz', ''));
}

export function readProfile(name: string, folder = FOLDER): readonly KernelCase[] {
  const text = gunzipSync(readFileSync(resolve(folder, `${name}.jsonl.gz`))).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as KernelCase);
}
