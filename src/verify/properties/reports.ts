/**
 * Checked properties as other tools read them: JUnit XML, SARIF 2.1.0 with positions in the file of
 * properties, and annotations of GitHub workflows. Text for people is in `text.ts`.
 */
import { forMarkup, forWorkflowMessage, forWorkflowProperty } from '../../text/escape.ts';
import { witnessText } from '../proof/text.ts';
import { type Checked } from './types.ts';

const LEVELS = { fails: 'error', unsure: 'warning', holds: 'note' } as const;

/** What is wrong with one pair, in one line. */
export function sentenceOf({ from, to, because, witness }: Checked): string {
  const example = witness === null ? '' : ` (for example ${witnessText(witness)})`;
  return `${from} → ${to}: ${because.join('; ')}${example}`;
}

/** A test suite with a case for each pair; what nobody can say is an error, not a failure. */
export function junitText(file: string, checked: readonly Checked[]): string {
  const count = (holds: Checked['holds']): number =>
    checked.filter((each) => each.holds === holds).length;
  const cases = checked.map((each) => {
    const { property, from, to, holds } = each;
    const name = `${property.name}: ${from} → ${to}`;
    const head = `    <testcase classname="${forMarkup(file)}" name="${forMarkup(name)}" line="${property.line}"`;
    if (holds === 'holds') return `${head}/>`;
    const tag = holds === 'fails' ? 'failure' : 'error';
    return `${head}>\n      <${tag} message="${forMarkup(sentenceOf(each))}"/>\n    </testcase>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites>',
    `  <testsuite name="${forMarkup(file)}" tests="${checked.length}" failures="${count('fails')}" errors="${count('unsure')}">`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

/** A SARIF log; `file` is written as the caller named it: relative to the repository. */
export function sarifLog(file: string, checked: readonly Checked[], version: string): unknown {
  const wrong = checked.filter(({ holds }) => holds !== 'holds');
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'hopwise',
            version,
            rules: [
              { id: 'property', shortDescription: { text: 'A property of the network holds.' } },
            ],
          },
        },
        results: wrong.map((each) => ({
          ruleId: 'property',
          level: LEVELS[each.holds],
          message: { text: `${each.property.name}: ${sentenceOf(each)}` },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: uriOf(file) },
                region: { startLine: each.property.line, startColumn: each.property.column },
              },
            },
          ],
        })),
      },
    ],
  };
}

/** Lines that GitHub shows at the property's place (workflow commands). */
export function githubLines(file: string, checked: readonly Checked[]): readonly string[] {
  return checked.flatMap((each) => {
    if (each.holds === 'holds') return [];
    const { line, column, name } = each.property;
    const place = `file=${forWorkflowProperty(file)},line=${line},col=${column},title=${forWorkflowProperty(name)}`;
    return [`::${LEVELS[each.holds]} ${place}::${forWorkflowMessage(sentenceOf(each))}`];
  });
}

function uriOf(file: string): string {
  return file.split('/').map(encodeURIComponent).join('/');
}
