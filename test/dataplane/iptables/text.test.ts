import { describe, expect, it } from 'vitest';
import { checkRules } from '../../../src/dataplane/iptables/check.ts';
import { compareNft, parseNftRuleset } from '../../../src/dataplane/iptables/nft.ts';
import { parseIptablesSave, printIptablesSave } from '../../../src/dataplane/iptables/text/save.ts';
import { type Rule } from '../../../src/dataplane/iptables/types.ts';
import { type Problem } from '../../../src/text/problem.ts';

interface Read {
  readonly rules: readonly Rule[];
  readonly printed: readonly string[];
  readonly problems: readonly Problem[];
}

function read(rules: string, table = 'filter', version: 4 | 6 = 4): Read {
  const text = `*${table}\n:user - [0:0]\n${rules}\nCOMMIT\n`;
  const { value, problems } = parseIptablesSave(text, 'rules', version);
  return {
    rules: value.tables.flatMap(({ chains }) => chains.flatMap((chain) => chain.rules)),
    printed: printIptablesSave(value)
      .split('\n')
      .filter((line) => line.startsWith('-A')),
    problems,
  };
}

describe('a rule with words that are not understood', () => {
  it('keeps a bad value as an opaque condition and says where it is', () => {
    const { rules, printed, problems } = read('-A INPUT -m mark --mark 12x -j ACCEPT');
    expect(problems).toMatchObject([{ file: 'rules', line: 3, column: 18, text: '--mark' }]);
    expect(rules[0]?.matches).toEqual([
      { kind: 'verbatim', name: 'mark', words: ['--mark', '12x'] },
    ]);
    expect(printed).toEqual(['-A INPUT -m mark --mark 12x -j ACCEPT']);
  });

  it('keeps a host name as an opaque condition', () => {
    const { rules, printed, problems } = read('-A INPUT -s db.example -j DROP');
    expect(problems).toMatchObject([{ line: 3, column: 13, text: 'db.example' }]);
    expect(rules[0]).toMatchObject({ source: null, matches: [{ kind: 'verbatim' }] });
    expect(printed).toEqual(['-A INPUT -s db.example -j DROP']);
  });

  it('keeps a target with a bad value, and does not guess at it', () => {
    const { rules, problems } = read('-A OUTPUT -j DNAT --to-destination here', 'nat');
    expect(problems).toMatchObject([{ line: 3, text: '--to-destination' }]);
    expect(rules[0]?.target).toMatchObject({ kind: 'verbatim', name: 'DNAT' });
  });

  it('names the option that iptables would not load without', () => {
    expect(read('-A INPUT -m set -j DROP').problems).toMatchObject([
      { line: 3, message: 'set needs --match-set' },
    ]);
    expect(read('-A PREROUTING -j DNAT', 'nat').problems).toMatchObject([
      { message: 'DNAT needs --to-destination' },
    ]);
  });

  it('does not take an option twice', () => {
    const { problems } = read('-A INPUT -m mark --mark 1 --mark 2 -j DROP');
    expect(problems).toMatchObject([{ column: 27, message: 'this option stands twice' }]);
  });
});

describe('spellings of getopt', () => {
  it('are understood: abbreviated, joined, and with the mark of negation in both places', () => {
    const { printed, problems } = read(
      [
        '-A INPUT -p tcp --destination-po 80',
        '-A INPUT -p tcp --dport=80',
        '-A INPUT -p tcp -m multiport --dport 80,443',
        '-A INPUT -p tcp --syn ! --sport 80',
        '-A INPUT -p tcp --dport ! 80',
      ].join('\n'),
    );
    expect(problems).toEqual([]);
    expect(printed).toEqual([
      '-A INPUT -p tcp -m tcp --dport 80',
      '-A INPUT -p tcp -m tcp --dport 80',
      '-A INPUT -p tcp -m multiport --dports 80,443',
      '-A INPUT -p tcp -m tcp ! --sport 80 --tcp-flags FIN,SYN,RST,ACK SYN',
      '-A INPUT -p tcp -m tcp ! --dport 80',
    ]);
  });

  it('keep a match that stands twice, as the kernel does', () => {
    const rule = '-A INPUT -p udp -m udp --sport 67 -m udp --dport 68 -j RETURN';
    expect(read(rule)).toMatchObject({ printed: [rule], problems: [] });
  });

  it('make a rule of every pair of listed addresses', () => {
    const { printed } = read('-A INPUT -s 10.0.0.1,10.0.0.2 -d 10.1.0.0/16,10.2.0.0/16 -j DROP');
    expect(printed).toEqual([
      '-A INPUT -s 10.0.0.1/32 -d 10.1.0.0/16 -j DROP',
      '-A INPUT -s 10.0.0.1/32 -d 10.2.0.0/16 -j DROP',
      '-A INPUT -s 10.0.0.2/32 -d 10.1.0.0/16 -j DROP',
      '-A INPUT -s 10.0.0.2/32 -d 10.2.0.0/16 -j DROP',
    ]);
  });
});

describe('outputs that are no iptables-save', () => {
  it('of iptables -S name their table by their chains', () => {
    const text =
      '-P PREROUTING ACCEPT\n-P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\n-N x\n-A x -j ACCEPT\n';
    const { value, problems } = parseIptablesSave(text, 'rules', 4);
    expect(problems).toEqual([]);
    expect(value.tables).toMatchObject([{ name: 'nat' }]);
    expect(value.tables[0]?.chains.map(({ name, rules }) => [name, rules.length])).toContainEqual([
      'x',
      1,
    ]);
  });

  it('of iptables -L are refused with the reason', () => {
    const plain = 'Chain INPUT (policy ACCEPT)\ntarget     prot opt source  destination\n';
    const verbose =
      'Chain INPUT (policy DROP 1 packets, 2 bytes)\n pkts bytes target prot opt in out source destination\n';
    const reason = (text: string): string | undefined =>
      parseIptablesSave(text, 'rules', 4).problems[0]?.message;
    expect(reason(plain)).toMatch(/hides interfaces .* use iptables-save -c/);
    expect(reason(verbose)).toMatch(/a table for people .* use iptables-save -c/);
  });
});

describe('rules that can be read but not work', () => {
  const check = (rules: string, table = 'filter'): readonly Problem[] => {
    const text = `*${table}\n:a - [0:0]\n:b - [0:0]\n${rules}\nCOMMIT\n`;
    const { value, problems } = parseIptablesSave(text, 'rules', 4);
    return [...problems, ...checkRules(value, new Map())];
  };

  it('are named where chains jump in a circle that a packet can reach', () => {
    const circle = '-A a -j b\n-A b -g a';
    expect(check(`-A INPUT -j a\n${circle}`)).toMatchObject([
      { line: 6, message: 'the chains jump in a circle: a → b → a' },
    ]);
    expect(check(circle)).toEqual([]);
  });

  it('are named where a chain or a set is missing', () => {
    expect(check('-A INPUT -j aa')).toMatchObject([
      { line: 4, column: 13, message: 'no chain and no target has this name' },
    ]);
    expect(check('-A INPUT -g aa')).toMatchObject([
      { line: 4, column: 13, message: 'the table has no chain of this name', didYouMean: 'a' },
    ]);
    expect(check('-A aa -j DROP')).toMatchObject([{ line: 4, didYouMean: 'a' }]);
    expect(check('-A INPUT -m set --match-set blue src')).toMatchObject([
      { line: 4, message: 'the set blue is missing' },
    ]);
  });

  it('are named where an interface cannot be known yet', () => {
    expect(check('-A INPUT -o eth0 -j DROP')).toMatchObject([
      { line: 4, message: '-o is refused in INPUT' },
    ]);
    expect(check('-A POSTROUTING -i eth0 -j ACCEPT', 'nat')).toMatchObject([
      { message: '-i is refused in POSTROUTING' },
    ]);
  });
});

describe('nft list ruleset beside iptables-save', () => {
  const save =
    '*filter\n:INPUT DROP [0:0]\n:a - [0:0]\n-A INPUT -i lo -j ACCEPT\n-A INPUT -j a\nCOMMIT\n';
  const shown = (rules: string): string =>
    [
      'table ip filter { # handle 1',
      '\tchain INPUT { # handle 1',
      '\t\ttype filter hook input priority filter; policy drop;',
      rules,
      '\t}',
      '\tchain a { # handle 2',
      '\t}',
      '}',
    ].join('\n');
  const same =
    '\t\tiifname "lo" counter packets 1 bytes 2 accept # handle 3\n\t\tjump a # handle 4';
  const compare = (nft: string): readonly Problem[] => {
    const ruleset = parseIptablesSave(save, 'save', 4).value;
    const { value, problems } = parseNftRuleset(nft, 'nft');
    return [...problems, ...compareNft(ruleset, value, 'nft')];
  };

  it('agrees when it shows the same, with handles or without', () => {
    expect(compare(shown(same))).toEqual([]);
    expect(compare(shown(same).replace(/ # handle \d+/g, ''))).toEqual([]);
  });

  it('is reported where it does not', () => {
    expect(compare(shown(same.replace('accept', 'drop')))).toMatchObject([
      { line: 4, message: 'rule 1 leads to "drop", in iptables-save to "accept"' },
    ]);
    expect(compare(shown(same.split('\n')[0] ?? ''))).toMatchObject([
      { message: 'nft shows 1 rules, iptables-save 2' },
    ]);
  });

  it('is reported where somebody wrote tables for nftables itself', () => {
    const own = [
      'table inet firewalld {',
      '\tchain filter_INPUT {',
      '\t\ttype filter hook input priority filter + 10; policy accept;',
      '\t\tct state invalid drop',
      '\t}',
      '}',
    ].join('\n');
    expect(compare(`${shown(same)}\n${own}`)).toMatchObject([
      {
        line: 10,
        text: 'table inet firewalld',
        message: expect.stringMatching(/is not emulated/) as string,
      },
    ]);
  });
});
