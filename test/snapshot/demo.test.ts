/** The bundled snapshot as a network: what a question about it starts from. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Network, ROOT } from '../../src/dataplane/network.ts';
import { openFolder } from '../../src/snapshot/collect/folder.ts';
import { type Folder } from '../../src/snapshot/read/folder.ts';
import { openLoose, openSnapshot } from '../../src/snapshot/read/open.ts';
import { demo, folderOf } from './shared.ts';

const network = openSnapshot(openFolder(demo));

describe('the bundled snapshot', () => {
  it('finds a server by name, port id, device name, address, MAC and floating IP', () => {
    const words = [
      'a1',
      'a185382d-85ff-4c7a-8083-a6869063a1aa',
      'tapa185382d-85',
      '10.0.0.81',
      'fa:16:3e:56:3c:df',
      '203.0.113.175',
      'vm-a1',
    ];
    for (const word of words) {
      const [found] = network.find(word);
      expect([word, found?.name, found?.host]).toEqual([word, 'a1', 'compute1']);
      expect([found?.namespace, found?.interface]).toEqual(['vm-a1', 'eth0']);
    }
    expect(network.find('a9')).toEqual([]);
    expect(network.find('__proto__')).toEqual([]);
  });

  it('finds routers, DHCP servers and hosts where they stand', () => {
    const places = (word: string): string[] =>
      network.find(word).map((each) => `${each.host} ${each.namespace} ${each.interface}`);
    const router = 'net1 qrouter-796e7630-605d-4331-bc1d-eda19597c455';
    expect(places('router-a').sort()).toEqual([
      `${router} qg-e1ed5ef9-1e`,
      `${router} qr-14c17787-30`,
      `${router} qr-3c22090f-91`,
    ]);
    expect(places('tap34a187f2-8c')).toEqual([
      'net1 qdhcp-b74de5a1-67f3-4afc-bcca-1cb667a41ec2 tap34a187f2-8c',
    ]);
    expect(places('198.51.100.10')).toContain('world-ext root eth1');
    expect(places('world-ext')).toEqual(['world-ext root eth1']);
    expect(places('172.30.20.31')).toEqual(['compute1 root br-vtep']);
    expect(places('compute1')).toHaveLength(1);
  });

  it('connects a tap with its guest, in both directions', () => {
    const tap = { host: 'compute1', namespace: ROOT, name: 'tapa185382d-85' };
    const guest = { host: 'compute1', namespace: 'vm-a1', name: 'eth0' };
    expect(network.wire(tap)).toMatchObject({ kind: 'interface', to: guest });
    expect(network.wire(guest)).toMatchObject({ kind: 'interface', to: tap });
    expect(network.switchPortOf(tap)).toEqual({
      host: 'compute1',
      bridge: 'br-int',
      port: 'tapa185382d-85',
    });
  });

  it('connects an internal port with the namespace it was moved to', () => {
    const port = { host: 'net1', bridge: 'br-int', port: 'qr-3c22090f-91' };
    const inside = {
      host: 'net1',
      namespace: 'qrouter-796e7630-605d-4331-bc1d-eda19597c455',
      name: 'qr-3c22090f-91',
    };
    expect(network.interfaceOf(port)).toEqual(inside);
    expect(network.switchPortOf(inside)).toEqual(port);
    expect(network.wire(inside)).toEqual({ kind: 'switch-port', to: port });
    expect(network.interfaceOf({ ...port, port: 'patch-tun' })).toBeNull();
  });

  it('puts NICs on one segment by subnet, by provider network and by a subnet of it', () => {
    const members = network.segments.map((segment) => [
      segment.name,
      segment.members.map(({ host, name }) => `${host}:${name}`).join(' '),
    ]);
    expect(members).toEqual([
      ['172.30.10.0/24', 'compute1:eth0 compute2:eth0 net1:eth0 world-ext:eth0'],
      ['172.30.20.0/24', 'compute1:eth1 compute2:eth1 net1:eth1'],
      ['physnet1', 'compute1:eth2 compute2:eth2 net1:eth2'],
      ['external', 'compute1:eth3 compute2:eth3 net1:eth3 world-ext:eth1'],
    ]);
    const wire = network.wire({ host: 'compute1', namespace: ROOT, name: 'eth1' });
    expect(wire).toMatchObject({ kind: 'segment', segment: { name: '172.30.20.0/24' } });
  });

  it('joins ports of the database with their OpenFlow numbers, tags and tunnel options', () => {
    const bridges = network.hosts.get('net1')?.switch?.bridges ?? [];
    const port = (bridge: string, name: string) =>
      bridges.find((each) => each.name === bridge)?.ports.find((each) => each.name === name);
    expect(port('br-int', 'qg-e1ed5ef9-1e')).toMatchObject({
      ofport: 7,
      vlan: { mode: 'access', tag: 4 },
      externalIds: { 'iface-id': 'e1ed5ef9-1efe-46d0-8168-53c5d0b05f6f' },
    });
    expect(port('br-tun', 'vxlan-ac1e141f')?.tunnel).toMatchObject({
      kind: 'vxlan',
      local: { version: 4, address: 0xac1e1415n },
      remote: { version: 4, address: 0xac1e141fn },
      inKey: 'flow',
      destinationPort: 4789,
      dontFragment: true,
    });
    expect(port('br-int', 'patch-tun')?.peer).toBe('patch-int');
    expect(network.hosts.get('net1')?.switch?.datapath).toBe('userspace');
  });

  it('reads the cloud: floating IP, security group rules, DHCP hosts', () => {
    const { neutron } = network;
    const floating = neutron.floatingIps.find((each) => each.address.value === 0xcb0071afn);
    expect(floating?.fixedAddress?.value).toBe(0x0a000051n);
    expect(neutron.routers.find((each) => each.name === 'router-a')?.agents).toEqual([
      { host: 'net1', haState: null },
    ]);
    expect(neutron.dhcpHosts.get('b74de5a1-67f3-4afc-bcca-1cb667a41ec2')).toEqual(['net1']);
    for (const group of neutron.securityGroups) {
      expect(new Set(group.rules.map((rule) => rule.id)).size).toBe(group.rules.length);
      expect(group.rules.length).toBeGreaterThan(0);
    }
  });

  it('gives other readers the texts of a namespace, and names what is not there', () => {
    const router = network.find('router-a')[0];
    const state = network.namespace('net1', router?.namespace ?? '');
    expect(state?.source('iptables-save.txt')?.text).toContain('neutron-l3-agent');
    expect(state?.source('iptables-save')?.file).toMatch(/iptables-save\.txt$/);
    expect(state?.source('ebtables-save.txt')).toBeUndefined();
    expect(state?.state.missing).toEqual([]);
    const named = network.missing.map((each) => each.file);
    expect(named).toContain('hosts/compute1/ns/root/iptables-save');
    expect(named).not.toContain('hosts/compute1/ns/vm-a1/iptables-save');
  });
});

describe('reading as far as a question needs', () => {
  it('touches neither flows nor other hosts to find where a server stands', () => {
    const read: string[] = [];
    const folder = openFolder(demo);
    const watched: Folder = {
      list: folder.list,
      read: (path) => {
        read.push(path);
        return folder.read(path);
      },
    };
    const [found] = openSnapshot(watched).find('a1');
    expect(found?.namespace).toBe('vm-a1');
    expect(read.filter((path) => path.includes('.flows'))).toEqual([]);
    expect(read.filter((path) => !/^(api|hosts\/compute1)\//.test(path))).toEqual([]);
  });
});

describe('folders that are not what they should be', () => {
  it('says so when a folder is no snapshot, and when it holds several', () => {
    expect(openSnapshot(folderOf({ 'a/b.txt': '' })).missing[0]?.consequence).toMatch(/neither/);
    const two = openSnapshot(folderOf({ 'x/hosts/h/date.txt': '1', 'y/hosts/h/date.txt': '1' }));
    expect(two.hosts.size).toBe(0);
    expect(two.missing[0]?.consequence).toContain('x, y');
    const one = openSnapshot(folderOf({ 'x/hosts/h/date.txt': '1795256450.5' }));
    expect(one.hosts.get('h')?.taken_s).toBe(1795256450.5);
  });

  it('reads loose files of bridges, told apart by their content', () => {
    const base = join(demo, 'hosts/compute1/ovs');
    const folder = folderOf({
      flows: readFileSync(join(base, 'br-int.flows.txt'), 'utf8'),
      show: readFileSync(join(base, 'br-int.of-show.txt'), 'utf8'),
    });
    const files = ['flows', 'show', 'gone'].map(
      (path) => ({ of: 'switch', host: 'h', bridge: 'br-int', path }) as const,
    );
    const loose = openLoose(folder, files);
    const bridge = loose.hosts.get('h')?.switch?.bridges[0];
    expect(bridge?.ports.find((port) => port.ofport === 65534)?.name).toBe('br-int');
    expect(bridge?.dumpVersion).toBe('1.3');
    expect(bridge?.flows.length).toBeGreaterThan(100);
    expect(loose.missing[0]).toEqual({
      file: 'gone',
      consequence: 'Nothing is known of bridge br-int',
    });
  });

  it('never throws on damaged files, and says where they are damaged', () => {
    const folder = openFolder(demo);
    const paths = folder.list().filter((path) => /^(api|hosts\/net1)\//.test(path));
    let damaged = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...paths),
        fc.nat(),
        fc.nat(40),
        fc.string(),
        (path, at, cut, put) => {
          const bytes = folder.read(path) ?? new Uint8Array();
          const text = new TextDecoder().decode(bytes);
          const place = text.length === 0 ? 0 : at % text.length;
          const mangled = text.slice(0, place) + put + text.slice(place + cut);
          const other: Folder = {
            list: folder.list,
            read: (each) => (each === path ? new TextEncoder().encode(mangled) : folder.read(each)),
          };
          const read = openSnapshot(other);
          touch(read);
          for (const problem of read.problems) {
            expect(problem.line).toBeGreaterThan(0);
            expect(problem.column).toBeGreaterThan(0);
            expect(problem.text.length).toBeLessThanOrEqual(200);
          }
          if (read.problems.length > 0) damaged++;
        },
      ),
      { seed: 20261121, numRuns: 150 },
    );
    expect(damaged).toBeGreaterThan(20);
  });
});

/** Reads everything of one host, its wires, and the cloud. */
function touch(read: Network): void {
  const host = read.hosts.get('net1');
  for (const bridge of host?.switch?.bridges ?? []) {
    expect(bridge.ports.length + bridge.fdb.length + bridge.flows.length).toBeGreaterThanOrEqual(0);
    for (const port of bridge.ports) {
      read.interfaceOf({ host: 'net1', bridge: bridge.name, port: port.name });
    }
  }
  expect(host?.switch?.tunnelNeighbours).toBeDefined();
  expect(host?.switch?.tunnelRoutes).toBeDefined();
  for (const { name, state } of host?.namespaces.values() ?? []) {
    JSON.stringify({ ...state }, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    for (const each of state.interfaces) {
      read.wire({ host: 'net1', namespace: name, name: each.name });
    }
  }
  expect(read.segments.length).toBeGreaterThan(0);
  expect(read.endpoints.length).toBeGreaterThan(0);
  expect(read.neutron.securityGroups).toBeDefined();
}
