/**
 * Who reaches whom does not depend on how a cloud is built: firewall, transport, l2population, ARP
 * responder, kind of router and dialect, in their combinations.
 */
import { describe, expect, it } from 'vitest';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';
import { readExpectations } from '../../src/verify/scenarios/expectations.ts';
import { compileCloud, runScenario } from '../../src/verify/scenarios/run.ts';
import { withoutCaptures } from '../snapshot/shared.ts';
import { allOptions, cloudText, expectText, nameOf } from './option-clouds.ts';

/** Strewn over the list, so that options come up in many combinations; all take two minutes. */
const ALL = allOptions();
const COUNT = withoutCaptures() ? 12 : 32;
const STRIDE = 71;
const CHOSEN = Array.from({ length: COUNT }, (_, i) => ALL[(i * STRIDE) % ALL.length]).flatMap(
  (options) => options ?? [],
);

describe('a cloud of every kind', () => {
  it.each(CHOSEN.map((options) => [nameOf(options), options] as const))(
    '%s lets pass what is wanted, and nothing else',
    (_name, options) => {
      const expected = readExpectations('expect.yaml', expectText(options));
      expect(expected.problems).toEqual([]);
      const cloud = readCloudYaml('cloud.yaml', cloudText(options));
      expect(cloud.problems).toEqual([]);
      const answers = runScenario(cloud, compileCloud, expected.value);
      expect(answers.length).toBeGreaterThan(9);
      expect(
        answers.flatMap(({ what, otherwise }) => otherwise.map((each) => `${what}: ${each}`)),
      ).toEqual([]);
    },
  );

  it('is among those that are tried, whatever the option', () => {
    const tried = (of: (options: (typeof CHOSEN)[number]) => unknown): number =>
      new Set(CHOSEN.map(of)).size;
    expect(tried(({ filter }) => filter)).toBe(5);
    expect(tried(({ router }) => router)).toBe(5);
    expect(tried(({ dialect }) => dialect)).toBe(2);
    if (!withoutCaptures()) expect(tried(({ transport }) => transport)).toBe(10);
  });
});
