/** `hopwise why`: its forms of answer, its exit codes, and `trace --explain` beside it. */
import { describe, expect, it } from 'vitest';
import { WHY_SCHEMA } from '../../src/why/render/schema.ts';
import { hopwise } from './call.ts';
import { violations } from './json-schema.ts';

describe('hopwise why', () => {
  it('tells the cause, a change that was tried, what it does to others, and what is behind', async () => {
    const { out, code } = await hopwise(['why', 'a1', 'a2', '--tcp', '23', '--effects', '2']);
    expect(code).toBe(1);
    const lines = out.split('\n');
    expect(lines[0]).toMatch(/^✗ UNREACHABLE {2}a1 \(10\.0\.0\.81\) → a2 .* tcp\/23 +SG_NO_MATCH/);
    expect(out).toContain('--protocol tcp --dst-port 23 --remote-ip 10.0.0.81/32 sg-app');
    expect(out).toContain('simulated with this: UNREACHABLE, stopped by NOT_LISTENING');
    expect(out).toMatch(/then passes a1 → a2 tcp 23[^\n]*; nothing is lost \(2 pairs/);
    expect(out).toContain('✗ blocker 2  NOT_LISTENING');
    expect(out).toMatch(/hosts\/compute2\/ovs\/br-int\.flows\.txt:\d+/);
  });

  it('says what passes like a trace does', async () => {
    const { out, code } = await hopwise(['why', 'a1', 'a2']);
    expect(code).toBe(0);
    expect(out).toContain('✓ REACHABLE');
    expect(out).not.toContain('fix');
  });

  it('offers nothing when nothing was to be tried', async () => {
    const { out } = await hopwise(['why', 'a1', 'a2', '--tcp', '23', '--no-fix']);
    expect(out).toContain('no fix tried');
    expect(out).not.toContain('openstack security group rule create');
  });

  it('is what trace says when asked for more', async () => {
    const words = ['a1', 'a2', '--tcp', '23'];
    const why = await hopwise(['why', ...words, '--effects', '0']);
    expect(await hopwise(['trace', ...words, '--explain'])).toEqual(why);
    expect(await hopwise(['trace', ...words, '--all-blockers'])).toEqual(why);
    const fix = await hopwise(['trace', ...words, '--fix']);
    expect(fix.out).toContain('(--all-blockers)');
    expect(fix.out).not.toContain('blocker 2');
  });

  it('writes JSON that its schema describes', async () => {
    const words = ['why', 'a1', 'a2', '--tcp', '23', '--effects', '1', '--json'];
    const { out, code } = await hopwise(words);
    expect(code).toBe(1);
    expect(violations(WHY_SCHEMA, JSON.parse(out))).toEqual([]);
  });

  it('asks a cloud.yaml', async () => {
    const { out, code } = await hopwise([
      'why',
      'router:MyRouter',
      'web1',
      '--tcp',
      '80',
      '--cloud',
      'scenarios/e28-no-ingress-rule/cloud.yaml',
      '--effects',
      '0',
    ]);
    expect(code).toBe(1);
    expect(out).toContain('openstack security group rule create --ingress --protocol tcp');
  });
});
