/** The order of a plan's steps: waves, what each host holds between them, and the search for a better one. */
import { describe, expect, it } from 'vitest';
import { networkOf } from '../../src/apply/execute/observe.ts';
import {
  isPassing,
  type PlanProof,
  type ProofOptions,
  provePlan,
  USUAL_PROOF,
} from '../../src/apply/prove/prove.ts';
import { searchOrder } from '../../src/apply/prove/search.ts';
import { stagesOf } from '../../src/apply/prove/stages.ts';
import { type Draft } from '../../src/apply/steps/draft.ts';
import { orderedWaves } from '../../src/apply/steps/waves.ts';
import { searchLines } from '../../src/apply/text.ts';
import { type Constraint, type PhaseName, type Plan } from '../../src/apply/types.ts';
import { learning, VLAN_HYBRID, VXLAN_ROUTER } from '../reality/apply/clouds.ts';
import { planBetween, type TwoClouds } from './two-clouds.ts';

function draft(phase: PhaseName, title: string, bridge: string): Draft {
  const forward = [{ kind: 'flows', bridge, lines: ['delete'] } as const];
  return { phase, title, forward, inverse: forward, pairs: [], partial: null };
}

describe('the waves of a plan', () => {
  const drafts = new Map([
    ['h1', [draft('send', 'a', 'br-int'), draft('drop', 'b', 'br-int')]],
    ['h2', [draft('send', 'c', 'br-int'), draft('connect', 'd', 'br-ex')]],
  ]);
  const told = (constraints: readonly Constraint[]) =>
    orderedWaves(drafts, constraints)?.map((wave) =>
      wave.map((one) => `${one.host} ${one.draft.title}`),
    );

  it('are the phases where nothing else is asked', () => {
    expect(told([])).toEqual([['h1 a', 'h2 c'], ['h2 d'], ['h1 b']]);
  });

  it('let a step wait for one of a later phase', () => {
    expect(told([['h2: connect: d', 'h1: send: a']])).toEqual([
      ['h2 c'],
      ['h2 d'],
      ['h1 a'],
      ['h1 b'],
    ]);
  });

  it('are none where steps would wait for each other, or for what they need', () => {
    const [a, c]: readonly string[] = ['h1: send: a', 'h2: send: c'];
    expect(
      told([
        [a!, c!],
        [c!, a!],
      ]),
    ).toBeUndefined();
    // What is dropped from a bridge is dropped behind what is added there.
    expect(told([['h1: drop: b', a!]])).toBeUndefined();
  });
});

describe('what a host holds between steps', () => {
  it('has each table of its rules as it is then, beside rules of others', () => {
    const web = '{protocol: tcp, ports: 80}';
    const more = VLAN_HYBRID.replace(web, `${web}, {protocol: tcp, ports: 443}`);
    const { plan, ends, tracked } = planBetween(VLAN_HYBRID, more, 'direct');
    const path = 'hosts/compute1/ns/root/iptables-save.txt';
    const foreign = '-A FORWARD -s 192.0.2.0/24 -j DROP';
    const text = ends.old.get(path)!.replace(/(\*filter\n[^*]*?)COMMIT/, `$1${foreign}\nCOMMIT`);
    const old = new Map([...ends.old, [path, text]]);
    const stages = stagesOf(plan, { ...ends, old }, tracked);
    const rules = (done: number): string => stages.of('compute1', done).files.get(path) ?? '';
    expect(rules(0)).not.toContain('--dport 443');
    expect(rules(1)).toContain('--dport 443');
    for (const done of [0, 1]) {
      const forward = rules(done)
        .split('\n')
        .filter((line) => line.startsWith('-A FORWARD'));
      // Jumps to ours stand before what others have written.
      expect(forward.at(-1)).toBe(foreign);
      expect(forward.length).toBeGreaterThan(1);
    }
  });
});

function proved(
  { ends, tracked }: TwoClouds,
  plan: Plan,
  options: Partial<ProofOptions>,
): PlanProof {
  const input = { plan, ends, tracked, network: networkOf(new Map()), operators: new Map() };
  return provePlan(input, { ...USUAL_PROOF, acceptUndecided: true, ...options });
}

/** Two hosts on a VLAN, whose bridges learn where everybody is. */
const vlan = (host: string): string => `hosts:
${['h1', 'h2']
  .map(
    (name) => `  - name: ${name}
    nics: [{name: eth0}, {name: eth1}]
    agents: {openvswitch: {bridge_mappings: {vlans: br-vlan}, bridges: {br-vlan: eth1}, datapath: userspace}}`,
  )
  .join('\n')}
networks:
  - {name: net, type: vlan, physical_network: vlans, segmentation_id: 101, subnets: [{name: net, cidr: 10.5.0.0/24, dhcp: false}]}
security_groups:
  - {name: open, rules: [{protocol: icmp}, {protocol: udp}, {protocol: tcp}]}
servers:
  - {name: a, host: h1, ports: [{network: net, addresses: [10.5.0.11], security_groups: [open]}]}
  - {name: b, host: ${host}, ports: [{network: net, addresses: [10.5.0.12], security_groups: [open]}]}
`;

describe('a server that moves', () => {
  it('is lost to hosts that remember where it was, until they forget', () => {
    const planned = planBetween(vlan('h1'), vlan('h2'), 'direct');
    const { plan } = planned;
    expect(plan.steps.filter(({ phase }) => phase === 'forget')).toHaveLength(2);
    const remembered = (of: Plan): readonly string[] =>
      proved(planned, of, { mostPairs: 1, all: true })
        .checked.bad.filter((bad) => bad.phase === 'drop' && bad.lasts === 'blackhole')
        .flatMap((bad) => bad.remembered);
    expect(remembered(plan)).toEqual([]);
    const steps = plan.steps.filter(({ phase }) => phase !== 'forget');
    expect(remembered({ ...plan, steps }).join()).toContain('h1 remembers where fa:16:3e');
  });
});

describe('more pairs than are proved one by one', () => {
  it('are all carried in one pass over every state', () => {
    const planned = planBetween(learning(101), learning(202), 'direct');
    const { bad, notes, undecided } = proved(planned, planned.plan, { mostPairs: 0 }).checked;
    expect(notes.join()).toContain('all pairs were looked at');
    expect(undecided).toEqual([]);
    const told = bad.map(({ phase, kind, from, to }) => [phase, kind, from, to].join(' '));
    expect(told).toEqual(['send lost a b', 'send lost b a']);
    expect(bad[0]).toMatchObject({ done: ['h1'], lasts: 'gap' });
  });
});

describe('the search for an order', () => {
  const searched = (live: string, wanted: string, mostPairs: number) => {
    const first = planBetween(live, wanted, 'direct');
    return searchOrder({
      make: (order, constraints) => planBetween(live, wanted, order, constraints),
      prove: ({ plan }) => proved(first, plan, { mostPairs }),
      ends: first.ends,
      orders: ['direct'],
      most: 8,
    });
  };

  it('says that there is none where a port is either left unguarded or cut off', () => {
    const moved = learning(101);
    const live = moved.replace('{name: b, host: h2', '{name: b, host: h1');
    const { found, tried, complete } = searched(live, moved, 1);
    expect(found).toBeNull();
    expect(complete).toBe(true);
    // While the server is unplugged where it was, flows of that host still lead there.
    const [first] = tried;
    const { bad } = first!.proof.checked;
    expect(bad[0]).toMatchObject({ phase: 'disconnect', kind: 'lost', from: 'a', to: 'b' });
    expect(isPassing(bad[0]!)).toBe(true);
    const search = { tried: tried.length, complete };
    const lines = searchLines(first!.planned.plan, first!.proof, { ...search, tried: 2 });
    expect(lines.join('\n')).toContain('no other is left');
  });

  /** Proves a hundred states. */
  const short = process.env['HOPWISE_APPLY_LONG'] === undefined;
  it.skipIf(short)(
    'plugs a server that moves in before others send there',
    () => {
      const moved = VXLAN_ROUTER.replace('{name: b1, host: compute1', '{name: b1, host: net1');
      const { found, tried } = searched(VXLAN_ROUTER, moved, 2);
      expect(tried[0]?.proof.checked.bad[0]).toMatchObject({ phase: 'send', kind: 'lost' });
      expect(found).not.toBeNull();
      const { plan } = found!.planned;
      const wave = (phase: PhaseName, host: string): number =>
        plan.steps.find((step) => step.phase === phase && step.host === host)?.wave ?? -1;
      expect(wave('connect', 'net1')).toBeLessThan(wave('send', 'compute2'));
      expect(wave('send', 'compute2')).toBeLessThan(wave('disconnect', 'compute1'));
    },
    600_000,
  );
});
