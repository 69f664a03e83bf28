/**
 * All pairs at once say what the proof of each pair says, on hosts as they are and on hosts whose
 * flows were damaged at random: the very packets that arrive are the same.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Host, type Network } from '../../../src/dataplane/network.ts';
import { type Flow } from '../../../src/dataplane/ovs/types/flow.ts';
import { type Bridge, type Switch } from '../../../src/dataplane/ovs/types/switch.ts';
import { openFolder } from '../../../src/snapshot/collect/folder.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { askedQuestion } from '../../../src/trace/ask.ts';
import { compileNetwork } from '../../../src/trace/compiled-network.ts';
import { withOutside } from '../../../src/trace/outside.ts';
import { openSpace } from '../../../src/traffic/sets/space.ts';
import { type AllPairs, openAllPairs } from '../../../src/verify/allpairs/all-pairs.ts';
import { answerAllPairs } from '../../../src/verify/allpairs/answer.ts';
import { inProofSpace } from '../../../src/verify/allpairs/compared.ts';
import { openCoordinates } from '../../../src/verify/allpairs/coordinates.ts';
import { type Server } from '../../../src/verify/allpairs/servers.ts';
import { sweep, tally } from '../../../src/verify/allpairs/sweep.ts';
import { prepareProofs } from '../../../src/verify/proof/prove.ts';
import { ALL_WANTED } from '../../../src/verify/proof/wanted.ts';
import { ROOT } from '../../sources.ts';

const DEMO = join(ROOT, 'demo/ovs-vxlan-ovsfw');
const SHARED = join(ROOT, '../shared/truth/captures');

const open = (network: Network): AllPairs =>
  openAllPairs(compileNetwork(withOutside(network), {}), openCoordinates());

interface Compared {
  /** Pairs of which the engine says something. */
  readonly known: number;
  readonly some: number;
  readonly wrong: readonly string[];
}

/** Every `step`th pair, by both ways. */
function compare(network: Network, start: number, step: number): Compared {
  const all = open(network);
  const prover = prepareProofs(network);
  const wrong: string[] = [];
  let [known, some] = [0, 0];
  const pairs = all.servers.flatMap((from) =>
    all.targets.flatMap((to) => (to.server === from ? [] : [{ from, to }])),
  );
  for (let i = start; i < pairs.length; i += step) {
    const { from, to } = pairs[i]!;
    const cell = all.cell(from, to);
    if (cell.kind === 'open') continue;
    const address = [24, 16, 8, 0].map((shift) => (to.address >>> shift) & 255).join('.');
    const name = ({ endpoint }: Server): string => endpoint.port?.id ?? endpoint.name;
    const asked = askedQuestion(network, {
      from: name(from),
      to: to.floating ? address : name(to.server),
      version: 4,
    });
    if (asked.kind === 'wrong') throw new Error(asked.message);
    const { host, namespace } = to.server.station;
    const end = { ...asked.value.to, host, namespace };
    const space = openSpace();
    const question = { from: asked.value.from, to: end, wanted: ALL_WANTED };
    const proved = prover.prove(question, space);
    if (proved.kind === 'impossible') throw new Error(proved.why);
    known++;
    const mine = inProofSpace(space, all.coordinates.regions, cell.arrives);
    const theirs = space.regions.shadow(proved.region, space.places.length);
    if (cell.arrives !== 0) some++;
    if (mine !== theirs) wrong.push(`${from.endpoint.name} ${to.server.endpoint.name} ${address}`);
  }
  return { known, some, wrong };
}

/** The network with other flows on one bridge. */
function withFlows(
  network: Network,
  at: { readonly host: string; readonly bridge: string },
  flows: readonly Flow[],
): Network {
  const hosts = new Map(
    [...network.hosts].map(([name, host]): [string, Host] => {
      const source = host.switch;
      if (name !== at.host || source === null) return [name, host];
      const bridges = source.bridges.map((one): Bridge => {
        return one.name === at.bridge ? { ...one, flows } : one;
      });
      const changed: Switch = {
        host: source.host,
        version: source.version,
        datapath: source.datapath,
        vlanLimit: source.vlanLimit,
        tunnelNeighbours: source.tunnelNeighbours,
        tunnelRoutes: source.tunnelRoutes,
        bridges,
      };
      return [name, Object.create(host, { switch: { value: changed } }) as Host];
    }),
  );
  return Object.create(network, { hosts: { value: hosts } }) as Network;
}

/** Numbers from a seed (mulberry32). */
function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b_79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** Takes flows away, makes them drop, or lets them act at another priority. */
function damaged(flows: readonly Flow[], random: (below: number) => number): readonly Flow[] {
  const hurt = new Set(Array.from({ length: 3 }, () => random(flows.length)));
  return flows.flatMap((flow, i): readonly Flow[] => {
    if (!hurt.has(i)) return [flow];
    const { statistics, origin } = flow;
    switch (random(3)) {
      case 0:
        return [];
      case 1:
        return [{ ...flow, statistics, origin, actions: [{ kind: 'drop' }] }];
      default:
        return [{ ...flow, statistics, origin, priority: random(100) }];
    }
  });
}

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
    const all = open(network);
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
