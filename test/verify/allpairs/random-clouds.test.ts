/**
 * Random clouds behind the Open vSwitch firewall, whole and hurt: the pass over all pairs says of
 * each pair the very packets that the proof of this pair says.
 */
import { describe, expect, it } from 'vitest';
import { type Network } from '../../../src/dataplane/network.ts';
import { readCloudYaml } from '../../../src/model/yaml/read-cloud.ts';
import { compileNetworkOf } from '../../../src/snapshot/read/compiled.ts';
import { sweep, tally } from '../../../src/verify/allpairs/sweep.ts';
import { randomCloud } from '../random-clouds.ts';
import { chance, compare, damaged, openPairs, withFlows } from './both-ways.ts';

function cloudOf(text: string): Network {
  const { value, problems } = readCloudYaml('random.yaml', text);
  if (value === null) throw new Error(problems[0]?.message ?? 'no cloud');
  return compileNetworkOf(value);
}

/** The first clouds of a run of seeds whose ports the switch itself filters. */
const CLOUDS: readonly Network[] = Array.from({ length: 40 }, (_, i) => randomCloud(7000 + i))
  .filter((text) => text.includes('firewall: openvswitch'))
  .slice(0, 4)
  .map(cloudOf);

describe('all pairs of random clouds', () => {
  it('are what the proofs of some of them say', () => {
    let [known, some] = [0, 0];
    for (const [i, network] of CLOUDS.entries()) {
      const found = compare(network, i, 9);
      expect(found.wrong).toEqual([]);
      known += found.known;
      some += found.some;
    }
    expect(known).toBeGreaterThan(5);
    expect(some).toBeGreaterThan(2);
  });

  it('are what the proofs say where flows are missing, masked or out of order', () => {
    const random = chance(77);
    let known = 0;
    for (const [i, network] of CLOUDS.entries()) {
      const hosts = [...network.hosts.keys()].filter((name) => name.startsWith('compute'));
      const host = hosts[random(hosts.length)]!;
      const bridge = random(3) === 0 ? 'br-tun' : 'br-int';
      const { bridges } = network.hosts.get(host)!.switch!;
      const { flows } = bridges.find(({ name }) => name === bridge)!;
      const hurt = withFlows(network, { host, bridge }, damaged(flows, random));
      const found = compare(hurt, i, 9);
      expect(found.wrong).toEqual([]);
      known += found.known;
    }
    expect(known).toBeGreaterThan(4);
  });

  it('count the same together as one by one', () => {
    for (const network of CLOUDS) {
      let [some, open] = [0, 0];
      for (const row of sweep(openPairs(network))) {
        some += row.some.length;
        open += row.open.length;
      }
      expect(tally(openPairs(network))).toEqual({ some, open });
    }
  });
});
