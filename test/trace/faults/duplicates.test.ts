/** One address at two stations: whoever answers first is sent to, and so the answer is a set. */
import { describe, expect, it } from 'vitest';
import { type Network } from '../../../src/dataplane/network.ts';
import { prepareTracing } from '../../../src/trace/tracer.ts';
import { type Trace } from '../../../src/trace/types.ts';
import { prepareProofs } from '../../../src/verify/proof/prove.ts';
import { ALL_WANTED } from '../../../src/verify/proof/wanted.ts';
import { captured } from '../../captured.ts';
import { askOf, resolvedQuestion } from '../asked.ts';
import { addedAddress } from './added.ts';
import { type Edit, injure } from './edits.ts';
import { tcp } from './expect-blame.ts';

const hybrid = captured('ovs-vlan-hybrid');
const GUEST = /vm-nosec/;

function with_(...edits: readonly Edit[]): Network {
  return injure(hybrid, 'matrix', edits);
}

/** What is blamed first, and everybody who may have got the packet. */
function said({ verdict, blockers, alternatives }: Trace): unknown {
  return {
    verdict,
    code: blockers[0]?.code,
    host: blockers[0]?.host,
    received: alternatives.map(({ trace }) => trace.receivedBy),
  };
}

describe('an address of two stations', () => {
  it('is ambiguous between two guests, and both are named', () => {
    const network = with_(addedAddress('compute2', GUEST, 'eth0', '10.100.0.48', 24));
    const trace = askOf(network)('v2', '10.100.0.48');
    expect(said(trace)).toEqual({
      verdict: 'AMBIGUOUS',
      code: 'ADDRESS_DUPLICATE',
      host: 'compute2',
      received: ['nosec', 'v1'],
    });
    const told = trace.blockers[0]?.because.join(' ');
    expect(told).toContain('v1 (fa:16:3e:0f:4b:e1) on compute1');
    expect(told).toContain('nosec (fa:16:3e:cf:d2:d9) on compute2');
  });

  it('is ambiguous between a guest and the router, whose packets the guest does not forward', () => {
    const network = with_(addedAddress('compute2', GUEST, 'eth0', '10.100.0.1', 24));
    const trace = askOf(network)('v2', '198.51.100.10');
    expect(said(trace)).toMatchObject({ verdict: 'AMBIGUOUS', code: 'ADDRESS_DUPLICATE' });
    expect(trace.alternatives.map((one) => one.trace.verdict).sort()).toEqual([
      'REACHABLE',
      'UNREACHABLE',
    ]);
  });

  it('is ambiguous behind a router, also where one of both refuses', () => {
    const network = with_(addedAddress('compute2', GUEST, 'eth0', '10.100.0.142', 24));
    const trace = askOf(network)('external:203.0.113.1', '203.0.113.119', tcp(22));
    expect(said(trace)).toMatchObject({
      verdict: 'AMBIGUOUS',
      code: 'ADDRESS_DUPLICATE',
      host: 'net1',
      received: [null, 'nosec'],
    });
  });

  it('is found by who asks for the MAC', () => {
    const network = with_(addedAddress('compute2', GUEST, 'eth0', '10.100.0.48', 24));
    const question = resolvedQuestion(network, 'v2', '10.100.0.48', { protocol: 'arp' });
    const traced = prepareTracing(network).trace(question);
    expect(traced).toMatchObject({
      trace: {
        verdict: 'AMBIGUOUS',
        content: { kind: 'neighbour', macs: ['fa:16:3e:0f:4b:e1', 'fa:16:3e:cf:d2:d9'] },
        blockers: [{ code: 'ADDRESS_DUPLICATE', host: 'compute2' }],
      },
    });
  });

  it('is nothing where the firewall keeps the false answer from leaving', () => {
    const network = with_(addedAddress('compute1', /vm-v5/, 'eth0', '10.100.0.48', 24));
    const trace = askOf(network)('v2', '10.100.0.48');
    expect(trace.verdict).toBe('REACHABLE');
    expect(trace.alternatives).toEqual([]);
  });

  it.each([
    ['two routers', /qrouter-89b7d6de-.*/, 'qg-0f59abec-86', '203.0.113.175'],
    ['a router and the host of another one', /root/, 'br-ex', '203.0.113.175'],
  ])('is ambiguous between %s on an external network', (_, namespace, device, address) => {
    const added = addedAddress('net1', namespace, device, address, 24);
    const network = injure(captured('ovs-vxlan-ovsfw'), 'tenant-matrix', [added]);
    const trace = askOf(network)('external:203.0.113.1', address);
    expect(said(trace)).toMatchObject({ verdict: 'AMBIGUOUS', code: 'ADDRESS_DUPLICATE' });
  });

  it('is ambiguous between the gateway outside and a stranger with its address', () => {
    const added = addedAddress('net1', /root/, 'br-ex', '203.0.113.1', 24);
    const network = injure(captured('ovs-vxlan-ovsfw'), 'tenant-matrix', [added]);
    const trace = askOf(network)('a1', '198.51.100.10');
    expect(said(trace)).toMatchObject({ verdict: 'AMBIGUOUS', code: 'ADDRESS_DUPLICATE' });
    expect(trace.blockers[0]?.component).toContain('neighbours of qg-');
  });

  it('is never proved to be reached', () => {
    const network = with_(addedAddress('compute2', GUEST, 'eth0', '10.100.0.48', 24));
    const { from, to } = resolvedQuestion(network, 'v2', '10.100.0.48');
    const proved = prepareProofs(network).prove({
      from,
      to,
      wanted: ALL_WANTED,
    });
    expect(proved.kind === 'proved' ? proved.proof.unknown.join() : proved).toContain(
      'ADDRESS_DUPLICATE',
    );
  });
});
