/** Invariants: a cloud as its agents make it keeps them, and each kind of fault breaks its own. */
import { describe, expect, it } from 'vitest';
import { type Cloud } from '../../../src/model/cloud.ts';
import { compileFiles } from '../../../src/snapshot/read/compiled.ts';
import { memoryFolder } from '../../../src/snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { checkProperties } from '../../../src/verify/properties/check.ts';
import { readProperties } from '../../../src/verify/properties/read.ts';
import { type Checked } from '../../../src/verify/properties/types.ts';
import { cloudOf, cloudText } from './cloud.ts';

const CLOUD = cloudOf(cloudText());

/** Checks one invariant over the hosts of a cloud that somebody tampered with. */
function broken(
  invariant: string,
  edit: (path: string, text: string) => string = (_, text) => text,
  cloud: Cloud = CLOUD,
): readonly Checked[] {
  const files = new Map(
    [...compileFiles(cloud)].map(([path, read]) => [path, () => edit(path, read())] as const),
  );
  const { value, problems } = readProperties('p.yaml', `properties:\n  - {${invariant}}`);
  expect(problems).toEqual([]);
  return [...checkProperties(openSnapshot(memoryFolder(files)), value)];
}

const wrongOf = (checked: readonly Checked[]): readonly Checked[] =>
  checked.filter(({ holds }) => holds !== 'holds');

const FLOWS = 'hosts/compute2/ovs/br-int.flows.txt';
const TUNNELS = 'hosts/compute2/ovs/br-tun.flows.txt';

describe('rules alone', () => {
  it('finds nothing in what agents write', () => {
    expect(wrongOf(broken('invariant: no-overlaps'))).toEqual([]);
  });

  it('finds two flows of one priority that do different things', () => {
    const added =
      ' cookie=0x1, table=72, priority=77,tcp,tp_dst=443 actions=drop\n cookie=0x1, table=72, priority=77,tcp,nw_src=10.1.0.9 actions=NORMAL\n';
    const [found, ...more] = wrongOf(
      broken('invariant: no-overlaps, among: compute2', (path, text) =>
        path === FLOWS ? `${text}${added}` : text,
      ),
    );
    expect(more).toEqual([]);
    expect(found).toMatchObject({
      code: 'AMBIGUOUS_OVERLAP',
      subject: 'br-int table 72 at compute2',
    });
    expect(found?.because[0]).toContain('nw_src=10.1.0.9');
  });

  it('finds a flow that another one takes everything from', () => {
    const added =
      ' cookie=0x1, table=0, priority=65534,tcp actions=drop\n cookie=0x1, table=0, priority=60000,tcp,tp_dst=99 actions=NORMAL\n';
    const found = wrongOf(
      broken('invariant: no-shadowed-rules, among: compute2', (path, text) =>
        path === FLOWS ? `${text}${added}` : text,
      ),
    );
    expect(found.some(({ because }) => because[0]?.includes('tp_dst=99'))).toBe(true);
  });

  it('says nothing about hosts without rules', () => {
    const [found] = broken('invariant: no-overlaps, among: nowhere');
    expect(found).toMatchObject({ holds: 'fails', because: ['there is no host "nowhere"'] });
  });
});

describe('what packets do', () => {
  it('finds a way that lost its segment, and not what a security group refuses', () => {
    expect(wrongOf(broken('invariant: no-black-holes, among: "project:blue"'))).toEqual([]);
    const found = wrongOf(
      broken('invariant: no-black-holes, among: [web-1, web-2]', (path, text) =>
        path === TUNNELS ? text.replaceAll(/^.*table=4,.*tun_id=.*\n/gm, '') : text,
      ),
    );
    expect(found.map(({ code }) => code)).toContain('VNI_MAP_MISSING');
  });

  it('finds tables that ask themselves again, and routers that send to each other', () => {
    const among = 'invariant: no-loops, among: [web-1, web-2]';
    expect(wrongOf(broken(among))).toEqual([]);
    const [found, ...more] = wrongOf(
      broken(among, (path, text) =>
        path === FLOWS.replace('compute2', 'compute1')
          ? `${text} cookie=0x1, table=71, priority=200,udp,tp_dst=77 actions=resubmit(,71)\n`
          : text,
      ),
    );
    expect(more).toEqual([]);
    expect(found).toMatchObject({
      subject: 'web-1 → web-2',
      code: 'OF_LOOP_OR_RESUBMIT_LIMIT',
      witness: { protocol: 17, port: 77 },
    });
    const circle = cloudOf(
      cloudText().replace(
        'interfaces: [{subnet: blue}]}',
        `interfaces: [{subnet: blue}], routes: [{to: 10.9.0.0/16, via: 10.1.0.253}]}
  - {name: inner, project: blue, interfaces: [{subnet: blue, address: 10.1.0.253}], routes: [{to: 10.9.0.0/16, via: 10.1.0.1}]}`,
      ),
    );
    const around = broken(
      'invariant: no-loops, among: [web-1, "external:10.9.0.5"]',
      undefined,
      circle,
    ).find(({ from }) => from === 'web-1');
    expect(around).toMatchObject({ holds: 'fails', code: 'TTL_EXPIRED' });
  });

  it('finds links that take less than a network promises', () => {
    expect(wrongOf(broken('invariant: mtu, among: [web-1, web-2]'))).toEqual([]);
    const small = broken('invariant: mtu, among: [web-1, web-2], at_least: 1600');
    expect(wrongOf(small).map(({ code }) => code)).toContain('MTU_EXCEEDED_DF');
  });

  it('finds a floating IP that leads to another server, and answers that do not come back', () => {
    expect(wrongOf(broken('invariant: nat-consistent'))).toEqual([]);
    const astray = broken('invariant: nat-consistent', (path, text) =>
      path.endsWith('iptables-save.txt')
        ? text.replaceAll('--to-destination 10.1.0.11', '--to-destination 10.1.0.12')
        : text,
    );
    expect(wrongOf(astray).length).toBeGreaterThan(0);
    const lost = broken('invariant: nat-consistent', (path, text) =>
      path.endsWith('iptables-save.txt')
        ? text.replaceAll('--to-source 203.0.113.60', '--to-source 203.0.113.61')
        : text,
    );
    expect(wrongOf(lost)[0]?.because[0]).toContain('leaves as 203.0.113.61, not as 203.0.113.60');
  });
});

describe('forged frames', () => {
  const except = 'invariant: no-forged-sources, among: [web-1], except: [icmpv6]';

  it('are stopped by the agents’ rules, under every firewall', () => {
    for (const firewall of ['openvswitch', 'iptables_hybrid']) {
      const found = broken(except, undefined, cloudOf(cloudText(firewall)));
      expect(wrongOf(found), firewall).toEqual([]);
      expect(found.map(({ subject }) => subject)).toEqual([
        'web-1 arp',
        'web-1 ipv4',
        'web-1 ipv6',
        'web-1 other',
      ]);
    }
  });

  it('get out where a rule forgets an address', () => {
    const found = broken(except, (path, text) =>
      path === FLOWS.replace('compute2', 'compute1')
        ? text.replaceAll(/,nw_src=10\.1\.0\.11\b/g, '')
        : text,
    );
    const [one] = wrongOf(found);
    expect(one?.subject).toBe('web-1 ipv4');
    expect(one?.because[0]).toMatch(/a forged frame gets to .*: ip,dl_src=/);
  });
});
