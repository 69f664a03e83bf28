/** Servers, floating IPs, the switch's process and the agents: what they do, and what is lost meanwhile. */
import { describe, expect, it } from 'vitest';
import { type LossWindow, type SimulatedWay } from '../../src/simulate/simulation.ts';
import { cloudOf, onlyWay, played, redundantCloud, story } from './cloud.ts';

const CLOUD = `
hosts:
  - {name: net1, nics: [{name: eth0, addresses: [172.30.20.21/24]}, {name: eth2}], agents: &net {openvswitch: {bridge_mappings: {external: br-ex}, bridges: {br-ex: eth2}, tunnel_types: [vxlan], local_ip: 172.30.20.21, l2_population: true, arp_responder: true}, l3: {}, metadata: {}}}
  - {name: c1, nics: [{name: eth0, addresses: [172.30.20.31/24]}], agents: {openvswitch: {tunnel_types: [vxlan], local_ip: 172.30.20.31, l2_population: true, arp_responder: true}}}
  - {name: c2, nics: [{name: eth0, addresses: [172.30.20.32/24]}], agents: {openvswitch: {tunnel_types: [vxlan], local_ip: 172.30.20.32, l2_population: true, arp_responder: true}}}
  - {name: c3, nics: [{name: eth0, addresses: [172.30.20.33/24]}], agents: {openvswitch: {tunnel_types: [vxlan], local_ip: 172.30.20.33, l2_population: true, arp_responder: true}}}
networks:
  - {name: public, type: flat, physical_network: external, external: true, subnets: [{name: public, cidr: 203.0.113.0/24, dhcp: false}]}
  - {name: inner, segmentation_id: 7, subnets: [{name: inner, cidr: 10.0.0.0/24, dhcp: false}]}
security_groups:
  - {name: ping, rules: [{protocol: icmp}]}
servers:
  - {name: a, host: c1, ports: [{network: inner, addresses: [10.0.0.11], security_groups: [ping]}]}
  - {name: b, host: c2, ports: [{network: inner, addresses: [10.0.0.12], security_groups: [ping]}]}
routers:
  - {name: r, hosts: [net1], external: {network: public, address: 203.0.113.10}, interfaces: [{subnet: inner}]}
floating_ips:
  - {network: public, address: 203.0.113.50, port: a}
`;

const network = cloudOf(CLOUD);
const windowsOf = (way: SimulatedWay, i = 0): readonly LossWindow[] => way.probes[i]?.windows ?? [];
const lasted_us = ({ from_us, until_us }: LossWindow): number => (until_us ?? 1e12) - from_us;

describe('a live migration', () => {
  const way = onlyWay(network, {
    events: ['t=2s migrate b to c3'],
    probes: ['a -> b every 100ms', 'b -> a every 100ms'],
    until_us: 12e6,
  });

  it('loses what is sent to the old host until all agents have learned the new tunnel end', () => {
    const [window, ...more] = windowsOf(way);
    expect(more).toEqual([]);
    expect(window?.from_us).toBe(2e6);
    // The server stands still for a tenth of a second, then l2population takes its second.
    expect(lasted_us(window ?? ({} as LossWindow))).toBeGreaterThanOrEqual(0.9e6);
    expect(lasted_us(window ?? ({} as LossWindow))).toBeLessThanOrEqual(1.5e6);
  });

  it('ends with the server where it went, and nothing left of it where it was', () => {
    const taps = (host: string): readonly string[] =>
      (way.end.hosts.get(host)?.switch?.bridges ?? []).flatMap(({ ports }) =>
        ports.map(({ name }) => name).filter((name) => name.startsWith('tap')),
      );
    expect(taps('c2')).toEqual([]);
    expect(taps('c3')).toHaveLength(1);
    expect(windowsOf(way, 1).at(-1)?.until_us).not.toBeNull();
  });

  it('waits for an agent that does not run', () => {
    const dead = onlyWay(network, {
      events: ['t=1s kill neutron-openvswitch-agent at c1', 't=2s migrate b to c3'],
      probes: ['a -> b every 250ms'],
      until_us: 12e6,
    });
    expect(windowsOf(dead).at(-1)?.until_us).toBeNull();
    const healed = onlyWay(network, {
      events: [
        't=1s kill neutron-openvswitch-agent at c1',
        't=2s migrate b to c3',
        't=6s start neutron-openvswitch-agent at c1',
      ],
      probes: ['a -> b every 250ms'],
      until_us: 14e6,
    });
    expect(windowsOf(healed).at(-1)?.until_us).toBeGreaterThanOrEqual(11e6);
  });
});

describe('a floating IP that moves', () => {
  it('answers for the other server once the L3 agent has worked the router over', () => {
    const way = onlyWay(network, {
      events: ['t=2s move floating-ip 203.0.113.50 to b', 't=4s down c2:eth0'],
      probes: ['external:198.51.100.10 -> 203.0.113.50 every 500ms'],
      until_us: 10e6,
    });
    // The server behind it is now the one whose host went down.
    expect(windowsOf(way)[0]?.from_us).toBe(4e6);
    const still = onlyWay(network, {
      events: ['t=4s down c2:eth0'],
      probes: ['external:198.51.100.10 -> 203.0.113.50 every 500ms'],
      until_us: 10e6,
    });
    expect(windowsOf(still)).toEqual([]);
  });

  it('of a redundant router is a new address in a file that keepalived reads again', () => {
    const way = onlyWay(redundantCloud({ second: true }), {
      events: ['t=2s move floating-ip 203.0.113.51 to v2'],
      probes: ['external:198.51.100.10 -> 203.0.113.51 every 500ms'],
      until_us: 12e6,
    });
    const told = story(way, 'process');
    expect(told).toHaveLength(2);
    for (const line of told) expect(line).toContain('SIGHUP');
    const [window, ...more] = windowsOf(way);
    expect(more).toEqual([]);
    expect(window?.from_us).toBe(0);
    expect(window?.until_us).toBeLessThanOrEqual(3.5e6);
  });
});

describe('ovs-vswitchd', () => {
  it('stops everything when it is killed, and forwards only after the agent missed its canary', () => {
    const way = onlyWay(network, {
      events: ['t=2s kill ovs-vswitchd at c1', 't=5s start ovs-vswitchd at c1'],
      probes: ['a -> b every 100ms'],
      until_us: 10e6,
    });
    const [window] = windowsOf(way);
    expect(window?.from_us).toBe(2e6);
    expect(window?.causes[0]?.sentence).toContain('ovs-vswitchd does not run');
    expect(window?.until_us).toBeGreaterThanOrEqual(7e6);
    expect(window?.until_us).toBeLessThanOrEqual(7.2e6);
    expect(story(way, 'agent').some((line) => line.includes('canary'))).toBe(true);
  });

  it('has no flows for as long as the agent does not run', () => {
    const way = onlyWay(network, {
      events: [
        't=1s kill neutron-openvswitch-agent at c1',
        't=2s kill ovs-vswitchd at c1',
        't=3s start ovs-vswitchd at c1',
      ],
      probes: ['a -> b every 500ms'],
      until_us: 20e6,
    });
    expect(windowsOf(way).at(-1)?.until_us).toBeNull();
    const bridges = way.end.hosts.get('c1')?.switch?.bridges ?? [];
    expect(bridges.map(({ flows }) => flows.length)).toEqual(bridges.map(() => 0));
  });
});

describe('an agent that draws new local VLANs', () => {
  const way = onlyWay(network, {
    events: ['t=2s renumber c1'],
    probes: ['a -> b every 100ms', 'a -> 10.0.0.1 every 100ms'],
    until_us: 15e6,
  });
  const tags = (of: typeof network): readonly (number | null)[] =>
    (of.hosts.get('c1')?.switch?.bridges ?? []).flatMap(({ ports }) =>
      ports.filter(({ name }) => name.startsWith('tap')).map(({ vlan }) => vlan.tag),
    );

  it('tags the ports anew and leaves no flow of the old VLAN', () => {
    expect(tags(network)).toHaveLength(1);
    expect(tags(way.end)).toHaveLength(1);
    expect(tags(way.end)).not.toEqual(tags(network));
  });

  it('loses packets until the server has told it the other ends', () => {
    for (const i of [0, 1]) {
      const [window, ...more] = windowsOf(way, i);
      expect(more.map(({ causes }) => causes)).toEqual([]);
      // The agent needs its time to start; until then the old flows work.
      expect(window?.from_us).toBeGreaterThanOrEqual(7e6);
      expect(lasted_us(window ?? ({} as LossWindow))).toBeLessThanOrEqual(1.5e6);
    }
  });
});

describe('words about processes', () => {
  it.each([
    ['t=1s kill httpd at c1', 'there is no process httpd; there are ovs-vswitchd'],
    ['t=1s kill neutron-l3-agent at c1', 'there is no neutron-l3-agent at c1'],
    ['t=1s migrate z to c1', 'there is no server z'],
    ['t=1s migrate a to c1', 'a is on c1 already'],
    ['t=1s move floating-ip 203.0.113.99 to a', 'there is no floating IP 203.0.113.99'],
    ['t=1s renumber c9', 'there is no host with Open vSwitch c9'],
  ])('%s', (event, message) => {
    expect(() => played(network, { events: [event] })).toThrow(message);
  });
});
