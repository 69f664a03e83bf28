/** Who stands outside where no dump shows it: on a deployment whose outside host was not dumped. */
import { describe, expect, it } from 'vitest';
import { parseProbeRecords } from '../../src/trace/probe-record.ts';
import { replay } from '../../src/trace/replay-run.ts';
import { captured } from '../captured.ts';
import { askOf } from './asked.ts';

const capture = captured('ovs-faults');
const network = capture.network('baseline');
if (network === null) throw new Error('the fixture has no baseline');
const ask = askOf(network);

describe('an address that no host of the snapshot owns', () => {
  it('is answered from behind the gateway, and the answer names that it was assumed', () => {
    const trace = ask('a1', 'external:198.51.100.10');
    expect(trace.verdict).toBe('REACHABLE');
    expect(trace.receivedBy).toBe('198.51.100.10');
    expect(trace.observed?.source).toBe('203.0.113.127');
    expect(trace.assumptions.map(({ code }) => code)).toContain('ASSUME_OUTSIDE');
  });

  it('has the name that records give its owner, whichever of them are asked', () => {
    const out = { from: 'a1', proto: 'icmp', to: '198.51.100.10', received_by: 'world' };
    const back = { from: 'world', src: '198.51.100.10', proto: 'icmp', to: '203.0.113.159' };
    for (const list of [[out], [out, back]]) {
      const file = parseProbeRecords(JSON.stringify(list), 'truth.json');
      const { probes } = replay(file.value.slice(0, 1), () => network, undefined, file);
      expect(probes[0]?.predicted.received_by).toBe('world');
    }
    const { value } = parseProbeRecords(JSON.stringify([{ ...out, received_by: 'a2' }]), 'x');
    expect(replay(value, () => network).probes[0]).toMatchObject({
      agrees: false,
      differs: ['received_by'],
    });
  });

  it('may send to a floating IP, and is seen with its address', () => {
    const trace = ask('external:198.51.100.10', '203.0.113.159', {
      protocol: 'tcp',
      destinationPort: 22,
    });
    expect(trace.verdict).toBe('REACHABLE');
    expect(trace.observed).toMatchObject({
      source: '198.51.100.10',
      destination: '10.80.0.30',
    });
  });

  it('stays silent on the external subnet unless somebody says it is there', () => {
    expect(ask('a1', '203.0.113.250').verdict).toBe('UNREACHABLE');
    expect(ask('a1', 'external:203.0.113.250').verdict).toBe('REACHABLE');
    // A floating IP that was given back is not outside.
    expect(ask('external:203.0.113.7', '203.0.113.250').verdict).toBe('UNREACHABLE');
  });

  it('has no way back to addresses of tenants', () => {
    const trace = ask('external:203.0.113.1', '10.80.0.30');
    expect(trace.requestDelivered).toBe(false);
    expect(trace.verdict).toBe('UNREACHABLE');
  });

  it('is not assumed where the question stays inside of the cloud', () => {
    const codes = ask('a1', 'a2').assumptions.map(({ code }) => code);
    expect(codes).not.toContain('ASSUME_OUTSIDE');
  });
});

describe('a link too small for the frame', () => {
  const small = capture.network('underlay-mtu-small');
  const asked = small === null ? null : askOf(small);

  it('ends large packets where the tunnel leaves, and lets small ones pass', () => {
    const large = asked?.('a1', '10.80.0.30', { size: 1400, dontFragment: true });
    expect(large?.verdict).toBe('UNREACHABLE');
    expect(large?.blockers[0]).toMatchObject({
      code: 'MTU_EXCEEDED_DF',
      host: 'compute1',
      component: 'eth1',
    });
    expect(large?.icmpError).toBeNull();
    expect(asked?.('a1', '10.80.0.30').verdict).toBe('REACHABLE');
  });
});
