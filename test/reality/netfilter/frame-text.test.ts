/**
 * Rules of ebtables and arptables, and sets of ipset, in the spelling that the programs print:
 * what they printed of each, and the programs themselves where they are there.
 */
import { spawnSync } from 'node:child_process';
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
import { kernelTakesRules } from './kernel-text.ts';

/** As written, and as ebtables-save of iptables 1.8.9 prints it. */
const FRAMES: readonly (readonly [written: string, printed: string])[] = [
  ['', '-j CONTINUE'],
  ['-p ip --ip-src 10.1.2.3/8 -j ACCEPT', '-p IPv4 --ip-src 10.0.0.0/8 -j ACCEPT'],
  ['-p 0x0806 --arp-op 1 -j DROP', '-p ARP --arp-op Request -j DROP'],
  ['-p arp --arp-ip-src ! 10.0.0.5/32 -j DROP', '-p ARP --arp-ip-src ! 10.0.0.5 -j DROP'],
  ['-p ip6 --ip6-dst 2001:DB8::1/32', '-p IPv6 --ip6-dst 2001:db8::/32 -j CONTINUE'],
  ['-p ip --ip-proto 17 --ip-dport 67:68', '-p IPv4 --ip-proto udp --ip-dport 67:68 -j CONTINUE'],
  [
    '-p ip --ip-proto icmp --ip-icmp-type 8/0',
    '-p IPv4 --ip-proto icmp --ip-icmp-type 8/0 -j CONTINUE',
  ],
  [
    '-p ip --ip-proto icmp --ip-icmp-type ping',
    '-p IPv4 --ip-proto icmp --ip-icmp-type echo-request -j CONTINUE',
  ],
  [
    '-p ip6 --ip6-proto ipv6-icmp --ip6-icmp-type ! 1:10',
    '-p IPv6 --ip6-proto ipv6-icmp --ip6-icmp-type ! 1:10/0:255 -j CONTINUE',
  ],
  ['-p ip --ip-tos 0x1f', '-p IPv4 --ip-tos 0x1F -j CONTINUE'],
  ['-o tap2 -i tap1 -j ACCEPT', '-i tap1 -o tap2 -j ACCEPT'],
  ['-s FA:16:3E:0:0:1 -d ff:ff:ff:ff:ff:ff -j DROP', '-s fa:16:3e:00:00:01 -d Broadcast -j DROP'],
  ['-d 01:00:00:00:00:00/01:00:00:00:00:00', '-d Multicast -j CONTINUE'],
  ['-p 802_1Q --vlan-encap ip6 --vlan-id 7', '-p 802_1Q --vlan-id 7 --vlan-encap 86DD -j CONTINUE'],
  ['--mark 42/255 -j RETURN', '--mark 0x2a/0xff -j RETURN'],
  ['--mark /2', '--mark /0x2 -j CONTINUE'],
  ['-d BGA --stp-flags 1', '-d BGA --stp-flags topology-change -j CONTINUE'],
  ['-d BGA --stp-root-prio 1:5', '-d BGA --stp-root-prio 1:5 -j CONTINUE'],
  ['--limit 60/min -j ACCEPT', '--limit 1/sec --limit-burst 5 -j ACCEPT'],
  ['--log --log-prefix x', '--log-level notice --log-prefix "x" -j CONTINUE'],
  ['-j mark --mark-set 5', '-j mark --mark-set 0x5 --mark-target ACCEPT'],
  ['--pkttype-type ! otherhost -j user', '--pkttype-type ! otherhost -j user'],
];

/** The same of arptables-save. */
const ARP: readonly (readonly [written: string, printed: string])[] = [
  ['-s 10.1.2.3/8 -j ACCEPT', '-j ACCEPT -s 10.0.0.0/8'],
  ['--opcode 2 ! -s 10.0.0.1 -j DROP', '-j DROP ! -s 10.0.0.1 --opcode 2'],
  ['--src-mac Broadcast', '--src-mac ff:ff:ff:ff:ff:ff'],
  ['! --src-mac Multicast', '! --src-mac 01:00:00:00:00:00/01:00:00:00:00:00'],
  ['-j MARK --and-mark 0xff', '-j MARK --and-mark ff'],
  ['-j mangle --mangle-ip-s 10.0.0.9', '-j mangle --mangle-ip-s 10.0.0.9'],
];

const rules = (text: string): readonly string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('-A'))
    .map((line) => line.trimEnd());

const frameText = (rule: string): string =>
  `*filter\n:FORWARD ACCEPT\n:user ACCEPT\n-A FORWARD ${rule}\n`;
const arpText = (rule: string): string => `*filter\n:INPUT ACCEPT\n:user -\n-A INPUT ${rule}\n`;

function run(script: string, input: string): string {
  const done = spawnSync('unshare', ['-n', 'sh', '-c', script], { input, encoding: 'utf8' });
  expect(done.status, done.stderr + input).toBe(0);
  return done.stdout;
}

describe('the text of frames', () => {
  it.each(FRAMES)('ebtables: %s', (written, printed) => {
    const { value, problems } = parseEbtablesSave(frameText(written), 'frames');
    expect(problems).toEqual([]);
    expect(rules(printEbtablesSave(value))).toEqual([`-A FORWARD ${printed}`]);
  });

  it.each(ARP)('arptables: %s', (written, printed) => {
    const { value, problems } = parseArptablesSave(arpText(written), 'arp');
    expect(problems).toEqual([]);
    expect(rules(printArptablesSave(value))).toEqual([`-A INPUT ${printed}`]);
  });

  it('keeps what it does not understand as an opaque condition', () => {
    const text = '-p ARP --arp-ip-sorc 10.0.0.1 -j ACCEPT';
    const { value, problems } = parseEbtablesSave(frameText(text), 'frames');
    expect(problems).toMatchObject([{ line: 4, column: 19, didYouMean: '--arp-ip-src' }]);
    const rule = value[0]?.chains[0]?.rules[0];
    expect(rule?.conditions.map(({ kind }) => kind)).toContain('opaque');
    expect(rules(printEbtablesSave(value))).toEqual([`-A FORWARD ${text}`]);
  });

  it.skipIf(!kernelTakesRules())('is what the programs print of it', () => {
    for (const [written, printed] of FRAMES) {
      const script = 'xtables-nft-multi ebtables-restore && xtables-nft-multi ebtables-save';
      expect(rules(run(script, frameText(written)))).toEqual([`-A FORWARD ${printed}`]);
      expect(rules(run(script, frameText(printed)))).toEqual([`-A FORWARD ${printed}`]);
    }
    for (const [written, printed] of ARP) {
      const script = 'xtables-nft-multi arptables-restore && xtables-nft-multi arptables-save';
      expect(rules(run(script, arpText(written)))).toEqual([`-A INPUT ${printed}`]);
    }
  });
});

describe('sets', () => {
  const save = [
    'create blue hash:net family inet hashsize 1024 maxelem 65536 counters bucketsize 12 initval 0x1',
    'add blue 10.0.0.0/8 packets 1 bytes 2 nomatch',
    'add blue 192.0.2.1 packets 0 bytes 0',
    'create red hash:ip,port family inet6 hashsize 1024 maxelem 65536 comment bucketsize 12 initval 0x2',
    'add red 2001:db8::1,ipv6-icmp:echo-request comment "a b"',
    '',
  ].join('\n');
  const list = [
    ...['Name: blue', 'Type: hash:net', 'Revision: 7'],
    'Header: family inet hashsize 1024 maxelem 65536 counters bucketsize 12 initval 0x1',
    ...['Size in memory: 600', 'References: 2', 'Number of entries: 2', 'Members:'],
    ...['10.0.0.0/8 packets 1 bytes 2 nomatch', '192.0.2.1 packets 0 bytes 0', ''],
    ...['Name: red', 'Type: hash:ip,port', 'Revision: 6'],
    'Header: family inet6 hashsize 1024 maxelem 65536 comment bucketsize 12 initval 0x2',
    ...['Size in memory: 300', 'References: 0', 'Number of entries: 1', 'Members:'],
    ...['2001:db8::1,ipv6-icmp:echo-request comment "a b"', ''],
  ].join('\n');

  it('mean the same in ipset list and in ipset save', () => {
    for (const text of [save, list]) {
      const { value, problems } = parseIpsetSave(text, 'sets');
      expect(problems).toEqual([]);
      expect(printIpsetSave(value)).toBe(save);
    }
  });

  it('are renamed and swapped by a script', () => {
    const script = 'create a hash:ip\ncreate b hash:ip\nadd a 10.0.0.1\nswap a b\nrename b c\n';
    const { value, problems } = parseIpsetSave(script, 'sets');
    expect(problems).toEqual([]);
    expect(value.map(({ name, entries }) => [name, entries.length])).toEqual(
      expect.arrayContaining([
        ['a', 0],
        ['c', 1],
      ]),
    );
  });

  it('of a wrong list are located', () => {
    const { problems } = parseIpsetSave(list.replace('hash:net', 'hash:nte'), 'sets');
    expect(problems).toMatchObject([{ line: 4, didYouMean: 'hash:net' }]);
    const entry = parseIpsetSave(list.replace('192.0.2.1', '192.0.2.1x'), 'sets');
    expect(entry.problems).toMatchObject([{ line: 10, column: 1 }]);
  });
});
