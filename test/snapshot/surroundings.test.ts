/** Recorded probes walk what the agents would configure: their fate is what it really was. */
import { describe, expect, it } from 'vitest';
import { type Network } from '../../src/dataplane/network.ts';
import { compileBehind } from '../../src/snapshot/read/surroundings.ts';
import { type ProbeRecord, parseProbeRecords } from '../../src/trace/probe-record.ts';
import { replay } from '../../src/trace/replay-run.ts';
import { captured, capturedNames } from '../captured.ts';
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
