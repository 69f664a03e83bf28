/** Pairs answered by the pass over all of them and by the proof of each, and hosts that are hurt. */
import { type Host, type Network } from '../../../src/dataplane/network.ts';
import { type FieldTest, type Flow } from '../../../src/dataplane/ovs/types/flow.ts';
import { type Bridge, type Switch } from '../../../src/dataplane/ovs/types/switch.ts';
import { askedQuestion } from '../../../src/trace/ask.ts';
import { compileNetwork } from '../../../src/trace/compiled-network.ts';
import { withOutside } from '../../../src/trace/outside.ts';
import { openSpace } from '../../../src/traffic/sets/space.ts';
import { type AllPairs, openAllPairs } from '../../../src/verify/allpairs/all-pairs.ts';
import { inProofSpace } from '../../../src/verify/allpairs/compared.ts';
import { openCoordinates } from '../../../src/verify/allpairs/coordinates.ts';
import { type Server } from '../../../src/verify/allpairs/servers.ts';
import { prepareProofs } from '../../../src/verify/proof/prove.ts';
import { ALL_WANTED } from '../../../src/verify/proof/wanted.ts';

export const openPairs = (network: Network): AllPairs =>
  openAllPairs(compileNetwork(withOutside(network), {}), openCoordinates());

export interface Compared {
  /** Pairs of which the engine says something. */
  readonly known: number;
  readonly some: number;
  readonly wrong: readonly string[];
}

/** Every `step`th pair, by both ways. */
export function compare(network: Network, start: number, step: number): Compared {
  const all = openPairs(network);
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
export function withFlows(
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
export function chance(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b_79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/**
 * Damages that real hosts show: a flow is missing or drops, acts at another priority, two change
 * places, or a test covers less of its field.
 */
export function damaged(
  flows: readonly Flow[],
  random: (below: number) => number,
): readonly Flow[] {
  const hurt = [...flows];
  for (let i = 0; i < 3; i++) {
    const at = random(hurt.length);
    const flow = hurt[at]!;
    switch (random(5)) {
      case 0:
        hurt.splice(at, 1);
        break;
      case 1:
        hurt[at] = changed(flow, { actions: [{ kind: 'drop' }] });
        break;
      case 2:
        hurt[at] = changed(flow, { priority: random(100) });
        break;
      case 3: {
        const other = random(hurt.length);
        const { priority } = hurt[other]!;
        hurt[other] = changed(hurt[other]!, { priority: flow.priority });
        hurt[at] = changed(hurt[at]!, { priority });
        break;
      }
      default:
        hurt[at] = changed(flow, { tests: flow.tests.map((test) => looser(test, random)) });
    }
  }
  return hurt;
}

/** The flow with something else; what was read of it stays. */
export function changed(flow: Flow, other: Partial<Flow>): Flow {
  const { statistics, origin } = flow;
  return { ...flow, statistics, origin, ...other };
}

/** A test of an address or a port that leaves out its lowest bits. */
function looser(test: FieldTest, random: (below: number) => number): FieldTest {
  const { field, value, mask } = test;
  const may = /^(ip_src|ip_dst|eth_dst|tp_dst)$/.test(field.name);
  if (!may || mask !== (1n << BigInt(field.width)) - 1n) return test;
  const shorter = (mask >> BigInt(1 + random(4))) << BigInt(1 + random(4));
  return { field, value: value & shorter & mask, mask: shorter & mask };
}
