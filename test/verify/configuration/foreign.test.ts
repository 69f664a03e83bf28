/** A bridge inside of a guest, made with the host's switch, is no work of agents. */
import { describe, expect, it } from 'vitest';
import { compileFiles, compileNetworkOf } from '../../../src/snapshot/read/compiled.ts';
import { memoryFolder } from '../../../src/snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { withSurroundings } from '../../../src/snapshot/read/surroundings.ts';
import { compareNetworks } from '../../../src/verify/configuration/compare.ts';
import { cloudOf, computeHost } from '../../agents/clouds.ts';

const CLOUD = cloudOf(`
hosts:${computeHost('compute1', 31)}
networks:
  - {name: net, segmentation_id: 101, subnets: [{name: net, cidr: 10.0.0.0/24, dhcp: false}]}
servers:
  - {name: a, host: compute1, ports: [{network: net}]}
`);

type Table = { headings: string[]; data: unknown[][] };

/** The compiled hosts with a bridge more; `ports` are its ports beside its own. */
function withBridge(
  name: string,
  ports: Readonly<Record<string, string>>,
): ReturnType<typeof openSnapshot> {
  const files = new Map(compileFiles(CLOUD));
  const folder = 'hosts/compute1/ovs';
  const all = { [name]: 'internal', ...ports };
  const add = (
    file: string,
    rows: (row: (of: Readonly<Record<string, unknown>>) => unknown[]) => unknown[][],
  ): void => {
    const table = JSON.parse(files.get(`${folder}/${file}`)?.() ?? '') as Table;
    const row = (of: Readonly<Record<string, unknown>>): unknown[] =>
      table.headings.map((heading) => of[heading] ?? ['set', []]);
    const text = JSON.stringify({ ...table, data: [...table.data, ...rows(row)] });
    files.set(`${folder}/${file}`, () => text);
  };
  const id = (kind: string, of: string): unknown => ['uuid', `${kind} ${of}`];
  add('list-Bridge.json', (row) => [
    row({
      ...{ _uuid: id('bridge', name), name, datapath_type: 'system' },
      ports: ['set', Object.keys(all).map((port) => id('port', port))],
    }),
  ]);
  add('list-Port.json', (row) =>
    Object.keys(all).map((port) =>
      row({ _uuid: id('port', port), name: port, interfaces: id('interface', port) }),
    ),
  );
  add('list-Interface.json', (row) =>
    Object.entries(all).map(([port, type], i) =>
      row({ _uuid: id('interface', port), name: port, type, ofport: i + 1 }),
    ),
  );
  files.set(
    `${folder}/${name}.flows.txt`,
    () => 'OFPST_FLOW reply (OF1.3):\n table=0, priority=0 actions=NORMAL\n',
  );
  return openSnapshot(memoryFolder(files));
}

describe('a bridge that only one side has', () => {
  const plain = openSnapshot(memoryFolder(compileFiles(CLOUD)));

  it('does not count when it joins nothing of the cloud', () => {
    const other = withBridge('guest0', { inner: 'internal' });
    expect(other.hosts.get('compute1')?.switch?.bridges.map(({ name }) => name)).toContain(
      'guest0',
    );
    expect(compareNetworks(plain, other).differences).toEqual([]);
    expect(compareNetworks(other, plain).differences).toEqual([]);
  });

  it('counts when a patch leads from it', () => {
    const { differences } = compareNetworks(plain, withBridge('guest0', { inner: 'patch' }));
    expect(differences.map(({ kind, part, b }) => [kind, part, b?.text])).toContainEqual([
      'extra',
      'bridges',
      'guest0 standalone kernel datapath',
    ]);
  });

  it('stays among the guests of a compiled cloud', () => {
    const real = withBridge('guest0', { inner: 'internal' });
    const both = withSurroundings(compileNetworkOf(CLOUD), real);
    const bridges = both.hosts.get('compute1')?.switch?.bridges ?? [];
    expect(bridges.map(({ name }) => name)).toEqual(['br-int', 'br-ex', 'br-tun', 'guest0']);
    const port = { host: 'compute1', bridge: 'guest0', port: 'inner' };
    expect(both.interfaceOf(port)).toEqual({ host: 'compute1', namespace: 'root', name: 'inner' });
  });
});
