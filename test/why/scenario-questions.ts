/** The questions of scenarios whose packets do not get there, with the network each is asked of. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Network } from '../../src/dataplane/network.ts';
import { type Cloud } from '../../src/model/cloud.ts';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';
import { memoryFolder } from '../../src/snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { askedQuestion } from '../../src/trace/ask.ts';
import { type Question } from '../../src/trace/types.ts';
import { type DumpTexts } from '../../src/verify/scenarios/edits/dump.ts';
import { EDITS } from '../../src/verify/scenarios/edits/rows.ts';
import { readExpectations } from '../../src/verify/scenarios/expectations.ts';
import { namingOf } from '../../src/verify/scenarios/names.ts';
import { compileCloud } from '../../src/verify/scenarios/run.ts';
import { type Expectation } from '../../src/verify/scenarios/types.ts';
import { ROOT } from '../sources.ts';

export interface FailingQuestion {
  readonly cloud: Cloud;
  readonly network: Network;
  readonly question: Question;
  readonly expected: Expectation;
}

const SCENARIOS = join(ROOT, 'scenarios');

/** Folders of scenarios in which some packet is expected to be stopped. */
export function scenariosWithFailures(): readonly string[] {
  return readdirSync(SCENARIOS).filter((name) => {
    const file = join(SCENARIOS, name, 'expect.yaml');
    return existsSync(file) && /is: (un|amb|unde)/.test(readFileSync(file, 'utf8'));
  });
}

/** What a scenario expects to fail, healthy or with its faults; none when its cloud is refused. */
export function failingQuestions(name: string): readonly FailingQuestion[] {
  const read = (file: string): string => readFileSync(join(SCENARIOS, name, file), 'utf8');
  const { value: cloud, problems } = readCloudYaml('cloud.yaml', read('cloud.yaml'));
  if (cloud === null || problems.length > 0) return [];
  const { value: expected } = readExpectations('expect.yaml', read('expect.yaml'));
  const compiled = compileCloud(cloud);
  const naming = namingOf(cloud, compiled.files);
  const of = (files: DumpTexts, traces: readonly Expectation[]): readonly FailingQuestion[] => {
    const failing = traces.filter(({ verdict }) => verdict !== 'REACHABLE');
    if (failing.length === 0) return [];
    const network = openSnapshot(memoryFolder(files));
    return failing.map((each) => {
      const { from, to, flow, ...rest } = each.asked;
      const asked = askedQuestion(network, {
        ...rest,
        from: naming.put(from),
        to: naming.put(to),
        ...(flow === undefined ? {} : { flow: naming.put(flow) }),
      });
      if (asked.kind === 'wrong') throw new Error(asked.message);
      return { cloud, network, question: asked.value, expected: each };
    });
  };
  const faulty = expected.faults.flatMap(({ edits, traces }) => {
    const files: DumpTexts = new Map(compiled.files);
    for (const { kind, words } of edits) {
      const all = (key: string): readonly string[] => (words.get(key) ?? []).map(naming.put);
      const one = (key: string): string => all(key)[0] ?? '';
      const optional = (key: string): string | null => all(key)[0] ?? null;
      EDITS.get(kind)?.apply(files, { one, optional, all });
    }
    return of(files, traces);
  });
  return [...of(new Map(compiled.files), expected.traces), ...faulty];
}
