/** Real captures beside the model: what agrees, and where both part. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Network } from '../../src/dataplane/network.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { readPlace } from '../../src/why/locate/frames.ts';
import { locate } from '../../src/why/locate/locate.ts';
import { type CaptureFile, type Located } from '../../src/why/locate/types.ts';
import { captured, folderOf } from '../captured.ts';
import { ROOT } from '../sources.ts';
import { injure, lostFlow, rewrite } from '../trace/faults/edits.ts';
import { capturePoints } from '../trace/hops/points.ts';

/** The captures of a deployment, each with its place as the time line tells it. */
function filesOf(name: string): readonly CaptureFile[] {
  const packed = readFileSync(join(ROOT, `test/fixtures/hops/${name}.json.br`));
  const texts = JSON.parse(brotliDecompressSync(packed).toString('utf8')) as Readonly<
    Record<string, string>
  >;
  const points = capturePoints(texts['events.md'] ?? '');
  return Object.entries(texts).flatMap(([path, text]): readonly CaptureFile[] => {
    const pcap = /^pcap\/(.+)\.pcap$/.exec(path)?.[1];
    const point = points.get(pcap ?? '');
    if (pcap === undefined || point === undefined) return [];
    const { host, namespace, interface: device } = point;
    const place = { host, namespace, interface: device };
    return [{ name: pcap, bytes: Buffer.from(text, 'base64'), place }];
  });
}

function networkOf(name: string, folder = '.'): Network {
  return openSnapshot(folderOf(captured(name).files, folder));
}

function seenAt({ packets }: Located): number {
  const stations = packets.flatMap((one) => one.stations);
  return stations.filter(({ seen }) => seen !== null).length;
}

/** The header alone of a pcap file: a capture that ran and saw nothing. */
const NOTHING_SEEN = 24;

const DEPLOYMENTS = [
  ['ovs-vxlan-ovsfw', '.', 24, 250],
  ['linuxbridge-vxlan-flat', '.', 27, 244],
  ['ovs-vlan-hybrid', '.', 27, 308],
  ['ovs-dvr', '.', 29, 375],
  ['ovs-lbaas-haproxy', '.', 25, 148],
  ['ovs-vxlan-learn', '2-after-traffic', 14, 96],
] as const;
const SOME = existsSync(join(ROOT, '../shared')) ? DEPLOYMENTS : DEPLOYMENTS.slice(0, 1);

describe('captures of real deployments', () => {
  it.each(SOME)(
    '%s: every exchange goes as the model says',
    (name, folder, exchanges, stations) => {
      const located = locate(networkOf(name, folder), filesOf(name));
      expect(
        located.packets.flatMap(({ asked, parts }) => parts.map((one) => [asked, one])),
      ).toEqual([]);
      expect(located.packets).toHaveLength(exchanges);
      expect(seenAt(located)).toBe(stations);
      expect(located.problems).toEqual([]);
    },
  );
});

describe('a capture and a model that differ', () => {
  const name = 'ovs-vxlan-ovsfw';
  const files = filesOf(name);

  it('part behind the last place at which the packet was seen', () => {
    const deaf = files.map((file) =>
      file.name === 'c2-tap-a2' ? { ...file, bytes: file.bytes.slice(0, NOTHING_SEEN) } : file,
    );
    const { packets } = locate(networkOf(name), deaf);
    const [first] = packets.filter(({ asked }) => asked.startsWith('a1 → a2 icmp'));
    expect(first?.parts).toHaveLength(1);
    expect(first?.parts[0]).toMatch(
      /^the request should be seen at compute2:tap292c913e-fe and is not: last seen at compute2:eth1 \(c2-underlay frame \d+\)$/,
    );
  });

  it('part where reality goes further than the model', () => {
    const network = injure(captured(name), 'matrix', [lostFlow('compute2', 'br-tun', /table=4,/)]);
    const { packets } = locate(network, files);
    const [first] = packets.filter(({ asked }) => asked.startsWith('a1 → a2 icmp'));
    expect(first?.trace.blockers[0]?.code).toBe('VNI_MAP_MISSING');
    expect(first?.parts).toHaveLength(1);
    expect(first?.parts[0]).toMatch(
      /^seen at compute2:tap292c913e-fe .*of which the model knows nothing; the model stops it by VNI_MAP_MISSING on compute2$/,
    );
  });

  it('part in the headers where the model has another tunnel key', () => {
    const renumbered = ['compute1', 'compute2'].map((host) =>
      rewrite(new RegExp(`^hosts/${host}/ovs/br-tun\\.flows`), (text) =>
        text.replaceAll('0x34e', '0x34f'),
      ),
    );
    const network = injure(captured(name), 'matrix', renumbered);
    const { packets } = locate(network, files);
    const [first] = packets.filter(({ asked }) => asked.startsWith('a1 → a2 icmp'));
    expect(first?.parts).toEqual([
      'at compute1:eth1 the request is otherwise: tunnel: ' +
        'vxlan 847 172.30.20.31 > 172.30.20.32 in the model, ' +
        'vxlan 846 172.30.20.31 > 172.30.20.32 captured',
    ]);
  });
});

describe('damaged and foreign captures', () => {
  const network = networkOf('ovs-vxlan-ovsfw');

  it('are told and read as far as they go', () => {
    const [file] = filesOf('ovs-vxlan-ovsfw');
    if (file === undefined) throw new Error('no capture');
    const cut = { ...file, bytes: file.bytes.slice(0, file.bytes.length - 5) };
    const located = locate(network, [cut]);
    expect(located.problems).toEqual([`${file.name}: the file ends inside of a frame`]);
    expect(located.packets.length).toBeGreaterThan(0);
  });

  it('are no captures at all', () => {
    const place = readPlace(network, 'compute1:eth1');
    const junk = { name: 'junk', bytes: new Uint8Array(100), place };
    const located = locate(network, [junk]);
    expect(located.packets).toEqual([]);
    expect(located.problems).toHaveLength(1);
  });

  it('whose place nobody tells are passed over', () => {
    const [file] = filesOf('ovs-vxlan-ovsfw');
    if (file === undefined) throw new Error('no capture');
    const located = locate(network, [{ ...file, place: null }]);
    expect(located.packets).toEqual([]);
    expect([...located.untraced.keys()].join(' ')).toContain('--at HOST:INTERFACE');
  });
});

describe('places', () => {
  const network = networkOf('ovs-vxlan-ovsfw');
  it('are an interface of a host, of a namespace or of a bridge', () => {
    const router = 'qrouter-796e7630-605d-4331-bc1d-eda19597c455';
    expect(readPlace(network, 'compute1:eth1')).toEqual({
      host: 'compute1',
      namespace: 'root',
      interface: 'eth1',
    });
    expect(readPlace(network, `net1:${router}:any`)).toMatchObject({ namespace: router });
    expect(readPlace(network, 'compute1:br-int:tapa185382d-85')).toMatchObject({
      namespace: 'root',
    });
    expect(readPlace(network, 'compute1:nothing')).toBeNull();
    expect(readPlace(network, 'nowhere:eth1')).toBeNull();
    expect(readPlace(network, 'compute1')).toBeNull();
  });
});
