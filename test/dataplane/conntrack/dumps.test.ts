/** Dumps of connections: read without problems, printed back, never thrown over. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConntrack, printConntrack } from '../../../src/dataplane/conntrack/text/dump.ts';

const fixtures = resolve(import.meta.dirname, '../../fixtures/conntrack');
const captures = resolve(import.meta.dirname, '../../../../shared/truth/captures');

function fixture(name: string): string {
  return readFileSync(resolve(fixtures, name), 'utf8');
}

/** Lines without what only counts or pads. */
function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim().replaceAll(/ +/g, ' '))
    .filter((line) => line !== '' && !line.startsWith('conntrack v'));
}

describe('dumps of connections', () => {
  it.each(['list.txt', 'extended.txt'])('reads %s and prints the same text', (name) => {
    const text = fixture(name);
    const { value, problems } = parseConntrack(name, text);
    expect(problems).toEqual([]);
    expect(lines(printConntrack(value.entries, value.format))).toEqual(lines(text));
  });

  it('reads /proc/net/nf_conntrack with its long IPv6 addresses', () => {
    const { value, problems } = parseConntrack('nf_conntrack', fixture('proc.txt'));
    expect(problems).toEqual([]);
    expect(value.entries.length).toBe(9);
    const v6 = value.entries.find(({ original }) => original.source.version === 6);
    expect(v6?.original.source.value).toBe((0xfd00n << 112n) | 1n);
  });

  it('reads XML and says that it does not tell the id of ICMP', () => {
    const { value, problems } = parseConntrack('flows.xml', fixture('flows.xml'));
    expect(value.entries.length).toBe(7);
    expect(problems.map(({ line }) => line)).toEqual([6, 11]);
    const kept = lines(fixture('flows.xml')).filter((line) => !line.includes('protoname="icmp'));
    expect(lines(printConntrack(value.entries, 'xml'))).toEqual(kept);
  });

  it('reads marks, translated answers, zones of one direction and assurance', () => {
    const { value } = parseConntrack('list.txt', fixture('list.txt'));
    const by = (protocol: number, port: number) =>
      value.entries.find(
        ({ original }) => original.protocol === protocol && original.sourcePort === port,
      );
    expect(by(6, 1)).toMatchObject({ mark: 7, state: 'ESTABLISHED' });
    expect(by(6, 1)?.status).toContain('assured');
    expect(by(17, 4)?.reply.destinationPort).toBe(77);
    expect(by(17, 1)).toMatchObject({ zone: 7, zoneReply: null });
    expect(by(17, 2)).toMatchObject({ zone: 8, zoneReply: 0 });
    expect(value.personality).toBe('kernel');
  });

  it('tells the tracker that wrote a dpctl dump', () => {
    const tuple =
      'tcp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1,dport=2),reply=(src=10.0.0.2,dst=10.0.0.1,sport=2,dport=1)';
    const of = (rest: string) => parseConntrack('d', `${tuple}${rest}\n`).value.personality;
    expect(of(',zone=1,protoinfo=(state=ESTABLISHED)')).toBe('userspace');
    expect(
      of(
        ',id=7,status=SEEN_REPLY|CONFIRMED,timeout=9,protoinfo=(state_orig=CLOSE,state_reply=CLOSE)',
      ),
    ).toBe('kernel');
    expect(parseConntrack('d', '').value.personality).toBeNull();
  });

  it('prints every attribute of a dpctl line in its place', () => {
    const text =
      'tcp,orig=(src=fd00::1,dst=fd00::2,sport=1,dport=2,packets=3,bytes=4),' +
      'reply=(src=fd00::2,dst=fd00::1,sport=2,dport=1,packets=5,bytes=6),id=9,zone=0,' +
      'status=SEEN_REPLY|ASSURED,timeout=86,mark=1,labels=0x400000000000000000000000000000,' +
      'helper=ftp,protoinfo=(state_orig=ESTABLISHED,state_reply=ESTABLISHED,wscale_orig=7,' +
      'wscale_reply=7,flags_orig=WINDOW_SCALE|SACK_PERM,flags_reply=WINDOW_SCALE)\n';
    const { value, problems } = parseConntrack('d', text);
    expect(problems).toEqual([]);
    expect(printConntrack(value.entries, 'dpctl')).toBe(text);
    expect(value.entries[0]).toMatchObject({ mark: 1, labels: 0x4n << 116n, helper: 'ftp' });
  });

  it('prints the zero ports that dpctl writes for protocols without ports', () => {
    const text =
      '47,orig=(src=10.0.0.1,dst=10.0.0.2,sport=0,dport=0),reply=(src=10.0.0.2,dst=10.0.0.1,sport=0,dport=0)\n';
    const { value, problems } = parseConntrack('d', text);
    expect(problems).toEqual([]);
    expect(printConntrack(value.entries, 'dpctl').replace(/^gre/, '47')).toBe(text);
  });

  it('says where a word is not understood, and what was probably meant', () => {
    const text =
      'tcp 6 9 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 [UNREPLYED] src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 marc=0 use=1\n';
    const { value, problems } = parseConntrack('c.txt', text);
    expect(value.entries.length).toBe(1);
    expect(problems).toMatchObject([
      { file: 'c.txt', line: 1, column: 63, text: '[UNREPLYED]', didYouMean: '[UNREPLIED]' },
      { line: 1, text: 'marc=0' },
    ]);
  });

  it('never throws, whatever is cut out, doubled or replaced', () => {
    const texts = ['list.txt', 'extended.txt', 'proc.txt', 'flows.xml'].map(fixture);
    texts.push(
      'udp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1,dport=2),reply=(src=10.0.0.2,dst=10.0.0.1,sport=2,dport=1),zone=1\n',
    );
    const edit = fc.tuple(fc.nat(5000), fc.nat(40), fc.string({ maxLength: 12 }));
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.array(edit, { maxLength: 6 }), (text, edits) => {
        let mangled = text;
        for (const [at, length, by] of edits) {
          const start = at % (mangled.length + 1);
          mangled = mangled.slice(0, start) + by + mangled.slice(start + length);
        }
        const { value } = parseConntrack('m', mangled);
        const once = printConntrack(value.entries, value.format);
        const again = parseConntrack('m', once).value.entries;
        expect(again.length).toBe(value.entries.length);
      }),
      { seed: 7, numRuns: 400 },
    );
  });

  it.skipIf(!existsSync(captures))('reads every captured dump and prints the same lines', () => {
    const files = readdirSync(captures, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /conntrack[^/]*\.txt$/.test(name),
    );
    expect(files.length).toBeGreaterThan(50);
    for (const name of files) {
      const text = readFileSync(resolve(captures, name), 'utf8');
      const { value, problems } = parseConntrack(name, text);
      expect(problems).toEqual([]);
      expect(lines(printConntrack(value.entries, value.format)), name).toEqual(lines(text));
    }
  });
});
