/** Connections that outlive the rules that let them in: what plans forget, and what proofs say. */
import { describe, expect, it } from 'vitest';
import { networkOf } from '../../src/apply/execute/observe.ts';
import { type PlanProof, provePlan, USUAL_PROOF } from '../../src/apply/prove/prove.ts';
import { scriptOf } from '../../src/apply/script.ts';
import { UnsafeName } from '../../src/apply/script-words.ts';
import { proofLines } from '../../src/apply/text.ts';
import { type Plan } from '../../src/apply/types.ts';
import { LB_VXLAN, VLAN_HYBRID } from '../reality/apply/clouds.ts';
import { planBetween, type TwoClouds } from './two-clouds.ts';

const WEB = '{protocol: tcp, ports: 80}';

function open(yaml: string): string {
  return yaml.replace(WEB, `${WEB}, {protocol: tcp, ports: 443}`);
}

function proofOf({ ends, tracked }: TwoClouds, plan: Plan): PlanProof {
  const input = { plan, ends, tracked, network: networkOf(new Map()), operators: new Map() };
  return provePlan(input, { ...USUAL_PROOF, mostPairs: 6, acceptUndecided: true });
}

function selections({ steps }: Plan): readonly string[] {
  return steps
    .flatMap(({ forward }) => forward)
    .flatMap((action) => (action.kind === 'connections' ? action.lines : []));
}

describe('a rule that is taken back', () => {
  it.each([
    ['behind a firewall bridge', VLAN_HYBRID],
    ['on a Linux bridge', LB_VXLAN],
  ])('takes its connections along, %s', (_where, yaml) => {
    const planned = planBetween(open(yaml), yaml, 'direct');
    const { plan } = planned;
    expect(selections(plan)).toEqual(['-f ipv4 -p tcp -d 10.0.0.11/32 --dport 443 -w 4097']);
    const phases = plan.steps.map(({ phase }) => phase);
    expect(phases.indexOf('flush')).toBeGreaterThan(phases.indexOf('prepare'));
    expect(proofOf(planned, plan).checked.bad).toEqual([]);
  });

  it('is not proved without: the connection would go on', () => {
    const planned = planBetween(open(VLAN_HYBRID), VLAN_HYBRID, 'direct');
    const steps = planned.plan.steps.filter(({ phase }) => phase !== 'flush');
    const proof = proofOf(planned, { ...planned.plan, steps });
    expect(proof.verified).toBeNull();
    expect(proof.checked.bad.map(({ kind, to }) => [kind, to])).toContainEqual(['outlives', 'b1']);
    expect(proofLines(proof, planned.plan).join('\n')).toContain('by connections that stand');
  });

  it('forgets nothing where a rule is only added', () => {
    const { plan } = planBetween(VLAN_HYBRID, open(VLAN_HYBRID), 'direct');
    expect(plan.steps.length).toBeGreaterThan(0);
    expect(selections(plan)).toEqual([]);
  });
});

describe('a floating IP that is taken back', () => {
  it('takes its translated connections along, to it and from it', () => {
    const less = VLAN_HYBRID.slice(0, VLAN_HYBRID.indexOf('floating_ips:'));
    const { plan } = planBetween(VLAN_HYBRID, less, 'direct');
    expect(selections(plan)).toContain('-f ipv4 -d 203.0.113.50/32');
    expect(selections(plan)).toContain('-f ipv4 -s 10.0.0.11/32 -q 203.0.113.50');
  });
});

describe('a selection of connections', () => {
  it('is refused when a word could be read as something else', () => {
    for (const line of ['-f ipv4 -d $(reboot)', '-F all', '-d 10.0.0.1 ;reboot', '-o save']) {
      const script = (): string =>
        scriptOf([{ kind: 'connections', namespace: 'root', lines: [line] }]);
      expect(script).toThrow(UnsafeName);
    }
  });
});
