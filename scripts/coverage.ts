/** Writes docs/coverage.md. Run by `npm run docs`. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { coveragePage, readCoverage } from './coverage-page.ts';

const root = resolve(import.meta.dirname, '..');
const coverage = readCoverage(root);
writeFileSync(join(root, 'docs/coverage.md'), coveragePage(coverage));
console.log(`${coverage.mechanisms.length} mechanisms in docs/coverage.md`);
