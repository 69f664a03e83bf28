/** Every recorded probe of every captured deployment against what a trace says of it. */
import { describe, expect, it } from 'vitest';
import { parseProbeRecords } from '../../src/trace/probe-record.ts';
import { type Prediction } from '../../src/trace/replay.ts';
import { replay } from '../../src/trace/replay-run.ts';
import { captured, capturedNames, type RawRecord } from '../captured.ts';
import { withoutCaptures } from '../snapshot/shared.ts';

/** Records that a dump cannot explain, each for its reason. */
const BEYOND_THE_DUMP: Readonly<Record<string, readonly number[]>> = {
  // The router still had a neighbour entry that had failed when the dump was taken.
  'ovs-faults': [27],
  // The ARP question was sent from an address that its record does not hold.
  'ovs-vlan-hybrid': [358],
  // The probe was sent with another MAC, which its record does not hold.
  'ovs-vxlan-ovsfw': [229],
};

/** What of a prediction the record contradicts; null of a prediction is "any value". */
function contradictions(record: RawRecord, predicted: Prediction): readonly string[] {
  const must = ['delivered', 'request_delivered'] as const;
  const may = [
    'received_by',
    'observed_src',
    'observed_dst',
    'observed_sport',
    'observed_dport',
    'answer_from',
  ] as const;
  const wrong: string[] = must.filter((key) => key in record && record[key] !== predicted[key]);
  if (record['request_delivered'] !== true) return wrong;
  for (const key of may) {
    const said = record[key];
    if (said === undefined || said === null || predicted[key] === null) continue;
    if (said !== predicted[key]) wrong.push(key);
  }
  const named = record['received_by'];
  if (typeof named === 'string' && predicted.received_by === null) {
    if (!predicted.received_by_any.includes(named)) wrong.push('received_by');
  }
  const error = record['icmp_error'];
  if (error !== undefined && error !== null && predicted.icmp_error !== null) {
    if (JSON.stringify(error) !== JSON.stringify(predicted.icmp_error)) wrong.push('icmp_error');
  }
  return wrong;
}

/** Where the captures themselves are at hand there is time for all of them. */
const EVERY_PROBE = !withoutCaptures();

/** Large captures ask the same kinds of questions again and again: every fourth is a sample. */
function isInSample(index: number, all: readonly unknown[]): boolean {
  return all.length < 100 || index % 4 === 0;
}

describe.each(capturedNames())('%s', (name) => {
  it('is predicted as it really was, probe by probe', () => {
    const capture = captured(name);
    const { value } = parseProbeRecords(capture.recordsText, 'truth.json');
    const chosen = EVERY_PROBE ? value : value.filter(({ index }) => isInSample(index, value));
    const { probes } = replay(chosen, (phase) => capture.network(phase));
    const wrong = probes.flatMap(({ index, predicted }) => {
      const differs = contradictions(capture.records[index] ?? {}, predicted);
      return differs.length === 0 ? [] : [[index, ...differs]];
    });
    const expected = BEYOND_THE_DUMP[name] ?? [];
    expect(wrong.filter(([index]) => !expected.includes(Number(index)))).toEqual([]);
    // Leases with all their settings, answers to ARP, whom the metadata service sees, failovers.
    const disagrees = probes.filter(({ agrees }) => !agrees).map(({ index }) => index);
    expect(disagrees.filter((index) => !expected.includes(index))).toEqual([]);
    const askable = chosen.filter(
      ({ phase, invalid }) => !invalid && capture.phaseFolder(phase) !== null,
    );
    expect(probes.map(({ index }) => index)).toEqual(askable.map(({ index }) => index));
  });
});
