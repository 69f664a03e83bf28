/** What is wrong although the packet arrives: said beside the verdict, and only where it is so. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCloudYaml } from '../../src/model/yaml/read-cloud.ts';
import { memoryFolder } from '../../src/snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { type Remark, type Trace } from '../../src/trace/types.ts';
import { compileCloud } from '../../src/verify/scenarios/run.ts';
import { captured } from '../captured.ts';
import { ROOT } from '../sources.ts';
import { askOf } from './asked.ts';
import { injure, lostRule, sysctl } from './faults/edits.ts';
import { setMtu } from './faults/whole-edits.ts';

const HYBRID = captured('ovs-vlan-hybrid');
const LINUX = captured('linuxbridge-vxlan-flat');
const SSH = { protocol: 'tcp', destinationPort: 22 } as const;

function warnings({ remarks }: Trace): readonly Pick<Remark, 'code' | 'text'>[] {
  return remarks.filter(({ kind }) => kind === 'warning').map(({ code, text }) => ({ code, text }));
}

describe('a packet that passes although', () => {
  it('nothing is wrong is told without a warning', () => {
    const ask = askOf(injure(HYBRID, 'matrix', []));
    for (const [from, to] of [
      ['v2', '10.100.0.48'],
      ['v1', '10.101.0.178'],
      ['v1', 'external:198.51.100.10'],
    ] as const) {
      const trace = ask(from, to);
      expect([from, to, trace.verdict, warnings(trace)]).toEqual([from, to, 'REACHABLE', []]);
    }
  });

  it('a switch between hosts could carry more than they send is told without a warning', () => {
    const file = 'scenarios/e01-vlan-not-trunked/cloud.yaml';
    const { value } = readCloudYaml(file, readFileSync(join(ROOT, file), 'utf8'));
    if (value === null) throw new Error(`${file} is no cloud`);
    const ask = askOf(openSnapshot(memoryFolder(compileCloud(value).files)));
    const trace = ask('vm0', '192.168.100.13');
    expect([trace.verdict, warnings(trace)]).toEqual(['REACHABLE', []]);
  });

  it.each([
    ['ovs-vlan-hybrid', HYBRID, 'v1', '10.100.0.142'],
    ['linuxbridge-vxlan-flat', LINUX, 'l1', '10.0.0.119'],
  ] as const)('iptables is kept from bridges is told so (%s)', (_name, capture, from, to) => {
    const off = sysctl('compute2', /root/, 'net.bridge.bridge-nf-call-iptables', '0');
    const trace = askOf(injure(capture, 'matrix', [off]))(from, to, SSH);
    expect(trace.verdict).toBe('REACHABLE');
    expect(warnings(trace)).toEqual([
      { code: 'BRNF_DISABLED', text: expect.stringContaining('compute2') },
    ]);
  });

  it('the rules that lead to its port’s firewall are lost is told that no group allows it', () => {
    const lost = lostRule('compute2', /root/, 'iptables-save', /-A neutron-openvswi-sg-chain/);
    const trace = askOf(injure(HYBRID, 'matrix', [lost]))('v1', '10.100.0.142', SSH);
    expect(trace.verdict).toBe('REACHABLE');
    expect(warnings(trace)).toEqual([
      { code: null, text: expect.stringContaining('lets tcp/22 in from 10.100.0.48') },
    ]);
  });

  it('larger ones would vanish at a smaller end of a link is told where', () => {
    const network = injure(HYBRID, 'matrix', [setMtu('compute2', /root/, /^eth2$/, 1400)]);
    const small = askOf(network)('v2', '10.100.0.48');
    expect(small.verdict).toBe('REACHABLE');
    expect(warnings(small)).toEqual([
      { code: 'MTU_INCONSISTENT', text: expect.stringContaining('eth2 of compute2 has MTU 1400') },
    ]);
    const large = askOf(network)('v2', '10.100.0.48', { size: 1440 });
    expect([large.verdict, large.blockers[0]?.host]).toEqual(['UNREACHABLE', 'compute2']);
  });
});
