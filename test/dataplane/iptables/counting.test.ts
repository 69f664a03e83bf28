import { describe, expect, it } from 'vitest';
import { compileNetfilter, startNetfilter } from '../../../src/dataplane/iptables/netfilter.ts';
import { parseIptablesSave } from '../../../src/dataplane/iptables/text/save.ts';
import { type Run } from '../../../src/dataplane/outcome.ts';
import { field } from '../../../src/packet/fields.ts';
import { blankPacket, onePacket, type Packet } from '../../../src/traffic/one-packet.ts';
import { assignment } from '../../../src/traffic/words.ts';

const around = { interfaces: [], sets: new Map() };

function packet(fields: Readonly<Record<string, number>>): Packet {
  let made = blankPacket();
  for (const [name, value] of Object.entries({ eth_type: 0x0800, nw_ttl: 64, ...fields })) {
    made = onePacket.set(made, assignment(field(name), BigInt(value)));
  }
  return made;
}

/** A filter whose clock can be moved; says whether a packet was accepted. */
function machine(rule: string) {
  const run: Run<Packet> = { traffic: onePacket, now_us: 0, assume: () => undefined };
  const rules = `*filter\n:FORWARD DROP [0:0]\n-A FORWARD ${rule} -j ACCEPT\nCOMMIT\n`;
  const parsed = parseIptablesSave(rules, 'rules', 4);
  expect(parsed.problems).toEqual([]);
  const netfilter = startNetfilter(run, compileNetfilter([parsed.value], around), { entries: [] });
  const pass = (p: Packet): boolean => {
    const before = netfilter.pass(run, 'prerouting', 4, p, null);
    const [entered] = before;
    if (entered?.kind !== 'accepted') return false;
    const [went] = netfilter.pass(run, 'forward', 4, entered.p, entered.handle);
    if (went?.kind !== 'accepted') return false;
    netfilter.pass(run, 'postrouting', 4, went.p, went.handle);
    return true;
  };
  return { run, pass };
}

describe('-m hashlimit', () => {
  const rule =
    '-m hashlimit --hashlimit-upto 60/min --hashlimit-burst 2 --hashlimit-mode srcip --hashlimit-name h';

  it('keeps a bucket for each source', () => {
    const { pass } = machine(rule);
    const from = (ip_src: number) => pass(packet({ ip_src, ip_proto: 17 }));
    expect([from(1), from(1), from(1)]).toEqual([true, true, false]);
    expect(from(2)).toBe(true);
  });

  it('fills a bucket with the time', () => {
    const { run, pass } = machine(rule);
    const next = () => pass(packet({ ip_src: 1, ip_proto: 1 }));
    expect([next(), next(), next()]).toEqual([true, true, false]);
    run.now_us = 1_000_000;
    expect([next(), next()]).toEqual([true, false]);
  });

  it('takes packets of one source together, whatever they carry', () => {
    const { pass } = machine(rule);
    const carrying = (ip_proto: number) => pass(packet({ ip_src: 1, ip_proto }));
    expect([carrying(6), carrying(1), carrying(17)]).toEqual([true, true, false]);
  });
});

describe('-m connlimit', () => {
  it('counts living connections of a network, and not their packets', () => {
    const { pass } = machine(
      '-m connlimit --connlimit-upto 2 --connlimit-mask 24 --connlimit-saddr',
    );
    const from = (ip_src: number, tp_src: number) =>
      pass(packet({ ip_src, ip_proto: 17, tp_src, tp_dst: 53 }));
    expect([from(0x0a000001, 1), from(0x0a000001, 1), from(0x0a000002, 2)]).toEqual([
      true,
      true,
      true,
    ]);
    expect(from(0x0a000003, 3)).toBe(false);
    expect(from(0x0a000103, 3)).toBe(true);
  });
});
