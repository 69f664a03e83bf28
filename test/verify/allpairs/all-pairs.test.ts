/**
 * All pairs at once say what the proof of each pair says, on hosts as they are and on hosts whose
 * flows were damaged at random: the very packets that arrive are the same.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openFolder } from '../../../src/snapshot/collect/folder.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { answerAllPairs } from '../../../src/verify/allpairs/answer.ts';
import { sweep, tally } from '../../../src/verify/allpairs/sweep.ts';
import { ROOT } from '../../sources.ts';
import { chance, compare, damaged, openPairs, withFlows } from './both-ways.ts';

const DEMO = join(ROOT, 'demo/ovs-vxlan-ovsfw');
const SHARED = join(ROOT, '../shared/truth/captures');

describe('all pairs at once', () => {
  const network = openSnapshot(openFolder(DEMO));

  it('says of each pair what its own proof says', () => {
    const { known, some, wrong } = compare(network, 1, 11);
    expect(wrong).toEqual([]);
    expect(known).toBeGreaterThan(4);
    expect(some).toBeGreaterThan(1);
  });

  it('says what the proofs say where flows were damaged', () => {
    const random = chance(20_260);
    let known = 0;
    for (let round = 0; round < 3; round++) {
      const host = ['compute1', 'compute2', 'net1'][random(3)]!;
      const bridge = random(3) === 0 ? 'br-tun' : 'br-int';
      const { bridges } = network.hosts.get(host)!.switch!;
      const { flows } = bridges.find(({ name }) => name === bridge)!;
      const broken = withFlows(network, { host, bridge }, damaged(flows, random));
      const found = compare(broken, round, 31);
      expect(found.wrong).toEqual([]);
      known += found.known;
    }
    expect(known).toBeGreaterThan(3);
  });

  it('sweeps to the same answers as pair by pair', () => {
    const all = openPairs(network);
    let [reached, unknown] = [0, 0];
    for (const { from, some, open: left } of sweep(all)) {
      reached += some.length;
      unknown += left.length;
      for (const to of all.targets) {
        if (to.server === from) continue;
        const cell = all.cell(from, to);
        const reach = some.find((one) => one.to === to);
        expect(left.some((one) => one.to === to)).toBe(cell.kind === 'open');
        if (cell.kind === 'known') expect(reach?.where ?? 0).toBe(cell.arrives);
      }
    }
    expect(tally(all)).toEqual({ some: reached, open: unknown });
    expect(reached).toBeGreaterThan(20);
  });

  it('leaves pairs open that it may not prove alone, and says why', () => {
    const told = answerAllPairs(network, 0);
    if (told.kind !== 'answered') throw new Error(told.why);
    const { pairs, answers, servers } = told.answer;
    expect(servers).toHaveLength(9);
    const left = answers.filter(({ open: why }) => why !== null);
    expect(left.map(({ open: why }) => why)).toEqual(left.map(() => 'a host answers ARP'));
    expect(answers.length).toBeLessThan(pairs);
  });

  it('say of a network that it is too large', () => {
    const told = answerAllPairs(network, 0, 1000);
    expect(told.kind).toBe('too-large');
    expect(told.kind === 'too-large' && told.why).toContain('1000 steps');
  });
});

describe.skipIf(!existsSync(SHARED))('all pairs of other captures', () => {
  for (const name of [
    'ovs-lbaas-haproxy',
    'ovs-ha-router/1-before',
    'ovs-vxlan-learn/2-after-traffic',
  ]) {
    it(`agree with the proofs of ${name}`, () => {
      const { known, wrong } = compare(openSnapshot(openFolder(join(SHARED, name))), 0, 2);
      expect(wrong).toEqual([]);
      expect(known).toBeGreaterThan(1);
    });
  }
});
