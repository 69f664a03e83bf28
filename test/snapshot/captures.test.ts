/** Every real capture is read without a problem, and agrees with what was plugged where. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Network } from '../../src/dataplane/network.ts';
import { openFolder } from '../../src/snapshot/collect/folder.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { readMac, writeIp } from '../../src/text/address-text.ts';
import { captures, snapshotFolders, textAt, withoutCaptures } from './shared.ts';

const folders = snapshotFolders();

/** Rows of the table of servers in a capture's `events.md`. */
function plugged(capture: string): readonly (readonly string[])[] {
  return textAt(join(captures, capture, 'events.md'))
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .filter(([, name, , , port]) => name !== 'VM' && /^[0-9a-f]{8}-/.test(port ?? ''));
}

/** Reads everything there is, so that every reader has its say. */
function readAll(network: Network): number {
  let rows = 0;
  for (const host of network.hosts.values()) {
    const of = host.switch;
    rows += (of?.tunnelNeighbours.length ?? 0) + (of?.tunnelRoutes.length ?? 0);
    for (const bridge of of?.bridges ?? []) {
      rows += bridge.ports.length + bridge.flows.length + bridge.fdb.length + bridge.groups.length;
    }
    rows += host.switchConnections.length;
    for (const { state, connections } of host.namespaces.values()) {
      rows += state.interfaces.length + state.routes.length + state.rules.length;
      rows += state.neighbours.length + state.bridgeFdb.length + state.bridgePorts.length;
      rows += state.sysctls.size + state.sockets.length + connections.length;
      rows += state.bridgeVlans.length + state.proxyNeighbours.length;
    }
  }
  const { neutron } = network;
  rows += neutron.ports.length + neutron.securityGroups.length + neutron.agents.length;
  rows += neutron.networks.length + neutron.subnets.length + neutron.routers.length;
  return rows + neutron.floatingIps.length + neutron.dhcpHosts.size;
}

describe.skipIf(withoutCaptures())('real captures', () => {
  it.each(folders)('%s is read without a problem', (folder) => {
    const network = openSnapshot(openFolder(join(captures, folder)));
    expect(readAll(network)).toBeGreaterThan(500);
    expect(network.endpoints.length).toBeGreaterThan(0);
    expect(network.problems).toEqual([]);
  });

  it.each(folders)('%s: every server stands where it was plugged', (folder) => {
    const network = openSnapshot(openFolder(join(captures, folder)));
    const rows = plugged(folder.split('/')[0] ?? '');
    expect(rows.length).toBeGreaterThan(1);
    for (const [, name = '', host, namespace = '', port, tap = '', mac = '', ips] of rows) {
      const [found] = network.find(name);
      expect(found).toMatchObject({ host, tap, mac: readMac(mac), port: { id: port } });
      expect(found?.addresses.map(writeIp).join(', ')).toBe(ips?.replace(/,\s*/g, ', '));
      // Some dumps of a later moment leave the guests' inside out.
      const captured = network.namespace(host ?? '', namespace) !== undefined;
      expect(found?.namespace).toBe(captured ? namespace : null);
    }
  });

  it.each(folders)('%s: every wire is the same seen from its other end', (folder) => {
    const network = openSnapshot(openFolder(join(captures, folder)));
    for (const host of network.hosts.values()) {
      for (const { name: namespace, state } of host.namespaces.values()) {
        for (const { name } of state.interfaces) {
          const at = { host: host.name, namespace, name };
          const wire = network.wire(at);
          expect(wire.kind).not.toBe('unknown');
          if (wire.kind === 'interface') {
            expect(network.wire(wire.to)).toMatchObject({ kind: 'interface', to: at });
          } else if (wire.kind === 'switch-port') {
            expect(network.interfaceOf(wire.to)).toEqual(at);
          } else if (wire.kind === 'segment') {
            expect(wire.segment.members).toContainEqual(at);
          }
        }
      }
    }
  });

  it.each(folders)('%s: NICs are on the segments the lab was wired with', (folder) => {
    const network = openSnapshot(openFolder(join(captures, folder)));
    // eth0 mgmt, eth1 tunnels, eth2 physnet1, eth3 external; the outside hosts have two NICs.
    const wired = (host: string, nic: string): string => {
      if (nic === 'eth0') return 'mgmt';
      if (host.startsWith('world-')) return host === 'world-ext' ? 'ext' : 'phy';
      return { eth1: 'tun', eth2: 'phy', eth3: 'ext' }[nic] ?? nic;
    };
    for (const segment of network.segments) {
      const real = new Set(segment.members.map(({ host, name }) => wired(host, name)));
      expect([segment.name, [...real]]).toEqual([segment.name, [[...real][0]]]);
    }
    const pairs = network.segments.filter((segment) => segment.members.length > 1);
    expect(pairs.length).toBeGreaterThanOrEqual(3);
  });
});
