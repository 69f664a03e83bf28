/**
 * New cases, asked of the running kernel now and compared with the emulation. A small set runs
 * where the kernel can be asked; beside it recorded mixtures are replayed everywhere. For a long
 * run: HOPWISE_NETFILTER_FUZZ=500 (cases a kind), HOPWISE_NETFILTER_SEED=first.
 */
import { describe, expect, it } from 'vitest';
import { type KernelCase } from './case.ts';
import { MIXTURE_RECORDS, readProfile } from './golden.ts';
import { Topologies } from './lab.ts';
import { type MixtureKind } from './mixture/mixture.ts';
import { askedCases, askedMixtures, hasOracle, PROFILES } from './oracle.ts';
import { differenceOf } from './run-case.ts';

const long = Number(process.env['HOPWISE_NETFILTER_FUZZ'] ?? 0);
const firstSeed = Number(process.env['HOPWISE_NETFILTER_SEED'] ?? 7_000_000);
const cases = long > 0 ? long : 4;
const MIXTURES: readonly MixtureKind[] = ['mixed', 'bridged', 'six', 'six-bridged'];
const HOURS = 12 * 3_600_000;

if (!hasOracle) {
  console.warn('skipping new cases for netfilter: the kernel cannot be asked here');
}

function differences(kind: string, asked: readonly KernelCase[]): readonly string[] {
  const topologies = new Topologies();
  const steps = asked.reduce((sum, { case: one }) => sum + one.packets.length, 0);
  const found = asked.flatMap(({ case: one, kernel }) => {
    return differenceOf(one, kernel.packets, topologies) ?? [];
  });
  console.log(
    `${kind} from seed ${firstSeed}: ${asked.length} cases, ${steps} steps, ${found.length} differ`,
  );
  return found;
}

/** The kernel refuses some generated topologies, and with one all cases of its seed. */
function someCases(profile: (typeof PROFILES)[number]): readonly KernelCase[] {
  for (let seed = firstSeed; seed < firstSeed + 8; seed++) {
    const asked = askedCases(profile, seed, cases);
    if (asked.length > 0) return asked;
  }
  return [];
}

describe.skipIf(!hasOracle)('new cases asked of the running kernel', () => {
  it.each(PROFILES)(
    'of the generator %s are played alike',
    (profile) => {
      const asked = someCases(profile);
      expect(asked.length).toBeGreaterThan(0);
      expect(differences(profile, asked)).toEqual([]);
    },
    HOURS,
  );

  it.each(MIXTURES)(
    'that are %s mixtures are played alike',
    (kind) => {
      expect(differences(kind, askedMixtures(kind, firstSeed, cases))).toEqual([]);
    },
    HOURS,
  );
});

describe('recorded mixtures', () => {
  it.each([...MIXTURES, 'extension', 'knowledge', 'fragments'])(
    "%s: frames, deliveries, matched rules are the kernel's",
    (kind) => {
      const recorded = readProfile(kind, MIXTURE_RECORDS);
      expect(recorded.length).toBeGreaterThan(0);
      expect(differences(`recorded ${kind}`, recorded)).toEqual([]);
    },
  );
});
