/**
 * What nobody would guess of the kernel, each by its name: what comes out of one step of a recorded
 * case, told here in words and not taken from the record.
 */
import { describe, expect, it } from 'vitest';
import { MIXTURE_RECORDS, readProfile } from './golden.ts';
import { type Played } from './lab.ts';
import { playCase } from './run-case.ts';

type Row = readonly [name: string, id: string, step: number, holds: (played: Played) => void];

const recorded = [...readProfile('hand'), ...readProfile('fragments', MIXTURE_RECORDS)];
const cases = new Map(recorded.map((one) => [one.case.id, one]));

const frames = ({ out }: Played): readonly string[] => out.map((one) => `${one[0]} ${one[3]}`);
const nothing = (played: Played): void => expect(frames(played)).toEqual([]);
const one =
  (wanted: RegExp) =>
  (played: Played): void => {
    expect(played.out).toHaveLength(1);
    expect(frames(played)[0]).toMatch(wanted);
  };
/** Rules of one chain that matched, by number. */
const matched = ({ trace }: Played, table: string, chain: string): readonly unknown[] =>
  Object.values(trace).flatMap((steps) =>
    steps.flatMap((step) =>
      step[0] === table && step[1] === chain && step[2] === 'rule' ? [step[3]] : [],
    ),
  );
const visits = ({ trace }: Played, table: string): boolean =>
  Object.values(trace).some((steps) => steps.some((step) => step[0] === table));

const ROWS: readonly Row[] = [
  [
    'connection tracking is off until a rule needs it, even with a filled nat table',
    'exp-nat-table-without-nat-rule',
    1,
    ({ ct }) => expect(ct).toEqual([]),
  ],
  [
    'and then no nat chain is visited either',
    'exp-nat-table-without-nat-rule',
    0,
    (played) => expect(visits(played, 'nat')).toBe(false),
  ],
  [
    'fragments pass one by one without ports where nothing is tracked',
    'exp-frag-noct',
    1,
    (played) => {
      one(/^b ip .* frag800 proto17$/)(played);
      expect(matched(played, 'filter', 'FORWARD')).toEqual([1, 5]);
    },
  ],
  [
    'fragments wait for each other where something is tracked, and leave cut as they came',
    'exp-frag-ct',
    1,
    (played) =>
      expect(frames(played).map((text) => /frag\d+\+?/.exec(text)?.[0])).toEqual([
        'frag0+',
        'frag800',
      ]),
  ],
  [
    'iptables-nft takes data of a later fragment for ports where nothing is tracked',
    'nft-one-port',
    1,
    (played) => {
      one(/^b ip .* frag800 proto17$/)(played);
      expect(matched(played, 'filter', 'FORWARD')).toEqual([1]);
    },
  ],
  ['which iptables-legacy does not', 'legacy-one-port', 1, nothing],
  [
    'iptables-nft leaves -m multiport, a bare -m udp and -f as they are',
    'nft-fragments',
    1,
    (played) => expect(matched(played, 'filter', 'FORWARD')).toEqual([1, 2, 3, 13, 14, 16, 17]),
  ],
  ['an answer that comes in another zone is new, not established', 'zones', 1, nothing],
  [
    'an answer past the translation is invalid, which by itself drops nothing',
    'exp-nat-order-both',
    2,
    one(/^a ip 10\.1\.0\.3>10\.0\.0\.2 .*\[SA\]/),
  ],
  [
    'a flow that no rule translates gets another source port when its answers are taken',
    'exp-implicit-port-change',
    1,
    (played) => {
      one(/^b ip 10\.1\.0\.1>10\.1\.0\.2 ttl64 udp \d+>53$/)(played);
      expect(frames(played)[0]).not.toContain('udp 53>53');
    },
  ],
  [
    'the reset about a packet to a floating IP comes from the floating IP',
    'router-nat',
    5,
    one(/^ext ip 203\.0\.113\.50>198\.51\.100\.9 .*\[RA?\]/),
  ],
  [
    'the ICMP error about a packet to a floating IP comes from the floating IP',
    'router-nat',
    6,
    one(/^ext ip 203\.0\.113\.50>198\.51\.100\.9 .* icmp 3\/3 /),
  ],
  [
    'the redirect about a translated packet is dropped, and the packet goes on',
    'neutron-l3-router',
    2,
    one(/^net1 ip 203\.0\.113\.10>10\.0\.0\.5 ttl63 tcp/),
  ],
  [
    'REJECT with a reset says nothing on a bridge without an address',
    'exp-reject-bridge-no-ip',
    0,
    nothing,
  ],
  ['REJECT with an ICMP error says nothing there either', 'exp-reject-bridge-no-ip', 1, nothing],
  [
    'in INPUT no packet is bridged, so a port’s rules there never match',
    'neutron-hybrid-sg',
    7,
    (played) => {
      expect(played.local).toHaveLength(1);
      expect(matched(played, 'filter', 'neutron-openvswi-INPUT')).toEqual([]);
    },
  ],
  [
    'a packet that is routed onto a bridge has no port to leave by yet',
    'exp-bridge-dnat-and-vlan',
    4,
    (played) => expect(matched(played, 'filter', 'FORWARD')).toEqual([5]),
  ],
  [
    'a bridged packet whose new destination is elsewhere is routed',
    'exp-bridge-dnat-and-vlan',
    1,
    one(/^e0 ip 10\.0\.0\.2>192\.0\.2\.9 ttl63 /),
  ],
  [
    'frames with a VLAN tag go unseen by iptables',
    'exp-bridge-dnat-and-vlan',
    5,
    (played) => {
      one(/^p2 vlan7 /)(played);
      expect(visits(played, 'filter')).toBe(false);
    },
  ],
  [
    'RETURN behind a goto from a base chain leads to the policy',
    'targets',
    17,
    (played) => {
      nothing(played);
      expect(matched(played, 'filter', 'FORWARD')).toEqual([8]);
      expect(matched(played, 'filter', 'B')).toEqual([2]);
    },
  ],
  ['TCPMSS adds the option to a SYN that has none', 'targets', 18, one(/\[S\].* mss536$/)],
  [
    'MASQUERADE takes the primary address of the next hop’s subnet',
    'exp-masq-local-and-drop-no-entry',
    2,
    one(/^b ip 10\.1\.0\.9>10\.1\.0\.2 /),
  ],
  [
    'a dropped packet leaves no entry',
    'exp-masq-local-and-drop-no-entry',
    1,
    ({ ct }) => expect(ct).toEqual([]),
  ],
  [
    'REDIRECT leads to the first address of the interface, not to the one that was asked for',
    'local-redirect',
    0,
    ({ local }) => expect(local.map((each) => each[1]).join()).toMatch(/>10\.0\.0\.1 .*>8080/),
  ],
  [
    'a VXLAN device that answers ARP swallows questions it has no answer to',
    'vxlan-l2pop-arp',
    1,
    nothing,
  ],
  ['what is too large for a bridge’s port vanishes in silence', 'exp-mtu-bridge-vxlan', 3, nothing],
  [
    'a VXLAN device answers what is too large in the name of its destination',
    'exp-mtu-bridge-vxlan',
    4,
    one(/^t3 ip 10\.0\.0\.3>10\.0\.0\.2 .* icmp 3\/4 mtu1450 /),
  ],
  ['a proxied answer to a broadcast comes later than its question', 'rpfilter-0', 8, nothing],
  [
    'frames to 01:80:c2:00:00:00 are forwarded where STP is off',
    'bridge-fdb',
    8,
    (played) => expect(played.out.map((each) => each[0]).sort()).toEqual(['p2', 'p3', 'p4']),
  ],
];

describe('of the kernel nobody would guess that', () => {
  it.each(ROWS)('%s', (_name, id, step, holds) => {
    const found = cases.get(id);
    if (found === undefined) throw new Error(`no case ${id}`);
    const played = playCase(found.case, found.kernel.packets)[step];
    if (played === undefined) throw new Error(`${id} has no step ${step}`);
    holds(played);
  });
});
