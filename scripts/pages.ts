/** Writes docs/reasons, docs/scenarios.md and docs/schemas from the sources. Run by `npm run docs`. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { INPUT_SCHEMAS } from '../src/cli/input-schemas.ts';
import { SCHEMAS } from '../src/cli/schemas.ts';
import { reasonPages } from '../src/reasons/page.ts';
import { EDITS } from '../src/verify/scenarios/edits/rows.ts';
import { scenariosByCode } from './scenario-codes.ts';

const docs = resolve(import.meta.dirname, '../docs');
rmSync(join(docs, 'reasons'), { recursive: true, force: true });
mkdirSync(join(docs, 'reasons'), { recursive: true });
for (const [name, text] of reasonPages(scenariosByCode())) {
  writeFileSync(join(docs, 'reasons', name), text);
}
const rows = [...EDITS].map(([kind, { says, needs, may }]) => {
  const words = [...needs, ...may.map((word) => `[${word}]`)].map((word) => `\`${word}\``);
  return `| \`${kind}\` | ${words.join(' ')} | ${says} |`;
});
const introduction = readFileSync(join(docs, 'scenarios.introduction.md'), 'utf8');
const table = ['', '| edit | words | what is then so |', '|---|---|---|', ...rows, ''].join('\n');
writeFileSync(join(docs, 'scenarios.md'), introduction + table);
mkdirSync(join(docs, 'schemas'), { recursive: true });
for (const [name, schema] of Object.entries({ ...SCHEMAS, ...INPUT_SCHEMAS })) {
  writeFileSync(join(docs, `schemas/${name}-v1.json`), `${JSON.stringify(schema, null, 2)}\n`);
}
console.log('docs/reasons and docs/schemas written');
