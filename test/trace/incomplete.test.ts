/** Snapshots that lack something: named with what it would change, and never taken for an answer. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSnapshot, trace } from '../../src/index.ts';
import { openFolder } from '../../src/snapshot/collect/folder.ts';
import { type Trace } from '../../src/trace/types.ts';
import { ROOT } from '../sources.ts';

const demo = openFolder(join(ROOT, 'demo/ovs-vxlan-ovsfw'));

/** Traces over the demonstration without the files that match. */
function without(lost: RegExp, from: string, to: string): Trace {
  const network = openSnapshot({
    list: () => demo.list().filter((path) => !lost.test(path)),
    read: (path) => (lost.test(path) ? undefined : demo.read(path)),
  });
  const answer = trace(network, { from, to });
  if (answer.kind === 'refused') throw new Error(answer.message);
  return answer.trace;
}

const OUTSIDE = 'external:198.51.100.10';

describe('a snapshot that lacks', () => {
  it('the destination’s host leaves the question open', () => {
    const { verdict, blockers } = without(/^hosts\/compute2\//, 'a1', 'a2');
    expect(verdict).toBe('UNDETERMINED');
    expect(blockers[0]).toMatchObject({ code: 'SNAPSHOT_INCOMPLETE', host: 'compute2' });
    expect(blockers[0]?.because[0]).toBe('a2 is plugged on compute2, which is not in the snapshot');
  });

  it('the flows of a bridge on the way names them', () => {
    const { verdict, blockers } = without(/compute1\/ovs\/br-tun\.flows/, 'a1', 'a2');
    expect(verdict).toBe('UNDETERMINED');
    expect(blockers[0]?.component).toBe('hosts/compute1/ovs/br-tun.flows');
  });

  it('every file of a bridge that the database names is no empty bridge', () => {
    const { verdict, blockers } = without(/compute1\/ovs\/br-tun\./, 'a1', 'a2');
    expect(verdict).toBe('UNDETERMINED');
    expect(blockers[0]?.component).toBe('hosts/compute1/ovs/br-tun.flows');
  });

  it('the rules of a router neither blames nor trusts the router', () => {
    const { verdict, blockers } = without(/qrouter.*\/iptables-save/, 'a1', OUTSIDE);
    expect(verdict).toBe('UNDETERMINED');
    expect(blockers[0]?.code).toBe('SNAPSHOT_INCOMPLETE');
    expect(blockers[0]?.because[0]).toMatch(
      /lacks hosts\/net1\/ns\/qrouter-.*\/iptables-save: IPv4 is taken/,
    );
  });

  it('the routes of a router names them', () => {
    const { blockers } = without(/qrouter.*\/ip-route-v4/, 'a1', OUTSIDE);
    expect(blockers[0]?.component).toMatch(/qrouter-.*\/ip-route-v4$/);
  });

  it('what the question does not need answers it all the same', () => {
    const { verdict, missing } = without(/qrouter|qdhcp|compute1\/ovs\/br-int\.fdb/, 'a1', 'a2');
    expect(verdict).toBe('REACHABLE');
    expect(missing.map(({ file }) => file)).toEqual(['hosts/compute1/ovs/br-int.fdb']);
    expect(missing[0]?.consequence).toBe('NORMAL floods, as if nothing had been learned');
  });

  it('rules of the other IP version changes nothing', () => {
    expect(without(/qrouter.*\/ip6tables-save/, 'a1', OUTSIDE).verdict).toBe('REACHABLE');
  });
});
