/** Rules of hosts on which some ports come while others leave. */
import { describe, expect, it } from 'vitest';
import { stagesOf } from '../../src/apply/prove/stages.ts';
import { type PhaseName, type Step } from '../../src/apply/types.ts';
import { LB_VXLAN, VLAN_HYBRID } from '../reality/apply/clouds.ts';
import { planBetween } from './two-clouds.ts';

/** Two servers that change places. */
function swapped(cloud: string): string {
  return cloud
    .replace('name: b3, host: compute1', 'name: b3, host: compute2')
    .replace('name: b2, host: compute2', 'name: b2, host: compute1');
}

/** The port of `b3`, which leaves compute1, and that of `b2`, which comes there. */
const [LEAVES, COMES] = ['e77b2a76-0', '3683a61c-c'];

describe('on a host where one port comes and another leaves', () => {
  for (const [kind, cloud] of Object.entries({ VLAN_HYBRID, LB_VXLAN })) {
    const { plan, ends, tracked } = planBetween(cloud, swapped(cloud), 'direct');
    const own = plan.steps.filter(({ host }) => host === 'compute1');
    const last = (of: (step: Step) => boolean): number => own.findLastIndex(of);
    const inPhase = (phase: PhaseName): number => own.findIndex((step) => step.phase === phase);
    const filters = (done: number): readonly string[] =>
      (stages.of('compute1', done).files.get('hosts/compute1/ns/root/iptables-save.txt') ?? '')
        .split('\n')
        .filter((line) => line.startsWith('-A '));
    const stages = stagesOf(plan, ends, tracked);
    const waveOf = (phase: PhaseName): number =>
      plan.steps.find((one) => one.phase === phase)!.wave;
    const named = (lines: readonly string[], port: string): readonly string[] =>
      lines.filter((line) => line.includes(port)).sort();

    it(`its chains stand before the plugging, and until the unplugging (${kind})`, () => {
      const changes = (port: string) => (step: Step) =>
        step.changes.some(([id]) => /^(chain|frames) /.test(id) && id.includes(port));
      expect(last(changes(COMES))).toBeLessThan(inPhase('connect'));
      expect(last(changes(COMES))).toBeGreaterThanOrEqual(0);
      expect(own.findIndex(changes(LEAVES))).toBeGreaterThan(inPhase('disconnect'));
    });

    it(`chains that both share name both in between (${kind})`, () => {
      const [old, both, end] = [filters(0), filters(waveOf('connect')), filters(1000)];
      expect(named(old, LEAVES).length).toBeGreaterThan(10);
      expect(named(both, LEAVES)).toEqual(named(old, LEAVES));
      expect(named(both, COMES)).toEqual(named(end, COMES));
      expect(named(end, LEAVES)).toEqual([]);
      // Whatever no port's rules have taken is taken by the last.
      const shared = both.filter((line) => /^-A neutron-[a-z]+-sg-chain /.test(line));
      expect(shared.at(-1)).toMatch(/^-A neutron-[a-z]+-sg-chain -j ACCEPT$/);
    });
  }
});
