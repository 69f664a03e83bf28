/** Faults of distributed and of highly available routers. */
import { changedRows, linkDown, lostFlow, lostRule, rewrite, sysctl } from './edits.ts';
import { type Asked, type Fault, tcp } from './expect-blame.ts';

const ROUTER = /qrouter-.*/;
const FLOATING = /fip-.*/;
const SNAT = /snat-.*/;

/** d1 (floating IP .105) is on compute1, d2 (none) and d4 on compute2. */
const D1_OUT: Asked = ['d1', '198.51.100.10'];
const D2_OUT: Asked = ['d2', '198.51.100.10'];
const D1_TO_D4: Asked = ['d1', '10.2.0.190'];
const INWARD: Asked = ['world-ext', '203.0.113.105', tcp(22)];

/** A lost policy rule of d1's address: its answers take the way of those without a floating IP. */
const LOST_POLICY = changedRows('compute1', ROUTER, 'ip-rule-v4', (row) =>
  JSON.stringify(row).includes('10.1.0.116') ? undefined : row,
);
/** Tracking in the central part that picks connections up midway, and translates them. */
const LOOSE = sysctl('net1', SNAT, 'net.netfilter.nf_conntrack_tcp_loose', '1');

export const DISTRIBUTED: readonly Fault[] = [
  { name: 'nothing at all', edits: [], asked: [D1_OUT, D2_OUT, D1_TO_D4, INWARD], blames: null },
  {
    name: 'a lost policy rule, where the central part lets answers pass untranslated',
    edits: [LOST_POLICY],
    asked: [INWARD],
    blames: null,
  },
  {
    name: 'a lost policy rule, which only answers feel',
    edits: [LOST_POLICY, LOOSE],
    asked: [INWARD],
    blames: { code: 'NO_ROUTE', host: 'compute1', component: /^qrouter-\S+ ip rule$/ },
  },
  {
    name: 'a lost route in the table of floating IPs',
    edits: [
      changedRows('compute1', ROUTER, 'ip-route-v4', (row) =>
        String(row['table']) === '16' ? undefined : row,
      ),
      LOOSE,
    ],
    asked: [INWARD],
    blames: { code: 'NO_ROUTE', host: 'compute1', component: /^qrouter-\S+ table 16$/ },
  },
  {
    name: 'a lost route to the floating IP',
    edits: [
      changedRows('compute1', FLOATING, 'ip-route-v4', (row) =>
        String(row['dst']).startsWith('203.0.113.105') ? undefined : row,
      ),
    ],
    asked: [INWARD, D1_OUT],
    blames: { code: 'NO_ROUTE', host: 'compute1', component: /^fip-/ },
  },
  {
    name: 'an agent gateway that answers for nobody',
    edits: [
      rewrite(/^hosts\/compute1\/ns\/fip-.*sysctl/, (text) =>
        text.replace(/(conf\.fg-\S+\.proxy_arp) = 1/g, '$1 = 0'),
      ),
    ],
    asked: [INWARD, D1_OUT],
    blames: { code: 'ARP_UNANSWERED', host: 'compute1', component: /^fip-\S+ fg-/ },
  },
  {
    name: 'an agent gateway that is down',
    edits: [linkDown('compute1', FLOATING, /^fg-/)],
    asked: [INWARD, D1_OUT],
    blames: { code: 'INTERFACE_DOWN', host: 'compute1', component: /^fip-\S+ fg-/ },
  },
  {
    name: 'a veth end to the floating namespace that is down',
    edits: [linkDown('compute1', ROUTER, /^rfp-/)],
    asked: [INWARD],
    blames: { code: 'INTERFACE_DOWN', host: 'compute1', component: /^qrouter-\S+ rfp-/ },
  },
  {
    name: 'a lost DNAT rule',
    edits: [lostRule('compute1', ROUTER, 'iptables-save', /DNAT/)],
    asked: [INWARD],
    blames: { code: 'NAT_MISSING', host: 'compute1', component: /^qrouter-\S+ nat PREROUTING$/ },
  },
  {
    name: 'a lost SNAT rule of a floating IP',
    edits: [lostRule('compute1', ROUTER, 'iptables-save', /-j SNAT/)],
    asked: [D1_OUT],
    blames: { code: 'NAT_MISSING', host: 'compute1', component: /^qrouter-\S+ nat POSTROUTING$/ },
  },
  {
    name: 'lost SNAT rules of the central part',
    edits: [lostRule('net1', SNAT, 'iptables-save', /SNAT/)],
    asked: [D2_OUT],
    blames: { code: 'NAT_MISSING', host: 'net1', component: /^snat-\S+ nat POSTROUTING$/ },
  },
  {
    name: 'an interface of the central part that is down',
    edits: [linkDown('net1', SNAT, /^sg-/)],
    asked: [D2_OUT],
    blames: { code: 'INTERFACE_DOWN', host: 'net1', component: /^snat-\S+ sg-/ },
  },
  {
    name: 'a host that knows no distributed router’s MAC',
    edits: [lostFlow('compute2', 'br-tun', /table=9,/)],
    asked: [D1_TO_D4],
    blames: { code: 'DVR_MAC_MISSING', host: 'compute2', component: /^br-tun table 9$/ },
  },
];

/** h1 and h2 are on compute1, on two networks; the master is on net2. */
const H1_TO_H2: Asked = ['h1', '10.0.2.8'];
const H1_OUT: Asked = ['h1', 'external:198.51.100.10'];
const H1_INWARD: Asked = ['external:203.0.113.1', '203.0.113.133', tcp(22)];

export const AVAILABLE: readonly Fault[] = [
  { name: 'nothing at all', edits: [], asked: [H1_TO_H2, H1_OUT, H1_INWARD], blames: null },
  {
    name: 'no master',
    edits: [
      changedRows('net2', ROUTER, 'ip-addr', (row) =>
        /^(qr|qg)-/.test(String(row['ifname'])) ? { ...row, addr_info: [] } : row,
      ),
      changedRows('net2', ROUTER, 'ip-route-v4', (row) =>
        /^(qr|qg)-/.test(String(row['dev'])) ? undefined : row,
      ),
    ],
    asked: [H1_TO_H2, H1_OUT, H1_INWARD],
    blames: { code: 'VRRP_NO_MASTER', host: 'net1', component: /^qrouter-/ },
  },
  {
    name: 'two masters',
    edits: [
      changedRows('net1', ROUTER, 'ip-addr', (row) => {
        if (!String(row['ifname']).startsWith('qr-b57')) return row;
        const own = { family: 'inet', local: '10.0.0.1', prefixlen: 24, scope: 'global' };
        return { ...row, addr_info: [{ ...own, label: row['ifname'] }] };
      }),
    ],
    asked: [H1_TO_H2, H1_OUT, H1_INWARD],
    blames: { code: 'VRRP_SPLIT_BRAIN', host: 'net1', component: /^qrouter-/ },
  },
  {
    name: 'an entry that leads to the standby instance',
    edits: [
      rewrite(/^hosts\/compute1\/ovs\/br-tun\.flows/, (text) => {
        const line = text.split('\n').find((one) => one.includes('dl_dst=fa:16:3e:ee:46:b5'));
        return `${text}${(line ?? '').replace('fa:16:3e:ee:46:b5', 'fa:16:3e:cd:54:5c')}\n`;
      }),
    ],
    asked: [H1_TO_H2, H1_OUT],
    blames: { code: 'FDB_STALE', host: 'compute1', component: /^br-tun table 20$/ },
  },
];
