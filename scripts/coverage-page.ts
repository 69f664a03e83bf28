/** docs/coverage.md from docs/coverage.data.yaml and the READMEs of the scenarios. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { items, member, records, textOf } from '../src/text/json-text.ts';
import { type Problem } from '../src/text/problem.ts';
import { yamlRoot } from '../src/text/yaml-text.ts';

export interface Mechanism {
  readonly id: string;
  readonly name: string;
  /** Files, by their path from the root. */
  readonly places: readonly string[];
  /** What is left out; '' when nothing is. */
  readonly not: string;
  /** Scenarios whose READMEs name it. */
  readonly scenarios: readonly string[];
}

export interface Coverage {
  readonly mechanisms: readonly Mechanism[];
  readonly walks: readonly { readonly name: string; readonly exists: boolean }[];
  readonly failures: readonly Mechanism[];
  readonly problems: readonly Problem[];
}

export function readCoverage(root: string): Coverage {
  const file = 'docs/coverage.data.yaml';
  const problems: Problem[] = [];
  const top = yamlRoot(file, readFileSync(join(root, file), 'utf8'), problems);
  const named = namedIn(join(root, 'scenarios'));
  const rows = (key: string): Mechanism[] =>
    records(member(top, key)).map((row) => {
      const id = textOf(member(row, 'id')) ?? '';
      return {
        id,
        name: textOf(member(row, 'name')) ?? '',
        places: items(member(row, 'in')).flatMap((each) => textOf(each) ?? []),
        not: textOf(member(row, 'not')) ?? '',
        scenarios: named.get(id) ?? [],
      };
    });
  return {
    mechanisms: rows('mechanisms'),
    walks: items(member(top, 'walks')).map(({ value }) => {
      const name = String(value);
      return { name, exists: existsSync(join(root, 'scenarios', name, 'expect.yaml')) };
    }),
    failures: rows('failures'),
    problems,
  };
}

/** Ids such as A12 and E7 with the scenarios whose READMEs name them. */
function namedIn(folder: string): ReadonlyMap<string, readonly string[]> {
  const named = new Map<string, string[]>();
  for (const name of readdirSync(folder).sort()) {
    const readme = join(folder, name, 'README.md');
    if (!existsSync(readme)) continue;
    for (const id of new Set(readFileSync(readme, 'utf8').match(/\b[AE]\d+\b/g) ?? [])) {
      named.set(id, [...(named.get(id) ?? []), name]);
    }
  }
  return named;
}

const STATES = [
  { state: 'emulated', of: /^src\/(dataplane|trace|simulate)\// },
  { state: 'compiled', of: /^src\/agents\// },
  { state: 'model', of: /^src\/model\// },
  { state: 'read', of: /^src\/snapshot\// },
] as const;

/** What is true of a mechanism, from where it lives. */
export function statesOf({ places, scenarios, not }: Mechanism): readonly string[] {
  return [
    ...STATES.filter(({ of }) => places.some((each) => of.test(each))).map(({ state }) => state),
    ...(scenarios.length > 0 ? ['scenario'] : []),
    ...(not === '' ? [] : ['limits']),
  ];
}

export function coveragePage(coverage: Coverage): string {
  const { mechanisms, walks, failures } = coverage;
  const done = walks.filter(({ exists }) => exists).length;
  const shown = failures.filter(({ scenarios }) => scenarios.length > 0).length;
  return [
    '# Coverage',
    '',
    'What the seeds of this project name, and where it lives: `emulated` on the way of a packet,',
    '`compiled` by the agents, in the `model`, `read` from dumps, shown by a `scenario`, or with',
    '`limits`, which are said. `npm run docs` makes this page of `docs/coverage.data.yaml` and of',
    'the READMEs of the scenarios; a test holds that every place exists.',
    '',
    '| state | mechanisms |',
    '|---|---|',
    ...['emulated', 'compiled', 'model', 'read', 'scenario', 'limits'].map(
      (state) =>
        `| ${state} | ${mechanisms.filter((each) => statesOf(each).includes(state)).length} |`,
    ),
    '',
    `Of ${mechanisms.length} mechanisms, ${walks.length} walks (${done} are scenarios) and ${failures.length} failures (${shown} are shown).`,
    '',
    '## Mechanisms',
    '',
    '| id | mechanism | state | where | scenarios | not |',
    '|---|---|---|---|---|---|',
    ...mechanisms.map(mechanismRow),
    '',
    '## Walks',
    '',
    ...walks.map(
      ({ name, exists }) => `- ${exists ? `\`scenarios/${name}\`` : `${name}: none yet`}`,
    ),
    '',
    '## Failures',
    '',
    '| id | failure | scenarios | not |',
    '|---|---|---|---|',
    ...failures.map(
      ({ id, name, scenarios, not }) => `| ${id} | ${name} | ${listed(scenarios)} | ${not} |`,
    ),
    '',
  ].join('\n');
}

function mechanismRow(each: Mechanism): string {
  const { id, name, places, scenarios, not } = each;
  return `| ${id} | ${name} | ${statesOf(each).join(', ')} | ${places.map((one) => `\`${one}\``).join(', ')} | ${listed(scenarios)} | ${not} |`;
}

/** Scenarios that a row names; a few are enough to find the rest. */
const MOST = 6;

function listed(names: readonly string[]): string {
  const rest = names.length - MOST;
  return names.slice(0, MOST).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
