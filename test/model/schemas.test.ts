/** The schemas of cloud.yaml and expect.yaml: every scenario fits them, and they are published. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { INPUT_SCHEMAS } from '../../src/cli/input-schemas.ts';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';
import { type Problem } from '../../src/text/problem.ts';
import { yamlRoot } from '../../src/text/yaml-text.ts';
import { violations } from '../cli/json-schema.ts';
import { ROOT } from '../sources.ts';

const SCENARIOS = join(ROOT, 'scenarios');

function valueOf(text: string): unknown {
  const problems: Problem[] = [];
  const root = yamlRoot('file.yaml', text, problems);
  expect(problems).toEqual([]);
  return root?.value;
}

describe('the schemas of what people write', () => {
  it('describe every cloud.yaml and expect.yaml of the scenarios', () => {
    const wrong: string[] = [];
    const seen = new Set<string>();
    for (const name of readdirSync(SCENARIOS)) {
      for (const [file, schema] of [
        ['cloud.yaml', INPUT_SCHEMAS.cloud],
        ['expect.yaml', INPUT_SCHEMAS.scenario],
      ] as const) {
        const path = join(SCENARIOS, name, file);
        if (!existsSync(path)) continue;
        const text = readFileSync(path, 'utf8');
        // Scenarios share clouds; one look at each is enough.
        if (seen.has(text)) continue;
        seen.add(text);
        wrong.push(...violations(schema, valueOf(text)).map((each) => `${name}/${file} ${each}`));
      }
    }
    expect(wrong).toEqual([]);
  });

  it('refuse what the reader does not know', () => {
    const text = 'hosts: [{name: a, nic: []}]\n';
    expect(violations(INPUT_SCHEMAS.cloud, valueOf(text))).toEqual([
      '$.hosts[0].nic: not described',
    ]);
    expect(readCloudYaml('c.yaml', text).problems.map(({ message }) => message)).toEqual([
      'Nothing here is called "nic"',
    ]);
  });

  it('fit the example of the documentation', () => {
    const page = readFileSync(join(ROOT, 'docs/clouds.md'), 'utf8');
    const [, example = ''] = /```yaml\n([^`]*)```/.exec(page) ?? [];
    expect(violations(INPUT_SCHEMAS.cloud, valueOf(example))).toEqual([]);
    expect(readCloudYaml('clouds.md', example).problems).toEqual([]);
  });

  it('are published in docs/schemas', () => {
    for (const [name, schema] of Object.entries(INPUT_SCHEMAS)) {
      const text = readFileSync(join(ROOT, `docs/schemas/${name}-v1.json`), 'utf8');
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(schema)));
    }
  });
});
