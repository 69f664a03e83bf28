/** Reasons that need a fault of their own: who is blamed first. */
import { describe, it } from 'vitest';
import { captured } from '../../captured.ts';
import { CODES } from './code-faults.ts';
import { expectBlame } from './expect-blame.ts';

const capture = captured('ovs-faults');

describe('a VXLAN deployment with', () => {
  it.each(CODES)('$name', (fault) => {
    expectBlame(capture, 'baseline', fault);
  });
});
