/** Every scenario: its cloud compiles, and its traces are as it expects. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCloudYaml } from '../src/model/yaml/read-cloud.ts';
import { compileNetworkOf } from '../src/snapshot/read/compiled.ts';
import { readExpectations } from '../src/verify/scenarios/expectations.ts';
import { runScenario } from '../src/verify/scenarios/run.ts';
import { ROOT } from './sources.ts';

const SCENARIOS = join(ROOT, 'scenarios');

describe('scenarios', () => {
  it.each(readdirSync(SCENARIOS))('%s is as it expects', (name) => {
    const read = (file: string): string => readFileSync(join(SCENARIOS, name, file), 'utf8');
    const cloud = readCloudYaml('cloud.yaml', read('cloud.yaml'));
    const expected = readExpectations('expect.yaml', read('expect.yaml'));
    expect([...cloud.problems, ...expected.problems]).toEqual([]);
    if (cloud.value === null) return;
    const answers = runScenario(compileNetworkOf(cloud.value), expected.value);
    expect(answers.length).toBeGreaterThan(0);
    const otherwise = answers.flatMap(({ expectation, otherwise: sentences }) =>
      sentences.map((sentence) => `expect.yaml:${expectation.line}: ${sentence}`),
    );
    expect(otherwise).toEqual([]);
    expect(read('README.md').length).toBeGreaterThan(80);
  });
});
