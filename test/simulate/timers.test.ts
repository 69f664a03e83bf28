/** What runs out and what is asked again on the clock: leases, health checks, flows of dumps. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';
import { compileFiles } from '../../src/snapshot/read/compiled.ts';
import { memoryFolder } from '../../src/snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { ROOT } from '../sources.ts';
import { cloudOf, onlyWay } from './cloud.ts';

const DAY_US = 86_400e6;

const TWO_SERVERS = `
hosts:
  - {name: net1, nics: [{name: eth0, addresses: [172.30.20.21/24]}], agents: {openvswitch: {tunnel_types: [vxlan], local_ip: 172.30.20.21, l2_population: true, arp_responder: true}, dhcp: {}}}
  - {name: c1, nics: [{name: eth0, addresses: [172.30.20.31/24]}], agents: {openvswitch: {tunnel_types: [vxlan], local_ip: 172.30.20.31, l2_population: true, arp_responder: true}}}
networks:
  - {name: inner, segmentation_id: 7, subnets: [{name: inner, cidr: 10.0.0.0/24}]}
security_groups:
  - {name: ping, rules: [{protocol: icmp}]}
servers:
  - {name: a, host: c1, ports: [{network: inner, addresses: [10.0.0.11], security_groups: [ping]}]}
  - {name: b, host: c1, ports: [{network: inner, addresses: [10.0.0.12], security_groups: [ping]}]}
`;

describe('a DHCP lease', () => {
  const network = cloudOf(TWO_SERVERS);
  const run = (events: readonly string[]) =>
    onlyWay(network, { events, probes: ['a -> b every 3600s'], until_us: 1.25 * DAY_US });

  it('is renewed as long as dnsmasq answers', () => {
    expect(run([]).probes[0]?.windows).toEqual([]);
  });

  it('outlives a dnsmasq that its agent starts again', () => {
    expect(run(['t=40000s kill dnsmasq at net1']).probes[0]?.windows).toEqual([]);
  });

  it('runs out a day after the last renewal when nobody starts dnsmasq again', () => {
    const way = run(['t=1s kill neutron-dhcp-agent at net1', 't=2s kill dnsmasq at net1']);
    const [window] = way.probes[0]?.windows ?? [];
    expect(window?.from_us).toBeGreaterThanOrEqual(DAY_US);
    expect(window?.from_us).toBeLessThanOrEqual(DAY_US + 3600e6);
    expect(window?.until_us).toBeNull();
    expect(window?.causes[0]?.sentence).toContain('the DHCP lease of 10.0.0.1');
    const ended = way.timeline.entries.filter(({ text }) => text.includes('has run out'));
    expect(ended.map(({ at_us }) => at_us)).toEqual([DAY_US, DAY_US]);
  });

  it('comes back when dnsmasq does', () => {
    const way = run([
      't=1s kill neutron-dhcp-agent at net1',
      't=2s kill dnsmasq at net1',
      't=90000s start neutron-dhcp-agent at net1',
    ]);
    const [window] = way.probes[0]?.windows ?? [];
    expect(window?.until_us).toBeGreaterThan(90_000e6);
    expect(window?.until_us).toBeLessThanOrEqual(93_600e6);
  });
});

describe('health checks of haproxy', () => {
  const network = cloudOf(readFileSync(join(ROOT, 'scenarios/lbaas-direct/cloud.yaml'), 'utf8'));

  it('take a server out after as many failures as its file says, and bring it back', () => {
    const way = onlyWay(network, {
      events: ['t=12s down compute01:eth2', 't=60s up compute01:eth2'],
      until_us: 120e6,
    });
    const told = way.timeline.entries.filter(({ text }) => text.startsWith('haproxy: '));
    const down = told.filter(({ text }) => text.includes('DOWN after 3 failed checks'));
    const up = told.filter(({ text }) => text.includes('UP after 2 good checks'));
    expect([down.length, up.length]).toEqual([2, 2]);
    // Three checks, five seconds apart, the first at most one interval after the failure.
    for (const { at_us } of down) {
      expect(at_us).toBeGreaterThanOrEqual(12e6 + 2 * 5e6);
      expect(at_us).toBeLessThanOrEqual(12e6 + 3 * 5e6);
    }
    for (const { at_us } of up) {
      expect(at_us).toBeGreaterThanOrEqual(60e6 + 5e6);
      expect(at_us).toBeLessThanOrEqual(60e6 + 2 * 5e6);
    }
  });
});

describe('flows of a dump with timeouts', () => {
  it('go when as much time has passed as their ages leave', () => {
    const { value } = readCloudYaml('cloud.yaml', TWO_SERVERS);
    if (value === null) throw new Error('no cloud');
    const files = new Map(compileFiles(value));
    const learned = (timeout: string, port: number): string =>
      ` cookie=0x1, duration=100s, table=20, n_packets=1, n_bytes=60, ${timeout}, idle_age=40, hard_age=70, priority=1,dl_dst=fa:16:3e:00:00:0${port} actions=drop`;
    for (const [path, text] of files) {
      if (!/c1\/.*br-tun\.flows\.txt$/.test(path)) continue;
      files.set(
        path,
        () => `${text()}${learned('hard_timeout=100', 1)}\n${learned('idle_timeout=50', 2)}\n`,
      );
    }
    const network = openSnapshot(memoryFolder(files));
    const left = (until_us: number): number =>
      onlyWay(network, { until_us })
        .end.hosts.get('c1')
        ?.switch?.bridges.flatMap(({ flows }) => flows)
        .filter(({ hard_timeout_s, idle_timeout_s }) => hard_timeout_s + idle_timeout_s > 0)
        .length ?? -1;
    expect([5e6, 15e6, 29e6, 31e6].map(left)).toEqual([2, 1, 1, 0]);
  });
});
