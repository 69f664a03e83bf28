/** Who is blamed first for faults that pings, leases and the metadata service feel alike. */
import { describe, it } from 'vitest';
import { captured } from '../../captured.ts';
import { expectNamed } from './asked-anything.ts';
import { CENTRAL, FIREWALL, STANDING } from './central-faults.ts';
import { LEARNING } from './learning-faults.ts';
import { PLUGGING } from './plugging-faults.ts';

describe('a deployment that floods and learns and', () => {
  const capture = captured('ovs-vxlan-learn');
  it.each(LEARNING)('$name', (fault) => {
    expectNamed(capture, 'just-before-capture', fault);
  });
});

describe('hosts with the hybrid firewall and', () => {
  const capture = captured('ovs-vlan-hybrid');
  it.each(PLUGGING)('$name', (fault) => {
    expectNamed(capture, 'matrix', fault);
  });
});

describe('a distributed router and', () => {
  const capture = captured('ovs-dvr');
  it.each(CENTRAL)('$name', (fault) => {
    expectNamed(capture, 'north-south', fault);
  });
});

describe('the firewall of Open vSwitch and', () => {
  const capture = captured('ovs-vxlan-ovsfw');
  it.each(FIREWALL)('$name', (fault) => {
    expectNamed(capture, 'tenant-matrix', fault);
  });
});

describe('hosts with Linux bridges and', () => {
  const capture = captured('linuxbridge-vxlan-flat');
  it.each(STANDING)('$name', (fault) => {
    expectNamed(capture, 'matrix', fault);
  });
});
