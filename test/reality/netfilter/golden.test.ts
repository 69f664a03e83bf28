/**
 * The network stack against the Linux kernel: recorded cases, step by step, every frame that
 * left and every packet that reached a socket. Without the complete record beside the
 * repository a part of it is played.
 */
import { describe, expect, it } from 'vitest';
import { type KernelCase } from './case.ts';
import { difference, lastPlayable } from './compare.ts';
import { IS_COMPLETE, profiles, readProfile } from './golden.ts';
import { hooksFor } from './rules.ts';
import { playCase } from './run-case.ts';

/**
 * Cases that differ, by cause. Each is a limit of the emulation, told in docs/limits.md or by the
 * answer itself (a rule that is not understood); none may be added.
 */
const DIFFERENT: Readonly<Record<string, readonly string[]>> = JSON.parse(`{}`);

/** The first step that differs, as text; null when all steps are alike. */
function firstDifference({ case: one, kernel }: KernelCase): string | null {
  const played = playCase(one, kernel.packets, hooksFor(one));
  for (const [i, truth] of kernel.packets.slice(0, lastPlayable(one)).entries()) {
    const seen = played[i];
    const found = seen && difference(truth, seen, one.fuzzy_ports === true);
    if (found) return `${one.id} step ${i} ${JSON.stringify(one.packets[i])}: ${found}`;
  }
  return null;
}

const known = new Set(Object.values(DIFFERENT).flat());

describe(`recorded kernel cases (${IS_COMPLETE ? 'all' : 'the bundled part'})`, () => {
  for (const profile of profiles()) {
    it(`${profile}: every frame and every delivery is the kernel's`, () => {
      const cases = readProfile(profile);
      expect(cases.length).toBeGreaterThan(0);
      const different = cases.flatMap((one) =>
        known.has(one.case.id) ? [] : [firstDifference(one) ?? []].flat(),
      );
      expect(different).toEqual([]);
    });
  }
});
