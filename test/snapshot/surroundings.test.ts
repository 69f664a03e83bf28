/** Recorded probes walk what the agents would configure: their fate is what it really was. */
import { describe, expect, it } from 'vitest';
import { type Network } from '../../src/dataplane/network.ts';
import { cloudOfNetwork } from '../../src/snapshot/read/cloud.ts';
import { compileNetworkOf } from '../../src/snapshot/read/compiled.ts';
import { compileBehind } from '../../src/snapshot/read/surroundings.ts';
import { type ProbeRecord, parseProbeRecords } from '../../src/trace/probe-record.ts';
import { replay } from '../../src/trace/replay-run.ts';
import { compareNetworks } from '../../src/verify/configuration/compare.ts';
import { captured, capturedNames, type RawRecord } from '../captured.ts';
import { withoutCaptures } from './shared.ts';

/** Phases in which hosts were tampered with behind the API's back: nobody could compile them. */
const TAMPERED =
  /^(vni-to-vlan-flow-lost|underlay-mtu-small|nat-rules-lost|after ha-interface-down.*|after node-isolated.*)$/;

/** A sample of the large captures; a larger one where the captures are at hand. */
const STEP = withoutCaptures() ? 9 : 3;

function chosenOf(records: readonly ProbeRecord[]): readonly ProbeRecord[] {
  const asked = records.filter(({ kind, phase }) => kind === 'probe' && !TAMPERED.test(phase));
  return asked.length < 50 ? asked : asked.filter((_, at) => at % STEP === 0);
}

describe('probes on the compiled cloud', () => {
  it.each(capturedNames())('of %s meet the fate they had on the hosts', (name) => {
    const capture = captured(name);
    const chosen = chosenOf(parseProbeRecords(capture.recordsText, 'truth.json').value);
    const compiled = new Map<Network, Network>();
    const { probes } = replay(chosen, (phase) => {
      const real = capture.network(phase);
      if (real === null) return null;
      const known = compiled.get(real) ?? compileBehind(real);
      compiled.set(real, known);
      return known;
    });
    const disagrees = probes.filter(({ agrees }) => !agrees).map(({ index }) => index);
    const others = replay(chosen, (phase) => capture.network(phase)).probes;
    // What a dump cannot explain, its compiled cloud cannot either.
    expect(disagrees).toEqual(others.filter(({ agrees }) => !agrees).map(({ index }) => index));
    expect(probes.length).toBe(others.length);
    expect(probes.length).toBeGreaterThan(2);
  });
});

/** What a probe asked, whatever phase it was sent in. */
function questionOf(record: RawRecord): string {
  return JSON.stringify(['from', 'to', 'proto', 'dport', 'size', 'df'].map((key) => record[key]));
}

describe('probes into hosts that somebody damaged', () => {
  const capture = captured('ovs-faults');
  const all = parseProbeRecords(capture.recordsText, 'truth.json').value;
  const probes = all.filter(({ kind }) => kind === 'probe');
  const phases = [...new Set(probes.map(({ phase }) => phase))];
  const undisturbed = new Map(
    capture.records
      .filter((each) => each['phase'] === 'baseline')
      .map((each) => [questionOf(each), each]),
  );

  it.each(phases)(
    'on the compiled cloud meet in %s what the API knows of, and no more',
    (phase) => {
      const real = capture.network(phase);
      if (real === null) throw new Error(`no dump of ${phase}`);
      const chosen = probes.filter((each) => each.phase === phase);
      const onCloud = replay(chosen, () => compileBehind(real)).probes;
      const onHosts = replay(chosen, () => real).probes;
      expect(onCloud).toHaveLength(13);
      const { differences } = compareNetworks(compileNetworkOf(cloudOfNetwork(real)), real);
      if (differences.length === 0) {
        // Nothing stands on the hosts that the API does not ask for: every fate is the real one.
        const disagreeing = (run: typeof onCloud): readonly number[] =>
          run.filter(({ agrees }) => !agrees).map(({ index }) => index);
        expect(disagreeing(onCloud)).toEqual(disagreeing(onHosts));
        if (phase === 'baseline') expect(disagreeing(onCloud)).toEqual([]);
        return;
      }
      // Damage behind the API's back: where the compiled cloud differs, it fares as before.
      for (const { index, predicted, agrees } of onCloud) {
        if (agrees) continue;
        const before = undisturbed.get(questionOf(capture.records[index] ?? {}));
        expect([index, predicted.delivered, predicted.request_delivered]).toEqual([
          index,
          before?.['delivered'],
          before?.['request_delivered'],
        ]);
        const source = predicted.observed_src ?? before?.['observed_src'];
        expect([index, source]).toEqual([index, before?.['observed_src']]);
      }
    },
  );
});
