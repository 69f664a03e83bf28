/**
 * All pairs that are kept while flows come and go: after each of many random changes they are what
 * a walk of everything from nothing says, region by region, and the pairs that are told to have
 * changed are those that differ.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Network } from '../../../src/dataplane/network.ts';
import { type Flow } from '../../../src/dataplane/ovs/types/flow.ts';
import { readCloudYaml } from '../../../src/model/yaml/read-cloud.ts';
import { openFolder } from '../../../src/snapshot/collect/folder.ts';
import { compileNetworkOf } from '../../../src/snapshot/read/compiled.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { compileNetwork } from '../../../src/trace/compiled-network.ts';
import { withOutside } from '../../../src/trace/outside.ts';
import { openAllPairs } from '../../../src/verify/allpairs/all-pairs.ts';
import { type Coordinates, openCoordinates } from '../../../src/verify/allpairs/coordinates.ts';
import { type KeptPairs, keepPairs } from '../../../src/verify/allpairs/kept-pairs.ts';
import { type Said } from '../../../src/verify/allpairs/pages.ts';
import { type Server, type Target } from '../../../src/verify/allpairs/servers.ts';
import { sweep } from '../../../src/verify/allpairs/sweep.ts';
import { ROOT } from '../../sources.ts';
import { randomCloud } from '../random-clouds.ts';
import { chance, damaged, withFlows } from './both-ways.ts';
import { CLOUD } from './two-networks.ts';

function networkOf(text: string): Network {
  const { value, problems } = readCloudYaml('kept.yaml', text);
  if (value === null) throw new Error(problems[0]?.message ?? 'no cloud');
  return compileNetworkOf(value);
}

const NETWORK = networkOf(CLOUD);

function flowsOf(network: Network, at: Place): readonly Flow[] {
  const { bridges } = network.hosts.get(at.host)!.switch!;
  return bridges.find(({ name }) => name === at.bridge)!.flows;
}

interface Place {
  readonly host: string;
  readonly bridge: string;
}

type Told = ReadonlyMap<string, Said>;

/** The pair by its places in the book of servers, which is the same for both walks. */
function pairOf(from: Server, to: Target): string {
  const { host, namespace } = to.server.station;
  const own = `${from.station.host} ${from.station.namespace}`;
  return `${own} → ${host} ${namespace} ${to.address}`;
}

function keptSaying(kept: KeptPairs): Told {
  const out = new Map<string, Said>();
  for (const [from, mine] of kept.saying()) {
    for (const [to, said] of mine)
      out.set(pairOf(from, to), typeof said === 'string' ? 'open' : said);
  }
  return out;
}

/** The same from nothing, with regions of the same names. */
function freshSaying(network: Network, coordinates: Coordinates): Told {
  const out = new Map<string, Said>();
  const all = openAllPairs(compileNetwork(withOutside(network), {}), coordinates);
  for (const { from, some, open } of sweep(all)) {
    for (const { to, where } of some) out.set(pairOf(from, to), where);
    for (const { to } of open) out.set(pairOf(from, to), 'open');
  }
  return out;
}

function differences(a: Told, b: Told): readonly string[] {
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((pair) => (a.get(pair) ?? 0) !== (b.get(pair) ?? 0))
    .sort();
}

/** Changes flows at random places for some rounds, and compares after each. */
function follow(network: Network, places: readonly Place[], seed: number, rounds: number): number {
  const random = chance(seed);
  const coordinates = openCoordinates();
  let kept = keepPairs(network, coordinates);
  let now = network;
  let before = keptSaying(kept);
  expect(differences(before, freshSaying(now, coordinates))).toEqual([]);
  let [felt, anew] = [0, 0];
  for (let round = 0; round < rounds; round++) {
    const place = places[random(places.length)]!;
    const old = flowsOf(now, place);
    // Sometimes everything is mended again.
    const flows = random(4) === 0 ? flowsOf(network, place) : damaged(old, random);
    const [had, has] = [new Set(old), new Set(flows)];
    const removed = old.filter((flow) => !has.has(flow));
    const added = flows.filter((flow) => !had.has(flow));
    now = withFlows(now, place, flows);
    const change = kept.change({ ...place, removed, added });
    if (change === null) {
      anew++;
      kept = keepPairs(now, coordinates);
      before = keptSaying(kept);
      continue;
    }
    const after = keptSaying(kept);
    expect(differences(after, freshSaying(now, coordinates))).toEqual([]);
    const told = change.pairs.map(({ from, to, before: was, after: is }) => {
      const both = [was, is].map((said) => (typeof said === 'string' ? 'open' : said));
      return { pair: pairOf(from, to), both };
    });
    const others = told.filter(({ both: [was, is] }) => was !== is).map(({ pair }) => pair);
    expect(others.sort()).toEqual(differences(before, after));
    let [some, open] = [0, 0];
    for (const said of after.values()) {
      if (said === 'open') open++;
      else some++;
    }
    expect(kept.tally()).toEqual({ some, open });
    felt += others.length;
    before = after;
  }
  // Most changes need no new start.
  expect(anew).toBeLessThan(rounds / 3);
  return felt;
}

const seeds = Number(process.env['HOPWISE_PAIRS_FUZZ'] ?? 2);
const first = Number(process.env['HOPWISE_PAIRS_SEED'] ?? 500);

describe('all pairs that are kept', () => {
  it('are what a walk from nothing says after every one of many changes', () => {
    const places = ['c2', 'c3', 'net1'].flatMap((host) =>
      ['br-int', 'br-int', 'br-tun'].map((bridge) => ({ host, bridge })),
    );
    let felt = 0;
    for (let seed = 0; seed < seeds; seed++) felt += follow(NETWORK, places, first + seed, 14);
    expect(felt).toBeGreaterThan(30);
  });

  it('are it also behind switches that have learned addresses', () => {
    const capture = openSnapshot(openFolder(join(ROOT, 'demo/ovs-vxlan-ovsfw')));
    const places = ['compute1', 'compute2'].map((host) => ({ host, bridge: 'br-int' }));
    follow(capture, places, 99, 6);
  });

  it('are it in random clouds', () => {
    const clouds = Array.from({ length: 40 }, (_, i) => randomCloud(8100 + i))
      .filter((text) => text.includes('firewall: openvswitch'))
      .slice(0, 3);
    for (const [i, text] of clouds.entries()) {
      const network = networkOf(text);
      const places = [...network.hosts].flatMap(([host, { switch: of }]) =>
        (of?.bridges ?? [])
          .filter(({ name }) => name === 'br-int' || name === 'br-tun')
          .map(({ name }) => ({ host, bridge: name })),
      );
      follow(network, places, 40 + i, 8);
    }
  });

  it('make little anew for one rule of one port', () => {
    const kept = keepPairs(NETWORK);
    const { station } = kept.all.servers.find(({ endpoint }) => endpoint.name === 'v1')!;
    const place = { host: station.host, bridge: 'br-int' };
    const rule = flowsOf(NETWORK, place).filter(
      ({ table, tests }) =>
        table === 82 &&
        tests.some(
          ({ value, field }) => field.name === 'reg5' && value === BigInt(station.ofport),
        ) &&
        tests.some(({ value, field }) => field.name === 'tcp_dst' && value === 443n),
    );
    expect(rule.length).toBe(2);
    const whole = kept.all.upkeep.made;
    const lost = kept.change({ ...place, removed: rule, added: [] })!;
    expect(lost.pairs.length).toBeGreaterThan(2);
    expect(new Set(lost.pairs.map(({ to }) => to.server.endpoint.name))).toEqual(new Set(['v1']));
    expect(lost.made).toBeLessThan(whole / 20);
    const back = kept.change({ ...place, removed: [], added: rule })!;
    expect(back.pairs.map(({ before }) => before)).toEqual(lost.pairs.map(({ after }) => after));
    expect(back.pairs.map(({ after }) => after)).toEqual(lost.pairs.map(({ before }) => before));
  });
});
