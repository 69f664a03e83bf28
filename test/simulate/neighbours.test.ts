/** Neighbours on the clock: how long a moved gateway is believed to be where it was. */
import { describe, expect, it } from 'vitest';
import { neighbourTimes } from '../../src/simulate/network/neighbour-times.ts';
import { type LossWindow, type SimulatedWay } from '../../src/simulate/simulation.ts';
import { cloudOf, onlyWay, story } from './cloud.ts';

const NODE = (name: string, at: number, l3: string): string =>
  `  - {name: ${name}, nics: [{name: eth0, addresses: [172.30.20.${at}/24]}, {name: eth1}, {name: eth2}], ` +
  `agents: {openvswitch: {bridge_mappings: {physnet: br-phys, external: br-ex}, ` +
  `bridges: {br-phys: eth1, br-ex: eth2}}${l3}}}`;

// No l2population and no ARP responder: who has an address is asked in the network itself.
const CLOUD = `
hosts:
${NODE('net1', 21, ', l3: {}, metadata: {}')}
${NODE('net2', 22, ', l3: {}, metadata: {}')}
${NODE('c1', 31, '')}
networks:
  - {name: public, type: flat, physical_network: external, external: true, subnets: [{name: public, cidr: 203.0.113.0/24, dhcp: false}]}
  - {name: inner, type: vlan, physical_network: physnet, segmentation_id: 7, subnets: [{name: inner, cidr: 10.0.0.0/24, dhcp: false}, {name: inner6, cidr: 'fd00:7::/64', dhcp: false}]}
security_groups:
  - {name: ping, rules: [{protocol: icmp}, {protocol: tcp, ports: 22}]}
servers:
  - {name: a, host: c1, ports: [{network: inner, addresses: [10.0.0.11, 'fd00:7::11'], security_groups: [ping]}]}
routers:
  - {name: r1, hosts: [net1], external: {network: public, address: 203.0.113.10}, interfaces: [{subnet: inner}]}
  - {name: r2, hosts: [net2], interfaces: [{subnet: inner, address: 10.0.0.2}]}
`;

const network = cloudOf(CLOUD);

function insideOf(host: string): string {
  for (const [name, { state }] of network.hosts.get(host)?.namespaces ?? []) {
    const found = state.interfaces.find((one) => one.name.startsWith('qr-'));
    if (name.startsWith('qrouter-') && found !== undefined) return `${host}:${found.name}`;
  }
  throw new Error(`no router on ${host}`);
}

const [OLD, NEW] = [insideOf('net1'), insideOf('net2')];
const move = (at_s: number): readonly string[] => [
  `t=${at_s}s remove address 10.0.0.1/24 at ${OLD}`,
  `t=${at_s}s add address 10.0.0.1/24 at ${NEW}`,
];
const windowsOf = ({ probes }: SimulatedWay): readonly LossWindow[] => probes[0]?.windows ?? [];
const end_us = (way: SimulatedWay): number => windowsOf(way)[0]?.until_us ?? 1e12;

/** Half to one and a half of base_reachable_time, then delay_first_probe_time, then three probes. */
const LEAST_US = 15e6 + 5e6 + 3e6;
const MOST_US = 45e6 + 5e6 + 3e6;

describe('a gateway that moves without announcing itself', () => {
  const seeds = [1, 2, 3, 4, 5, 6].map((seed) =>
    onlyWay(network, {
      events: move(5),
      probes: ['a -> 10.0.0.1 every 500ms'],
      until_us: 70e6,
      seed,
    }),
  );

  it('is lost until the entry is no longer reachable, was tried for five seconds and probed thrice', () => {
    for (const way of seeds) {
      const [window, ...more] = windowsOf(way);
      expect(more).toEqual([]);
      expect(window?.from_us).toBe(5e6);
      // The last answered packet left at 4.5 s and confirmed the entry.
      expect(end_us(way)).toBeGreaterThanOrEqual(4.5e6 + LEAST_US);
      expect(end_us(way)).toBeLessThanOrEqual(4.5e6 + MOST_US + 1.5e6);
      expect(window?.causes[0]?.code).toBe('FDB_STALE');
      expect(window?.causes[0]?.sentence).toContain('10.0.0.1');
      expect(
        story(way, 'kernel').filter((one) => one.includes('3 probes unanswered')),
      ).toHaveLength(1);
    }
    // How long is drawn: not every entry has the same time.
    expect(new Set(seeds.map(end_us)).size).toBeGreaterThan(2);
  });

  it('of IPv6 is believed for as long', () => {
    const way = onlyWay(network, {
      events: [
        `t=2s add address fd00:7::9/64 at ${OLD}`,
        `t=5s remove address fd00:7::9/64 at ${OLD}`,
        `t=5s add address fd00:7::9/64 at ${NEW}`,
      ],
      probes: ['a -> fd00:7::9 every 500ms'],
      until_us: 70e6,
    });
    const last = windowsOf(way).at(-1);
    expect(last?.from_us).toBe(5e6);
    expect((last?.until_us ?? 1e12) - 4.5e6).toBeGreaterThanOrEqual(LEAST_US);
    expect((last?.until_us ?? 1e12) - 4.5e6).toBeLessThanOrEqual(MOST_US + 1.5e6);
  });
});

describe('a neighbour that stays', () => {
  it('is confirmed by what it answers, and a router asks it itself: nothing is ever lost', () => {
    const way = onlyWay(network, {
      events: [],
      probes: ['a -> 10.0.0.1 every 1s', 'a -> external:198.51.100.10 every 1s'],
      until_us: 180e6,
    });
    for (const { windows } of way.probes) expect(windows).toEqual([]);
    expect(story(way, 'kernel')).toEqual([]);
  });

  it('is stale, not forgotten, after a long silence, and then used without being asked for', () => {
    const way = onlyWay(network, {
      events: move(50),
      // Three packets: at the start, a minute later to the old place, and two minutes later.
      probes: ['a -> 10.0.0.1 every 1min'],
      until_us: 130e6,
    });
    expect(windowsOf(way).map(({ from_us, until_us, lost }) => [from_us, until_us, lost])).toEqual([
      [60e6, 120e6, 1],
    ]);
  });
});

describe('times of neighbours', () => {
  it('are those of the interface, else the default ones, else what kernels start with', () => {
    const sysctls = new Map([
      ['net.ipv4.neigh.eth0.base_reachable_time_ms', '10000'],
      ['net.ipv4.neigh.default.delay_first_probe_time', '1'],
      ['net.ipv4.neigh.default.gc_thresh1', '0'],
      ['net.ipv4.neigh.eth1.ucast_solicit', '1'],
      ['net.ipv4.neigh.eth1.base_reachable_time_ms', 'what'],
    ]);
    const kernel = { retransmit_us: 1e6, collectedAfter_us: 60e6, locked_us: 1e6 };
    expect(neighbourTimes(sysctls, 4, 'eth0')).toEqual({
      ...kernel,
      reachable_us: 10e6,
      delay_us: 1e6,
      probes: 3,
      collectedAbove: 0,
    });
    expect(neighbourTimes(sysctls, 4, 'eth1')).toMatchObject({ reachable_us: 30e6, probes: 1 });
    expect(neighbourTimes(sysctls, 6, 'eth0')).toMatchObject({ delay_us: 5e6, locked_us: 0 });
  });
});
