/** The catalogue of reasons as documentation: an index, and one page per code. */
import { explain, FAMILIES } from './catalogue.ts';
import { type Reason } from './codes.ts';

/** Scenarios of one code that are named; more say nothing new. */
const NAMED = 4;

/**
 * The files of `docs/reasons` by their names, as Markdown.
 * @param scenarios folders of `scenarios/` that show a code
 */
export function reasonPages(
  scenarios: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, string> {
  const pages = FAMILIES.flatMap(({ title, codes }) =>
    codes.map((code) => [`${code}.md`, codePage(code, title, scenarios.get(code) ?? [])] as const),
  );
  return new Map([['README.md', index()], ...pages]);
}

function index(): string {
  const families = FAMILIES.flatMap(({ title, codes }) => [
    '',
    `## ${title}`,
    '',
    '| code | meaning |',
    '| --- | --- |',
    ...codes.map((code) => `| [${code}](${code}.md) | ${explain(code).sentence} |`),
  ]);
  return `${[
    '# Reasons',
    '',
    'Every code a trace can give; its page has what usually lies behind it and how to see it on a live',
    'host. The pages are made from the catalogue in `src/reasons` (`npm run docs`); `hopwise explain CODE`',
    'says the same. Codes are stable: scripts may rely on them.',
    ...families,
  ].join('\n')}\n`;
}

function codePage(code: Reason, family: string, scenarios: readonly string[]): string {
  const { sentence, causes, confirm, fix } = explain(code);
  const shown = scenarios.slice(0, NAMED).map((name) => `[${name}](../../scenarios/${name})`);
  return `${[
    `# ${code}`,
    '',
    `${sentence} ([${family.toLowerCase()}](README.md))`,
    '',
    '## What usually lies behind it',
    '',
    ...causes.map((cause) => `- ${cause}`),
    '',
    '## How to see it on a live host',
    '',
    ...confirm.map((command) => `- ${asCode(command)}`),
    '',
    '## What helps',
    '',
    fix ?? 'No general fix is known: the causes above need different ones.',
    ...(shown.length === 0 ? [] : ['', '## Shown by', '', ...shown.map((link) => `- ${link}`)]),
  ].join('\n')}\n`;
}

/** A command with its explanation in brackets behind it; a plain sentence stays one. */
function asCode(text: string): string {
  const [, command = text, rest = ''] = /^(.*?)((?: \([^)]*\))?)$/.exec(text) ?? [];
  const isCommand = /^[a-z][\w.-]* /.test(command) && !/^(the|a|all) /.test(command);
  return isCommand ? `\`${command}\`${rest}` : text;
}
