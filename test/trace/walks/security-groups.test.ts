/** Security groups in iptables of a Linux bridge: one server, its chains in their order. */
import { describe, expect, it } from 'vitest';
import { type RuleStep } from '../../../src/dataplane/iptables/steps.ts';
import { type Asked } from '../../../src/trace/ask.ts';
import { type Trace } from '../../../src/trace/types.ts';
import { bookCloud, unknown, walk } from './book.ts';

const cloud = bookCloud({
  compute01: [
    'brctl-show.compute01.web1.txt',
    'linuxbridge_agent.ini',
    'iptables-save.compute01.web1.txt',
    'ipset-save.compute01.web1.txt',
  ],
  controller01: ['brctl-show.controller01.dhcp.txt', 'linuxbridge_agent.ini'],
  'controller01:qdhcp-03327707-c369-4bd7-bd71-a42d9bcf49b8': [
    'ip-addr.qdhcp-03327707.controller01.txt',
  ],
});

const WEB1 = '192.168.206.6';
const SERVER = 'controller01:ns-6c15d7b8-87';

const toWeb1 = (more: Partial<Asked>): Trace => walk(cloud, { from: SERVER, to: WEB1, ...more });
const fromWeb1 = (flow: string): Trace => walk(cloud, { from: 'web1', to: '192.168.206.2', flow });

/** The chains of the server's host that the packet was asked in, in order. */
function chains({ request }: Trace): readonly string[] {
  const here = (request?.hops ?? []).filter(({ host, device }) => {
    return host === 'compute01' && device === 'root';
  });
  const steps = here.flatMap(({ steps: found }) => found.map(({ step }) => step));
  const names = steps.flatMap((step) => (step.kind === 'rule' ? [(step as RuleStep).chain] : []));
  return names.filter((name, index) => name !== names[index - 1]);
}

describe('a server behind security groups of a Linux bridge', () => {
  it('answers on the ports its rules name', () => {
    for (const port of [80, 443, 22]) {
      expect(toWeb1({ protocol: 'tcp', port }).delivered, `port ${port}`).toBe(true);
    }
    expect(toWeb1({}).delivered).toBe(true);
  });

  it('does not answer on another, by the fallback of its incoming chain', () => {
    const { delivered, blockers } = toWeb1({ protocol: 'tcp', port: 8080 });
    expect(delivered).toBe(false);
    expect(blockers[0]).toMatchObject({
      code: 'SG_NO_MATCHING_RULE',
      host: 'compute01',
      component: 'root filter neutron-linuxbri-iadcc4b66-c',
    });
    expect(blockers[0]?.origin?.line).toBe(61);
    const near = blockers[0]?.nearMisses.map(({ rule }) => rule) ?? [];
    expect(near).toContain('-A neutron-linuxbri-iadcc4b66-c -p tcp -m tcp --dport 80 -j RETURN');
  });

  it('lets members of the default group in by any protocol', () => {
    const member = toWeb1({ flow: 'udp,nw_src=192.168.206.9,tp_dst=999' });
    const stranger = toWeb1({ flow: 'udp,nw_src=192.168.206.10,tp_dst=999' });
    expect([member.requestDelivered, stranger.requestDelivered]).toEqual([true, false]);
  });

  it('may not send from another address or MAC', () => {
    for (const flow of ['icmp,nw_src=192.168.206.66', 'icmp,dl_src=fa:16:3e:00:00:99']) {
      const { requestDelivered, blockers } = fromWeb1(flow);
      expect(requestDelivered, flow).toBe(false);
      expect(blockers[0]?.code, flow).toBe('MAC_SPOOF_BLOCKED');
      expect(blockers[0]?.origin?.line, flow).toBe(57);
    }
  });

  it('may not serve DHCP', () => {
    const { requestDelivered, blockers } = fromWeb1('udp,tp_src=67,tp_dst=68');
    expect(requestDelivered).toBe(false);
    expect(blockers[0]?.evidence).toContain('Prevent DHCP Spoofing by VM.');
  });

  it('hangs on nothing but what the book does not print', () => {
    const files = unknown(toWeb1({ protocol: 'tcp', port: 80 }));
    expect(files).toContain('hosts/compute01/ns/root/ip-link');
    expect(files.some((file) => /iptables-save|ipset/.test(file) && /compute01/.test(file))).toBe(
      false,
    );
  });

  it('is asked by the chains of its device in the order of the hooks', () => {
    expect(chains(toWeb1({ protocol: 'tcp', port: 80 }))).toEqual([
      'PREROUTING',
      'neutron-linuxbri-PREROUTING',
      'PREROUTING',
      'FORWARD',
      'neutron-filter-top',
      'neutron-linuxbri-local',
      'neutron-filter-top',
      'FORWARD',
      'neutron-linuxbri-FORWARD',
      'neutron-linuxbri-sg-chain',
      'neutron-linuxbri-iadcc4b66-c',
      'neutron-linuxbri-sg-chain',
    ]);
  });
});
