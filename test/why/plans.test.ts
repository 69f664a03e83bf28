/** The least change of a host that makes it as its agent would, in the host's own numbers. */
import { describe, expect, it } from 'vitest';
import { parseFlows } from '../../src/dataplane/ovs/text/flows.ts';
import { printFlow } from '../../src/dataplane/ovs/text/print-flow.ts';
import { cloudOfNetwork } from '../../src/snapshot/read/cloud.ts';
import { type Why } from '../../src/why/types.ts';
import { explainWhy } from '../../src/why/why.ts';
import { captured } from '../captured.ts';
import { resolvedQuestion } from '../trace/asked.ts';
import { HYBRID, LINUX } from '../trace/faults/bridge-faults.ts';
import { injure, rewrite } from '../trace/faults/edits.ts';
import { type Fault } from '../trace/faults/expect-blame.ts';
import { FAULTS } from '../trace/faults/tunnel-faults.ts';
import { failingQuestions } from './scenario-questions.ts';

function whyOf(name: string, phase: string, { edits, asked }: Fault): Why {
  const network = injure(captured(name), phase, edits);
  const [from, to, packet] = asked[0]!;
  const explained = explainWhy(network, resolvedQuestion(network, from, to, packet), {
    cloud: cloudOfNetwork(network),
    allBlockers: true,
    fixes: true,
    effectPairs: 0,
  });
  if (explained.kind === 'impossible') throw new Error(explained.why);
  return explained.why;
}

/** Commands of the plan that lets the packet pass. */
function planOf(why: Why): readonly string[] {
  const fixes = why.blockers.flatMap((one) => one.fixes);
  const plan = fixes.find(
    ({ change, verdict }) => change.kind === 'plan' && verdict === 'REACHABLE',
  );
  return plan?.change.commands ?? [];
}

function named(faults: readonly Fault[], name: string): Fault {
  const found = faults.find((fault) => fault.name === name);
  if (found === undefined) throw new Error(`no fault is called ${name}`);
  return found;
}

describe('the least change of a host', () => {
  it('writes the very flow that was lost, with the cookie of the agent’s run', () => {
    const lost: string[] = [];
    const fault = named(FAULTS, 'no flow for the tunnel key');
    const [edit] = fault.edits;
    const noting: Fault = {
      ...fault,
      edits: [
        rewrite(/^hosts\/compute1\/ovs\/br-tun\.flows\.txt$/, (text) => {
          lost.push(...text.split('\n').filter((line) => /table=4.*tun_id=0x3d5/.test(line)));
          return `${text}\n`;
        }),
        edit!,
      ],
    };
    const [command = '', ...more] = planOf(whyOf('ovs-faults', 'baseline', noting));
    expect(more).toEqual([]);
    const line = /add-flow br-tun '(.*)'"$/.exec(command)?.[1] ?? '';
    const [offered, before] = [line, lost[0] ?? ''].map((text) => {
      const [flow] = parseFlows(new TextEncoder().encode(text), 'flows').value;
      return flow === undefined ? '' : printFlow(flow);
    });
    expect(offered).toBe(before);
    expect(offered).toContain('cookie=0x');
  });

  it('puts a port back into the VLAN that its network has on this host', () => {
    const fault = named(HYBRID, 'a port with the tag of another network');
    const rows = captured('ovs-vlan-hybrid');
    const database = [...rows.files].find(([path]) =>
      path.endsWith('matrix/hosts/compute2/ovs/ovsdb-dump.json'),
    );
    const commands = planOf(whyOf('ovs-vlan-hybrid', 'matrix', fault));
    expect(commands).toHaveLength(1);
    const tag = /ovs-vsctl set port qvoea718713-73 tag=(\d+)/.exec(commands[0] ?? '')?.[1];
    expect(tag).toBeDefined();
    expect(tag).not.toBe('9');
    if (database !== undefined) expect(database[1]).toContain(`"tag", "${tag}"`);
  });

  it.each([
    ['a lost default route', /^ssh net1 "ip netns exec qrouter-\S+ ip route replace default via /],
    [
      'lost SNAT rules',
      /^ssh net1 "ip netns exec qrouter-\S+ iptables -t nat -I neutron-l3-agent-snat \d+ .*SNAT/,
    ],
    [
      'a lost tunnel port',
      /^ssh compute1 "ovs-vsctl add-port br-tun vxlan-ac1e1420 -- set interface /,
    ],
    [
      'a tunnel port with the wrong remote address',
      /ovs-vsctl set interface vxlan-\S+ options:remote_ip=/,
    ],
    ['a floating IP that is on no interface', /ip addr add \S+\/32 dev qg-/],
  ])('mends %s', (name, command) => {
    const why = whyOf('ovs-faults', 'baseline', named(FAULTS, name));
    expect(planOf(why)[0]).toMatch(command);
    expect(why.afterAll).toBe('REACHABLE');
  });

  it.each([
    ['a forwarding entry that leads to another host', /bridge fdb (del|append) \S+ dev vxlan-/],
    ['a set of addresses that lacks members', /ipset add \S+ \d+\.\d+/],
  ])('mends %s of a Linux bridge', (name, command) => {
    const why = whyOf('linuxbridge-vxlan-flat', 'matrix', named(LINUX, name));
    expect(planOf(why).join('\n')).toMatch(command);
  });
});

describe('elections', () => {
  function ofScenario(name: string, fault = 0): Why {
    const failing = failingQuestions(name)[fault];
    if (failing === undefined) throw new Error(`${name} has no such fault`);
    const { cloud, network, question } = failing;
    const options = { cloud, allBlockers: true, fixes: true, effectPairs: 0 };
    const explained = explainWhy(network, question, options);
    if (explained.kind === 'impossible') throw new Error(explained.why);
    return explained.why;
  }

  it('two masters that hear each other agree by themselves, and nothing else is said to help', () => {
    const fixes = ofScenario('ha-split-brain').blockers[0]?.fixes ?? [];
    expect(fixes[0]).toMatchObject({ verdict: 'REACHABLE', change: { commands: [] } });
    expect(fixes[0]?.settles).toMatch(/^controller01 is the one master of MyHARouter from \d/);
    expect(fixes.filter(({ change }) => change.kind === 'plan')).toEqual([]);
  });

  it('two masters between whom adverts are lost agree once the flood is mended, and not before', () => {
    const { blockers } = ofScenario('e48-two-masters');
    const fixes = blockers[0]?.fixes ?? [];
    expect(fixes.some(({ change }) => change.summary.startsWith('change nothing'))).toBe(false);
    const plan = fixes.find(({ change }) => change.kind === 'plan');
    expect(plan?.change.commands[0]).toMatch(/add-flow br-tun '.*table=22/);
    expect(plan?.settles).toMatch(/is the one master of MyHARouter/);
  });

  it('one whose interface comes up again elects with the others, and they agree', () => {
    const [first] = ofScenario('e49-no-master').blockers;
    const [fix] = first?.fixes ?? [];
    expect(fix?.change.summary).toMatch(/^set ha-\S+ up on compute02/);
    // Three intervals of 2 s and the skew of priority 50 (RFC 3768 §6.1): 6 + 206/256 s.
    expect(fix?.settles).toMatch(/^\S+ is the one master of MyHARouter from 6\.8 s on$/);
    expect(fix?.verdict).toBe('REACHABLE');
  });

  it('routers with another password or another number agree when all are configured anew', () => {
    for (const fault of [0, 1]) {
      const { blockers, afterAll } = ofScenario('ha-misconfigured', fault);
      const fixes = blockers[0]?.fixes ?? [];
      expect(fixes.some(({ change }) => change.summary.startsWith('change nothing'))).toBe(false);
      const both = fixes.find(({ change }) => change.commands.length === 2);
      expect(both?.settles).toMatch(/^net[12] is the one master of edge/);
      expect(afterAll).toBe('REACHABLE');
    }
  });
});
