/**
 * Writes docs/seeded-faults.md from docs/seeded-faults.data.json: what was recorded of the faults
 * that tests put into captured hosts (`test/verify/mutations`). Run by `npm run docs`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

interface Fault {
  readonly what: string;
  readonly host: string;
  readonly answer: 'noticed' | 'equivalent' | 'missed';
  readonly by: string;
  readonly proofs: number;
}

const docs = resolve(import.meta.dirname, '../docs');
const faults = JSON.parse(
  readFileSync(join(docs, 'seeded-faults.data.json'), 'utf8'),
) as readonly Fault[];
const count = (answer: Fault['answer']): number =>
  faults.filter((one) => one.answer === answer).length;
const [noticed, equivalent, missed] = [count('noticed'), count('equivalent'), count('missed')];
const share = ((100 * noticed) / (noticed + missed)).toFixed(0);
const text = (words: string): string => words.replaceAll('|', '\\|').replaceAll('<', '&lt;');
const rows = faults.map(({ what, host, answer, by, proofs }) => {
  const told = answer === 'noticed' ? by : answer === 'missed' ? '**missed**' : 'nothing differs';
  return `| ${text(what)} | ${host} | ${text(told)} | ${proofs} |`;
});
const page = `# Seeded faults

One drawn line of a captured host's flows, rules or tables is changed in each of these ways, and everything
is asked before and after: pairs of servers, ends outside, every frame, and then the invariants.
Of ${faults.length} faults ${noticed} are noticed and ${missed} missed: ${share} % of those that change the fate of a
packet. Of the other ${equivalent} nothing differs for any packet or frame that was asked about, with as many
proofs as stand in the last column. A fault is noticed by the first question that shows it.

| fault | host | noticed by | proofs |
|---|---|---|---|
${rows.join('\n')}
`;
writeFileSync(join(docs, 'seeded-faults.md'), page);
console.log(`${faults.length} faults in docs/seeded-faults.md`);
