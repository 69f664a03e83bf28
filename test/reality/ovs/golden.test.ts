/**
 * Recorded answers of Open vSwitch 3.1.0: traces of Neutron's and of random tables, frames through
 * NORMAL, frames through connection tracking.
 */
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readCases } from './cases.ts';
import { compareTraces } from './run-case.ts';
import { comparePackets } from './run-packets.ts';

function fixture(kind: string) {
  return readCases(resolve(import.meta.dirname, `../../fixtures/ovs/${kind}.jsonl.gz`));
}

describe('recorded answers of Open vSwitch', () => {
  it('are the same for traces through the tables of Neutron', () => {
    const found = fixture('neutron').map((one) => compareTraces(one));
    expect(found.flatMap(({ differences }) => differences)).toEqual([]);
    expect(found.reduce((sum, { steps }) => sum + steps, 0)).toBe(1200);
  }, 60_000);

  it('are the same for traces through random tables', () => {
    // Which of two overlapping flows of one priority wins is undefined; those cases are left out.
    const cases = fixture('random').filter(({ features }) => !features.includes('ties'));
    const found = cases.map((one) => compareTraces(one));
    expect(found.flatMap(({ differences }) => differences)).toEqual([]);
    expect(found.reduce((sum, { steps }) => sum + steps, 0)).toBeGreaterThan(2200);
  }, 60_000);

  it('are the same for frames through NORMAL and the MAC tables behind it', () => {
    const found = fixture('fdb').map((one) => comparePackets(one));
    expect(found.flatMap(({ differences }) => differences)).toEqual([]);
    expect(found.reduce((sum, { steps }) => sum + steps, 0)).toBeGreaterThan(1300);
  }, 60_000);

  it('are the same for frames through connection tracking and the connections it keeps', () => {
    const found = fixture('ct').map((one) => comparePackets(one));
    expect(found.flatMap(({ differences }) => differences)).toEqual([]);
    expect(found.reduce((sum, { steps }) => sum + steps, 0)).toBeGreaterThan(1600);
  }, 60_000);
});
