/** Changes of a cloud: what must not change an answer does not, and drawn ones that do are found. */
import { describe, expect, it } from 'vitest';
import { compileFiles, compileNetworkOf } from '../../../src/snapshot/read/compiled.ts';
import {
  anyPacket,
  invariant,
  property,
  propertyFile,
  tcp,
} from '../../../src/verify/properties/builder.ts';
import { changedCloud, possibleChanges } from '../../../src/verify/properties/changes.ts';
import { checkProperties } from '../../../src/verify/properties/check.ts';
import { CoverageMeter } from '../../../src/verify/properties/coverage.ts';
import { fuzzProperties } from '../../../src/verify/properties/fuzz.ts';
import { answersOf, checkedIn, cloudOf, cloudText } from './cloud.ts';

const CLOUD = cloudOf(cloudText());
const ASKED = `properties:
  - {from: [web-1, web-2], to: db-1, arrives: only, tcp: 3306}
  - {from: green-1, to: [web-1, db-1], arrives: none}
`;
const BEFORE = answersOf(checkedIn(CLOUD, ASKED));

describe('what must not change an answer', () => {
  it('is the number of a segment, and with it every local VLAN and port number after it', () => {
    expect(BEFORE.every((one) => one.endsWith('holds'))).toBe(true);
    expect(answersOf(checkedIn(cloudOf(cloudText('openvswitch', 4711)), ASKED))).toEqual(BEFORE);
  });

  it('is who else is there: local VLANs and port numbers are others then', () => {
    const crowd = ['amber', 'cyan', 'zinc'];
    const networks = crowd.map(
      (name, i) =>
        `  - {name: ${name}, project: red, segmentation_id: ${700 + i}, subnets: [{name: ${name}, cidr: 10.${7 + i}.0.0/24}]}\n`,
    );
    const servers = crowd.flatMap((name) =>
      ['compute1', 'compute2'].map(
        (host) =>
          `  - {name: ${name}-${host}, host: ${host}, project: red, ports: [{network: ${name}}]}\n`,
      ),
    );
    const crowded = cloudText()
      .replace('networks:\n', `networks:\n${networks.join('')}`)
      .replace('servers:\n', `servers:\n${servers.join('')}`);
    const flows = (yaml: string): string =>
      compileFiles(cloudOf(yaml)).get('hosts/compute1/ovs/br-int.flows.txt')?.() ?? '';
    // The flow of web-1 for its own address, in both clouds.
    const own = (yaml: string): string =>
      /table=71,.*,ip,.*nw_src=10\.1\.0\.11 .*/.exec(flows(yaml))?.[0] ?? '';
    expect(own(cloudText())).toMatch(/reg5=0x[0-9a-f]+/);
    const port = (yaml: string): string => /reg5=0x[0-9a-f]+/.exec(own(yaml))?.[0] ?? '';
    expect(port(crowded)).not.toBe(port(cloudText()));
    expect(answersOf(checkedIn(cloudOf(crowded), ASKED))).toEqual(BEFORE);
  });

  it('is a prefix that is written as its two halves', () => {
    const remote = (...prefixes: readonly string[]) =>
      cloudOf(
        cloudText().replace(
          '{protocol: tcp, ports: 3306, remote: {group: web}}',
          prefixes.map((one) => `{protocol: tcp, ports: 3306, remote: ${one}}`).join(', '),
        ),
      );
    const before = remote('10.1.0.8/29');
    const halves = remote('10.1.0.8/30', '10.1.0.12/30');
    // web-1 stands in the one half, web-2 in the other.
    expect(answersOf(checkedIn(before, ASKED))).toEqual(BEFORE);
    expect(answersOf(checkedIn(halves, ASKED))).toEqual(BEFORE);
    expect(answersOf(checkedIn(remote('10.1.0.8/30'), ASKED))).not.toEqual(BEFORE);
    const same = 'properties: [{change: {before: whole}, among: [web-1, web-2, db-1]}]';
    expect(checkedIn(halves, same, before).filter(({ holds }) => holds !== 'holds')).toEqual([]);
  });

  it('is the host on which a server runs', () => {
    for (const host of ['compute1', 'net1']) {
      expect(answersOf(checkedIn(cloudOf(cloudText('openvswitch', 101, host)), ASKED))).toEqual(
        BEFORE,
      );
    }
  });

  it('is a rule that was added and removed again', () => {
    const group = CLOUD.neutron.securityGroups.find(({ name }) => name === 'db');
    const added = changedCloud(CLOUD, `add-rule ${group?.id} tcp 22`);
    if (typeof added === 'string') throw new Error(added);
    expect(answersOf(checkedIn(added, ASKED))).not.toEqual(BEFORE);
    const known = new Set(possibleChanges(CLOUD, 'remove-rule'));
    const [removal, ...others] = possibleChanges(added, 'remove-rule').filter(
      (one) => !known.has(one),
    );
    expect(others).toEqual([]);
    const again = changedCloud(added, removal ?? '');
    if (typeof again === 'string') throw new Error(again);
    expect(answersOf(checkedIn(again, ASKED))).toEqual(BEFORE);
  });

  it('is asking for several senders at once', () => {
    const one = (from: string) =>
      checkedIn(CLOUD, `properties: [{from: ${from}, to: db-1, arrives: only, tcp: 3306}]`);
    const apart = answersOf([...one('web-1'), ...one('web-2')]);
    expect(answersOf(one('[web-1, web-2]'))).toEqual(apart);
  });
});

describe('drawn changes', () => {
  const file = propertyFile({}, [property('db').from('green-1').to('web-1').none(tcp(443))]);
  const closed = propertyFile({}, [property('db').from('web-2').to('web-1').none(tcp(22))]);

  it('leave a property that hangs on none of them', () => {
    const found = fuzzProperties(CLOUD, file, {
      runs: 4,
      seed: 5,
      kinds: ['move-port', 'remove-rule'],
      check: {},
    });
    expect(found).toEqual({ runs: 4, broken: null, unsure: 0 });
  });

  it('find the one change that breaks another, and the same one for the same seed', () => {
    const options = { runs: 40, seed: 3, kinds: ['add-rule', 'move-port'] as const, check: {} };
    const found = fuzzProperties(CLOUD, closed, options);
    expect(found.broken?.changes).toHaveLength(1);
    const [text = ''] = found.broken?.changes ?? [];
    expect(text).toMatch(/^add-rule \S+ tcp 22$/);
    // The words alone show it again.
    const replayed = changedCloud(CLOUD, text);
    if (typeof replayed === 'string') throw new Error(replayed);
    const [checked] = [...checkProperties(compileNetworkOf(replayed), closed)];
    expect(checked).toMatchObject({ holds: 'fails', witness: { protocol: 6, port: 22 } });
    expect(fuzzProperties(CLOUD, closed, options).broken?.changes).toEqual([text]);
  });

  it('are told what they cannot change', () => {
    expect(changedCloud(CLOUD, 'move-prot x y')).toContain('did you mean move-port?');
    expect(changedCloud(CLOUD, 'disable-port nobody')).toContain('nothing changes by');
  });
});

describe('coverage', () => {
  it('grows with what is asked, and tells the rules that nothing asked for', () => {
    const network = compileNetworkOf(CLOUD);
    const covered = (...packets: readonly (typeof anyPacket)[]) => {
      const meter = new CoverageMeter();
      const asked = propertyFile({}, [
        property('p')
          .from('web-2')
          .to('web-1')
          .some(...packets),
      ]);
      for (const _ of checkProperties(network, asked, { overheard: meter.overheard }));
      return meter.report(network);
    };
    const [one, all] = [covered(tcp(443)), covered(anyPacket)];
    expect(one.exercised).toBeGreaterThan(0);
    expect(all.exercised).toBeGreaterThan(one.exercised);
    expect(all.share_percent).toBeGreaterThan(one.share_percent);
    expect(one.exercised + one.never.length).toBe(one.rules);
    // Nobody asked about the database: its rule was never hit.
    expect(all.never.some(({ text }) => /tp_dst=3306|tp_dst=0xcea/.test(text))).toBe(true);
    expect(all.shares.every(({ share }) => share >= 0 && share <= 1)).toBe(true);
  });

  it('is not touched by properties without packets', () => {
    const meter = new CoverageMeter();
    const network = compileNetworkOf(CLOUD);
    const asked = propertyFile({}, [invariant('no-overlaps')]);
    for (const _ of checkProperties(network, asked, { overheard: meter.overheard }));
    expect(meter.report(network)).toMatchObject({ exercised: 0, share_percent: 0 });
  });
});
