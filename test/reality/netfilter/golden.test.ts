/**
 * What the Linux kernel did with thousands of packets in small networks, replayed: frames out,
 * deliveries, every matched rule in order, remembered connections. All recorded cases are
 * played where they lie beside the repository; within it a part of them is.
 */
import { describe, expect, it } from 'vitest';
import { firstDifference } from './compare.ts';
import { IS_COMPLETE, profiles, readProfile } from './golden.ts';
import { Topologies } from './lab.ts';
import { playCase } from './run-case.ts';

describe(`recorded kernel cases (${IS_COMPLETE ? 'all' : 'the bundled part'})`, () => {
  for (const profile of profiles()) {
    it(`${profile}: frames, deliveries, matched rules and connections are the kernel's`, () => {
      const topologies = new Topologies();
      const cases = readProfile(profile);
      expect(cases.length).toBeGreaterThan(0);
      const different = cases.flatMap(({ case: one, kernel }) => {
        const played = playCase(one, kernel.packets, topologies);
        return firstDifference(one, kernel.packets, played) ?? [];
      });
      expect(different).toEqual([]);
    });
  }
});
