/** The action and the examples for CI: they are YAML, and what they call exists. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { yamlRoot } from '../../../src/text/yaml-text.ts';
import { hopwise } from '../../cli/call.ts';
import { ROOT } from '../../sources.ts';

const FILES = ['action.yml', 'docs/ci/github.yml', 'docs/ci/gitlab.yml'];

function textOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

describe('the action and the examples', () => {
  it('are YAML', () => {
    for (const file of FILES) {
      const problems: unknown[] = [];
      expect(yamlRoot(file, textOf(file), problems as []), file).toBeDefined();
      expect(problems, file).toEqual([]);
    }
  });

  it('use options that the command has', async () => {
    const { out } = await hopwise(['check', '--help']);
    for (const file of FILES) {
      const options = textOf(file).match(/--(?:reporter|cloud|snapshot|property|seed)\b/g) ?? [];
      for (const option of options) expect(out, `${file} ${option}`).toContain(option);
    }
    expect(textOf('action.yml')).toContain('words=(check "$FILE"');
  });

  it('give inputs that the action has', () => {
    const action = yamlRoot('action.yml', textOf('action.yml'), [])?.value as {
      inputs: Record<string, unknown>;
    };
    const example = yamlRoot('github.yml', textOf('docs/ci/github.yml'), [])?.value as {
      jobs: { check: { steps: { uses?: string; with?: Record<string, string> }[] } };
    };
    const step = example.jobs.check.steps.find(({ uses }) => uses?.startsWith('hopwise/'));
    for (const name of Object.keys(step?.with ?? {})) expect(action.inputs).toHaveProperty(name);
    expect(JSON.stringify(action)).not.toContain('secrets.');
  });
});
