/**
 * Failovers of a real deployment: from the state before, the simulation leads to the state that was
 * dumped after, and its loss windows and the recorded ones lie within the same bounds.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Network } from '../../src/dataplane/network.ts';
import { openFolder } from '../../src/snapshot/collect/folder.ts';
import { cloudOfNetwork } from '../../src/snapshot/read/cloud.ts';
import { compileNetworkOf } from '../../src/snapshot/read/compiled.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { captures } from '../snapshot/shared.ts';
import { onlyWay } from './cloud.ts';

const CAPTURE = join(captures, 'ovs-ha-router');
const HOSTS = ['net1', 'net2'] as const;
const PROBE = 'h1 -> external:198.51.100.10 every 100ms';
/** Beyond the formula: what a busy machine needed (the probe's own rhythm comes on top). */
const LIVE_US = 250_000;
const RHYTHM_US = 200_000;

function dumped(name: string): Network {
  return openSnapshot(openFolder(join(CAPTURE, name)));
}

/** Addresses, routes, interfaces and forwarding of the router on a host, as lines. */
function stateOf(network: Network, host: string): readonly string[] {
  const names = [...(network.hosts.get(host)?.namespaces.keys() ?? [])];
  const name = names.find((one) => one.startsWith('qrouter-')) ?? '';
  const state = network.namespace(host, name)?.state;
  if (state === undefined) throw new Error(`no router on ${host}`);
  const lines = state.interfaces.flatMap(({ name: device, up, running, addresses }) => [
    `${device} ${up} ${running}`,
    ...addresses.map(({ address, length }) => `${device} ${address.value.toString(16)}/${length}`),
  ]);
  for (const route of state.routes) {
    const to = route.prefix;
    const prefix = to === null ? 'default' : `${to.address.value.toString(16)}/${to.length}`;
    const ways = route.hops.map(({ gateway, device }) => `${gateway?.value} ${device}`).join();
    lines.push(`${route.version} ${route.type} ${route.table} ${prefix} ${route.metric} ${ways}`);
  }
  for (const [key, value] of state.sysctls) {
    if (/ipv6\.conf\..*\.(forwarding|accept_ra)$/.test(key)) lines.push(`${key} ${value}`);
  }
  return lines.sort();
}

interface Failover {
  readonly kind: string;
  readonly name: string;
  readonly t_action: number;
  readonly largest_gaps: readonly {
    readonly seconds: number;
    readonly last_reply_before: number;
  }[];
}

function recorded(name: string): Failover {
  const all = JSON.parse(readFileSync(join(CAPTURE, 'truth.json'), 'utf8')) as readonly Failover[];
  const found = all.find((one) => one.kind === 'failover' && one.name === name);
  if (found === undefined) throw new Error(`no failover ${name}`);
  return found;
}

/** The gap that begins with the action, in microseconds; null when there was none. */
function gap_us({ t_action, largest_gaps }: Failover): number | null {
  const gap = largest_gaps.find(
    ({ seconds, last_reply_before }) =>
      last_reply_before <= t_action && last_reply_before + seconds > t_action + 0.2,
  );
  return gap === undefined ? null : Math.round(gap.seconds * 1e6);
}

describe.skipIf(!existsSync(CAPTURE))('failovers of a captured deployment', () => {
  it.each([
    [
      '1-before',
      'ha-interface-down',
      ['t=5s down net2:ha-a6b41db7-09'],
      '2-after-ha-interface-down',
    ],
    [
      '2-after-ha-interface-down',
      'node-isolated',
      ['t=1s up net2:ha-a6b41db7-09', 't=5s isolate host net1'],
      '5-after-node-isolated',
    ],
  ])('from %s by %s: states and loss as recorded', (before, name, events, after) => {
    const way = onlyWay(dumped(before), { events, probes: [PROBE], until_us: 20e6 });
    const wanted = dumped(after);
    for (const host of HOSTS) expect(stateOf(way.end, host)).toEqual(stateOf(wanted, host));
    const [window] = way.probes[0]?.windows ?? [];
    expect(window?.from_us).toBe(5e6);
    const [least = 0, most = 0] = window?.bounds_us ?? [];
    for (const took_us of [(window?.until_us ?? 0) - 5e6, gap_us(recorded(name)) ?? 0]) {
      expect(took_us).toBeGreaterThanOrEqual(least);
      expect(took_us).toBeLessThanOrEqual(most + LIVE_US + RHYTHM_US);
    }
  });

  it('keepalived-term: the skew, in the simulation as on the hosts', () => {
    const events = ['t=1s up net2:ha-a6b41db7-09', 't=5s signal TERM keepalived router-h@net1'];
    const way = onlyWay(dumped('2-after-ha-interface-down'), {
      events,
      probes: [PROBE],
      until_us: 15e6,
    });
    expect([...way.masters.values()]).toEqual([['net2']]);
    const [window] = way.probes[0]?.windows ?? [];
    expect(window?.bounds_us).toEqual([804_687, 804_687]);
    for (const took_us of [
      (window?.until_us ?? 0) - 5e6,
      gap_us(recorded('keepalived-term')) ?? 0,
    ]) {
      expect(took_us).toBeGreaterThanOrEqual(804_687);
      expect(took_us).toBeLessThanOrEqual(804_687 + LIVE_US + RHYTHM_US);
    }
  });

  it('keepalived-kill9: nothing is lost before another one takes over', () => {
    const events = ['t=5s signal KILL keepalived router-h@net2'];
    const way = onlyWay(dumped('1-before'), { events, probes: [PROBE], until_us: 20e6 });
    expect(way.probes[0]?.windows).toEqual([]);
    expect([...way.masters.values()]).toEqual([['net1', 'net2']]);
    expect(gap_us(recorded('keepalived-kill9'))).toBeNull();
  });
});

describe.skipIf(!existsSync(CAPTURE))('the cloud behind the captured deployment', () => {
  it('fails over as the hosts did: only the id of the virtual router is drawn by the server', () => {
    const network = compileNetworkOf(cloudOfNetwork(dumped('1-before')));
    const events = ['t=5s down net2:ha-a6b41db7-09'];
    const way = onlyWay(network, { events, probes: [PROBE], until_us: 20e6 });
    const addresses = (of: Network, host: string): readonly string[] =>
      stateOf(of, host).filter(
        (line) => /^\S+ [0-9a-f]+\/\d+$/.test(line) && !/ a9fe00/.test(line),
      );
    const wanted = dumped('2-after-ha-interface-down');
    for (const host of HOSTS) expect(addresses(way.end, host)).toEqual(addresses(wanted, host));
    const [window, ...more] = way.probes[0]?.windows ?? [];
    expect(more).toEqual([]);
    const [least = 0, most = 0] = window?.bounds_us ?? [];
    const took_us = (window?.until_us ?? 0) - 5e6;
    expect(took_us).toBeGreaterThanOrEqual(least);
    expect(took_us).toBeLessThanOrEqual(most + RHYTHM_US);
  });
});

const FIREWALL = join(captures, 'ovs-vxlan-ovsfw');

describe.skipIf(!existsSync(FIREWALL))('agents at work on a captured deployment', () => {
  it('draw new local VLANs: packets are lost only until the server has told the other ends', () => {
    const way = onlyWay(openSnapshot(openFolder(FIREWALL)), {
      events: ['t=2s renumber compute1'],
      probes: ['a1 -> a2 every 250ms'],
      until_us: 12e6,
    });
    const windows = way.probes[0]?.windows ?? [];
    expect(windows.map(({ from_us, until_us }) => [from_us, until_us])).toEqual([[7e6, 8e6]]);
  });
});

describe.skipIf(!existsSync(FIREWALL))('a live migration in a captured deployment', () => {
  // In time: the pause, then one call to all agents, then the old host's next round.
  it.each([
    ['OpenFlow firewall', 'ovs-vxlan-ovsfw', 'a1', 'a2 -> a1', 2.25e6],
    ['OpenFlow firewall, from the old host', 'ovs-vxlan-ovsfw', 'a1', 'a3 -> a1', 4.25e6],
    [
      'OpenFlow firewall, by tunnels',
      'ovs-vxlan-ovsfw',
      'a1',
      'a1 -> external:198.51.100.10',
      3.25e6,
    ],
    ['iptables_hybrid', 'ovs-vlan-hybrid', 'v1', 'v2 -> v1', 2.25e6],
    [
      'iptables_hybrid, by a router',
      'ovs-vlan-hybrid',
      'v1',
      'v1 -> external:198.51.100.10',
      2.25e6,
    ],
    ['Linux bridge', 'linuxbridge-vxlan-flat', 'l1', 'l2 -> l1', 2.25e6],
    [
      'Linux bridge, by a router',
      'linuxbridge-vxlan-flat',
      'l1',
      'l1 -> external:198.51.100.10',
      3.25e6,
    ],
  ])('%s: one loss, until everybody knows the new place', (_, capture, server, probe, until) => {
    const way = onlyWay(openSnapshot(openFolder(join(CAPTURE, '..', capture))), {
      events: [`t=2s migrate ${server} to compute2`],
      probes: [`${probe} every 250ms`],
      until_us: 8e6,
    });
    const windows = way.probes[0]?.windows ?? [];
    expect(windows.map(({ from_us, until_us }) => [from_us, until_us])).toEqual([[2e6, until]]);
    expect(windows[0]?.causes[0]?.code).toBe('INTERFACE_DOWN');
  });
});
