import { describe, expect, it } from 'vitest';
import { compileNetfilter, startNetfilter } from '../../../src/dataplane/iptables/netfilter.ts';
import { parseIptablesSave } from '../../../src/dataplane/iptables/text/save.ts';
import { type Run } from '../../../src/dataplane/outcome.ts';
import { field } from '../../../src/packet/fields.ts';
import { blankPacket, onePacket, type Packet } from '../../../src/traffic/one-packet.ts';
import { assignment } from '../../../src/traffic/words.ts';

/** What becomes of a packet at the only rule of a filter, and what the answer hangs on. */
function asked(rule: string, more: Partial<Run<Packet>> = {}) {
  const doubts: string[] = [];
  const run: Run<Packet> = {
    traffic: onePacket,
    now_us: 0,
    assume: (code) => doubts.push(code),
    ...more,
  };
  const text = `*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD ${rule} -j DROP\nCOMMIT\n`;
  const around = { interfaces: [], sets: new Map() };
  const rules = compileNetfilter([parseIptablesSave(text, 'rules', 4).value], around);
  let p = blankPacket();
  for (const [name, value] of Object.entries({ eth_type: 0x0800, nw_ttl: 64, ip_proto: 17 })) {
    p = onePacket.set(p, assignment(field(name), BigInt(value)));
  }
  const [end] = startNetfilter(run, rules, { entries: [] }).pass(run, 'forward', 4, p, null);
  return { fate: end?.kind, doubts };
}

describe('rules that ask what a packet does not show', () => {
  it('know the time when somebody says it', () => {
    // 2024-02-29T13:30:00Z.
    const epoch_s = 1_709_213_400;
    const rule = '-m time --timestart 13:00 --timestop 14:00';
    expect(asked(rule, { epoch_s })).toEqual({ fate: 'dropped', doubts: [] });
    expect(asked(rule, { epoch_s, now_us: 3.6e9 })).toEqual({ fate: 'accepted', doubts: [] });
  });

  it('leave the answer open when nobody says the time', () => {
    expect(asked('-m time --timestart 13:00')).toEqual({
      fate: 'accepted',
      doubts: ['UNSUPPORTED_MATCH'],
    });
  });

  it.each([
    '-m connlabel --label "web"',
    '-m socket --transparent',
    '-m policy --dir in --pol ipsec',
    '-m realm --realm 0x5',
    '-m cgroup --path a',
  ])('leave the answer open where no dump tells: %s', (rule) => {
    expect(asked(rule).doubts).toEqual(['UNSUPPORTED_MATCH']);
  });
});
