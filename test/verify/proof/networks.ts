/**
 * Networks to compare walks over: every captured deployment in every state, every cloud of the
 * scenarios, random clouds, and deployments in which one drawn line of a dump is otherwise.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Network } from '../../../src/dataplane/network.ts';
import { readCloudYaml } from '../../../src/model/yaml/read-cloud.ts';
import { compileNetworkOf } from '../../../src/snapshot/read/compiled.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { captured, capturedNames, folderOf } from '../../captured.ts';
import { LB_VXLAN, VLAN_HYBRID } from '../../reality/apply/clouds.ts';
import { ROOT } from '../../sources.ts';
import { drawFrom } from '../../traffic/random-rules.ts';
import { mutated } from '../configuration/mutate.ts';
import { OF_FILTERS } from '../configuration/mutations-of-filters.ts';
import { OF_HOSTS } from '../configuration/mutations-of-hosts.ts';
import { randomCloud } from '../random-clouds.ts';

export interface NamedNetwork {
  readonly name: string;
  readonly open: () => Network;
}

/** Every state of every captured deployment, each folder of dumps once. */
export function capturedNetworks(): readonly NamedNetwork[] {
  return capturedNames().flatMap((name) => {
    const capture = captured(name);
    const phases = JSON.parse(capture.files.get('phases.json') ?? '{}') as Record<string, unknown>;
    const folders = new Set(Object.keys(phases).map((phase) => capture.phaseFolder(phase)));
    return [...folders].flatMap((folder) =>
      folder === null
        ? []
        : [
            {
              name: `${name} ${folder}`,
              open: () => openSnapshot(folderOf(capture.files, folder)),
            },
          ],
    );
  });
}

/** Each cloud of the scenarios once. */
export function scenarioNetworks(): readonly NamedNetwork[] {
  const folder = join(ROOT, 'scenarios');
  const byText = new Map<string, NamedNetwork>();
  for (const name of readdirSync(folder)) {
    const file = join(folder, name, 'cloud.yaml');
    if (!existsSync(file)) continue;
    const text = readFileSync(file, 'utf8');
    const { value, problems } = readCloudYaml('cloud.yaml', text);
    if (value === null || problems.length > 0 || byText.has(text)) continue;
    byText.set(text, { name, open: () => compileNetworkOf(value) });
  }
  return [...byText.values()];
}

export function networkOfSeed(seed: number): Network {
  return networkOfText(randomCloud(seed));
}

function networkOfText(text: string): Network {
  const { value, problems } = readCloudYaml('cloud.yaml', text);
  if (value === null || problems.length > 0) throw new Error(JSON.stringify(problems));
  return compileNetworkOf(value);
}

/** Bridges that have not learned anything send every frame to several guests of a host. */
export function floodedNetworks(): readonly NamedNetwork[] {
  return [
    { name: 'guests on one Linux bridge', open: () => networkOfText(LB_VXLAN) },
    { name: 'guests behind hybrid bridges', open: () => networkOfText(VLAN_HYBRID) },
  ];
}

export function randomNetworks(seeds: readonly number[]): readonly NamedNetwork[] {
  return seeds.map((seed) => ({ name: `random cloud ${seed}`, open: () => networkOfSeed(seed) }));
}

/** One network for each kind of change. */
export function changedNetworks(seed: number): readonly NamedNetwork[] {
  return [...OF_FILTERS, ...OF_HOSTS].map((kind, i) => ({
    name: `${kind.what} (${seed})`,
    open: () => openSnapshot(folderOf(mutated(kind, drawFrom(seed + i)).files, kind.folder ?? '.')),
  }));
}
