/**
 * Faults put into flows, rules and tables of captured hosts: proofs before and after the change,
 * or an invariant, must notice. A fixed few here; `HOPWISE_MUTATIONS=I/OF` does a part of all.
 */
import { describe, expect, it } from 'vitest';
import { drawFrom } from '../../traffic/random-rules.ts';
import { detect } from './detect.ts';
import { OPERATORS } from './operators.ts';

const PART = process.env['HOPWISE_MUTATIONS'];
const [INDEX = 0, OF = 1] = (PART ?? '').split('/').map(Number);
const LONGEST_MS = 1_200_000;

/** Noticed at the first pairs that are proved. */
const FEW = ['a network leaves without its tag'];

describe('a fault in a host’s flows or rules', () => {
  it('has many kinds', () => {
    expect(new Set(OPERATORS.map(({ what }) => what)).size).toBeGreaterThan(60);
  });

  const asked =
    PART === undefined
      ? OPERATORS.filter(({ what }) => FEW.includes(what))
      : OPERATORS.filter((_, i) => i % OF === INDEX);
  it.each(asked)(
    'is noticed: $what',
    (kind) => {
      const found = detect(kind, drawFrom(kind.what.length), PART === undefined ? 8 : 60);
      if (PART !== undefined) console.log(JSON.stringify({ what: kind.what, ...found }));
      expect(found.by, found.line).not.toBeNull();
    },
    LONGEST_MS,
  );
});
