/** JUnit XML: a test suite with a case for everything that was checked. */
import { forMarkup } from '../../../text/escape.ts';
import { type Checked } from '../types.ts';
import { countsOf, ruleOf, sentenceOf } from './sentence.ts';

/** Advice is the text of the element. */
function adviceBody({ advice }: Checked, tag: string): string {
  if (advice === undefined) return '/>';
  return `>${forMarkup(advice.join('\n'))}</${tag}>`;
}

/** What nobody can say is an error, not a failure. */
export function junitText(file: string, checked: readonly Checked[]): string {
  const { fails, unsure } = countsOf(checked);
  const cases = checked.map((each) => {
    const { property, subject, holds, code } = each;
    const name = `${property.name}: ${subject}`;
    const head = `    <testcase classname="${forMarkup(file)}" name="${forMarkup(name)}" file="${forMarkup(file)}" line="${property.line}"`;
    if (holds === 'holds') return `${head}/>`;
    const tag = holds === 'fails' ? 'failure' : 'error';
    const type = forMarkup(code ?? ruleOf(property));
    return `${head}>\n      <${tag} type="${type}" message="${forMarkup(sentenceOf(each))}"${adviceBody(each, tag)}\n    </testcase>`;
  });
  const totals = `tests="${checked.length}" failures="${fails}" errors="${unsure}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="hopwise check" ${totals}>`,
    `  <testsuite name="${forMarkup(file)}" ${totals} skipped="0">`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}
