/** `hopwise simulate` and `hopwise trace --at`: words, forms of answer, exit codes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SIMULATION_SCHEMA } from '../../src/simulate/render/schema.ts';
import { ROOT } from '../sources.ts';
import { hopwise } from './call.ts';
import { violations } from './json-schema.ts';

const CLOUD = join(ROOT, 'scenarios/ha-router/cloud.yaml');
const FAIL = ['--event', 't=2s fail host net2'];
const PROBE = ['--probe', 'v1 -> external:198.51.100.10 every 500ms'];

describe('hopwise simulate', () => {
  it('takes its network by the same options as a trace, and one only', async () => {
    const words = ['--until', '1s', '--json'];
    const plain = await hopwise(['simulate', CLOUD, ...words]);
    for (const option of ['--cloud', '-s', '--snapshot']) {
      const { out, code } = await hopwise(['simulate', option, CLOUD, ...words]);
      expect([out, code]).toEqual([plain.out, plain.code]);
    }
    const two = await hopwise(['simulate', CLOUD, '--cloud', 'other.yaml', ...words]);
    expect(two.code).toBe(2);
    expect(two.err).toContain(`one network is simulated, not 2: ${CLOUD}, other.yaml`);
    const folder = await hopwise(['simulate', '--cloud', 'dumps', ...words]);
    expect(folder.code).toBe(2);
    expect(folder.err).toContain('--cloud wants a cloud.yaml; dumps goes with --snapshot');
    const missing = await hopwise(['simulate', '-s', '/nowhere', ...words]);
    expect(missing.err).toContain('there is no snapshot at /nowhere');
  });

  it('tells what happened, what was lost, why, and who is master at the end', async () => {
    const words = ['simulate', CLOUD, ...FAIL, ...PROBE, '--until', '12s'];
    const { out, code } = await hopwise(words);
    expect(code).toBe(1);
    expect(out).toContain('2.000 s  fail host net2');
    expect(out).toContain('edge@net1 MASTER: no advert came in time');
    expect(out).toContain('VRRP_NO_MASTER: no instance of edge is master');
    expect(out).toContain('edge is master on net1');
    expect((await hopwise(words)).out).toBe(out);
  });

  it('writes JSON as its schema says, and one page of HTML', async () => {
    const words = ['simulate', CLOUD, ...FAIL, ...PROBE, '--until', '4s'];
    const json = JSON.parse((await hopwise([...words, '--json'])).out) as unknown;
    expect(violations(SIMULATION_SCHEMA, json)).toEqual([]);
    const { out } = await hopwise([...words, '--format', 'html']);
    expect(out).toMatch(/^<!doctype html>/);
    expect(out).toContain('v1 -&gt; external:198.51.100.10');
  });

  it('ends with 0 when nothing was lost, and with 2 and all slips when words are wrong', async () => {
    const well = await hopwise(['simulate', CLOUD, ...PROBE, '--until', '2s']);
    expect(well.code).toBe(0);
    const wrong = ['--event', 't=1s fail host net9', '--probe', 'v9 -> v1'];
    const { err, code } = await hopwise(['simulate', CLOUD, ...wrong]);
    expect(code).toBe(2);
    expect(err).toContain('there is no host net9');
    expect(err).toContain('v9');
  });
});

describe('limits of a simulation', () => {
  it('are told: a probe of too many packets, and a way that does not end', async () => {
    const often = ['simulate', CLOUD, '--probe', 'v1 -> 10.0.0.1 every 1ms', '--until', '60min'];
    const { err, code } = await hopwise(often);
    expect([code, err]).toEqual([2, expect.stringContaining('more than 1000000 packets')]);
  });

  it('shows its progress on a terminal, and leaves nothing of it', async () => {
    const { err } = await hopwise(['simulate', CLOUD, '--until', '3s'], { terminal: 80 });
    expect(err).toContain('\r  way 1, 2 s');
    expect(err.endsWith('\r\u001b[K')).toBe(true);
  });
});

describe('hopwise simulate -o', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hopwise-ends-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('writes a snapshot in which trace, prove and check find the state at the end', async () => {
    const end = join(folder, 'end');
    const { code, err } = await hopwise([
      'simulate',
      CLOUD,
      ...FAIL,
      ...PROBE,
      '--until',
      '12s',
      '-o',
      end,
    ]);
    expect([code, err]).toEqual([1, expect.stringContaining(`the state at the end is in ${end}`)]);
    const asked = ['v1', 'external:198.51.100.10', '--snapshot', end];
    const traced = await hopwise(['trace', ...asked]);
    expect(traced.code).toBe(0);
    // The router is where the simulation has moved it.
    expect(traced.out).toContain('net1');
    expect(traced.out).not.toContain('net2  edge');
    expect((await hopwise(['prove', ...asked, '--icmp'])).code).toBe(0);
    const properties = join(folder, 'properties.yaml');
    writeFileSync(
      properties,
      'properties:\n  - {name: out, from: v1, to: "external:198.51.100.10", arrives: all, icmp: true}\n',
    );
    expect((await hopwise(['check', properties, '--snapshot', end])).code).toBe(0);
  });

  it('goes on from there: what is simulated in two parts ends as in one', async () => {
    const [half, whole] = [join(folder, 'half'), join(folder, 'whole')];
    const back = ['--event', 't=2s restore host net2'];
    await hopwise(['simulate', CLOUD, ...FAIL, '--until', '10s', '-o', half]);
    await hopwise(['simulate', CLOUD, ...FAIL, '--until', '20s', '-o', whole]);
    const on = await hopwise(['simulate', half, ...back, ...PROBE, '--until', '20s']);
    expect(on.out).toContain('edge is master on net1');
    const from = await hopwise(['simulate', whole, ...PROBE, '--until', '20s']);
    expect(from.out).toContain('40 of 40 came through');
  });

  it('writes nothing over what is there', async () => {
    const full = await hopwise(['simulate', CLOUD, '--until', '1s', '-o', folder]);
    expect([full.code, full.err]).toEqual([2, expect.stringContaining('is not empty')]);
  });
});

describe('hopwise prove --at and check --at', () => {
  const asked = ['v1', 'external:198.51.100.10', '--cloud', CLOUD, '--icmp'];

  it.each([
    ['4s', 1],
    ['12s', 0],
  ])('%s: proves in the state of that moment', async (at, wanted) => {
    const { code } = await hopwise(['prove', ...asked, '--at', at, ...FAIL]);
    expect(code).toBe(wanted);
  });

  it('refuses what no configuration shows, and words without their time', async () => {
    const lossy = ['--event', 't=1s lose 50% any in at net1:eth1', '--at', '2s'];
    const { err, code } = await hopwise(['prove', ...asked, ...lossy]);
    expect([code, err]).toEqual([2, expect.stringContaining('50 % of packets in are lost')]);
    const timeless = await hopwise(['prove', ...asked, ...FAIL]);
    expect([timeless.code, timeless.err]).toEqual([2, expect.stringContaining('needs --at')]);
  });
});

describe('hopwise trace --at', () => {
  it.each([
    ['1s', 0, 'REACHABLE'],
    ['4s', 1, 'VRRP_NO_MASTER'],
    ['12s', 0, 'REACHABLE'],
  ])('%s: traces in the state of that moment', async (at, wanted, word) => {
    const words = ['trace', 'v1', 'external:198.51.100.10', '--cloud', CLOUD, '--at', at, ...FAIL];
    const { out, code } = await hopwise(words);
    expect(out.split('\n')[0]).toContain(word);
    expect(code).toBe(wanted);
  });

  it('wants a time where there are events', async () => {
    const words = ['trace', 'v1', 'external:198.51.100.10', '--cloud', CLOUD, ...FAIL];
    const { err, code } = await hopwise(words);
    expect([code, err]).toEqual([2, expect.stringContaining('--event needs --at')]);
  });
});
