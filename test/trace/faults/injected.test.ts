/**
 * Faults that somebody really injected into a deployment, with real probes while they lasted:
 * every probe that failed must have the injected cause as its first blocker, every other none.
 */
import { describe, expect, it } from 'vitest';
import { parseProbeRecords } from '../../../src/trace/probe-record.ts';
import { replay } from '../../../src/trace/replay-run.ts';
import { captured } from '../../captured.ts';

interface Cause {
  readonly code: string;
  readonly host: RegExp;
  readonly component: RegExp;
}

/** What was injected (faults.json), in the words of the catalogue of reasons. */
const INJECTED: Readonly<Record<string, Cause | null>> = {
  baseline: null,
  'port-admin-down': {
    code: 'VLAN_LOCAL_DEAD_4095',
    host: /^compute2$/,
    component: /tap968fd504-a7/,
  },
  'vni-to-vlan-flow-lost': {
    code: 'VNI_MAP_MISSING',
    host: /^compute2$/,
    component: /^br-tun table 4$/,
  },
  'underlay-mtu-small': { code: 'MTU_EXCEEDED_DF', host: /^compute1$/, component: /^eth1$/ },
  'nat-rules-lost': {
    code: 'NAT_MISSING',
    host: /^net1$/,
    component: /^qrouter-bb0dfb23-\S+ nat PREROUTING$/,
  },
  // The rule was of a group of all servers: each host refuses for its own.
  'security-group-rule-missing': {
    code: 'SG_NO_MATCHING_RULE',
    host: /^compute[12]$/,
    component: /^br-int table 82$/,
  },
};

const capture = captured('ovs-faults');
const { value: records } = parseProbeRecords(capture.recordsText, 'truth.json');

describe.each(Object.entries(INJECTED))('%s', (phase, cause) => {
  const probes = records.filter((one) => one.kind === 'probe' && one.phase === phase);
  const run = replay(probes, (name) => capture.network(name));

  it('was probed', () => {
    expect(run.probes).toHaveLength(13);
  });

  it('is the first blocker of every probe that failed, and of no other', () => {
    for (const { index, predicted } of run.probes) {
      const failed = capture.records[index]?.['delivered'] !== true;
      expect([index, failed]).toEqual([index, predicted.reason !== null]);
      if (!failed || cause === null) continue;
      expect([index, predicted.reason?.code]).toEqual([index, cause.code]);
      expect(predicted.reason?.host).toMatch(cause.host);
      expect(predicted.reason?.component).toMatch(cause.component);
    }
  });
});
