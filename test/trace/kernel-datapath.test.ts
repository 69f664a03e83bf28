/**
 * The same deployment with the kernel's datapath instead of the userspace one: tunnels leave from
 * the host's own stack, and connections are tracked by the kernel. What real probes met there must
 * not change.
 */
import { describe, expect, it } from 'vitest';
import { parseProbeRecords } from '../../src/trace/probe-record.ts';
import { replay } from '../../src/trace/replay-run.ts';
import { captured } from '../captured.ts';
import { askOf } from './asked.ts';
import { type Edit, injure, lostPort, mtu, rewrite, sysctl } from './faults/edits.ts';

const capture = captured('ovs-vxlan-ovsfw');
const HOSTS = ['compute1', 'compute2', 'net1'];

/** The tunnel address moves from the bridge that carried it to the NIC behind that bridge. */
function toKernel(host: string): readonly Edit[] {
  const own = (file: string): RegExp => new RegExp(`^hosts/${host}/${file}`);
  return [
    rewrite(own('ovs/ovsdb-dump'), (text) => text.replaceAll('"netdev"', '"system"')),
    rewrite(own('ovs/dpif-show'), (text) =>
      text.replaceAll('netdev@ovs-netdev', 'system@ovs-system'),
    ),
    lostPort(host, 'br-vtep', 'eth1'),
    rewrite(own('ns/root/ip-route-v4\\.json'), (text) => text.replaceAll('br-vtep', 'eth1')),
    rewrite(own('ns/root/ip-addr\\.json'), (text) => {
      const rows = JSON.parse(text) as { ifname: string; addr_info: unknown[] }[];
      const addresses = rows.find(({ ifname }) => ifname === 'br-vtep')?.addr_info ?? [];
      const moved = rows.map((row) => {
        if (row.ifname === 'br-vtep') return { ...row, addr_info: [] };
        return row.ifname === 'eth1' ? { ...row, addr_info: addresses } : row;
      });
      return JSON.stringify(moved);
    }),
  ];
}

const ASSURED =
  'ipv4     2 tcp      6 431999 ESTABLISHED src=10.9.9.1 dst=10.9.9.2 sport=4000 dport=22 ' +
  'src=10.9.9.2 dst=10.9.9.1 sport=22 dport=4000 [ASSURED] mark=0 use=1\n';

const edits = HOSTS.flatMap(toKernel);
const network = injure(capture, 'tenant-matrix', edits);

describe('tunnels of the kernel datapath', () => {
  it('leave from the stack of the host and come back to its switch', () => {
    const trace = askOf(network)('a1', 'a2');
    expect(trace.verdict).toBe('REACHABLE');
    expect(trace.request?.hops.map(({ host, device }) => [host, device])).toEqual([
      ['compute1', 'vm-a1'],
      ['compute1', 'ovs'],
      ['compute1', 'root'],
      ['compute2', 'root'],
      ['compute2', 'ovs'],
      ['compute2', 'vm-a2'],
    ]);
    const wire = trace.request?.hops[3]?.before;
    expect(wire).toMatchObject({ ip_src: '172.30.20.31', ip_dst: '172.30.20.32', tp_dst: '4789' });
  });

  it('change nothing of what real probes met', () => {
    const { value } = parseProbeRecords(capture.recordsText, 'truth.json');
    const sample = value.filter(
      ({ kind, phase, index }) =>
        kind === 'probe' && phase !== 'after-sg-change' && index % 6 === 0,
    );
    const { probes } = replay(sample, () => network);
    expect(probes.length).toBeGreaterThan(30);
    for (const { index, predicted } of probes) {
      const record = capture.records[index] ?? {};
      expect([index, predicted.delivered, predicted.request_delivered]).toEqual([
        index,
        record['delivered'],
        record['request_delivered'],
      ]);
    }
  });

  it('carry a packet in fragments, which ct() sees whole', () => {
    const large = askOf(network)('a1', 'a2', { size: 3000 });
    expect(large.verdict).toBe('REACHABLE');
    expect(large.request?.hops.at(-1)?.before).toMatchObject({ ip_src: '10.0.0.81', ip_frag: '1' });
  });

  it('differ there from the userspace datapath, whose flows meet every fragment by itself', () => {
    const userspace = injure(capture, 'tenant-matrix', []);
    const large = askOf(userspace)('a1', 'a2', { size: 3000 });
    expect(large.verdict).toBe('UNREACHABLE');
    expect(large.blockers[0]).toMatchObject({ code: 'SG_NO_MATCHING_RULE', host: 'compute2' });
    expect(large.blockers[0]?.because.join()).toContain('fragment');
  });

  it('end frames that do not fit the NIC they leave by', () => {
    const small = injure(capture, 'tenant-matrix', [
      ...edits,
      mtu('compute1', /root/, /^eth1$/, 1430),
    ]);
    const ask = askOf(small);
    const large = ask('a1', 'a2', { size: 1400, dontFragment: true });
    expect(large.verdict).toBe('UNREACHABLE');
    expect(large.blockers[0]).toMatchObject({ code: 'MTU_EXCEEDED_DF', host: 'compute1' });
    expect(ask('a1', 'a2').verdict).toBe('REACHABLE');
  });
});

describe('connections of the kernel datapath', () => {
  const full = (most: number): readonly Edit[] => [
    sysctl('compute1', /root/, 'net.netfilter.nf_conntrack_max', String(most)),
    sysctl('compute1', /root/, 'net.netfilter.nf_conntrack_count', '1'),
    (texts) => {
      texts.set('hosts/compute1/ns/root/conntrack.txt', ASSURED);
    },
  ];

  it('find no room in the host’s table when all of it is assured', () => {
    const crowded = injure(capture, 'tenant-matrix', [...edits, ...full(1)]);
    const { verdict, blockers } = askOf(crowded)('a1', 'a2');
    const [first] = blockers;
    expect([verdict, first?.code, first?.host]).toEqual([
      'UNREACHABLE',
      'CT_TABLE_FULL',
      'compute1',
    ]);
  });

  it('begin where there is room', () => {
    const roomy = injure(capture, 'tenant-matrix', [...edits, ...full(100)]);
    expect(askOf(roomy)('a1', 'a2').verdict).toBe('REACHABLE');
  });
});
