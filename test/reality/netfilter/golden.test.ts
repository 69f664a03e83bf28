/**
 * What the Linux kernel did with thousands of packets in small networks, replayed: frames out,
 * deliveries, every matched rule in order, remembered connections. All recorded cases are
 * played where they lie beside the repository; within it a part of them is.
 */
import { describe, expect, it } from 'vitest';
import { type KernelCase } from './case.ts';
import { difference } from './compare.ts';
import { IS_COMPLETE, profiles, readProfile } from './golden.ts';
import { Topologies } from './lab.ts';
import { playCase } from './run-case.ts';

/** The first step that differs, as text; null when all steps are alike. */
function firstDifference({ case: one, kernel }: KernelCase, topologies: Topologies): string | null {
  const played = playCase(one, kernel.packets, topologies);
  for (const [i, truth] of kernel.packets.entries()) {
    const seen = played[i];
    const found = seen && difference(truth, seen);
    if (found) return `${one.id} step ${i} ${JSON.stringify(one.packets[i])}: ${found}`;
  }
  return null;
}

describe(`recorded kernel cases (${IS_COMPLETE ? 'all' : 'the bundled part'})`, () => {
  for (const profile of profiles()) {
    it(`${profile}: frames, deliveries, matched rules and connections are the kernel's`, () => {
      const topologies = new Topologies();
      const cases = readProfile(profile);
      expect(cases.length).toBeGreaterThan(0);
      const different = cases.flatMap((one) => firstDifference(one, topologies) ?? []);
      expect(different).toEqual([]);
    });
  }
});
