/** Before and after: what a change adds, removes and makes otherwise, expected or not. */
import { describe, expect, it } from 'vitest';
import { type Cloud } from '../../../src/model/cloud.ts';
import { field } from '../../../src/packet/fields.ts';
import { compileFiles, compileNetworkOf } from '../../../src/snapshot/read/compiled.ts';
import { memoryFolder } from '../../../src/snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { guard } from '../../../src/traffic/guard.ts';
import { test } from '../../../src/traffic/match.ts';
import { everyPacket } from '../../../src/traffic/sets/packet-set.ts';
import { NOWHERE } from '../../../src/traffic/sets/regions.ts';
import { packetSets } from '../../../src/traffic/sets/set-traffic.ts';
import { openSpace } from '../../../src/traffic/sets/space.ts';
import { assignment } from '../../../src/traffic/words.ts';
import { fateChanges } from '../../../src/verify/proof/fates.ts';
import { added, change, propertyFile, tcp } from '../../../src/verify/properties/builder.ts';
import { checkProperties } from '../../../src/verify/properties/check.ts';
import { checkedIn, cloudOf, cloudText } from './cloud.ts';

const CLOUD = cloudOf(cloudText());
const OPENED = cloudOf(
  cloudText().replace('ports: 443}]', 'ports: 443}, {protocol: tcp, ports: 8443}]'),
);

const changed = (expect: string, among = '[web-1, web-2]') =>
  checkedIn(OPENED, `properties:\n  - {change: {before: old}, among: ${among}, ${expect}}`, CLOUD);
const wrongOf = <T extends { readonly holds: string }>(found: readonly T[]): readonly T[] =>
  found.filter(({ holds }) => holds !== 'holds');

describe('before and after', () => {
  it('holds when what was added is what was expected, and nothing else', () => {
    const found = changed(
      'expect: {added: [{from: "security-group:web", to: [web-1, web-2], tcp: 8443}]}',
    );
    expect(wrongOf(found)).toEqual([]);
  });

  it('fails for more than was expected and for less', () => {
    const more = changed('expect: {added: [{from: web-2, to: web-1, tcp: 8443}]}');
    expect(wrongOf(more).map(({ to, because }) => [to, because[0]])).toEqual([
      ['web-2', 'tcp 8443 is added'],
    ]);
    const less = changed(
      'expect: {added: [{from: web-2, to: web-1, tcp: "8443,9000"}]}, otherwise: any',
    );
    expect(wrongOf(less).map(({ because }) => because)).toEqual([
      ['tcp 9000 was expected to be added and is not'],
    ]);
  });

  it('asks what somebody outside reaches by a floating IP', () => {
    const found = changed('expect: {}', '[web-1, outside]');
    expect(wrongOf(found).map(({ to, because }) => [to, because[0]])).toEqual([
      ['203.0.113.60', 'tcp 8443 is added'],
    ]);
    const expected = changed(
      'expect: {added: [{from: outside, to: 203.0.113.60, tcp: 8443}]}',
      '[web-1, outside]',
    );
    expect(wrongOf(expected)).toEqual([]);
  });

  it('fails for a network that is not there, and for pairs that nobody compares', () => {
    const [found] = checkedIn(CLOUD, 'properties:\n  - {change: {before: old}}');
    expect(found).toMatchObject({ holds: 'fails', because: ['there is no old'] });
    const vain = changed('expect: {added: [{from: green-1, to: web-1, tcp: 1}]}, otherwise: any');
    expect(wrongOf(vain)[0]?.because[0]).toBe('says nothing: green-1 web-1 is not compared');
  });

  it('is written in TypeScript as a sentence', () => {
    const check = (built: ReturnType<typeof change>) =>
      wrongOf([
        ...checkProperties(compileNetworkOf(OPENED), propertyFile({}, [built]), {
          open: () => compileNetworkOf(CLOUD),
        }),
      ]);
    const between = change('old').among('web-1', 'web-2');
    const both = ['web-1', 'web-2'];
    expect(check(between.expect(added(both, both, tcp(8443))).otherwise('same'))).toEqual([]);
    const unexpected = check(between.expect(added('web-1', 'web-2', tcp(8443))).otherwise('same'));
    expect(unexpected.map(({ subject }) => subject)).toEqual(['web-2 → web-1']);
    expect(check(between.otherwise('any'))).toEqual([]);
  });
});

describe('what fares otherwise', () => {
  /** The same cloud before and after somebody tampered with its hosts. */
  function tampered(edit: (path: string, text: string) => string, cloud: Cloud) {
    const files = new Map(
      [...compileFiles(cloud)].map(([path, read]) => [path, () => edit(path, read())] as const),
    );
    const file = propertyFile({}, [change('old').among('web-2', 'outside').frames()]);
    return wrongOf([
      ...checkProperties(openSnapshot(memoryFolder(files)), file, {
        open: () => compileNetworkOf(cloud),
      }),
    ]).map(({ subject, because }) => `${subject}: ${because.join(' ')}`);
  }

  it('is told though as many packets arrive: answers, and frames that claim other addresses', () => {
    const found = tampered(
      (path, text) =>
        path === 'hosts/compute2/ovs/br-int.flows.txt'
          ? text.replaceAll(/(table=71,.*priority=95,.*arp.*),arp_spa=10\.1\.0\.12/g, '$1')
          : text,
      CLOUD,
    );
    expect(found.length).toBeGreaterThan(0);
    for (const one of found) {
      expect(one).toMatch(/^web-2 arp frames: arp,dl_src=.*,arp_spa=.* is gained at /);
    }
  });
});

describe('two walks of the same packets', () => {
  const space = openSpace();
  const ttl = field('nw_ttl');
  const all = everyPacket(space);
  const parts = packetSets.split(all, guard(test(field('ip_proto'), 6n)));
  const received = (p: typeof all) => ({ place: 'host guest', role: 'request' as const, p });

  it('are alike in any order and any number of parts', () => {
    const { hit, miss } = parts;
    if (hit === null || miss === null) throw new Error('both parts are there');
    expect(fateChanges(space, [received(all)], [received(miss), received(hit)])).toEqual([]);
  });

  it('differ exactly for the packets that are other ones, or are missing', () => {
    const { hit, miss } = parts;
    if (hit === null || miss === null) throw new Error('both parts are there');
    const low = packetSets.set(hit, assignment(ttl, 1n));
    const [found, ...more] = fateChanges(space, [received(all)], [received(miss), received(low)]);
    expect(more).toEqual([]);
    // TCP packets whose TTL was 1 already are the same.
    const ones = packetSets.split(hit, guard(test(ttl, 1n)));
    expect(found?.changed).toBe(ones.miss?.where);
    expect([found?.lost, found?.gained]).toEqual([NOWHERE, NOWHERE]);
    const [lost] = fateChanges(space, [received(all)], [received(miss)]);
    expect(lost?.lost).toBe(hit.where);
  });
});
