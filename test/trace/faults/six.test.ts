/** Who is blamed first for faults of IPv6. */
import { describe, it } from 'vitest';
import { expectNamedIn } from './asked-anything.ts';
import { injuredCloud } from './clouds.ts';
import { SIX, SIX_CLOUD } from './six-faults.ts';

describe('a cloud of IPv6 with', () => {
  it.each(SIX)('$name', (fault) => {
    expectNamedIn(injuredCloud(SIX_CLOUD, fault.edits), fault);
  });
});
