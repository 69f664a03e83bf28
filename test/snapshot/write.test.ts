/** Snapshots that were changed and are written again: the readers find in them what was written. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Host, type NamespaceState, type Network } from '../../src/dataplane/network.ts';
import { type Bridge, type Switch } from '../../src/dataplane/ovs/types/switch.ts';
import { type Namespace } from '../../src/dataplane/routing/types.ts';
import { openFolder } from '../../src/snapshot/collect/folder.ts';
import { memoryFolder } from '../../src/snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { changedAnswer } from '../../src/snapshot/write/api.ts';
import { snapshotFiles, type WrittenFiles } from '../../src/snapshot/write/snapshot.ts';
import { ROOT } from '../sources.ts';

const DEMO = join(ROOT, 'demo/ovs-vxlan-ovsfw');
const folder = openFolder(DEMO);
const network = openSnapshot(folder);

function reopened(files: WrittenFiles): Network {
  const decoder = new TextDecoder();
  return openSnapshot(
    memoryFolder(new Map([...files].map(([path, bytes]) => [path, () => decoder.decode(bytes())]))),
  );
}

/** The network with every member of hosts replaced by a changed one. */
function changedBy(
  base: Network,
  how: {
    readonly state?: (of: Namespace) => Namespace;
    readonly of?: (of: Switch) => Switch;
  },
): Network {
  const hosts = new Map(
    [...base.hosts].map(([name, host]): [string, Host] => {
      const namespaces = new Map(
        [...host.namespaces].map(([within, one]): [string, NamespaceState] => {
          const state = how.state?.(one.state);
          if (state === undefined) return [within, one];
          return [within, { ...one, state, source: (file) => one.source(file) }];
        }),
      );
      const own = host.switch !== null && how.of !== undefined ? how.of(host.switch) : host.switch;
      return [name, { ...host, namespaces, switch: own }];
    }),
  );
  return Object.create(base, {
    hosts: { value: hosts },
    namespace: { value: (host: string, name: string) => hosts.get(host)?.namespaces.get(name) },
  }) as Network;
}

const withoutOrigins = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (key, one: unknown) => {
      if (key === 'origin' || key === 'missing') return undefined;
      if (one instanceof Map) return [...one].sort();
      return typeof one === 'bigint' ? `${one}` : one;
    }),
  );

describe('a network that was not changed', () => {
  it('is the same folder, byte by byte', () => {
    const files = snapshotFiles(folder, network, network);
    expect([...files.keys()].sort()).toEqual([...folder.list()].sort());
    const different = folder.list().filter((path) => {
      const [now, was] = [files.get(path)?.() ?? '', folder.read(path) ?? ''];
      return Buffer.compare(Buffer.from(now), Buffer.from(was)) !== 0;
    });
    expect(different).toEqual([]);
  });
});

describe('a network that was changed', () => {
  it('is read with the changed interfaces, routes, rules, neighbours and settings, and nothing else changed', () => {
    const file = { file: 'x', line: 1 };
    const changed = changedBy(network, {
      state: (of) => ({
        ...of,
        interfaces: of.interfaces.map((one) => ({
          ...one,
          mtu: one.mtu - 1,
          up: one.loopback,
          promiscuous: true,
        })),
        routes: [
          ...of.routes,
          {
            version: 4,
            prefix: { address: { version: 4, value: 0x0a63_0000n }, length: 16 },
            type: 'unicast',
            table: 77,
            metric: 5,
            source: { version: 4, value: 1n },
            scope: 'link',
            hops: [
              {
                gateway: { version: 4, value: 2n },
                device: 'x',
                weight: 3,
                onLink: true,
                dead: false,
              },
              { gateway: null, device: 'y', weight: 1, onLink: false, dead: true },
            ],
            mtu: 1400,
            origin: file,
          },
          {
            version: 6,
            prefix: null,
            type: 'unreachable',
            table: 254,
            metric: 4096,
            source: null,
            scope: 'global',
            hops: [],
            mtu: null,
            origin: file,
          },
        ],
        rules: [
          ...of.rules,
          {
            version: 4,
            priority: 40_000,
            not: true,
            from: { address: { version: 4, value: 0x0a00_0000n }, length: 8 },
            to: { address: { version: 4, value: 0x0b00_0001n }, length: 32 },
            inputDevice: 'a',
            outputDevice: 'b',
            mark: { value: 1, mask: 0xff },
            tos: 16,
            protocol: 17,
            sourcePorts: [5, 5],
            destinationPorts: [6, 9],
            action: { kind: 'lookup', table: 77, suppressPrefixLength: 0 },
            origin: file,
          },
        ],
        neighbours: [
          ...of.neighbours,
          {
            address: { version: 6, value: 5n },
            device: 'z',
            mac: 7n,
            state: 'stale',
            router: true,
          },
          {
            address: { version: 4, value: 5n },
            device: 'z',
            mac: null,
            state: 'failed',
            router: false,
          },
        ],
        bridgeFdb: [
          ...of.bridgeFdb,
          {
            device: 'vxlan-1',
            master: null,
            mac: 9n,
            vlan: 4,
            destination: { version: 4, value: 3n },
            vni: 8,
            port: 4789,
            viaDevice: 'eth0',
            flags: ['self'],
            state: 'permanent',
          },
        ],
        sysctls: new Map([...of.sysctls, ['net.ipv4.neigh.eth0.gc_stale_time', '7']]),
      }),
    });
    const read = reopened(snapshotFiles(folder, network, changed));
    for (const [host, { namespaces }] of changed.hosts) {
      for (const [name, { state }] of namespaces) {
        const found = read.namespace(host, name)?.state;
        expect(withoutOrigins(sorted(found)), `${host} ${name}`).toEqual(
          withoutOrigins(sorted(state)),
        );
      }
    }
    for (const [host, { switch: own }] of network.hosts) {
      expect(withoutOrigins(read.hosts.get(host)?.switch)).toEqual(withoutOrigins(own));
    }
  });

  it('is read with the changed ports, flows and MAC tables', () => {
    const changed = changedBy(network, {
      of: (of) => ({
        ...of,
        bridges: of.bridges.map((bridge) => ({
          ...bridge,
          ports: bridge.ports.map((port) =>
            port.vlan.tag === null
              ? port
              : { ...port, vlan: { ...port.vlan, tag: port.vlan.tag + 1 } },
          ),
          flows: bridge.flows.map((flow) => {
            const { cookie, statistics, origin } = flow;
            return { ...flow, cookie: cookie + 1n, statistics, origin };
          }),
          fdb: [{ port: 1, vlan: 3, mac: 0x42n, age_s: 7 }],
        })),
      }),
    });
    const read = reopened(snapshotFiles(folder, network, changed));
    for (const [host, { switch: own }] of changed.hosts) {
      const found = read.hosts.get(host)?.switch ?? null;
      expect(withoutOrigins(found?.bridges.map(comparable) ?? [])).toEqual(
        withoutOrigins(own?.bridges.map(comparable) ?? []),
      );
    }
  });
});

/** Order of routes of one version is kept; versions are in files of their own. */
function sorted(of: Namespace | undefined): unknown {
  if (of === undefined) return null;
  const byVersion = <T extends { readonly version: 4 | 6 }>(all: readonly T[]): readonly T[] =>
    [...all].sort((a, b) => a.version - b.version);
  const { host, name, interfaces, bridgeFdb, bridgePorts, bridgeVlans, sysctls } = of;
  // The other end may be told by its name instead of its id, which changes nothing else.
  const ends = interfaces.map(({ linkNamespace: _, linkNamespaceName: __, ...one }) => one);
  const neighbours = [...of.neighbours].sort((a, b) => a.address.version - b.address.version);
  const rest = { host, name, interfaces: ends, neighbours, bridgeFdb, bridgePorts, bridgeVlans };
  return { ...rest, sysctls, routes: byVersion(of.routes), rules: byVersion(of.rules) };
}

function comparable({ name, ports, flows, groups, fdb, failMode, datapathType }: Bridge): unknown {
  const counted = flows.map((flow) => ({ ...flow, statistics: flow.statistics }));
  return { name, ports, flows: counted, groups, fdb, failMode, datapathType };
}

describe("Neutron's answers", () => {
  it('keep everything but what was changed, in either spelling', () => {
    const changes = new Map([['p1', { 'binding:host_id': 'c2' }]]);
    const api = '{"ports": [{"id": "p1", "binding:host_id": "c1", "x": 1}, {"id": "p2", "y": 2}]}';
    expect(JSON.parse(changedAnswer(api, changes))).toEqual({
      ports: [
        { id: 'p1', 'binding:host_id': 'c2', x: 1 },
        { id: 'p2', y: 2 },
      ],
    });
    const client = '[{"id": "p1", "binding_host_id": "c1"}]';
    expect(JSON.parse(changedAnswer(client, changes))).toEqual([
      { id: 'p1', binding_host_id: 'c2' },
    ]);
    expect(changedAnswer('not JSON', changes)).toBe('not JSON');
  });
});
