/** The catalogue of reasons as a page of documentation, one section per code. */
import { explain, FAMILIES } from './catalogue.ts';
import { type Reason } from './codes.ts';

/**
 * Markdown; the commands stand as code.
 * @param scenarios folders of `scenarios/` that show a code
 */
export function reasonsPage(scenarios: ReadonlyMap<string, readonly string[]>): string {
  const introduction = [
    '# Reasons',
    '',
    'Every code a trace can give, what usually lies behind it and how to see it on a live host.',
    'The page is made from the catalogue in `src/reasons` (`npm run docs`); `hopwise explain CODE` says',
    'the same. Codes are stable: scripts may rely on them.',
    '',
  ];
  const families = FAMILIES.flatMap(({ title, codes }) => [
    `## ${title}`,
    '',
    ...codes.flatMap((code) => section(code, scenarios.get(code) ?? [])),
  ]);
  return `${[...introduction, ...families].join('\n').trimEnd()}\n`;
}

/** Scenarios of one code that are named; more say nothing new. */
const NAMED = 4;

function section(code: Reason, scenarios: readonly string[]): readonly string[] {
  const { sentence, causes, confirm, fix } = explain(code);
  return [
    `### ${code}`,
    '',
    sentence,
    '',
    ...causes.map((cause) => `- ${cause}`),
    '',
    `See it: ${confirm.map(asCode).join('; ')}.`,
    '',
    fix === null ? 'What helps: no general fix is known.' : `What helps: ${fix}`,
    '',
    ...(scenarios.length === 0
      ? []
      : [
          `Shown by: ${scenarios
            .slice(0, NAMED)
            .map((name) => `[${name}](../scenarios/${name})`)
            .join(', ')}.`,
          '',
        ]),
  ];
}

/** A command with its explanation in brackets behind it; a plain sentence stays one. */
function asCode(text: string): string {
  const [, command = text, rest = ''] = /^(.*?)((?: \([^)]*\))?)$/.exec(text) ?? [];
  const isCommand = /^[a-z][\w.-]* /.test(command) && !/^(the|a|all) /.test(command);
  return isCommand ? `\`${command}\`${rest}` : text;
}
