/** Every reason is shown by a scenario or a fault, or it is said why not; and all are explained. */
import { describe, expect, it } from 'vitest';
import { scenariosByCode } from '../scripts/scenario-codes.ts';
import { explain, FAMILIES } from '../src/reasons/catalogue.ts';
import { HYBRID, LINUX } from './trace/faults/bridge-faults.ts';
import { CENTRAL, FIREWALL, STANDING } from './trace/faults/central-faults.ts';
import { CODES } from './trace/faults/code-faults.ts';
import { LEARNING } from './trace/faults/learning-faults.ts';
import { PLUGGING } from './trace/faults/plugging-faults.ts';
import { AVAILABLE, DISTRIBUTED } from './trace/faults/router-faults.ts';
import { SIX } from './trace/faults/six-faults.ts';
import { FAULTS } from './trace/faults/tunnel-faults.ts';

const ELEMENT = 'no fault of these deployments leads to it';
const TOLD = 'it says how sure an answer is; no packet is stopped by it';

/** Codes that neither a scenario nor a fault of a captured deployment shows, and why. */
const OTHERWISE: Readonly<Record<string, string>> = {
  CT_INVALID: ELEMENT,
  NETWORK_LOOP: ELEMENT,
  BRIDGE_SAME_PORT: ELEMENT,
  MTU_BLACKHOLE_NO_ICMP: ELEMENT,
  FRAGMENTS_BROKEN: ELEMENT,
  CHECKSUM_WRONG: ELEMENT,
  CT_STALE: 'it takes a question with the connections of the dump; stale-connections.test.ts',
  VRRP_VRID_CLASH: 'it takes a second router, which no deployment has; shared-ids.test.ts',
  WRONG_RECEIVER: ELEMENT,
  SNAPSHOT_INCOMPLETE: TOLD,
  SNAPSHOT_SKEW: TOLD,
  UNSUPPORTED_MATCH: TOLD,
  AMBIGUOUS_HASH: TOLD,
  AMBIGUOUS_OVERLAP: TOLD,
  AMBIGUOUS_BALANCE: TOLD,
};

const scenarios = scenariosByCode();
const faults = [
  [FAULTS, LINUX, HYBRID, DISTRIBUTED, AVAILABLE, CODES],
  [LEARNING, PLUGGING, CENTRAL, FIREWALL, STANDING, SIX],
].flat(2);
const ofFaults = new Set(faults.flatMap(({ blames }) => (blames === null ? [] : [blames.code])));
const CODES_OF_ALL = FAMILIES.flatMap(({ codes }) => codes);

describe('the catalogue of reasons', () => {
  it.each(CODES_OF_ALL.filter((code) => !code.startsWith('ASSUME_')))('%s is shown', (code) => {
    const shown = scenarios.has(code) || ofFaults.has(code);
    expect([code, shown || code in OTHERWISE]).toEqual([code, true]);
  });

  it('excuses nothing that is shown', () => {
    const needless = Object.keys(OTHERWISE).filter(
      (code) => scenarios.has(code) || ofFaults.has(code),
    );
    expect(needless).toEqual([]);
  });

  it.each(CODES_OF_ALL)('%s has causes and a way to see it', (code) => {
    const { sentence, causes, confirm } = explain(code);
    expect(sentence).toMatch(/\.$/);
    expect(causes.length).toBeGreaterThan(0);
    expect(confirm.length).toBeGreaterThan(0);
  });
});
