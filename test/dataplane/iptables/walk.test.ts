import { describe, expect, it } from 'vitest';
import { checkRules } from '../../../src/dataplane/iptables/check.ts';
import { type HookName } from '../../../src/dataplane/iptables/hooks.ts';
import { parseIpsetSave } from '../../../src/dataplane/iptables/ipset/save.ts';
import { nearMisses } from '../../../src/dataplane/iptables/near-miss.ts';
import { compileNetfilter, startNetfilter } from '../../../src/dataplane/iptables/netfilter.ts';
import { compareNft, parseNftRuleset } from '../../../src/dataplane/iptables/nft.ts';
import { type Passed } from '../../../src/dataplane/iptables/passed.ts';
import { type Surroundings } from '../../../src/dataplane/iptables/surroundings.ts';
import { parseIptablesSave } from '../../../src/dataplane/iptables/text/save.ts';
import { type Run } from '../../../src/dataplane/outcome.ts';
import { field } from '../../../src/packet/fields.ts';
import { blankPacket, numberOf, onePacket, type Packet } from '../../../src/traffic/one-packet.ts';
import { writeNumber } from '../../../src/traffic/words.ts';

const around: Surroundings = {
  interfaces: [
    {
      name: 'eth0',
      index: 1,
      loopback: false,
      ethernet: true,
      addresses: [
        { version: 4, value: 0x0a000001n, length: 24, scope: 'global', secondary: false },
      ],
    },
    { name: 'eth1', index: 2, loopback: false, ethernet: true, addresses: [] },
  ],
  sets: new Map(
    parseIpsetSave(
      'create blue hash:net\nadd blue 10.0.0.0/24\nadd blue 10.0.0.2/32 nomatch\n',
      's',
    ).value.map((set) => [set.name, set]),
  ),
};

function packet(fields: Readonly<Record<string, number>>): Packet {
  const p = blankPacket();
  for (const [name, value] of Object.entries({
    eth_type: 0x0800,
    ip_proto: 6,
    nw_ttl: 64,
    ...fields,
  })) {
    const of = field(name);
    writeNumber(p.words, of, 0, Math.min(32, of.width), value);
  }
  return p;
}

const told: string[] = [];
const run: Run<Packet> = {
  traffic: onePacket,
  now_us: 0,
  assume: (_reason, detail) => void told.push(detail),
};

function machine(rules: string, version: 4 | 6 = 4) {
  const parsed = parseIptablesSave(rules, 'rules', version);
  expect(parsed.problems).toEqual([]);
  const compiled = compileNetfilter([parsed.value], around);
  const netfilter = startNetfilter(run, compiled, { entries: [] });
  return (hook: HookName, p: Packet): readonly Passed<Packet>[] =>
    netfilter.pass(run, hook, version, p, null);
}

const fates = (passed: readonly Passed<Packet>[]): readonly string[] =>
  passed.map((each) => (each.kind === 'dropped' ? `dropped ${each.drop.reason}` : each.kind));

const filter = (rules: string, policy = 'ACCEPT'): string =>
  `*filter\n:FORWARD ${policy} [0:0]\n:a - [0:0]\n:b - [0:0]\n${rules}\nCOMMIT\n`;

describe('a chain', () => {
  it('goes on behind a jump whose chain returns', () => {
    const pass = machine(filter('-A FORWARD -j a\n-A FORWARD -j DROP\n-A a -p tcp -j RETURN'));
    expect(fates(pass('forward', packet({})))).toEqual(['dropped IPT_RULE_DROP']);
  });

  it('returns to the caller of the chain that did the goto, from a base chain to the policy', () => {
    const rules = '-A FORWARD -g a\n-A FORWARD -j ACCEPT\n-A a -p udp -j ACCEPT';
    expect(fates(machine(filter(rules, 'DROP'))('forward', packet({})))).toEqual([
      'dropped IPT_CHAIN_POLICY_DROP',
    ]);
    const nested = '-A FORWARD -j a\n-A FORWARD -j DROP\n-A a -g b\n-A a -j ACCEPT';
    expect(fates(machine(filter(nested))('forward', packet({})))).toEqual([
      'dropped IPT_RULE_DROP',
    ]);
  });

  it('sees a mark that an earlier rule of the same chain has set', () => {
    const pass = machine(
      '*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j MARK --set-xmark 0x5/0xff\n' +
        '-A PREROUTING -m mark --mark 0x5/0xff -j DROP\nCOMMIT\n',
    );
    expect(fates(pass('prerouting', packet({})))).toEqual(['dropped IPT_RULE_DROP']);
  });

  it('flips bits of a mark that stand outside of the mask', () => {
    const pass = machine(
      '*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j MARK --set-xmark 0x3/0x1\nCOMMIT\n',
    );
    const [passed] = pass('prerouting', packet({ pkt_mark: 0x12 }));
    expect(passed && numberOf(passed.p, field('pkt_mark'))).toBe(0x11);
  });

  it('takes names with + for all interfaces that begin so', () => {
    const pass = machine(filter('-A FORWARD -i eth+ ! -o eth1 -j DROP'));
    expect(fates(pass('forward', packet({ meta_iif: 1, meta_oif: 1 })))).toHaveLength(1);
    expect(fates(pass('forward', packet({ meta_iif: 1, meta_oif: 1 })))).toEqual([
      'dropped IPT_RULE_DROP',
    ]);
    expect(fates(pass('forward', packet({ meta_iif: 1, meta_oif: 2 })))).toEqual(['accepted']);
  });

  it('finds members of a set, and not those that are marked nomatch', () => {
    const pass = machine(filter('-A FORWARD -m set --match-set blue src -j DROP'));
    expect(fates(pass('forward', packet({ ip_src: 0x0a000003 })))).toEqual([
      'dropped IPT_RULE_DROP',
    ]);
    expect(fates(pass('forward', packet({ ip_src: 0x0a000002 })))).toEqual(['accepted']);
  });

  it('does not guess about a match it does not know, and says so', () => {
    told.length = 0;
    const pass = machine(filter('-A FORWARD -m osf --genre Linux -j DROP'));
    expect(fates(pass('forward', packet({})))).toEqual(['accepted']);
    expect(told).toEqual(['rules:5: -m osf --genre Linux -j DROP']);
  });

  it('lets a bucket of tokens run dry and fill again with the time', () => {
    run.now_us = 0;
    const pass = machine(
      filter('-A FORWARD -m limit --limit 1/sec --limit-burst 2 -j ACCEPT', 'DROP'),
    );
    const kinds = () =>
      pass('forward', packet({}))
        .map(({ kind }) => kind)
        .join();
    expect([kinds(), kinds(), kinds()]).toEqual(['accepted', 'accepted', 'dropped']);
    run.now_us = 1_000_000;
    expect([kinds(), kinds()]).toEqual(['accepted', 'dropped']);
    run.now_us = 0;
  });

  it('remembers addresses with recent', () => {
    const pass = machine(
      filter('-A FORWARD -m recent --rcheck --name x -j DROP\n-A FORWARD -m recent --set --name x'),
    );
    const kind = (ip_src: number) => pass('forward', packet({ ip_src }))[0]?.kind;
    expect([kind(1), kind(1), kind(2)]).toEqual(['accepted', 'dropped', 'accepted']);
  });

  it('matches every third packet with statistic nth', () => {
    const rule = '-A FORWARD -m statistic --mode nth --every 3 --packet 0 -j DROP';
    const pass = machine(filter(rule));
    const kinds = [1, 2, 3, 4].map(() => pass('forward', packet({}))[0]?.kind);
    expect(kinds).toEqual(['dropped', 'accepted', 'accepted', 'dropped']);
  });

  it('answers REJECT with an ICMP error or a TCP reset beside the drop', () => {
    const icmp = machine(filter('-A FORWARD -j REJECT --reject-with icmp-host-prohibited'));
    expect(icmp('forward', packet({}))[0]).toMatchObject({ kind: 'icmp-error', type: 3, code: 10 });
    const reset = machine(filter('-A FORWARD -p tcp -j REJECT --reject-with tcp-reset'));
    const [answer, drop] = reset(
      'forward',
      packet({ tcp_flags: 2, tcp_seq: 7, tp_src: 5, tp_dst: 80 }),
    );
    expect(answer?.kind).toBe('answer');
    expect(answer && numberOf(answer.p, field('tcp_flags'))).toBe(0x14);
    expect(answer && numberOf(answer.p, field('tcp_ack'))).toBe(8);
    expect(answer && numberOf(answer.p, field('tp_dst'))).toBe(5);
    expect(drop).toMatchObject({ kind: 'dropped', drop: { reason: 'IPT_REJECT' } });
    expect(fates(reset('forward', packet({ tcp_flags: 4 })))).toEqual(['dropped IPT_REJECT']);
  });

  it('leaves tracking off until a rule needs it', () => {
    const without = machine(filter('-A FORWARD -j ACCEPT'));
    const [untracked] = without('prerouting', packet({ tcp_flags: 2 }));
    expect(untracked && numberOf(untracked.p, field('ct_state'))).toBe(0);
    const tracking = machine(filter('-A FORWARD -m state --state NEW -j ACCEPT'));
    const [tracked] = tracking('prerouting', packet({ tcp_flags: 2 }));
    expect(tracked && numberOf(tracked.p, field('ct_state'))).toBe(0x21);
  });

  it('redirects to the first address of the interface a packet came in by', () => {
    const pass = machine(
      '*nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp -j REDIRECT --to-ports 9697\nCOMMIT\n',
    );
    const p = packet({ meta_iif: 1, tcp_flags: 2, ip_src: 9, ip_dst: 8, tp_src: 5, tp_dst: 80 });
    const [passed] = pass('prerouting', p);
    expect(passed && numberOf(passed.p, field('ip_dst'))).toBe(0x0a000001);
    expect(passed && numberOf(passed.p, field('tp_dst'))).toBe(9697);
  });
});

describe('rules are checked', () => {
  const problems = (rules: string) =>
    checkRules(parseIptablesSave(rules, 'r', 4).value, around.sets).map(
      ({ line, message }) => `${line} ${message}`,
    );

  it('for chains that jump in a circle and are reached', () => {
    expect(problems(filter('-A FORWARD -j a\n-A a -j b\n-A b -j a'))).toEqual([
      '7 the chains jump in a circle: a → b → a',
    ]);
    // The kernel accepts a circle that nobody enters.
    expect(problems(filter('-A a -j a'))).toEqual([]);
  });

  it('for missing sets, chains and misplaced targets', () => {
    expect(problems(filter('-A FORWARD -m set --match-set bleu src -j DROP'))).toEqual([
      '5 the set bleu is missing',
    ]);
    expect(problems(filter('-A FORWARD -j TTL --ttl-set 5'))).toEqual([
      '5 TTL works only in the table mangle',
    ]);
    const missing = parseIptablesSave(filter('-A FORWARD -j nosuch'), 'r', 4).problems;
    expect(missing[0]).toMatchObject({ line: 5, column: 15, text: 'nosuch' });
    const nat =
      '*nat\n:PREROUTING ACCEPT [0:0]\n:x - [0:0]\n-A PREROUTING -j x\n-A x -j MASQUERADE\nCOMMIT\n';
    expect(problems(nat)).toEqual(['5 MASQUERADE is refused where PREROUTING leads']);
  });

  it('and iptables -L is refused with the reason', () => {
    const listing = 'Chain INPUT (policy ACCEPT)\ntarget     prot opt source  destination\n';
    expect(parseIptablesSave(listing, 'f', 4).problems[0]?.message).toContain('hides interfaces');
  });

  it('against nft list ruleset', () => {
    const save = parseIptablesSave(filter('-A FORWARD -j a\n-A a -j DROP'), 'r', 4).value;
    const nft = (policy: string, verdict: string) =>
      parseNftRuleset(
        `table ip filter {\n\tchain FORWARD {\n\t\ttype filter hook forward priority filter; policy ${policy};\n` +
          `\t\tcounter packets 0 bytes 0 jump a\n\t}\n\tchain a {\n\t\tcounter packets 0 bytes 0 ${verdict}\n\t}\n` +
          '\tchain b {\n\t}\n}\n',
        'n',
      ).value;
    expect(compareNft(save, nft('accept', 'drop'), 'n')).toEqual([]);
    expect(compareNft(save, nft('drop', 'drop'), 'n').map(({ message }) => message)).toEqual([
      'iptables-save shows the policy ACCEPT',
    ]);
    expect(compareNft(save, nft('accept', 'accept'), 'n')[0]?.message).toBe(
      'rule 1 leads to "accept", in iptables-save to "drop"',
    );
  });
});

describe('a near miss', () => {
  it('names the rule that would have let the packet pass and the field that differs', () => {
    const rules = filter(
      '-A FORWARD -j a\n-A a -s 10.0.0.0/24 -p tcp -m tcp --dport 22 -j RETURN\n' +
        '-A a -p udp -m udp --dport 53 -j RETURN\n-A a -j DROP',
    );
    const compiled = compileNetfilter(
      [parseIptablesSave(rules, 'r', 4).value],
      around,
    ).rules[4].get('filter');
    const p = packet({ ip_src: 0x0a000005, tp_dst: 80 });
    const found = compiled === undefined ? [] : nearMisses(compiled, 'FORWARD', p.words);
    expect(found.map(({ chain, number, fields }) => [chain, number, fields])).toEqual([
      ['a', 1, ['tp_dst']],
    ]);
  });
});
