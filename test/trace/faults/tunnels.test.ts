/** Who is blamed first for faults of a VXLAN deployment with the Open vSwitch firewall. */
import { describe, it } from 'vitest';
import { captured } from '../../captured.ts';
import { expectBlame } from './expect-blame.ts';
import { FAULTS } from './tunnel-faults.ts';

const capture = captured('ovs-faults');

describe('a VXLAN deployment with', () => {
  it.each(FAULTS)('$name', (fault) => {
    expectBlame(capture, 'baseline', fault);
  });
});
