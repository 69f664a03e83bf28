/** `hopwise prove`: its words, its forms of answer, its exit codes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SCHEMAS } from '../../src/cli/schemas.ts';
import { hopwise } from './call.ts';
import { violations } from './json-schema.ts';

describe('hopwise prove', () => {
  it('tells which of all packets arrive, and the rule that stops the others', async () => {
    const { out, code } = await hopwise(['prove', 'a1', 'a2']);
    expect(code).toBe(0);
    const lines = out.split('\n');
    expect(lines[0]).toBe('✓ REACHABLE  a1 → a2  all packets');
    const at = lines.findIndex((line) => line.startsWith('  arrives'));
    // The security groups of a2 in the API of the demonstration: tcp 5000-5006, udp 53 and icmp.
    expect(lines.slice(at, at + 3).map((line) => line.slice(12))).toEqual([
      'icmp',
      'tcp 5000-5006',
      'udp 53',
    ]);
    expect(out).toContain('stopped   tcp 0-4999, 5007-65535');
    expect(out).toMatch(/by OF_EXPLICIT_DROP at compute2: br-int table 93/);
    expect(out).toMatch(/hosts\/compute2\/ovs\/br-int\.flows\.txt:\d+/);
  });

  it('proves that no packet arrives, which --expect turns into success', async () => {
    const never = ['prove', 'a1', 'b1', '--tcp'];
    expect((await hopwise(never)).code).toBe(1);
    const { out, code } = await hopwise([...never, '--expect', 'unreachable']);
    expect(code).toBe(0);
    expect(out).toContain('✗ UNREACHABLE');
  });

  it('looks only at the ports that are asked about', async () => {
    const { out, code } = await hopwise(['prove', 'a1', 'a2', '--tcp', '22,4990-5001']);
    expect(code).toBe(0);
    expect(out).toContain('  arrives   tcp 5000-5001\n');
    expect((await hopwise(['prove', 'a1', 'a2', '--tcp', '5007-5999'])).code).toBe(1);
  });

  it('writes data', async () => {
    const { out } = await hopwise(['prove', 'a1', 'a2', '--udp', '53', '--format', 'json']);
    const proof = JSON.parse(out) as Record<string, unknown>;
    expect(violations(SCHEMAS.prove, proof)).toEqual([]);
    expect(proof['verdict']).toBe('REACHABLE');
    expect(proof['arrives']).toMatchObject({
      classes: [{ protocol: 'udp', ports: [[53, 53]] }],
      witness: { protocol: 17, port: 53 },
    });
    expect(proof['lost']).toBeNull();
  });

  it('tells what blocks packets, where none arrives or somebody asks', async () => {
    const asked = ['prove', 'a2', 'a1', '--tcp', '22,443'];
    expect((await hopwise(asked)).out).not.toContain('blocker');
    const { out, code } = await hopwise([...asked, '--blockers', '--format', 'json']);
    expect(code).toBe(0);
    const proof = JSON.parse(out) as { blocked: { together: unknown[] } };
    expect(violations(SCHEMAS.prove, proof)).toEqual([]);
    expect(proof.blocked.together).toHaveLength(1);
    const never = await hopwise(['prove', 'a2', 'a1', '--tcp', '22']);
    expect(never.code).toBe(1);
    expect(never.out).toContain('  blocker   SG_NO_MATCHING_RULE at compute1');
    expect(never.out).toContain('proved again: what is asked for arrives');
    const none = await hopwise(['prove', 'a2', 'a1', '--tcp', '22', '--no-blockers']);
    expect(none.out).not.toContain('blocker');
  });

  it('refuses ports that are none', async () => {
    const { code, err } = await hopwise(['prove', 'a1', 'a2', '--tcp', '70000']);
    expect(code).toBe(2);
    expect(err).toContain('no port or range of ports');
  });

  it('writes a certificate where no packet arrives, which is checked by itself', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'hopwise-')), 'never.json');
    const never = ['prove', 'a1', 'b1', '--tcp', '--certificate', file];
    expect((await hopwise(never)).code).toBe(1);
    const { out, code } = await hopwise(['verify-certificate', file]);
    expect(out).toMatch(/^✓ accepted {2}no packet: .+ → .+ \d+ locations\n$/);
    expect(code).toBe(0);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.replace('"kind": "dropped"', '"kind": "lost"'));
    expect((await hopwise(['verify-certificate', file])).code).toBe(2);
    writeFileSync(file, text.replace(/"end": \{[^}]*\}/, '"end": null'));
    const damaged = await hopwise(['verify-certificate', file]);
    expect(damaged.out).toMatch(/^✗ refused/);
    expect(damaged.code).toBe(1);
    rmSync(dirname(file), { recursive: true });
  });

  it('says that there is no certificate where packets arrive', async () => {
    const { err, code } = await hopwise([
      'prove',
      'a1',
      'a2',
      '--tcp',
      '5001',
      '--certificate',
      'x',
    ]);
    expect(err).toBe('hopwise: no certificate: only that no packet arrives is certified\n');
    expect(code).toBe(0);
  });
});
