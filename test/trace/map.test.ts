/** Maps of the part of a cloud that was asked about. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Neutron } from '../../src/model/neutron.ts';
import { openFolder } from '../../src/snapshot/collect/folder.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { type CloudMap, mapAround } from '../../src/trace/map/cloud-map.ts';
import { mapDot } from '../../src/trace/map/dot.ts';
import { mapJson, TOPOLOGY_SCHEMA } from '../../src/trace/map/json.ts';
import { mapMermaid } from '../../src/trace/map/mermaid.ts';
import { mapOf } from '../../src/trace/map/named.ts';
import { mapSvg } from '../../src/trace/map/svg.ts';
import { mapLines } from '../../src/trace/map/text.ts';
import { PLAIN_PAGE } from '../../src/trace/render/style.ts';
import { violations } from '../cli/json-schema.ts';
import { ROOT } from '../sources.ts';
import { hostileDemo } from './hostile-demo.ts';

const demo = openSnapshot(openFolder(join(ROOT, 'demo/ovs-vxlan-ovsfw')));

function map(words: readonly string[], reach: number): CloudMap {
  const asked = mapOf(demo, words, reach);
  if (asked.kind === 'wrong') throw new Error(asked.message);
  return asked.value;
}

/** `a1 — net-a 10.0.0.81`, sorted. */
function linksOf({ boxes, links }: CloudMap): readonly string[] {
  const titles = new Map(boxes.map(({ id, title }) => [id, title]));
  return links
    .map(({ from, to, text }) => `${titles.get(from)} — ${titles.get(to)} ${text}`.trim())
    .sort();
}

describe('a map around a server', () => {
  it('shows its network, the router behind it and that router’s other networks', () => {
    expect(linksOf(map(['a1'], 4))).toEqual([
      'a1 — net-a 10.0.0.81',
      'net-a — 4 servers',
      'net-a2 — 1 server',
      'router-a — ext-net 203.0.113.109',
      'router-a — net-a 10.0.0.1',
      'router-a — net-a2 10.0.1.1',
    ]);
  });

  it('stands in columns of steps away from it', () => {
    const columns = map(['a1'], 4).boxes.map(({ title, column }) => `${column} ${title}`);
    expect(columns.sort()).toEqual([
      '0 a1',
      '1 net-a',
      '2 4 servers',
      '2 router-a',
      '3 ext-net',
      '3 net-a2',
      '4 1 server',
    ]);
  });

  it('does not go on to everybody’s routers behind an external network', () => {
    expect(map(['a1'], 9).boxes.map(({ title }) => title)).not.toContain('router-b');
    expect(map(['ext-net'], 1).boxes.map(({ title }) => title)).toContain('router-b');
  });

  it('ends where it was told to', () => {
    expect(map(['a1'], 0).boxes.map(({ title }) => title)).toEqual(['a1']);
    expect(linksOf(map(['a1'], 1))).toEqual(['a1 — net-a 10.0.0.81']);
  });

  it('tells carrier, subnets, gateway, host, groups and floating addresses', () => {
    const lines = map(['a1'], 1).boxes.flatMap((box) => box.lines);
    expect(lines).toContain('vxlan 846');
    expect(lines).toContain('10.0.0.0/24 gateway 10.0.0.1');
    expect(lines).toContain('on compute1');
    expect(lines).toContain('group sg-web');
    expect(lines).toContain('floating IP 203.0.113.175');
  });
});

describe('what a map is drawn around', () => {
  it.each([
    ['router-a', 'router-a'],
    ['router:router-a', 'router-a'],
    ['net-a2', 'net-a2'],
    ['10.0.0.81', 'a1'],
    ['tapa185382d-85', 'a1'],
  ])('may be called %s', (word, title) => {
    expect(map([word], 0).boxes.map((box) => box.title)).toEqual([title]);
  });

  it('is asked again when nothing has the name', () => {
    const asked = mapOf(demo, ['net-bb'], 2);
    expect(asked).toMatchObject({ kind: 'wrong', message: expect.stringContaining('net-b?') });
  });
});

/** A network of many servers, as the API would tell of it. */
function crowded(count: number): Neutron {
  const [network] = demo.neutron.networks.filter(({ name }) => name === 'net-a');
  const [port] = demo.neutron.ports.filter(({ deviceOwner }) => deviceOwner === 'compute:nova');
  if (network === undefined || port === undefined) throw new Error('the demonstration changed');
  const ports = Array.from({ length: count }, (_, i) => ({
    ...port,
    id: `port-${i}`,
    networkId: network.id,
    deviceId: `server-${i}`,
    name: `s${i}`,
  }));
  return { ...demo.neutron, ports, servers: [] };
}

describe('a network of ten thousand servers', () => {
  it('is one box and one crowd', () => {
    const neutron = crowded(10_000);
    const [network] = neutron.networks.filter(({ name }) => name === 'net-a');
    const { boxes, links } = mapAround(neutron, [network?.id ?? ''], 4);
    expect(boxes.map(({ title }) => title)).toEqual(['net-a', '10000 servers']);
    expect(boxes[1]?.lines).toEqual(['s0', 's1', 's10', 's100', '…']);
    expect(links).toHaveLength(1);
  });
});

describe('a map as JSON', () => {
  it('is what its schema says', () => {
    const told: unknown = JSON.parse(JSON.stringify(mapJson(map(['a1', 'net-b'], 4))));
    expect(violations(TOPOLOGY_SCHEMA, told)).toEqual([]);
  });
});

describe('a map of hostile names', () => {
  const hostile = openSnapshot(
    hostileDemo(['"]; click x "javascript:1"\u001b[2J', '</svg><script>1</script>\n  evil["x']),
  );
  const start = hostile.neutron.networks.map(({ id }) => id);
  const drawn = mapAround(hostile.neutron, start, 2);

  it('has no character that a terminal would obey', () => {
    for (const line of mapLines(drawn, PLAIN_PAGE))
      expect(line).not.toMatch(/[\u0000-\u001f\u009b]/);
  });

  it('has no markup of theirs', () => {
    expect(mapSvg(drawn, 'x')).not.toMatch(/<script|<\/svg>\s*\S/);
  });

  it('is one line a box and a link in charts and graphs', () => {
    const { boxes, links } = drawn;
    const lines = (text: string): number => text.trimEnd().split('\n').length;
    expect(lines(mapMermaid(drawn))).toBe(1 + boxes.length + links.length);
    for (const line of mapMermaid(drawn).split('\n').slice(1, -1)) {
      expect(line).toMatch(/^ {2}box\d+(?:[([{]+"[^"]*"[)\]}]+| ---(?:\|"[^"]*"\|)? box\d+)$/);
    }
    const columns = new Set(boxes.map(({ column }) => column)).size;
    expect(lines(mapDot(drawn))).toBe(3 + boxes.length + columns + links.length);
  });
});
