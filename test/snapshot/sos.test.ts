/** An sos report and a capture of the same host give the same network. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openFolder, tarEntries } from '../../src/snapshot/collect/folder.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { demo, folderOf } from './shared.ts';

/** A capture's file under the name that sos gives the same command. */
const BRIDGE_NAMES: Readonly<Record<string, string>> = {
  flows: 'ovs-ofctl_-O_OpenFlow13_dump-flows_BR',
  groups: 'ovs-ofctl_-O_OpenFlow13_dump-groups_BR',
  'of-show': 'ovs-ofctl_show_BR',
  fdb: 'ovs-appctl_fdb.show_BR',
};

const SWITCH_NAMES: Readonly<Record<string, string>> = {
  'ovsdb-dump.json': 'ovsdb-client_-f_json_dump',
  'dpif-show.txt': 'ovs-appctl_dpif.show',
  'ovs-route.txt': 'ovs-appctl_ovs.route.show',
  'tnl-neigh.txt': 'ovs-appctl_tnl.arp.show',
  'dpctl-dump-conntrack.txt': 'ovs-appctl_dpctl.dump-conntrack_-m',
};

const NAMESPACE_NAMES: Readonly<Record<string, string>> = {
  'ip-link.json': 'ip_-s_-d_link',
  'ip-addr.json': 'ip_-d_address',
  'ip-route-v4.json': 'ip_route_show_table_all',
  'ip-route-v6.json': 'ip_-6_route_show_table_all',
  'ip-rule-v4.json': 'ip_-4_rule_list',
  'ip-neigh-v4.json': 'ip_-s_-s_neigh_show',
  'bridge-fdb.json': 'bridge_-s_-s_-d_fdb_show',
  'iptables-save.txt': 'iptables-save',
  'ss-listen.txt': 'ss_-peaonmi',
};

/** The demo's hosts as reports of sos 4, namespaces in folders of their own. */
function sosOf(hosts: readonly string[]): Record<string, string> {
  const files: Record<string, string> = {};
  const folder = openFolder(demo);
  for (const path of folder.list()) {
    const [top, host = '', kind, a = '', b = ''] = path.split('/');
    if (top !== 'hosts' || !hosts.includes(host)) continue;
    const base = `sosreport-${host}-2026-11-21-abcdefg`;
    const text = readFileSync(join(demo, path), 'utf8');
    const put = (name: string): void => {
      files[`${base}/${name}`] = text;
    };
    if (kind === 'hostname.txt') put('hostname');
    if (kind === 'netns-list.txt') put('sos_commands/networking/ip_netns');
    if (kind === 'files') put(`etc/neutron/${[a, b].join('/').split('/').at(-1)}`);
    if (kind === 'ovs') {
      const [, bridge = '', what = ''] = /^(br-[\w-]+)\.([\w-]+)\.txt$/.exec(a) ?? [];
      const name = BRIDGE_NAMES[what]?.replace('BR', bridge) ?? SWITCH_NAMES[a];
      if (name !== undefined) put(`sos_commands/openvswitch/${name}`);
    }
    const command = NAMESPACE_NAMES[b];
    if (kind !== 'ns' || command === undefined) continue;
    const plugin = 'sos_commands/networking';
    if (a === 'root') put(`${plugin}/${command}`);
    else put(`${plugin}/namespaces/${a}/ip_netns_exec_${a}_${command}`);
  }
  return files;
}

describe('sos reports', () => {
  const hosts = ['compute1', 'compute2', 'net1'];
  const capture = openSnapshot(openFolder(demo));
  const sos = openSnapshot(folderOf(sosOf(hosts)));

  it('have the hosts, bridges, flows and namespaces of a capture', () => {
    expect([...sos.hosts.keys()].sort()).toEqual(hosts);
    for (const name of hosts) {
      const [a, b] = [sos, capture].map((network) => network.hosts.get(name));
      const bridges = (of: typeof a): unknown =>
        of?.switch?.bridges.map(({ name: bridge, ports, flows, fdb, dumpVersion }) => ({
          bridge,
          ports: ports.length,
          flows: flows.length,
          fdb,
          dumpVersion,
        }));
      expect(bridges(a)).toEqual(bridges(b));
      expect(a?.switch?.tunnelNeighbours).toEqual(b?.switch?.tunnelNeighbours);
      expect([...(a?.namespaces.keys() ?? [])].sort()).toEqual(
        [...(b?.namespaces.keys() ?? [])].sort(),
      );
      for (const [namespace, state] of a?.namespaces ?? []) {
        expect(state.state.interfaces).toEqual(b?.namespaces.get(namespace)?.state.interfaces);
        expect(state.state.neighbours.length).toBeGreaterThanOrEqual(0);
      }
    }
    expect(sos.problems).toEqual([]);
  });

  it('give the same wires and segments', () => {
    const tap = { host: 'compute1', namespace: 'root', name: 'tapa185382d-85' };
    expect(sos.wire(tap)).toEqual(capture.wire(tap));
    const names = (network: typeof sos): unknown =>
      network.segments.map(({ name, members }) => [
        name,
        members.filter(({ host }) => hosts.includes(host)).map(({ host, name: nic }) => host + nic),
      ]);
    expect(names(sos)).toEqual(names(capture));
  });

  it('find guests by namespace and address when there is no API', () => {
    expect(sos.find('a1')[0]).toMatchObject({ host: 'compute1', namespace: 'vm-a1', port: null });
    expect(sos.find('10.0.0.81')[0]?.name).toBe('a1');
    expect(sos.missing.map((each) => each.file)).toContain('api/ports.json');
  });

  it('prefer the newest OpenFlow version of a dump', () => {
    const flow = (version: string): string =>
      `OFPST_FLOW reply (OF${version}) (xid=0x2):\n cookie=0x0, table=0, priority=1 actions=drop\n`;
    const base = 'sos_commands/openvswitch/ovs-ofctl';
    const network = openSnapshot(
      folderOf({
        hostname: 'node7.example.org\n',
        [`${base}_dump-flows_br-int`]: ' cookie=0x0, table=0, priority=1 actions=drop\n',
        [`${base}_-O_OpenFlow14_dump-flows_br-int`]: flow('1.4'),
        [`${base}_-O_OpenFlow11_dump-flows_br-int`]: flow('1.1'),
      }),
    );
    const bridge = network.hosts.get('node7')?.switch?.bridges[0];
    expect(bridge).toMatchObject({ name: 'br-int', dumpVersion: '1.4' });
    expect(network.missing.some((each) => each.file.endsWith('ovs/ovsdb-dump'))).toBe(true);
  });
});

/** One entry of a POSIX tar (IEEE 1003.1 pax, "ustar Interchange Format"). */
function tarEntry(name: string, type: string, body: string): Buffer {
  const header = Buffer.alloc(512);
  const bytes = Buffer.from(body);
  header.write(name.slice(0, 100), 0);
  header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write(type, 156);
  const padding = Buffer.alloc((512 - (bytes.length % 512)) % 512);
  return Buffer.concat([header, bytes, padding]);
}

describe('archives', () => {
  it('are read as the folder they hold, long names included', () => {
    const long = `hosts/h/ns/${'n'.repeat(120)}/ip-addr.json`;
    const tar = Buffer.concat([
      tarEntry('hosts/', '5', ''),
      tarEntry('./hosts/h/date.txt', '0', '1795256450\n'),
      tarEntry('././@LongLink', 'L', `${long}\0`),
      tarEntry(long, '0', '[]'),
      tarEntry('pax', 'x', '24 path=hosts/h/other.txt\n'),
      tarEntry('short', '0', 'x'),
      Buffer.alloc(1024),
    ]);
    expect([...tarEntries(tar).keys()]).toEqual(['hosts/h/date.txt', long, 'hosts/h/other.txt']);
    const directory = mkdtempSync(join(tmpdir(), 'hopwise-'));
    try {
      const path = join(directory, 'snapshot.tar.gz');
      writeFileSync(path, gzipSync(tar));
      expect(openSnapshot(openFolder(path)).hosts.get('h')?.taken_s).toBe(1795256450);
    } finally {
      rmSync(directory, { recursive: true });
    }
    expect([...tarEntries(tar.subarray(0, 700)).keys()].length).toBeLessThanOrEqual(1);
  });
});
