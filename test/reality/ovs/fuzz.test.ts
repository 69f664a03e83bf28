/**
 * New cases, asked of the real switch now and compared with the emulation. A fixed small set runs
 * where the oracle's programs stand beside the repository. For a long run:
 * HOPWISE_OVS_FUZZ=1000 (cases of tables; a quarter as many with frames), HOPWISE_OVS_SEED=first.
 */
import { describe, expect, it } from 'vitest';
import { type OracleCase } from './cases.ts';
import { askedCases, type CaseKind, countedFeatures, hasOracle } from './oracle.ts';
import { type Comparison, compareTraces } from './run-case.ts';
import { comparePackets } from './run-packets.ts';

const long = Number(process.env['HOPWISE_OVS_FUZZ'] ?? 0);
const firstSeed = Number(process.env['HOPWISE_OVS_SEED'] ?? 9_000_000);
/** Cases that one daemon is asked for at a time. */
const BATCH = 100;

const CASES: Readonly<Record<CaseKind, number>> =
  long > 0
    ? { neutron: long, random: long, ct: Math.ceil(long / 4), fdb: Math.ceil(long / 4) }
    : { neutron: 8, random: 24, ct: 4, fdb: 4 };

if (!hasOracle)
  console.warn('skipping new cases for Open vSwitch: no oracle beside the repository');

function report(kind: CaseKind, found: readonly Comparison[], features: Map<string, number>): void {
  const sum = (of: (one: Comparison) => number) => found.reduce((all, one) => all + of(one), 0);
  const counts = [...features].map(([name, steps]) => `${name} ${steps}`).join(', ');
  console.log(
    `${kind} from seed ${firstSeed}: ${found.length} cases, ${sum((one) => one.steps)} steps, ` +
      `${sum((one) => one.passes)} passes, ${sum((one) => one.ambiguous)} ambiguous (${counts})`,
  );
}

function run(kind: CaseKind, compare: (one: OracleCase) => Comparison): readonly string[] {
  const found: Comparison[] = [];
  const features = new Map<string, number>();
  for (let done = 0; done < CASES[kind]; done += BATCH) {
    const cases = askedCases(kind, firstSeed + done, Math.min(BATCH, CASES[kind] - done));
    found.push(...cases.map(compare));
    for (const [name, steps] of countedFeatures(cases)) {
      features.set(name, (features.get(name) ?? 0) + steps);
    }
  }
  report(kind, found, features);
  return found.flatMap(({ differences }) => differences);
}

const HOURS = 12 * 3_600_000;

describe.skipIf(!hasOracle)('new cases asked of the real switch', () => {
  it.each([
    ['traces through the tables of Neutron', 'neutron', compareTraces],
    ['traces through random tables', 'random', compareTraces],
    ['frames through connection tracking', 'ct', comparePackets],
    ['frames through NORMAL', 'fdb', comparePackets],
  ] as const)(
    'give the same for %s',
    (_, kind, compare) => {
      expect(run(kind, (one) => compare(one))).toEqual([]);
    },
    HOURS,
  );
});
