/** Who is blamed first for faults of hosts with Linux bridges and hybrid firewalls. */
import { describe, it } from 'vitest';
import { captured } from '../../captured.ts';
import { HYBRID, LINUX } from './bridge-faults.ts';
import { expectBlame } from './expect-blame.ts';

describe('hosts with Linux bridges and', () => {
  const capture = captured('linuxbridge-vxlan-flat');
  it.each(LINUX)('$name', (fault) => {
    expectBlame(capture, 'matrix', fault);
  });
});

describe('hosts with VLANs, the hybrid firewall and', () => {
  const capture = captured('ovs-vlan-hybrid');
  it.each(HYBRID)('$name', (fault) => {
    expectBlame(capture, 'matrix', fault);
  });
});
