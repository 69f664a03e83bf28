/**
 * What hangs on something that no dump decides (a hash among next hops, what a switch has learned,
 * which router took over) or on what is remembered: must and may, and failures.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileFiles } from '../../../src/snapshot/read/compiled.ts';
import { ROOT } from '../../sources.ts';
import { capturedNetworks } from '../proof/networks.ts';
import { checkedOver, cloudOf, cloudText, tampered } from './cloud.ts';

const OUTSIDE = 'external:198.51.100.77';
const answers = (found: ReturnType<typeof checkedOver>) =>
  found.map(({ subject, holds }) => `${subject} ${holds}`);

describe('a hash among next hops', () => {
  /** The router's default route gets a second next hop, which nobody answers for. */
  const twoWays = tampered(cloudOf(cloudText()), (path, text) => {
    if (!/ns\/qrouter-[^/]+\/ip-route-v4\.json$/.test(path)) return text;
    const rows = JSON.parse(text) as Record<string, unknown>[];
    const hop = (gateway: string, dev: unknown) => ({ gateway, dev, weight: 1, flags: [] });
    return JSON.stringify(
      rows.map(({ gateway, dev, ...rest }) =>
        rest['dst'] === 'default'
          ? { ...rest, nexthops: [hop('203.0.113.1', dev), hop('203.0.113.77', dev)] }
          : { ...rest, dev, ...(gateway === undefined ? {} : { gateway }) },
      ),
    );
  });

  it('makes packets arrive for some choices: that they may is true, that they must is not', () => {
    const asked = (more: string) =>
      checkedOver(twoWays, `  - {from: web-1, to: "${OUTSIDE}", ${more}}`)[0];
    expect(asked('arrives: some, modality: may')?.holds).toBe('holds');
    const must = asked('arrives: some, modality: must');
    expect(must?.holds).toBe('fails');
    expect(must?.because[0]).toMatch(/arrives for some choices only: \S+ at net1, /);
    // Nothing is closed by a hash.
    expect(asked('arrives: none')?.holds).toBe('fails');
    expect(asked('arrives: all, tcp: 443')?.holds).toBe('fails');
  });

  it('breaks the invariant of equal ways, which one way keeps', () => {
    const list = `  - {invariant: ecmp-consistent, among: [web-1, "${OUTSIDE}"]}`;
    const [found, back] = checkedOver(twoWays, list);
    expect(found).toMatchObject({ holds: 'fails', code: 'AMBIGUOUS_HASH' });
    expect(found?.because[0]).toContain('at net1');
    expect(back?.holds).toBe('holds');
    const one = tampered(cloudOf(cloudText()), (_, text) => text);
    expect(answers(checkedOver(one, list)).every((each) => each.endsWith('holds'))).toBe(true);
  });
});

describe('what switches have learned', () => {
  it('decides about no packet where they flood what they do not know', () => {
    const network = capturedNetworks()
      .find(({ name }) => name.startsWith('ovs-vxlan-learn '))
      ?.open();
    if (network === undefined) throw new Error('the capture has no dump');
    const [first, second] = network.endpoints.filter(
      ({ role, port }, _, all) =>
        role === 'vm' &&
        port !== null &&
        port.networkId === all.find((one) => one.role === 'vm')?.port?.networkId,
    );
    const pair = `from: ${first?.port?.id}, to: ${second?.port?.id}, arrives: some`;
    const found = checkedOver(
      network,
      `  - {${pair}, modality: must}\n  - {${pair}, modality: may}\n  - {invariant: ecmp-consistent, among: [${first?.port?.id}, ${second?.port?.id}]}`,
    );
    expect(found.map(({ holds }) => holds)).toEqual(['holds', 'holds', 'holds', 'holds']);
  });
});

describe('connections that are remembered', () => {
  const cloud = cloudOf(cloudText('iptables_hybrid'));
  /** compute1 remembers a connection from web-2 to a port of web-1, in the zones of its guests. */
  function withConntrack(port: number) {
    const line = (zone: number): string =>
      `ipv4     2 tcp      6 431999 ESTABLISHED src=10.1.0.12 dst=10.1.0.11 sport=40000 dport=${port} src=10.1.0.11 dst=10.1.0.12 sport=${port} dport=40000 [ASSURED] mark=0 zone=${zone} use=1`;
    return tampered(
      cloud,
      (_, text) => text,
      new Map([['hosts/compute1/ns/root/conntrack.txt', `${[4097, 4098].map(line).join('\n')}\n`]]),
    );
  }

  it('break an invariant when the rules of now would not let them begin', () => {
    const stale = checkedOver(withConntrack(22), '  - invariant: no-stale-connections');
    expect(stale.filter(({ holds }) => holds === 'fails')).toMatchObject([
      {
        subject: 'tcp 10.1.0.12:40000 → 10.1.0.11:22 at compute1',
        code: 'SG_NO_MATCHING_RULE',
        origin: { file: 'hosts/compute1/ns/root/conntrack.txt', line: 1 },
      },
    ]);
    const allowed = checkedOver(withConntrack(443), '  - invariant: no-stale-connections');
    expect(answers(allowed)).toEqual(['1 remembered connections holds']);
  });

  it('say nothing when none was captured', () => {
    const none = checkedOver(
      tampered(cloud, (_, text) => text),
      '  - invariant: no-stale-connections',
    );
    expect(none).toMatchObject([
      { holds: 'fails', because: ['says nothing: no connection was captured'] },
    ]);
  });
});

describe('highly available routers', () => {
  const cloud = cloudOf(readFileSync(join(ROOT, 'scenarios/ha-router/cloud.yaml'), 'utf8'));
  const network = tampered(cloud, (_, text) => text);
  const OUT = `  - {name: out, from: v1, to: "${OUTSIDE}", arrives: all, icmp: true, via: ["router:edge"]}\n`;
  const under = (failures: string) =>
    answers(checkedOver(network, `${OUT}  - {keeps: [out], under_failures: {${failures}}}`)).slice(
      1,
    );

  const of = (host: string, file: string): ((path: string) => boolean) => {
    return (path) => path.includes(`/${host}/ns/qrouter-`) && path.endsWith(file);
  };
  const files = compileFiles(cloud);
  const textOf = (is: (path: string) => boolean): string =>
    files.get([...files.keys()].find(is) ?? '')?.() ?? '';
  const asked = ['some', 'none', 'all']
    .map((claim) => `  - {from: v1, to: "${OUTSIDE}", arrives: ${claim}, icmp: true}`)
    .join('\n');

  it('let nothing pass without a master, and nobody can say with two', () => {
    // net2 has the addresses as the cloud is compiled.
    const rows = JSON.parse(textOf(of('net2', 'ip-addr.json'))) as Record<string, unknown>[];
    const nobody = tampered(cloud, (path, text) =>
      ['ip-addr.json', 'ip-route-v4.json'].some((file) => of('net2', file)(path))
        ? textOf(of('net1', path.split('/').at(-1) ?? ''))
        : text,
    );
    expect(checkedOver(nobody, asked).map(({ holds }) => holds)).toEqual([
      'fails',
      'holds',
      'fails',
    ]);
    const both = tampered(cloud, (path, text) => {
      if (of('net1', 'ip-route-v4.json')(path)) return textOf(of('net2', 'ip-route-v4.json'));
      if (!of('net1', 'ip-addr.json')(path)) return text;
      const own = JSON.parse(text) as Record<string, unknown>[];
      const taken = own.map((one) => {
        const other = rows.find(({ ifname }) => ifname === one['ifname']);
        const elected = /^(qr|qg)-/.test(String(one['ifname'])) && other !== undefined;
        return elected ? { ...one, addr_info: other['addr_info'] } : one;
      });
      return JSON.stringify(taken);
    });
    const found = checkedOver(both, asked);
    expect(found.map(({ holds }) => holds)).toEqual(['unsure', 'fails', 'unsure']);
    expect(found[0]?.because).toEqual([
      'VRRP_SPLIT_BRAIN: edge is master on net1 and net2 at the same time',
    ]);
  });

  it('take over from one another, and the smallest set that breaks all is told', () => {
    expect(under('routers: 2')).toEqual([
      'router edge on net1 holds',
      'router edge on net2 holds',
      'router edge on net1 and router edge on net2 fails',
    ]);
  });

  it('outlive any one host, and the server’s own host is not asked about', () => {
    expect(under('hosts: 1').sort()).toEqual(['host net1 holds', 'host net2 holds']);
  });
});
