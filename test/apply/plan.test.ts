/** Plans between two compiled clouds: what they change, and in which order it is proved. */
import { describe, expect, it } from 'vitest';
import { networkOf } from '../../src/apply/execute/observe.ts';
import { checkStages, USUAL_CHECK } from '../../src/apply/prove/check.ts';
import { provePlan, USUAL_PROOF } from '../../src/apply/prove/prove.ts';
import { stagesOf } from '../../src/apply/prove/stages.ts';
import { PLAN_SCHEMA } from '../../src/apply/schema.ts';
import { offerLines } from '../../src/apply/text.ts';
import { jsonText } from '../../src/text/escape.ts';
import { violations } from '../cli/json-schema.ts';
import {
  DVR,
  HA_PAIR,
  LB_VXLAN,
  learning,
  VLAN_HYBRID,
  VXLAN_ROUTER,
} from '../reality/apply/clouds.ts';
import { planBetween, type TwoClouds } from './two-clouds.ts';

function checked({ plan, ends, tracked }: TwoClouds, mostPairs: number) {
  return checkStages(stagesOf(plan, ends, tracked), ends, { ...USUAL_CHECK, mostPairs });
}

describe('a plan between two clouds', () => {
  it('has the form that its schema says, whatever the hosts are made of', () => {
    const empty = (yaml: string): string =>
      yaml.slice(0, yaml.indexOf('networks:')).replaceAll(/^ +l3: .*$/gm, '');
    for (const yaml of [VXLAN_ROUTER, VLAN_HYBRID, LB_VXLAN, HA_PAIR, DVR]) {
      const { plan, refusals } = planBetween(empty(yaml), yaml, 'direct');
      const written: unknown = JSON.parse(jsonText({ ...plan, refusals }));
      expect(violations(PLAN_SCHEMA, written).slice(0, 3)).toEqual([]);
      expect(plan.steps.length).toBeGreaterThan(3);
    }
    expect(violations(PLAN_SCHEMA, { version: 2 })).not.toEqual([]);
  });

  it('is offered for a maintenance with what it loses when nothing better is known', () => {
    const other = VLAN_HYBRID.replace('segmentation_id: 101', 'segmentation_id: 202');
    const { plan, ends, tracked } = planBetween(VLAN_HYBRID, other, 'direct');
    const input = { plan, ends, tracked, network: networkOf(new Map()), operators: new Map() };
    const options = { ...USUAL_PROOF, mostPairs: 3, acceptUndecided: true };
    expect(provePlan(input, options).verified).toBeNull();
    const offered = provePlan(input, { ...options, maintenance: true });
    expect(offered.verified).toBe(plan);
    const lines = offerLines(offered.checked);
    expect(lines.join('\n')).toContain('phase send, until it is done on every host');
    expect(lines.some((line) => /^ +b2 → b1: /.test(line))).toBe(true);
  });

  it('is not offered where what hosts have learned loses packets when all is done', () => {
    // Nobody forgets the old key, and who is asked nothing answers nothing.
    const { plan, ends, tracked } = planBetween(learning(101), learning(202), 'direct');
    const input = { plan, ends, tracked, network: networkOf(new Map()), operators: new Map() };
    const options = { ...USUAL_PROOF, mostPairs: 1, maintenance: true, acceptUndecided: true };
    const { verified, checked } = provePlan(input, options);
    expect(verified).toBeNull();
    const last = checked.bad.filter(({ lasts }) => lasts === 'blackhole');
    expect(last.map(({ remembered }) => remembered.join()).join()).toContain('remembers where');
  });

  it('is empty when nothing changes', () => {
    const { plan, refusals } = planBetween(VXLAN_ROUTER, VXLAN_ROUTER, 'direct');
    expect(refusals).toEqual([]);
    expect(plan.changes).toEqual([]);
    expect(plan.steps).toEqual([]);
  });

  it('changes only what a new security group rule needs', () => {
    const more = VXLAN_ROUTER.replace('ports: 80}', 'ports: 80}, {protocol: tcp, ports: 443}');
    const { plan } = planBetween(VXLAN_ROUTER, more, 'direct');
    expect(plan.changes.length).toBeGreaterThan(0);
    for (const { host, id, old } of plan.changes) {
      expect([host, id.split(' ')[0], old]).toEqual(['compute1', 'flow', null]);
      expect(id).toContain('tp_dst=443');
    }
    expect(plan.steps.map(({ phase }) => phase)).toEqual(['send']);
  });

  it('has a way back for every step that leads to where it began', () => {
    const { plan } = planBetween(learning(101), learning(202), 'staged');
    for (const { regions, forward, inverse, phase } of plan.steps) {
      expect(forward.length).toBeGreaterThan(0);
      if (phase !== 'flush') expect(inverse.length).toBeGreaterThan(0);
      for (const { before, after } of regions) expect(before).not.toBe(after);
    }
  });

  it('is refused where one host after the other gets a new tunnel key', () => {
    const direct = checked(planBetween(learning(101), learning(202), 'direct'), 1);
    expect(direct.bad[0]).toMatchObject({
      phase: 'send',
      done: ['h1'],
      kind: 'lost',
      lasts: 'gap',
    });
  });

  it('is looked at between two bridges of one host as well', () => {
    const other = VLAN_HYBRID.replace('segmentation_id: 101', 'segmentation_id: 202');
    const { plan, ends, tracked } = planBetween(VLAN_HYBRID, other, 'direct');
    const stages = stagesOf(plan, ends, tracked);
    const { bad } = checkStages(stages, ends, { mostPairs: 3, all: true });
    const behind = new Set(bad.flatMap((each) => each.behind ?? []));
    const own = plan.steps.filter(({ phase }) => phase === 'send');
    expect(behind.size).toBeGreaterThan(0);
    for (const id of behind) {
      const step = own.findIndex((each) => each.id === id);
      // Another step of this host follows in the phase.
      expect(own[step + 1]?.host).toBe(own[step]?.host);
    }
    for (const each of bad) if (each.behind !== null) expect(each.lasts).toBe('gap');
  });

  it('is proved when hosts first accept the new key and read the old as the new', () => {
    const staged = planBetween(learning(101), learning(202), 'staged');
    expect([...new Set(staged.plan.steps.map(({ phase }) => phase))]).toEqual(
      expect.arrayContaining(['accept', 'send', 'flush', 'drop']),
    );
    const { bad, states } = checked(staged, 1);
    expect(bad).toEqual([]);
    expect(states).toBeGreaterThan(10);
  });
});
