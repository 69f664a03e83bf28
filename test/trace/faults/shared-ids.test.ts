/** Two routers with one virtual router id on one HA network are one router to keepalived. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Trace } from '../../../src/trace/types.ts';
import { ROOT } from '../../sources.ts';
import { askOf } from '../asked.ts';
import { injuredCloud } from './clouds.ts';
import { type Edit, lostAddress, rewrite, type Texts } from './edits.ts';

const SCENARIO = readFileSync(join(ROOT, 'scenarios/ha-router/cloud.yaml'), 'utf8');
const TWO = SCENARIO.replace(
  'security_groups:',
  '  - {name: other, segmentation_id: 8, subnets: [{name: other, cidr: 10.8.0.0/24}]}\nsecurity_groups:',
)
  .replace(
    'routers:',
    '  - {name: v2, host: compute1, ports: [{network: other, addresses: [10.8.0.11], security_groups: [ping]}]}\nrouters:',
  )
  .replace(
    'floating_ips:',
    '  - {name: annex, kind: ha, hosts: [net2, net1], external: {network: public, address: 203.0.113.20}, interfaces: [{subnet: other}]}\nfloating_ips:',
  );

/** keepalived's files of the second router with the id of the first. */
const sameId: Edit = (texts: Texts) => {
  const files = [...texts.keys()].filter((path) => path.endsWith('keepalived.conf'));
  const ids = new Set(files.map((path) => idIn(texts.get(path))));
  const [first, second] = [...ids];
  if (first === undefined || second === undefined) throw new Error('two ids were expected');
  rewrite(/keepalived\.conf$/, (text) =>
    idIn(text) === second ? text.replaceAll(second, first) : text,
  )(texts);
};

function idIn(text = ''): string {
  return /virtual_router_id (\d+)/.exec(text)?.[1] ?? '';
}

function told({ verdict, blockers, remarks }: Trace): unknown {
  return { verdict, code: blockers[0]?.code, warned: remarks.map(({ code }) => code) };
}

describe('two routers of one HA network', () => {
  it('with ids of their own are told without a warning', () => {
    const ask = askOf(injuredCloud(TWO, []));
    for (const [from, to] of [
      ['v1', 'external:198.51.100.10'],
      ['v2', 'external:198.51.100.10'],
    ] as const) {
      expect(told(ask(from, to))).toEqual({ verdict: 'REACHABLE', code: undefined, warned: [] });
    }
  });

  it('with one id are named where the one without a master is asked', () => {
    const ask = askOf(injuredCloud(TWO, [sameId, lostAddress('net2', /qrouter-.*/, /^10\.8\./)]));
    const trace = ask('v2', 'external:198.51.100.10');
    expect(told(trace)).toMatchObject({ verdict: 'UNREACHABLE', code: 'VRRP_VRID_CLASH' });
    expect(trace.blockers[0]?.because[0]).toMatch(/edge and annex|annex and edge/);
  });

  it('with one id are warned of where the other passes packets on', () => {
    const ask = askOf(injuredCloud(TWO, [sameId]));
    const trace = ask('v1', 'external:198.51.100.10');
    expect(told(trace)).toEqual({
      verdict: 'REACHABLE',
      code: undefined,
      warned: ['VRRP_VRID_CLASH'],
    });
  });
});
