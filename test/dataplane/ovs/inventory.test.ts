/** Readers of Open vSwitch's inventory: several outputs tell the same switch. */
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDatapaths } from '../../../src/dataplane/ovs/inventory/datapath.ts';
import { readFdb } from '../../../src/dataplane/ovs/inventory/learned.ts';
import { readOpenFlowPorts } from '../../../src/dataplane/ovs/inventory/of-show.ts';
import { readOvsdb } from '../../../src/dataplane/ovs/inventory/ovsdb.ts';
import { joinPorts, tunnelOf } from '../../../src/dataplane/ovs/inventory/ports.ts';
import {
  type BridgeRow,
  rowsOfOvsdb,
  rowsOfShow,
} from '../../../src/dataplane/ovs/inventory/rows.ts';
import {
  readListedTunnels,
  readTunnelListeners,
  readTunnelNeighbours,
  readTunnelRoutes,
} from '../../../src/dataplane/ovs/inventory/tunnelling.ts';
import { readVsctlShow } from '../../../src/dataplane/ovs/inventory/vsctl-show.ts';
import { type Parsed } from '../../../src/text/problem.ts';
import { demo, filesBelow, seeds, shared, textAt, withoutCaptures } from '../../snapshot/shared.ts';

const net1 = join(demo, 'hosts/net1/ovs');

/** What `ovs-vsctl show` prints of a bridge. */
function shownPart(bridges: readonly BridgeRow[]): unknown {
  return bridges
    .map((bridge) => ({
      name: bridge.name,
      failMode: bridge.failMode,
      datapathType: bridge.datapathType,
      ports: bridge.ports
        .map((port) => ({
          name: port.name,
          tag: port.tag,
          trunks: port.trunks,
          interfaces: port.interfaces.map(({ name, type, options }) => ({ name, type, options })),
        }))
        .sort((a, b) => a.name.localeCompare(b.name)),
    }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

function clean<T>({ value, problems }: Parsed<T>): T {
  expect(problems).toEqual([]);
  return value;
}

describe('one switch in several outputs', () => {
  it('reads the `list` text form as the JSON form', () => {
    const text = [
      '_uuid               : fe83aa1c-3799-495d-a2fb-f94be8fbe8ea',
      'external_ids        : {attached-mac="fa:16:3e:92:6d:af", iface-id=e1ed5ef9}',
      'name                : "br-int"',
      'ofport              : 7',
      'ports               : [046b9dcc-f73c-40be-a21f-da8f84bf7172, 0f26b420-85ad-49df-a4a0-96598564a82a]',
      'tag                 : []',
      'stp_enable          : false',
      '',
      '_uuid               : abc12a22-9794-44a4-a210-d6ccf946cb35',
      'name                : eth0',
    ].join('\n');
    const json = {
      headings: ['_uuid', 'external_ids', 'name', 'ofport', 'ports', 'tag', 'stp_enable'],
      data: [
        [
          ['uuid', 'fe83aa1c-3799-495d-a2fb-f94be8fbe8ea'],
          [
            'map',
            [
              ['attached-mac', 'fa:16:3e:92:6d:af'],
              ['iface-id', 'e1ed5ef9'],
            ],
          ],
          'br-int',
          7,
          [
            'set',
            [
              ['uuid', '046b9dcc-f73c-40be-a21f-da8f84bf7172'],
              ['uuid', '0f26b420-85ad-49df-a4a0-96598564a82a'],
            ],
          ],
          ['set', []],
          false,
        ],
      ],
    };
    const fromText = clean(readOvsdb('t', text, 'Bridge')).get('Bridge');
    const fromJson = clean(readOvsdb('j', JSON.stringify(json), 'Bridge')).get('Bridge');
    expect(fromText?.[0]).toEqual(fromJson?.[0]);
    expect(fromText?.[1]?.get('name')).toBe('eth0');
  });

  it('joins numbers from `dpif/show` where OpenFlow’s own list is missing', () => {
    const rows = rowsOfOvsdb(
      clean(readOvsdb('d', textAt(join(net1, 'ovsdb-dump.json')), '')),
      'd',
    ).bridges;
    const datapaths = clean(readDatapaths('p', textAt(join(net1, 'dpif-show.txt'))));
    expect(datapaths.map((each) => each.type)).toEqual(['netdev']);
    for (const bridge of rows) {
      const text = textAt(join(net1, `${bridge.name}.of-show.txt`));
      const shown = clean(readOpenFlowPorts('s', text)).ports;
      const numbers = new Map(
        datapaths[0]?.ports
          .filter((port) => port.bridge === bridge.name)
          .map((port) => [port.name, port.ofport ?? -1]),
      );
      const pairs = (ports: ReturnType<typeof joinPorts>): unknown =>
        ports.map((port) => [port.name, port.ofport]);
      const bare = bridge.ports.map((port) => ({
        ...port,
        interfaces: port.interfaces.map((each) => ({ ...each, ofport: null })),
      }));
      const expected = shown.map((port) => [port.name, port.ofport]);
      expect(pairs(joinPorts(bridge.name, bridge.ports, shown, new Map()))).toEqual(expected);
      expect(pairs(joinPorts(bridge.name, bare, [], numbers))).toEqual(expected);
      expect(pairs(joinPorts(bridge.name, [], shown, new Map()))).toEqual(expected);
    }
  });

  it('keeps what a port forbids, and OpenFlow 1.0’s port list', () => {
    const text = [
      'OFPT_FEATURES_REPLY (xid=0x2): dpid:0000da053b9e154b',
      'n_tables:254, n_buffers:0',
      'capabilities: FLOW_STATS TABLE_STATS',
      'actions: output enqueue set_vlan_vid',
      ' 1(eth1): addr:0a:21:8b:2b:7d:dd',
      '     config:     PORT_DOWN NO_FLOOD',
      '     state:      LINK_DOWN',
      '     current:    10GB-FD COPPER',
      '     speed: 10000 Mbps now, 0 Mbps max',
      ' LOCAL(br-int): addr:0a:21:8b:2b:7d:de',
      '     config:     0',
      '     state:      0',
      'OFPT_GET_CONFIG_REPLY (xid=0x4): frags=normal miss_send_len=0',
    ].join('\n');
    const shown = clean(readOpenFlowPorts('s', text));
    expect(shown.datapathId).toBe('0000da053b9e154b');
    const [eth1, local] = joinPorts('br-int', [], shown.ports, new Map());
    expect(eth1).toMatchObject({
      ofport: 1,
      mac: 0x0a218b2b7dddn,
      config: ['PORT_DOWN', 'NO_FLOOD'],
      adminUp: false,
      linkUp: false,
      vlan: { mode: 'trunk', tag: null },
    });
    expect(local).toMatchObject({
      name: 'br-int',
      ofport: 0xfffe,
      type: 'internal',
      adminUp: true,
    });
  });
});

describe('tunnel options', () => {
  it('have the defaults of ovs-vswitchd.conf.db(5)', () => {
    expect(tunnelOf('geneve', { remote_ip: 'flow', key: 'flow' })).toEqual({
      kind: 'geneve',
      local: null,
      remote: 'flow',
      inKey: 'flow',
      outKey: 'flow',
      destinationPort: 6081,
      tos: 0,
      ttl: 64,
      dontFragment: true,
      checksum: false,
      extensions: [],
      egressMark: 0,
    });
    const options = { remote_ip: 'fd00::1', in_key: '5', out_key: '0x6', df_default: 'false' };
    expect(tunnelOf('vxlan', { ...options, ttl: 'inherit', exts: 'gbp' })).toMatchObject({
      remote: { version: 6, address: (0xfd00n << 112n) + 1n },
      inKey: 5n,
      outKey: 6n,
      destinationPort: 4789,
      ttl: 'inherit',
      dontFragment: false,
      extensions: ['gbp'],
    });
    expect(tunnelOf('internal', {})).toBeNull();
    expect(tunnelOf('constructor', {})).toBeNull();
  });
});

describe('what a switch learned and how it tunnels', () => {
  it('reads FDB entries of numbered and local ports, also static ones', () => {
    const text =
      ' port  VLAN  MAC                Age\n    3     1  fa:16:3e:4c:b2:8e   19\n' +
      'LOCAL     0  9e:bf:4a:d6:b0:49    5\n    4     7  fa:16:3e:4c:b2:8f   static\n';
    expect(clean(readFdb('f', text))).toEqual([
      { port: 3, vlan: 1, mac: 0xfa163e4cb28en, age_s: 19 },
      { port: 0xfffe, vlan: 0, mac: 0x9ebf4ad6b049n, age_s: 5 },
      { port: 4, vlan: 7, mac: 0xfa163e4cb28fn, age_s: 'static' },
    ]);
  });

  it('reads routes with gateway, mark and source', () => {
    const text =
      'Route Table:\nCached: 10.0.0.0/24 MARK 7 dev br0 GW 10.0.1.1 SRC 10.0.1.2 local\n' +
      'User: 0.0.0.0/0 dev br1 GW 10.0.2.1\n';
    expect(clean(readTunnelRoutes('r', text))).toMatchObject([
      { prefixLength: 24, device: 'br0', gateway: { address: 0x0a000101n }, mark: 7 },
      { prefixLength: 0, device: 'br1', source: null, mark: 0 },
    ]);
  });
});

type AnyReader = (file: string, text: string) => Parsed<unknown>;

const KINDS: readonly (readonly [RegExp, AnyReader])[] = [
  [/ovsdb-dump\.json$/, (file, text) => readOvsdb(file, text, '')],
  [/list-\w+\.json$/, (file, text) => readOvsdb(file, text, 'T')],
  [/vsctl-show/, readVsctlShow],
  [/of-show|ports-desc|ofctl-show/, readOpenFlowPorts],
  [/\.fdb\.txt$/, readFdb],
  [/dpif-show|dpctl-show/, readDatapaths],
  [/tnl-neigh/, readTunnelNeighbours],
  [/ovs-route/, readTunnelRoutes],
  [/list-tunnels/, readListedTunnels],
  [/tnl-ports/, readTunnelListeners],
];

describe('damaged outputs', () => {
  it('never stop a reader, and every problem has its place', () => {
    const texts = filesBelow(net1)
      .filter((path) => !path.includes('flows'))
      .map(textAt);
    const noise = fc
      .tuple(fc.constantFrom(...texts), fc.nat(), fc.nat(30), fc.string({ unit: 'binary' }))
      .map(([text, at, cut, put]) => {
        const place = text.length === 0 ? 0 : at % text.length;
        return text.slice(0, place) + put + text.slice(place + cut);
      });
    fc.assert(
      fc.property(fc.constantFrom(...KINDS), noise, ([, reader], text) => {
        for (const problem of reader('noise', text).problems) {
          expect(problem.line).toBeGreaterThan(0);
          expect(problem.column).toBeGreaterThan(0);
        }
      }),
      { seed: 20261121, numRuns: 1000 },
    );
  });

  it('suggest the word that was probably meant', () => {
    const text = '    Bridge br-int\n        Prot eth0\n';
    expect(readVsctlShow('v', text).problems[0]).toMatchObject({
      line: 2,
      column: 9,
      text: 'Prot',
      didYouMean: 'Port',
    });
  });
});

describe.skipIf(withoutCaptures())('real switches', () => {
  const paths = [...filesBelow(join(shared, 'truth/captures')), ...filesBelow(join(seeds, 'ovs'))];

  it('are read without a problem', () => {
    let count = 0;
    for (const path of paths) {
      const reader = KINDS.find(([pattern]) => pattern.test(path))?.[1];
      if (reader === undefined) continue;
      expect([path, reader(path, textAt(path)).problems]).toEqual([path, []]);
      count++;
    }
    expect(count).toBeGreaterThan(900);
  });

  it('lose no line of a MAC table', () => {
    for (const path of paths.filter((each) => each.endsWith('.fdb.txt'))) {
      const lines = textAt(path).trimEnd().split('\n');
      expect([path, readFdb(path, textAt(path)).value.length]).toEqual([path, lines.length - 1]);
    }
  });

  it('say the same in the database and in `ovs-vsctl show`', () => {
    let count = 0;
    for (const path of paths.filter((each) => each.endsWith('vsctl-show.txt'))) {
      const dump = path.replace('vsctl-show.txt', 'ovsdb-dump.json');
      if (dump === path || !paths.includes(dump)) continue;
      const shown = rowsOfShow(clean(readVsctlShow(path, textAt(path))), path);
      const rows = rowsOfOvsdb(clean(readOvsdb(dump, textAt(dump), '')), dump);
      expect([path, shownPart(shown.bridges)]).toEqual([path, shownPart(rows.bridges)]);
      count++;
    }
    expect(count).toBeGreaterThan(40);
  });

  it('say the same in `show` and in the ports description', () => {
    let count = 0;
    for (const path of paths.filter((each) => each.endsWith('.ports-desc.txt'))) {
      const other = path.replace('ports-desc', 'of-show');
      const desc = clean(readOpenFlowPorts(path, textAt(path))).ports;
      expect(desc).toEqual(clean(readOpenFlowPorts(other, textAt(other))).ports);
      count++;
    }
    expect(count).toBeGreaterThan(40);
  });
});
