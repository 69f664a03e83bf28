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
const DIFFERENT: Readonly<Record<string, readonly string[]>> = {
  'fragments are not put together': [
    'bridge-2026-15',
    'bridge-2026-43',
    'exp-frag-ct',
    'icmp-related-mtu',
    'l3-2026-5',
    'l3-2026-10',
    'l3-2026-14',
    'l3-2026-17',
    'l3-2026-23',
    'l3-2026-46',
    'l3-2026-47',
    'nat-2026-13',
    'nat-2026-23',
    'router-2026-4',
    'router-2026-17',
    'router-2026-26',
    'router-2026-28',
    'router-2026-32',
    'router-2026-44',
    'router-2026-45',
    'routing-2026-1',
    'routing-2026-11',
    'routing-2026-13',
    'routing-2026-14',
    'routing-2026-15',
    'routing-2026-21',
    'routing-2026-41',
    'routing-2026-47',
  ],
  'checksums are not verified': [
    'exp-untracked-and-states',
    'l3-2026-8',
    'l3-2026-13',
    'l3-2026-21',
    'l3-2026-22',
    'nat-2026-33',
  ],
  'matches that are not evaluated (quota, tcpmss, u32)': [
    'bridge-2026-17',
    'nat-2026-7',
    'nat-2026-21',
    'router-2026-27',
    'router-2026-49',
  ],
  'SCTP replies with another verification tag': [
    'l3-2026-18',
    'l3-2026-19',
    'nat-2026-8',
    'router-2026-15',
  ],
  'options, helpers and flags of connections that are not computed': [
    'exp-expect-ftp',
    'local-redirect',
    'targets',
    'nat-2026-14',
    'routing-2026-34',
  ],
};

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
