/** Which packets a run sends by itself: of each class that a plan opens, closes or keeps, one. */
import { describe, expect, it } from 'vitest';
import { networkOf } from '../../src/apply/execute/observe.ts';
import { choose } from '../../src/apply/probes/choose.ts';
import { readyProbes, shot } from '../../src/apply/probes/probe.ts';
import { sendScript } from '../../src/apply/probes/scripts.ts';
import { checkStages } from '../../src/apply/prove/check.ts';
import { networkOfStages, stagesOf } from '../../src/apply/prove/stages.ts';
import { packetFromBytes } from '../../src/traffic/wire.ts';
import { compiledTexts, planBetween } from './two-clouds.ts';

const cloud = (port: number): string => `hosts:
  - {name: one, nics: [{name: eth2}], agents: {openvswitch: {bridge_mappings: {external: br-ex}, bridges: {br-ex: eth2}}}}
networks:
  - {name: net, type: vlan, physical_network: external, segmentation_id: 7, subnets: [{name: sub, cidr: 10.0.0.0/24, dhcp: false}]}
security_groups:
  - {name: web, rules: [{protocol: tcp, ports: ${port}}, {protocol: udp, ports: 5000-5010}]}
servers:
  - {name: a, host: one, ports: [{network: net, addresses: [10.0.0.11], security_groups: [web]}]}
  - {name: b, host: one, ports: [{network: net, addresses: [10.0.0.12], security_groups: [web]}]}
`;

describe('packets that a run sends by itself', () => {
  const { plan, ends, tracked } = planBetween(cloud(80), cloud(443), 'direct');
  const stages = stagesOf(plan, ends, tracked);
  const { pairs } = checkStages(stages, ends, { mostPairs: 60, all: true });
  const chosen = choose(pairs, 48);

  it('are of what is opened, closed, kept and never let in', () => {
    const of = (change: string): readonly string[] =>
      chosen
        .filter((one) => one.change === change && one.from === 'a')
        .map(({ protocol, port }) => `${protocol} ${port}`);
    expect(of('opened')).toEqual(['tcp 443']);
    expect(of('closed')).toEqual(['tcp 80']);
    expect(of('kept')).toEqual(['udp 5000']);
    // Where nearly every port is meant, one that hardly any program has.
    expect(of('never')).toEqual(['icmp 0', 'tcp 61123', 'udp 61123']);
  });

  it('are as many as there is room for, of every kind', () => {
    const few = choose(pairs, 4);
    expect(few.map(({ change }) => change)).toEqual(['opened', 'closed', 'kept', 'never']);
  });

  it('are frames of their guest, each with a mark of its own', () => {
    const last = stages.hosts.map((host) => stages.of(host, stages.waves.length));
    const end = networkOfStages(last, ends, new Map());
    const { probes, left } = readyProbes(chosen, end, networkOf(compiledTexts(cloud(443))));
    expect(left).toEqual([]);
    expect(probes.length).toBe(chosen.length);
    for (const probe of probes) {
      expect(probe.arrives).toBe(probe.change === 'opened' || probe.change === 'kept');
      const { bytes, mark } = shot(
        probe,
        Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i),
      );
      expect(packetFromBytes(bytes).problems).toEqual([]);
      const digits = Buffer.from(bytes).toString('hex');
      expect(digits).toContain(Buffer.from(mark).toString('hex'));
      // Nobody shows the guest's inside: the switch takes the frame for its port.
      const script = sendScript([{ seat: probe.sender, hex: digits }]);
      expect(script).toContain(`packet-out 'br-int'`);
      expect(script).toContain(`'${probe.sender.tap}'`);
    }
  });
});
