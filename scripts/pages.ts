/** Writes docs/reasons.md and docs/schemas from the sources. Run by `npm run docs`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { INPUT_SCHEMAS } from '../src/cli/input-schemas.ts';
import { SCHEMAS } from '../src/cli/schemas.ts';
import { reasonsPage } from '../src/reasons/page.ts';

const docs = resolve(import.meta.dirname, '../docs');
writeFileSync(join(docs, 'reasons.md'), reasonsPage());
mkdirSync(join(docs, 'schemas'), { recursive: true });
for (const [name, schema] of Object.entries({ ...SCHEMAS, ...INPUT_SCHEMAS })) {
  writeFileSync(join(docs, `schemas/${name}-v1.json`), `${JSON.stringify(schema, null, 2)}\n`);
}
console.log('docs/reasons.md and docs/schemas written');
