import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  parseArptablesSave,
  printArptablesSave,
} from '../../../src/dataplane/iptables/arptables/save.ts';
import {
  parseEbtablesSave,
  printEbtablesSave,
} from '../../../src/dataplane/iptables/ebtables/save.ts';
import { parseIpsetSave, printIpsetSave } from '../../../src/dataplane/iptables/ipset/save.ts';

const folder = resolve(import.meta.dirname, '../../fixtures/netfilter');
const load = (name: string): string => readFileSync(resolve(folder, name), 'utf8');
/** Comments carry the time of the dump; old ebtables-save leaves a blank behind a bare target. */
const lines = (text: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '' && !line.startsWith('#'));

describe('the text of ipset, ebtables and arptables', () => {
  it('is printed as ipset 7.17 saved it', () => {
    const { value, problems } = parseIpsetSave(load('ipset-save.txt'), 'ipset-save.txt');
    expect(problems).toEqual([]);
    expect(printIpsetSave(value)).toBe(load('ipset-save.txt'));
  });

  it('means the same in XML and in lines', () => {
    const xml = parseIpsetSave(load('ipset-save.xml'), 'ipset-save.xml');
    expect(xml.problems).toEqual([]);
    expect(printIpsetSave(xml.value)).toBe(load('ipset-save.txt'));
  });

  it('is printed as ebtables-save 1.8.9 did', () => {
    const { value, problems } = parseEbtablesSave(load('ebtables-save.txt'), 'ebtables-save.txt');
    expect(problems).toEqual([]);
    expect(lines(printEbtablesSave(value))).toEqual(lines(load('ebtables-save.txt')));
  });

  it('is printed as arptables-save 1.8.9 did', () => {
    const { value, problems } = parseArptablesSave(
      load('arptables-save.txt'),
      'arptables-save.txt',
    );
    expect(problems).toEqual([]);
    expect(lines(printArptablesSave(value))).toEqual(lines(load('arptables-save.txt')));
  });

  it('names the line, the column and the word that was probably meant', () => {
    const wrong = 'create blue hash:nte family inet\nadd blue 10.0.0.1\n';
    const { problems } = parseIpsetSave(wrong, 'f');
    expect(problems[0]).toMatchObject({ line: 1, column: 13, didYouMean: 'hash:net' });
    const frames = parseEbtablesSave('*nat\n:a DROP\n-A a --arp-ip-sorc 1.2.3.4 -j DROP\n', 'f');
    expect(frames.problems[0]).toMatchObject({ line: 3, column: 6, didYouMean: '--arp-ip-src' });
  });
});
