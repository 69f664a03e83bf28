/** The generated cases of every feature, with answers of Open vSwitch 3.1.0 that were recorded. */
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compareFrames, FRAME_FEATURES, type FramesCase } from './frames.ts';
import { readRecorded } from './recorded.ts';
import { compareTraces, newTally, type TracesCase } from './run.ts';

const fixture = (name: string): string =>
  resolve(import.meta.dirname, `../../../fixtures/ovs/${name}.jsonl.gz`);

describe('recorded answers to generated cases of every feature', () => {
  it('are the same for traces', () => {
    const tally = newTally();
    for (const one of readRecorded<TracesCase>(fixture('live-traces'))) compareTraces(one, tally);
    expect(tally.differences).toEqual([]);
    expect(tally.traces).toBeGreaterThan(300);
    expect(tally.executed.size).toBeGreaterThan(50);
  }, 60_000);

  it('are the same for frames, byte by byte', () => {
    const tally = newTally();
    const cases = readRecorded<FramesCase>(fixture('live-frames'));
    for (const one of cases) compareFrames(one, tally);
    expect(tally.differences).toEqual([]);
    expect(new Set(cases.map(({ focus }) => focus)).size).toBe(FRAME_FEATURES.length);
    expect(tally.spoiled).toBeLessThan(3);
  }, 60_000);
});
