/** Readers of `ip` and `bridge`: the text form and the JSON form say the same. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  readBrctl,
  readBridgeFdb,
  readBridgePorts,
  readBridgeVlans,
} from '../../../src/dataplane/routing/text/bridge.ts';
import { readInterfaces } from '../../../src/dataplane/routing/text/interface.ts';
import { portsOfLinks } from '../../../src/dataplane/routing/text/link-ports.ts';
import {
  readNeighbours,
  readProxyNeighbours,
} from '../../../src/dataplane/routing/text/neighbour.ts';
import { readRoutes } from '../../../src/dataplane/routing/text/route.ts';
import { readRules } from '../../../src/dataplane/routing/text/rule.ts';
import { readSockets, readSysctls } from '../../../src/dataplane/routing/text/settings.ts';
import { type Parsed } from '../../../src/text/problem.ts';
import { filesBelow, seeds, shared, textAt, withoutCaptures } from '../../snapshot/shared.ts';

type Reader<T> = (file: string, text: string) => Parsed<T>;

// Made with iproute2 6.1 on Linux in a namespace with one of each kind of row.
const fixtures = resolve(import.meta.dirname, '../../fixtures/routing');

const routes4: Reader<unknown> = (file, text) => readRoutes(file, text, 4);
const routes6: Reader<unknown> = (file, text) => readRoutes(file, text, 6);
const rules4: Reader<unknown> = (file, text) => readRules(file, text, 4);
const rules6: Reader<unknown> = (file, text) => readRules(file, text, 6);

/** Where it was read, and what only one form prints: details, and a namespace's number or name. */
const APART = ['origin', 'details', 'linkNamespace', 'linkNamespaceName'];

function meaning(value: unknown, apart: readonly string[] = APART): unknown {
  if (Array.isArray(value)) return value.map((each) => meaning(each, apart));
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => !apart.includes(key));
  return Object.fromEntries(kept.map(([key, each]) => [key, meaning(each, apart)]));
}

function read<T>(reader: Reader<T>, name: string): T {
  const { value, problems } = reader(name, readFileSync(join(fixtures, name), 'utf8'));
  expect(problems).toEqual([]);
  return value;
}

describe('text and JSON of the same kernel', () => {
  it.each([
    ['address', readInterfaces],
    ['link', readInterfaces],
    ['route4', routes4],
    ['route6', routes6],
    ['rule4', rules4],
    ['rule6', rules6],
    ['neigh4', readNeighbours],
    ['neigh6', readNeighbours],
    ['proxy', readProxyNeighbours],
    ['fdb', readBridgeFdb],
  ] as readonly [string, Reader<unknown>][])('%s is read alike', (name, reader) => {
    const json = meaning(read(reader, `${name}.json`));
    expect(meaning(read(reader, `${name}.txt`))).toEqual(json);
    expect(json).not.toEqual([]);
  });

  it('reads every word of a rule', () => {
    const byPriority = new Map(
      (read(rules4, 'rule4.txt') as ReturnType<typeof readRules>['value']).map((rule) => [
        rule.priority,
        rule,
      ]),
    );
    expect(byPriority.get(100)).toMatchObject({
      from: { address: { version: 4, value: 0x0a010000n }, length: 16 },
      to: { length: 24 },
      inputDevice: 'vb',
      outputDevice: 'vc',
      mark: { value: 1, mask: 255 },
      action: { kind: 'lookup', table: 16 },
    });
    expect(byPriority.get(101)).toMatchObject({
      not: true,
      action: { kind: 'lookup', table: 254, suppressPrefixLength: 0 },
    });
    expect(byPriority.get(102)).toMatchObject({
      protocol: 6,
      sourcePorts: [1000, 1000],
      destinationPorts: [80, 90],
    });
    expect(byPriority.get(103)).toMatchObject({ tos: 16, action: { kind: 'goto', priority: 200 } });
    expect(byPriority.get(104)?.action).toEqual({ kind: 'blackhole' });
    expect(byPriority.get(107)?.protocol).toBe(47);
  });

  it('reads multipath, foreign gateways, refusing routes and metrics', () => {
    const routes = read((f, t) => readRoutes(f, t, 4), 'route4.txt');
    const to = (value: bigint): unknown =>
      meaning(routes.find((route) => route.prefix?.address.value === value));
    expect(to(0xac100000n)).toMatchObject({
      prefix: { length: 12 },
      hops: [
        { device: 'vc', weight: 3, gateway: { value: 0x0a090007n } },
        { device: 'vc', weight: 1, gateway: { value: 0x0a090008n } },
      ],
    });
    expect(to(0x64410000n)).toMatchObject({ hops: [{ gateway: { version: 6 } }] });
    expect(to(0x64400000n)).toMatchObject({
      table: 16,
      mtu: 1400,
      source: { value: 0xc000020an },
      hops: [{ onLink: true }],
    });
    expect(to(0xcb007100n)).toMatchObject({ type: 'unreachable', metric: 7, hops: [] });
  });

  it('keeps a VXLAN device’s settings and a veth’s other end', () => {
    for (const form of ['json', 'txt']) {
      const links = new Map(read(readInterfaces, `link.${form}`).map((each) => [each.name, each]));
      expect(links.get('vx0')?.details).toMatchObject({
        id: 515,
        local: '10.9.0.1',
        link: 'vc',
        port: 8472,
        learning: false,
        proxy: true,
      });
      expect(links.get('va')).toMatchObject({ kind: 'veth', linkIndex: 2 });
      expect(links.get('vc')).toMatchObject({
        linkIndex: 2,
        ...(form === 'json' ? { linkNamespace: 0 } : { linkNamespaceName: 'hwsnap2' }),
      });
      expect(links.get('mac0')).toMatchObject({ kind: 'macvlan', linkIndex: 4 });
    }
    const plain = read(readInterfaces, 'address-plain.txt').find((each) => each.name === 'vb');
    const peers = plain?.addresses.filter((each) => each.peer !== null);
    expect(peers).toMatchObject([{ length: 32, peer: { value: 0x0a080002n } }]);
  });
});

describe('bridges', () => {
  it('reads port settings from `bridge -d link`', () => {
    const text =
      '3: va@vb: <BROADCAST,UP> mtu 1500 master br0 state forwarding priority 32 cost 2 \n' +
      '    hairpin on guard off learning off flood on mcast_flood on isolated on \n';
    expect(readBridgePorts('f', text)).toEqual({
      value: [
        {
          device: 'va',
          master: 'br0',
          state: 'forwarding',
          hairpin: true,
          learning: false,
          flood: true,
          isolated: true,
        },
      ],
      problems: [],
    });
  });

  it('reads VLANs of ports as text and as JSON alike', () => {
    const text =
      'port              vlan-id  \neth0              1 PVID Egress Untagged\n                  10-12\n';
    const json =
      '[{"ifname":"eth0","vlans":[{"vlan":1,"flags":["PVID","Egress Untagged"]},' +
      '{"vlan":10,"vlanEnd":12}]}]';
    expect(readBridgeVlans('f', text).value).toEqual(readBridgeVlans('f', json).value);
    expect(readBridgeVlans('f', text).value[1]).toMatchObject({ from: 10, to: 12, pvid: false });
  });

  it('reads ports of `brctl show`, also of a bridge without any', () => {
    const text =
      'bridge name\tbridge id\t\tSTP enabled\tinterfaces\n' +
      'brq1\t\t8000.000c29fa3f25\tno\t\teth0\n\t\t\t\t\t\t\ttap1\nbrq2\t\t8000.000000000000\tno\n';
    const { value, problems } = readBrctl('f', text);
    expect(problems).toEqual([]);
    expect(value.map((port) => [port.master, port.device])).toEqual([
      ['brq1', 'eth0'],
      ['brq1', 'tap1'],
    ]);
  });
});

describe('sockets and settings', () => {
  it('tells listeners of one version, of both, of an address and of a device', () => {
    const text = [
      'Netid State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess',
      'tcp   LISTEN 0 1024 *:9697 *:* users:(("haproxy",pid=387,fd=4))',
      'udp   UNCONN 0 0 0.0.0.0:68 0.0.0.0:* users:(("dhclient",pid=1,fd=6))',
      'udp   UNCONN 0 0 10.0.0.2%tap1:53 0.0.0.0:*',
      'tcp   LISTEN 0 5 [fe80::1]%tap1:80 [::]:*',
      'tcp   LISTEN 0 5 [::]:22 [::]:*',
      'tcp   ESTAB 0 0 10.0.0.1:22 10.0.0.2:50000',
    ].join('\n');
    const { value, problems } = readSockets('f', text);
    expect(problems).toEqual([]);
    expect(
      value.map((each) => [each.address?.version, each.version, each.port, each.device]),
    ).toEqual([
      [undefined, null, 9697, null],
      [undefined, 4, 68, null],
      [4, 4, 53, 'tap1'],
      [6, 6, 80, 'tap1'],
      [undefined, 6, 22, null],
    ]);
    expect(value[0]?.process).toBe('haproxy');
  });

  it('reads settings with dots, and with slashes where a device name has dots', () => {
    const text =
      'net.ipv4.ip_forward = 1\nsysctl: permission denied on key\nnet/ipv4/conf/all/rp_filter=2';
    expect([...readSysctls('f', text).value]).toEqual([
      ['net.ipv4.ip_forward', '1'],
      ['net.ipv4.conf.all.rp_filter', '2'],
    ]);
  });
});

describe('what is not understood', () => {
  it('is told with its place and what was probably meant', () => {
    const { value, problems } = readRoutes('r', '10.0.0.0/8 via 10.1.1.1 dev a scop link\n', 4);
    expect(value).toHaveLength(1);
    expect(problems[0]).toMatchObject({ file: 'r', line: 1, column: 31, text: 'scop' });
    const state = readNeighbours('n', '[{"dst":"10.0.0.1","dev":"a","state":["STAEL"]}]');
    expect(state.problems[0]).toMatchObject({ line: 1, column: 39, text: '"STAEL"]}]' });
    const json = readInterfaces('i', '[{"ifname":"a","ifindex":\n"x"}]');
    expect(json.problems[0]).toMatchObject({ line: 2, column: 1, message: 'Expected a number' });
    expect(readRules('q', '[{]', 4).problems[0]).toMatchObject({ line: 1, column: 3 });
  });

  it('never stops a reader, whatever the text', () => {
    const readers: readonly Reader<unknown>[] = [
      readInterfaces,
      routes4,
      routes6,
      rules4,
      readNeighbours,
      readProxyNeighbours,
      readBridgeFdb,
      readBridgePorts,
      readBridgeVlans,
      readBrctl,
      readSockets,
      readSysctls,
      portsOfLinks,
    ];
    const texts = filesBelow(fixtures).map(textAt);
    const noise = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.json().map((text) => `[${text}]`),
      fc
        .tuple(fc.constantFrom(...texts), fc.nat(), fc.nat(30), fc.string())
        .map(([text, at, cut, put]) => {
          const place = at % text.length;
          return text.slice(0, place) + put + text.slice(place + cut);
        }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...readers), noise, (reader, text) => {
        for (const problem of reader('noise', text).problems) {
          expect(problem.file).toBe('noise');
          expect(problem.line).toBeGreaterThan(0);
        }
      }),
      { seed: 20261121, numRuns: 2000 },
    );
  });
});

describe.skipIf(withoutCaptures())('real dumps', () => {
  it('say the same as text and as JSON', () => {
    let compared = 0;
    const kinds: readonly [RegExp, Reader<unknown>][] = [
      [/ip-addr\.json$/, readInterfaces],
      [/ip-route-v4\.json$/, routes4],
      [/ip-route-v6\.json$/, routes6],
      [/ip-rule-v4\.json$/, rules4],
    ];
    const paths = new Set(filesBelow(join(shared, 'truth/captures')));
    for (const path of paths) {
      const reader = kinds.find(([pattern]) => pattern.test(path))?.[1];
      const other = path.replace(/json$/, 'txt');
      if (reader === undefined || !paths.has(other)) continue;
      const [json, text] = [path, other].map((each) => reader(each, textAt(each)));
      expect(json?.problems).toEqual([]);
      expect(text?.problems).toEqual([]);
      // These were taken without `-d`, so that the text cannot tell the kind of a device.
      const apart = [...APART, 'kind'];
      expect([path, meaning(text?.value, apart)]).toEqual([path, meaning(json?.value, apart)]);
      compared++;
    }
    expect(compared).toBeGreaterThan(300);
  });

  it('of older systems are read as well', () => {
    const kinds: readonly [RegExp, Reader<readonly unknown[]>][] = [
      [/\/ip-addr\.|ip-d-link/, readInterfaces],
      [/\/ip-neigh\./, readNeighbours],
      [/\/ip-route\./, (file, text) => readRoutes(file, text, 4)],
      [/\/brctl-show/, readBrctl],
    ];
    let count = 0;
    for (const path of filesBelow(seeds)) {
      const reader = kinds.find(([pattern]) => pattern.test(path))?.[1];
      if (reader === undefined) continue;
      const { value, problems } = reader(path, textAt(path));
      expect(problems).toEqual([]);
      expect(value.length).toBeGreaterThan(0);
      count++;
    }
    expect(count).toBeGreaterThan(25);
  });
});
