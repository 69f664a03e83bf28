/** A small cloud with a redundant router, compiled; and changed in its keepalived files. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Network } from '../../src/dataplane/network.ts';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';
import {
  type Simulated,
  type SimulatedWay,
  type SimulationOptions,
  simulate,
} from '../../src/simulate/simulation.ts';
import { compileFiles } from '../../src/snapshot/read/compiled.ts';
import { memoryFolder } from '../../src/snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';

const SCENARIO = resolve(import.meta.dirname, '../../scenarios/ha-router/cloud.yaml');

/** A third network node, to have two backups. */
const THIRD = `
  - name: net3
    nics: [{name: eth0, addresses: [172.30.10.23/24]}, {name: eth1, addresses: [172.30.20.23/24]}, {name: eth2}]
    agents:
      openvswitch: {bridge_mappings: *m, bridges: *b, tunnel_types: [vxlan], local_ip: 172.30.20.23, l2_population: true, arp_responder: true}
      l3: {mode: legacy}
      metadata: {}
  - name: compute1`;

const SECOND =
  '  - {name: v2, host: compute1, ports: [{network: inner, addresses: [10.0.0.12], security_groups: [ping]}]}';

export interface CloudWishes {
  readonly replicas?: 2 | 3;
  /** A second server beside the first, and a floating IP that belongs to nobody. */
  readonly second?: boolean;
  /** Changes the text of keepalived.conf on a host. */
  readonly keepalived?: (text: string, host: string) => string;
}

/** The network of the cloud: master on net2, clients behind it on compute1. */
export function redundantCloud(wishes: CloudWishes = {}): Network {
  return openSnapshot(memoryFolder(redundantFiles(wishes)));
}

/** The files of that cloud's hosts. */
export function redundantFiles({
  replicas = 2,
  second = false,
  keepalived,
}: CloudWishes = {}): Map<string, () => string> {
  let text = readFileSync(SCENARIO, 'utf8');
  if (second) {
    text = text.replace('servers:', `servers:\n${SECOND}`);
    text += '  - {network: public, address: 203.0.113.51}\n';
  }
  if (replicas === 3) {
    text = text
      .replace('\n  - name: compute1', THIRD)
      .replace('[net2, net1]', '[net2, net1, net3]');
  }
  const { value, problems } = readCloudYaml('cloud.yaml', text);
  if (value === null || problems.length > 0) throw new Error(JSON.stringify(problems));
  const files = new Map(compileFiles(value));
  for (const [path, content] of files) {
    const host = /^hosts\/([^/]+)\/.*keepalived\.conf$/.exec(path)?.[1];
    if (host === undefined || keepalived === undefined) continue;
    files.set(path, () => keepalived(content(), host));
  }
  return files;
}

/** The network of a cloud.yaml; `change` may write another text for a file of its hosts. */
export function cloudOf(
  text: string,
  change: (path: string, text: string) => string = (_, file) => file,
): Network {
  const { value, problems } = readCloudYaml('cloud.yaml', text);
  if (value === null || problems.length > 0) throw new Error(JSON.stringify(problems));
  const files = new Map(
    [...compileFiles(value)].map(([path, file]) => [path, () => change(path, file())]),
  );
  return openSnapshot(memoryFolder(files));
}

/** Simulates and hands over the ways; words that were not understood fail the test. */
export function played(
  network: Network,
  options: Partial<SimulationOptions>,
): Extract<Simulated, { kind: 'simulated' }> {
  const usual = { events: [], probes: [], until_us: 30e6, seed: 1, ways: 1 };
  const done = simulate(network, { ...usual, ...options });
  if (done.kind === 'wrong') throw new Error(done.problems.join('\n'));
  return done;
}

export function onlyWay(network: Network, options: Partial<SimulationOptions>): SimulatedWay {
  const [way] = played(network, options).ways;
  if (way === undefined) throw new Error('no way');
  return way;
}

/** `role` entries as `when who text`, times in seconds. */
export function story(way: SimulatedWay, ...kinds: readonly string[]): readonly string[] {
  return way.timeline.entries
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ who, text }) => `${who} ${text}`);
}
