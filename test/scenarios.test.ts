/** Every scenario: its cloud compiles or is refused, and its traces are as it expects. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Numbers, takeNumbers } from '../src/agents/numbers.ts';
import { type Cloud } from '../src/model/cloud.ts';
import { readCloudYaml } from '../src/model/yaml/read-cloud.ts';
import { readExpectations } from '../src/verify/scenarios/expectations.ts';
import { type CompiledCloud, compileCloud, runScenario } from '../src/verify/scenarios/run.ts';
import { ROOT } from './sources.ts';

const SCENARIOS = join(ROOT, 'scenarios');
const FOLDERS = readdirSync(SCENARIOS).filter((name) =>
  existsSync(join(SCENARIOS, name, 'expect.yaml')),
);

/** Clouds by their text: scenarios that share one share what it compiles to. */
const compiled = new Map<string, CompiledCloud>();

describe('scenarios', () => {
  it.each(FOLDERS)('%s is as it expects', (name) => {
    const read = (file: string): string => readFileSync(join(SCENARIOS, name, file), 'utf8');
    const text = read('cloud.yaml');
    const expected = readExpectations('expect.yaml', read('expect.yaml'));
    expect(expected.problems).toEqual([]);
    const compile = (cloud: Cloud): CompiledCloud => {
      const known = compiled.get(text) ?? compileCloud(cloud);
      compiled.set(text, known);
      return known;
    };
    const answers = runScenario(readCloudYaml('cloud.yaml', text), compile, expected.value);
    expect(answers.length).toBeGreaterThan(0);
    const otherwise = answers.flatMap(({ line, what, otherwise: sentences }) =>
      sentences.map((sentence) => `expect.yaml:${line}: ${what}: ${sentence}`),
    );
    expect(otherwise).toEqual([]);
    expect(read('README.md').length).toBeGreaterThan(80);
  });

  /** Scenarios with local VLANs, OpenFlow ports and zones of every kind of host. */
  const NUMBERED = [
    'vlan-hybrid',
    'dvr',
    'ha-router',
    'trunk-subport-ovs',
    'octavia-mgmt',
    'ovs-vxlan39-unicast-out',
  ];
  it.each(NUMBERED)('%s is the same whatever numbers the agents choose', (name) => {
    const read = (file: string): string => readFileSync(join(SCENARIOS, name, file), 'utf8');
    const expected = readExpectations('expect.yaml', read('expect.yaml'));
    // Every host counts from elsewhere, and in steps of its own (without a factor of 4094).
    let hosts = 0;
    const numbers = (): Numbers => {
      hosts++;
      return takeNumbers({
        firstVlan: 900 + 37 * hosts,
        firstPort: 11 * hosts,
        vlanStep: 1 + 4 * hosts,
      });
    };
    const answers = runScenario(
      readCloudYaml('cloud.yaml', read('cloud.yaml')),
      (cloud) => compileCloud(cloud, { numbers }),
      // Edits name numbers of the usual count.
      { ...expected.value, faults: [] },
    );
    expect(hosts).toBeGreaterThan(1);
    expect(answers.flatMap(({ otherwise }) => otherwise)).toEqual([]);
  });
});
