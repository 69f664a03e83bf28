/** dnsmasq and haproxy read other files: what a process reads again, and when it is felt. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Network } from '../../src/dataplane/network.ts';
import { type SimulatedWay } from '../../src/simulate/simulation.ts';
import { ROOT } from '../sources.ts';
import { cloudOf, onlyWay, played } from './cloud.ts';

const HOUR_US = 3600e6;
/** Neutron's `dhcp_lease_duration`: renewed after twelve hours. */
const RENEWED_US = 12 * HOUR_US;

const LEASED = `
hosts:
  - {name: net1, nics: [{name: eth0, addresses: [172.30.20.21/24]}], agents: {openvswitch: {tunnel_types: [vxlan], local_ip: 172.30.20.21, l2_population: true, arp_responder: true}, dhcp: {}}}
  - {name: c1, nics: [{name: eth0, addresses: [172.30.20.31/24]}], agents: {openvswitch: {tunnel_types: [vxlan], local_ip: 172.30.20.31, l2_population: true, arp_responder: true}}}
networks:
  - {name: inner, segmentation_id: 7, port_security: false, subnets: [{name: inner, cidr: 10.0.0.0/24}]}
servers:
  - {name: a, host: c1, ports: [{network: inner, addresses: [10.0.0.11], mac: "fa:16:3e:00:00:0a"}]}
  - {name: b, host: c1, ports: [{network: inner, addresses: [10.0.0.12], mac: "fa:16:3e:00:00:0b"}]}
`;

const opening =
  (of: Readonly<Record<string, Network>>) =>
  (path: string): Network | string =>
    of[path] ?? `there is no snapshot at ${path}`;

function said(way: SimulatedWay): readonly string[] {
  return way.timeline.entries
    .filter(({ kind }) => kind === 'process')
    .map(({ at_us, text }) => `${at_us / 1e6} ${text}`);
}

describe('dnsmasq that reads its files again', () => {
  const network = cloudOf(LEASED);
  const openNetwork = opening({
    '/moved': cloudOf(LEASED.replace('10.0.0.12', '10.0.0.99')),
    '/gone': cloudOf(LEASED.replace(/\n.*name: b,.*/, '')),
    '/longer': cloudOf(LEASED, (path, text) =>
      path.includes('daemon-cmdlines') ? text.replaceAll('86400s', '172800s') : text,
    ),
  });
  const run = (event: string, to = 'b'): SimulatedWay =>
    onlyWay(network, {
      events: [event],
      probes: [`a -> ${to} every 3600s`],
      until_us: RENEWED_US + 2 * HOUR_US,
      openNetwork,
    });

  it('changes nothing by the files that it has', () => {
    const way = run('t=10s reload dnsmasq at net1');
    expect(way.probes[0]?.windows).toEqual([]);
    expect(said(way)).toEqual(['10 dnsmasq reads its host and option files again; leases stay']);
  });

  it('refuses the old address when it is renewed, not before, and gives the new one at once', () => {
    const way = run('t=10s reload dnsmasq at net1 with /moved');
    expect(said(way).slice(1)).toEqual([
      `${RENEWED_US / 1e6} b: the DHCP server refuses 10.0.0.12: its files have changed`,
      `${RENEWED_US / 1e6} b has 10.0.0.99 now`,
    ]);
    const [window] = way.probes[0]?.windows ?? [];
    expect(window?.from_us).toBeGreaterThanOrEqual(RENEWED_US);
    expect(window?.from_us).toBeLessThanOrEqual(RENEWED_US + HOUR_US);
    expect(window?.until_us).toBeNull();
    expect(way.end.endpoints.find(({ name }) => name === 'b')?.addresses[0]?.value).toBe(
      0x0a000063n,
    );
    const found = run('t=10s reload dnsmasq at net1 with /moved', '10.0.0.99').probes[0];
    expect(found?.windows[0]).toMatchObject({ from_us: 0, until_us: RENEWED_US });
  });

  it('leaves a server that its files do not know any more without an address', () => {
    const way = run('t=10s reload dnsmasq at net1 with /gone');
    const [window] = way.probes[0]?.windows ?? [];
    expect(window?.until_us).toBeNull();
    expect(window?.causes[0]?.sentence).toContain('the DHCP server refuses 10.0.0.12');
  });

  it('goes on with the ranges of its command line until it is restarted', () => {
    expect(said(run('t=10s reload dnsmasq at net1 with /longer'))).toContain(
      '10 dnsmasq goes on with the ranges it was started with: they need a restart',
    );
    const way = run('t=10s restart dnsmasq at net1 with /longer');
    expect(said(way)).toContain('10 dnsmasq starts again with its files; it knows its leases');
    expect(way.probes[0]?.windows).toEqual([]);
  });

  it.each([
    ['t=1s reload dnsmasq at net1 with /nothing', 'there is no snapshot at /nothing'],
    ['t=1s reload dnsmasq at c1', 'there is no dnsmasq at c1'],
    ['t=1s reload dnsmasq on net1', '`at HOST` is wanted'],
    ['t=1s reload haproxy at net9', 'did you mean net1?'],
  ])('%s: %s', (event, message) => {
    expect(() => played(network, { events: [event], openNetwork })).toThrow(message);
  });
});

describe('haproxy that is reloaded', () => {
  const text = readFileSync(join(ROOT, 'scenarios/lbaas-direct/cloud.yaml'), 'utf8');
  const network = cloudOf(text);
  const openNetwork = opening({ '/one': cloudOf(text.replace(', {port: web2}', '')) });
  const run = (events: readonly string[]): SimulatedWay =>
    onlyWay(network, {
      events,
      probes: ['client -> 192.168.200.12 tcp:80 every 1s'],
      until_us: 60e6,
      openNetwork,
    });

  it('goes on answering, with the servers of its new file', () => {
    const way = run(['t=10s reload haproxy at controller01 with /one']);
    expect(way.probes[0]?.windows).toEqual([]);
    // The server that is left is the only one that is checked from then on.
    const down = run([
      't=10s reload haproxy at controller01 with /one',
      't=20s down compute01:eth2',
    ]);
    expect(said(down).filter((one) => one.includes('is DOWN'))).toHaveLength(1);
  });

  it('takes a server that does not answer for well again, until the first failed check', () => {
    const way = run(['t=12s down compute01:eth2', 't=40s reload haproxy at controller01']);
    const down = said(way).filter((one) => one.includes('is DOWN'));
    expect(down.filter((one) => one.includes('after 3 failed checks'))).toHaveLength(2);
    const again = down.filter((one) => one.includes('after 1 failed check'));
    expect(again).toHaveLength(2);
    for (const one of again) expect(Number(one.split(' ')[0])).toBe(45);
  });
});
