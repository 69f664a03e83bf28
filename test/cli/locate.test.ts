/** `hopwise locate`: its words, its forms of answer, its exit codes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { LOCATED_SCHEMA } from '../../src/why/render/located.ts';
import { hopwise } from './call.ts';
import { violations } from './json-schema.ts';

const folder = mkdtempSync(join(tmpdir(), 'hopwise-locate-'));
const file = join(folder, 'trace.pcapng');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('hopwise locate', () => {
  it('finds what trace --pcap wrote, at every place of the way', async () => {
    expect((await hopwise(['trace', 'a1', 'a2', '--pcap', file])).code).toBe(0);
    const { out, code } = await hopwise(['locate', file, '-v']);
    expect(code).toBe(0);
    expect(out).toContain('✓ 1 of 1 exchanges go as the model says');
    expect(out).toContain('✓ compute2:tap292c913e-fe out request  trace.pcapng frame');
    expect(out).not.toContain('✗');
  });

  it('writes JSON that its schema describes', async () => {
    const { out } = await hopwise(['locate', file, '--json']);
    expect(violations(LOCATED_SCHEMA, JSON.parse(out))).toEqual([]);
  });

  it('tells which place is none', async () => {
    const wrong = await hopwise(['locate', file, '--at', 'compute9:eth1']);
    expect(wrong.code).toBe(2);
    expect(wrong.err).toMatch(/did you mean compute[12]\?/);
    const two = await hopwise(['locate', file, '--at', 'compute1:eth1', 'compute2:eth1']);
    expect(two.code).toBe(2);
    expect((await hopwise(['locate', join(folder, 'none.pcap')])).code).toBe(2);
  });

  it('is unsure when no packet of the captures could be traced', async () => {
    const { code, out } = await hopwise(['locate', 'package.json', '--at', 'compute1:eth1']);
    expect(code).toBe(3);
    expect(out).toContain('damaged');
  });
});
