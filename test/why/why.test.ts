/** Why packets of injected faults do not arrive, and what was tried against it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Network } from '../../src/dataplane/network.ts';
import { cloudOfNetwork } from '../../src/snapshot/read/cloud.ts';
import { PLAIN_PAGE } from '../../src/trace/render/style.ts';
import { type PacketQuestion } from '../../src/trace/types.ts';
import { whyLines } from '../../src/why/render/text.ts';
import { type Why } from '../../src/why/types.ts';
import { explainWhy } from '../../src/why/why.ts';
import { captured } from '../captured.ts';
import { ROOT } from '../sources.ts';
import { resolvedQuestion } from '../trace/asked.ts';
import { HYBRID, LINUX } from '../trace/faults/bridge-faults.ts';
import { injure, lostFlow, lostRule } from '../trace/faults/edits.ts';
import { type Fault, tcp } from '../trace/faults/expect-blame.ts';
import { AVAILABLE, DISTRIBUTED } from '../trace/faults/router-faults.ts';
import { FAULTS } from '../trace/faults/tunnel-faults.ts';

function whyOf(
  network: Network,
  from: string,
  to: string,
  packet: Partial<PacketQuestion> = {},
  effectPairs = 0,
): Why {
  const cloud = cloudOfNetwork(network);
  const explained = explainWhy(network, resolvedQuestion(network, from, to, packet), {
    cloud,
    allBlockers: true,
    fixes: true,
    effectPairs,
  });
  if (explained.kind === 'impossible') throw new Error(explained.why);
  return explained.why;
}

const CONTEXT = { snapshot: '', withReply: false, everything: false };

const capture = captured('ovs-faults');

function ofPhase(phase: string): Network {
  const network = capture.network(phase);
  if (network === null) throw new Error(`no dump of ${phase}`);
  return network;
}

describe('the injected faults', () => {
  it('a port that is down comes up with Neutron’s own command', () => {
    const { blockers, afterAll } = whyOf(ofPhase('port-admin-down'), 'a1', '10.80.0.30');
    expect(blockers.map(({ blocker }) => blocker.code)).toEqual(['VLAN_LOCAL_DEAD_4095']);
    expect(blockers[0]?.fixes[0]?.change).toMatchObject({
      kind: 'api',
      commands: ['openstack port set --enable 968fd504-a782-4494-b4a6-ab95be8522b2'],
    });
    expect(afterAll).toBe('REACHABLE');
  });

  it('a lost flow of br-tun comes back with the agent of that host, and opens nothing else', () => {
    const network = ofPhase('vni-to-vlan-flow-lost');
    const why = whyOf(network, 'a1', '10.80.0.30', {}, 2);
    const { blockers, afterAll } = why;
    const [first] = blockers;
    expect(first?.blocker.code).toBe('VNI_MAP_MISSING');
    // Nobody is told to type flows: the agent comes first, then a plan of ours.
    const lines = whyLines({ ...why, together: [] }, CONTEXT, PLAIN_PAGE);
    expect(lines.some((line) => /^\s+ssh \S+ "ovs-ofctl add-flow/.test(line))).toBe(false);
    const plan = lines.find((line) => line.includes('hopwise apply plan'));
    expect(plan).toMatch(/plan CLOUD\.yaml -i INVENTORY --host compute2 --takeover -o plan\.json/);
    expect(lines.some((line) => /what it does: compute2: ovs-ofctl/.test(line))).toBe(true);
    expect(first?.fixes[0]?.change.commands).toEqual([
      'ssh compute2 "systemctl restart neutron-openvswitch-agent"',
    ]);
    expect(first?.fixes[0]?.effects).toMatchObject({
      gained: [{ from: 'a1', to: 'a2' }, { to: 'a2' }],
      lost: [],
    });
    expect(afterAll).toBe('REACHABLE');
  });

  it('lost NAT rules come back with the L3 agent', () => {
    const network = ofPhase('nat-rules-lost');
    const { blockers, afterAll } = whyOf(
      network,
      'external:198.51.100.10',
      '203.0.113.159',
      tcp(22),
    );
    expect(blockers.map(({ blocker }) => blocker.code)).toEqual(['NAT_MISSING']);
    expect(blockers[0]?.fixes[0]?.change.commands).toEqual([
      'ssh net1 "systemctl restart neutron-l3-agent"',
    ]);
    expect(afterAll).toBe('REACHABLE');
  });

  it('a missing rule is offered for the sender alone first', () => {
    const network = ofPhase('security-group-rule-missing');
    const { blockers, afterAll } = whyOf(network, 'a1', '10.80.0.30');
    expect(blockers[0]?.blocker.code).toBe('SG_NO_MATCHING_RULE');
    expect(blockers[0]?.fixes[0]?.change.commands).toEqual([
      'openstack security group rule create --ingress --protocol icmp --remote-ip 10.80.0.51/32 sg-f',
    ]);
    expect(afterAll).toBe('REACHABLE');
  });
});

describe('packets that are too large', () => {
  it('pass once their network promises less, or once the links carry more', () => {
    const large = { size: 1422, dontFragment: true };
    const why = whyOf(ofPhase('underlay-mtu-small'), 'a1', '10.80.0.30', large);
    const [first] = why.blockers;
    expect(first?.blocker.code).toBe('MTU_EXCEEDED_DF');
    const [headline] = whyLines(why, CONTEXT, PLAIN_PAGE);
    expect(headline).toContain('a2 (10.80.0.30)  icmp, 1422 bytes, DF  (64-byte ping: REACHABLE)');
    // Tunnels over eth1 with 1430 leave 1380 for the packet inside (RFC 7348 §5).
    expect(first?.fixes.map(({ change, verdict }) => [change.commands, verdict])).toEqual([
      [['openstack network set --mtu 1380 net-f1'], 'REACHABLE'],
      [
        [
          'ssh compute1 "ip link set dev eth1 mtu 1500"',
          'ssh compute1 "ip link set dev br-vtep mtu 1500"',
        ],
        'REACHABLE',
      ],
    ]);
    expect(why.afterAll).toBe('REACHABLE');
  });
});

describe('several faults at once', () => {
  it('are told one behind the other, with the changes that are needed together', () => {
    const network = injure(capture, 'baseline', [
      lostFlow('compute2', 'br-tun', /table=4,/),
      lostRule('net1', /qrouter-.*/, 'iptables-save', /-j DNAT/),
    ]);
    const why = whyOf(network, 'external:198.51.100.10', '203.0.113.159', tcp(22));
    expect(why.blockers.map(({ blocker }) => [blocker.code, blocker.host])).toEqual([
      ['NAT_MISSING', 'net1'],
      ['VNI_MAP_MISSING', 'compute2'],
    ]);
    expect(why.together).toHaveLength(2);
    expect(why.afterAll).toBe('REACHABLE');
  });

  it('on one host that its agent makes good at once are told as one', () => {
    const network = injure(capture, 'baseline', [
      lostFlow('compute2', 'br-tun', /table=4,/),
      lostFlow('compute2', 'br-int', /table=82/),
    ]);
    const why = whyOf(network, 'a1', '10.80.0.30');
    expect(why.together).toHaveLength(1);
    expect(why.afterAll).toBe('REACHABLE');
  });

  it('an object changed while its host is stale asks for its agent as well', () => {
    const phase = 'security-group-rule-missing';
    const network = injure(capture, phase, [lostFlow('compute2', 'br-int', /table=81/)]);
    const [first] = whyOf(network, 'a1', '10.80.0.30').blockers;
    for (const { change } of first?.fixes ?? []) {
      if (change.kind !== 'api') continue;
      expect(change.commands.at(-1)).toMatch(/systemctl restart neutron-openvswitch-agent/);
    }
  });
});

describe('a snapshot without Neutron’s objects', () => {
  it('names the blocker and offers nothing that it could not try', () => {
    const network = ofPhase('vni-to-vlan-flow-lost');
    const question = resolvedQuestion(network, 'a1', '10.80.0.30');
    const explained = explainWhy(network, question, {
      cloud: null,
      allBlockers: true,
      fixes: true,
      effectPairs: 0,
    });
    if (explained.kind === 'impossible') throw new Error(explained.why);
    const [first] = explained.why.blockers;
    expect(first?.blocker.code).toBe('VNI_MAP_MISSING');
    expect(first?.fixes).toEqual([]);
    expect(first?.noFix).toMatch(/^no fix tried: the snapshot holds no objects/);
    expect(explained.why.openEnd).not.toBeNull();
  });
});

/** Faults for which no change is known that could be tried. */
const WITHOUT_FIX: readonly string[] = [
  // Which of two owners of an address shall have it is for people to say.
  'a guest without port security that has the address of another one',
  'a guest without port security that has the address of the gateway',
];

const ALL: readonly (readonly [string, string, readonly Fault[]])[] = [
  ['ovs-faults', 'baseline', FAULTS],
  ['linuxbridge-vxlan-flat', 'matrix', LINUX],
  ['ovs-vlan-hybrid', 'matrix', HYBRID],
  ['ovs-dvr', 'north-south', DISTRIBUTED],
  ['ovs-ha-router', 'before failover, master net2', AVAILABLE],
];

/** One of so many is looked at where the whole list would take too long. */
const EVERY = existsSync(join(ROOT, '../shared')) ? 1 : 8;

describe.each(ALL)('faults edited into %s', (name, phase, faults) => {
  const felt = faults.filter(({ blames }) => blames !== null);
  const of = captured(name);
  it.each(felt.filter((_fault, i) => i % EVERY === 0))('$name', (fault) => {
    const network = injure(of, phase, fault.edits);
    for (const [from, to, packet] of fault.asked.slice(0, 1)) {
      const why = whyOf(network, from, to, packet);
      const [first] = why.blockers;
      expect([first?.blocker.code, first?.blocker.host]).toEqual([
        fault.blames?.code,
        fault.blames?.host,
      ]);
      if (WITHOUT_FIX.includes(fault.name)) expect(first?.noFix).toMatch(/tried/);
      else expect([from, to, why.afterAll]).toEqual([from, to, 'REACHABLE']);
      for (const { fixes } of why.blockers) {
        for (const { verdict, next } of fixes) expect(verdict === 'REACHABLE').toBe(next === null);
      }
    }
  });
});
