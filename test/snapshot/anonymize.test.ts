/** A snapshot with pseudonyms tells the same as before, and nothing of whose it was. */
import { createHmac } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Network, trace } from '../../src/index.ts';
import { anonymized } from '../../src/snapshot/anonymize/anonymize.ts';
import { openFolder } from '../../src/snapshot/collect/folder.ts';
import { memoryFolder } from '../../src/snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { compiledTexts } from '../apply/two-clouds.ts';
import { hopwise } from '../cli/call.ts';
import { DVR, HA_PAIR, LB_VXLAN, VLAN_HYBRID } from '../reality/apply/clouds.ts';
import { ROOT } from '../sources.ts';

const keyed = (secret: string) => (text: string) =>
  createHmac('sha256', secret).update(text).digest('hex');

function networkOf(files: ReadonlyMap<string, string>): Network {
  return openSnapshot(memoryFolder(new Map([...files].map(([path, text]) => [path, () => text]))));
}

function demo(): ReadonlyMap<string, string> {
  const folder = openFolder(join(ROOT, 'demo/ovs-vxlan-ovsfw'));
  const decoder = new TextDecoder();
  return new Map(folder.list().map((path) => [path, decoder.decode(folder.read(path))]));
}

/** What a trace says, but for names. */
function told(network: Network, from: string, to: string, port: number): string {
  const answer = trace(network, { from, to, protocol: 'tcp', port });
  if (answer.kind !== 'traced') return answer.kind;
  const { verdict, request, reply, blockers } = answer.trace;
  const hops = [request, reply].map((way) => way?.hops.map((hop) => hop.steps.length).join(' '));
  return `${verdict} ${hops.join(' | ')} ${blockers.map(({ code }) => code).join()}`;
}

const SNAPSHOTS: readonly (readonly [string, () => ReadonlyMap<string, string>])[] = [
  ['a capture', demo],
  ['Linux bridges', () => compiledTexts(LB_VXLAN)],
  ['VLANs and bridges between', () => compiledTexts(VLAN_HYBRID)],
  ['distributed routers', () => compiledTexts(DVR)],
  ['highly available routers', () => compiledTexts(HA_PAIR)],
];

describe('a snapshot with pseudonyms', () => {
  for (const [name, files] of SNAPSHOTS) {
    it(`answers as before: ${name}`, () => {
      const old = files();
      const { files: made, renamed, left } = anonymized(old, keyed('secret'));
      expect(left).toEqual([]);
      expect(made.size).toBe(old.size);
      const [before, after] = [networkOf(old), networkOf(made)];
      const guests = before.endpoints.filter(({ role }) => role === 'vm').map((one) => one.name);
      expect(guests.length).toBeGreaterThan(1);
      const some = guests.slice(0, 3);
      const answers = new Set<string>();
      for (const from of some) {
        for (const to of [...some.filter((one) => one !== from), 'external:203.0.113.1']) {
          for (const port of [80, 22]) {
            const now = to.startsWith('external:')
              ? `external:${renamed(to.slice('external:'.length))}`
              : renamed(to);
            const was = told(before, from, to, port);
            expect(told(after, renamed(from), now, port), `${from} ${to} ${port}`).toBe(was);
            answers.add(was.split(' ')[0] ?? '');
          }
        }
      }
      expect(answers.size).toBeGreaterThan(1);
    });
  }

  it('holds no id, no MAC and no name of the old one', () => {
    const old = demo();
    const { files: made } = anonymized(old, keyed('secret'));
    const [then, now] = [old, made].map((all) => [...all].flat().join('\n'));
    const ids = new Set(then?.match(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g));
    const macs = new Set(then?.match(/\b[0-9a-f]{2}:16:3e(:[0-9a-f]{2}){3}\b/g));
    const addresses = new Set(then?.match(/\b10\.\d+\.\d+\.\d+\b/g));
    for (const [words, most] of [
      [ids, 0],
      [macs, 0],
      [addresses, addresses.size / 20],
    ] as const) {
      expect(words.size).toBeGreaterThan(5);
      const again = [...words].filter((word) => now?.includes(word));
      expect(again.length).toBeLessThanOrEqual(most);
    }
    for (const word of ['router-a', 'tenant-a', 'compute1']) {
      expect(then).toContain(word);
      expect(now).not.toMatch(new RegExp(`(?<![\\w-])${word}(?![\\w-])`));
    }
  });

  it('is written by a command that takes no folder with something in it', async () => {
    const top = mkdtempSync(join(tmpdir(), 'hopwise-anonymize-'));
    try {
      const words = ['snapshot', 'anonymize', join(ROOT, 'demo/ovs-vxlan-ovsfw'), '-o', top];
      const first = await hopwise(words);
      expect(first).toMatchObject({ code: 0, err: '' });
      expect(existsSync(join(top, 'api/ports.json'))).toBe(true);
      expect(await hopwise(words)).toMatchObject({ code: 2 });
    } finally {
      rmSync(top, { recursive: true });
    }
  });

  it('depends on the secret alone', () => {
    const text = new Map([
      ['a.txt', 'net 10.1.2.0/24 host 10.1.2.77 fa:16:3e:00:12:34 fe80::f816:3eff:fe00:1234'],
    ]);
    const of = (secret: string) => anonymized(text, keyed(secret)).files.get('a.txt') ?? '';
    expect(of('one')).toBe(of('one'));
    expect(of('one')).not.toBe(of('two'));
    const [, net = '', host = '', mac = '', local = ''] =
      /^net (\d+\.\d+\.\d+)\.0\/24 host (\S+) (\S+) (\S+)$/.exec(of('one')) ?? [];
    expect(host.startsWith(`${net}.`)).toBe(true);
    const [a, b, c] = mac.split(':').slice(3);
    // RFC 4291 appendix A: the address that follows from the MAC.
    expect(BigInt(`0x${local.split(':').at(-1)}`)).toBe(BigInt(`0x${b}${c}`));
    expect(local).toContain(`fe${a}`.replace(/^fe0*$/, 'fe'));
  });
});
