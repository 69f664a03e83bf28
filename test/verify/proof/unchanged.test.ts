/**
 * Proofs that are taken over where no packet came to what has changed: after random changes they
 * say what proofs from nothing say, of properties and of what differs between two networks.
 */
import { describe, expect, it } from 'vitest';
import { compileFiles } from '../../../src/snapshot/read/compiled.ts';
import { memoryFolder } from '../../../src/snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { comparePairs } from '../../../src/verify/proof/compare.ts';
import { type Pair } from '../../../src/verify/proof/pairs.ts';
import { placesThatDiffer, type ReadNetwork } from '../../../src/verify/proof/unchanged.ts';
import { changedCloud, possibleChanges } from '../../../src/verify/properties/changes.ts';
import { checkProperties } from '../../../src/verify/properties/check.ts';
import { checkerFrom } from '../../../src/verify/properties/fuzz.ts';
import { readProperties } from '../../../src/verify/properties/read.ts';
import { type Checked } from '../../../src/verify/properties/types.ts';
import { openWalks } from '../../../src/verify/properties/walks.ts';
import { captured, folderOf } from '../../captured.ts';
import { drawFrom } from '../../traffic/random-rules.ts';
import { mutated } from '../configuration/mutate.ts';
import { OF_FILTERS } from '../configuration/mutations-of-filters.ts';
import { OF_HOSTS } from '../configuration/mutations-of-hosts.ts';
import { cloudOf, cloudText } from '../properties/cloud.ts';

const CLOUD = cloudOf(cloudText());
const FILE = readProperties(
  'p.yaml',
  [
    'properties:',
    '  - {name: web, from: "*", to: web-1, arrives: all, tcp: 443, state: reply}',
    '  - {name: db, from: web-2, to: db-1, arrives: some, tcp: 3306}',
    '  - {name: out, from: web-1, to: "external:198.51.100.7", arrives: all, icmp: true}',
    '  - {invariant: no-black-holes, among: [web-1, web-2]}',
  ].join('\n'),
).value;

const read = (files: ReadonlyMap<string, () => string>): ReadNetwork => {
  const folder = memoryFolder(files);
  return { folder, network: openSnapshot(folder) };
};

/** Findings as plain text, whatever made them. */
const told = (found: Iterable<Checked>): readonly string[] =>
  [...found].map(({ subject, holds, because, code, origin, witness }) =>
    JSON.stringify({ subject, holds, because, code, origin, witness }),
  );

describe('properties of changed clouds', () => {
  const draw = drawFrom(31);
  const kinds = ['remove-rule', 'add-rule', 'remove-route', 'disable-port', 'move-port'] as const;

  it('are what they are from nothing, after each of some sequences of changes', () => {
    const check = checkerFrom(CLOUD, FILE);
    const start = JSON.stringify(told(check(CLOUD)));
    let [now, felt] = [CLOUD, 0];
    for (let round = 0; round < 4; round++) {
      if (round === 2) now = CLOUD;
      const choices = possibleChanges(now, kinds[draw(kinds.length)]!);
      const change = choices[draw(Math.max(1, choices.length))];
      const next = change === undefined ? now : changedCloud(now, change);
      if (next === null || typeof next === 'string') continue;
      now = next;
      const anew = read(compileFiles(now)).network;
      const said = told(check(now));
      expect(said, change).toEqual(told(checkProperties(anew, FILE)));
      if (JSON.stringify(said) !== start) felt++;
    }
    expect(felt).toBeGreaterThan(0);
  });

  it('take over what came to nothing that changed, and only that', () => {
    const before = read(compileFiles(CLOUD));
    const next = changedCloud(CLOUD, possibleChanges(CLOUD, 'add-rule')[0] ?? '');
    if (next === null || typeof next === 'string') throw new Error('no such change');
    const changed = placesThatDiffer(before, read(compileFiles(next)));
    // Members of web are on both computes; nothing of a router depends on a group.
    expect([...(changed ?? [])].sort()).toEqual(['compute1 ', 'compute2 ']);
    const walks = openWalks(before.network);
    const wanted = { icmp: true, tcp: [], udp: [], others: false };
    const asked = { from: 'web-1', to: 'web-2', wanted, version: 4 as const };
    const taken = (...places: readonly string[]): boolean => {
      const known = { walks, changed: new Set(places) };
      return openWalks(before.network, null, known).walk(asked) === walks.walk(asked);
    };
    expect(taken('net1 ')).toBe(true);
    expect(taken('compute2 ')).toBe(false);
    expect(taken('net1 ', 'compute1 root')).toBe(false);
  });

  it('take over nothing where a port moves, a NIC has another address or a file is missing', () => {
    const files = compileFiles(CLOUD);
    const before = read(files);
    const moved = changedCloud(CLOUD, possibleChanges(CLOUD, 'move-port')[0] ?? '');
    if (moved === null || typeof moved === 'string') throw new Error('no such change');
    expect(placesThatDiffer(before, read(compileFiles(moved)))).toBeNull();
    const address = 'hosts/compute1/ns/root/ip-addr.json';
    const other = (): string =>
      (files.get(address)?.() ?? '').replace('172.30.20.22', '172.30.20.29');
    expect(other()).not.toBe(files.get(address)?.());
    expect(placesThatDiffer(before, read(new Map([...files, [address, other]])))).toBeNull();
    const fewer = [...files].filter(([path]) => !path.endsWith('net1/ovs/br-int.flows.txt'));
    expect(placesThatDiffer(before, read(new Map(fewer)))).toBeNull();
    expect(placesThatDiffer(before, before)).toEqual(new Set());
  });
});

describe('what differs between a capture and one with another line', () => {
  /** Changes of flows, rules, sets and routes, with a pair that feels them and one that does not. */
  const FELT: Readonly<Record<string, readonly Pair[]>> = {
    'a guest’s source address is another one': [
      { from: 'a3', to: 'a2' },
      { from: 'b1', to: 'b2' },
    ],
    'a set has a stranger': [
      { from: 'f1', to: 'f2' },
      { from: 'v1', to: 'v2' },
    ],
    'a router has lost a route': [
      { from: 'external:198.51.100.77', to: '203.0.113.114' },
      { from: 'a1', to: 'a2' },
    ],
  };
  const KINDS = [...OF_FILTERS, ...OF_HOSTS].filter(({ what }) => what in FELT);

  it.each(KINDS)('is the same by both ways: $what', (kind) => {
    const { what, capture, folder = '.' } = kind;
    const of = (files: ReadonlyMap<string, string>): ReadNetwork => {
      const all = folderOf(files, folder);
      return { folder: all, network: openSnapshot(all) };
    };
    const before = of(captured(capture).files);
    const after = of(mutated(kind, drawFrom(what.length)).files);
    const places = placesThatDiffer(before, after);
    expect(places?.size).toBe(1);
    const [a, b] = [before.network, after.network];
    const pairs = FELT[what] ?? [];
    const fast = [...comparePairs(a, b, pairs, places)];
    expect(fast).toEqual([...comparePairs(a, b, pairs)]);
    expect(fast.map((one) => (one.lost ?? one.gained ?? one.changed) !== null)).toEqual([
      true,
      false,
    ]);
  });
});
