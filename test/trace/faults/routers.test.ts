/** Who is blamed first for faults of distributed and highly available routers. */
import { describe, it } from 'vitest';
import { captured } from '../../captured.ts';
import { expectBlame } from './expect-blame.ts';
import { AVAILABLE, DISTRIBUTED } from './router-faults.ts';

describe('a distributed router and', () => {
  const capture = captured('ovs-dvr');
  it.each(DISTRIBUTED)('$name', (fault) => {
    expectBlame(capture, 'north-south', fault);
  });
});

describe('a highly available router and', () => {
  const capture = captured('ovs-ha-router');
  it.each(AVAILABLE)('$name', (fault) => {
    expectBlame(capture, 'before failover, master net2', fault);
  });
});
