/** One fault for each of several reasons that no other table of faults gives. */
import { parseFlowFields } from '../../../src/trace/flow-fields.ts';
import { changedRows, type Edit, lostAddress, lostFlow, rewrite, sysctl } from './edits.ts';
import { type Asked, type Fault } from './expect-blame.ts';

const ROUTER = /qrouter-.*/;
const A1_TO_A2: Asked = ['a1', '10.80.0.30'];
const A1_TO_A3: Asked = ['a1', '10.81.0.109'];

/** A flow that somebody added by hand. */
function flow(actions: string): Edit {
  const line = ` cookie=0x0, table=0, priority=300,icmp actions=${actions}\n`;
  return rewrite(/^hosts\/compute1\/ovs\/br-int\.flows/, (text) => text + line);
}

/** A rule that somebody appended to the router's filter table. */
function rule(line: string): Edit {
  return rewrite(/^hosts\/net1\/ns\/qrouter-.*\/iptables-save/, (text) =>
    text.replace(/(\*filter[\s\S]*?)\nCOMMIT/, `$1\n${line}\nCOMMIT`),
  );
}

const ASSURED =
  'ipv4     2 tcp      6 431999 ESTABLISHED src=10.9.9.1 dst=10.9.9.2 sport=4000 dport=22 ' +
  'src=10.9.9.2 dst=10.9.9.1 sport=22 dport=4000 [ASSURED] mark=0 use=1\n';

const BRIDGE = { host: 'compute1', component: /^br-int/ } as const;
const FORWARD = { host: 'net1', component: /FORWARD$/ } as const;
const ROUTE = { host: 'net1', component: /^qrouter-\S+ route input$/ } as const;

export const CODES: readonly Fault[] = [
  {
    name: 'a flow that drops on purpose',
    edits: [flow('drop')],
    asked: [A1_TO_A2],
    blames: { ...BRIDGE, code: 'OF_EXPLICIT_DROP' },
  },
  {
    name: 'a flow that leads to itself',
    edits: [flow('resubmit(,0)')],
    asked: [A1_TO_A2],
    blames: { ...BRIDGE, code: 'OF_LOOP_OR_RESUBMIT_LIMIT' },
  },
  {
    name: 'a flow to a port that is gone',
    edits: [flow('output:4000')],
    asked: [A1_TO_A2],
    blames: { ...BRIDGE, code: 'OF_NO_SUCH_PORT' },
  },
  {
    name: 'a flow with an action of vendors',
    edits: [flow('sample(probability=65535,collector_set_id=1),bogus_action')],
    asked: [A1_TO_A2],
    blames: { ...BRIDGE, code: 'UNSUPPORTED_ACTION' },
  },
  {
    name: 'neither a unicast entry nor flooding',
    edits: [
      lostFlow('compute1', 'br-tun', /table=20,/),
      lostFlow('compute1', 'br-tun', /table=22,/),
    ],
    asked: [A1_TO_A2],
    blames: { host: 'compute1', component: /^br-tun/, code: 'L2POP_ENTRY_MISSING' },
  },
  {
    name: 'a rule of somebody else that drops',
    edits: [rule('-A FORWARD -p icmp -j DROP')],
    asked: [A1_TO_A3],
    blames: { ...FORWARD, code: 'IPT_RULE_DROP' },
  },
  {
    name: 'a rule of somebody else that rejects',
    edits: [rule('-A FORWARD -p icmp -j REJECT --reject-with icmp-port-unreachable')],
    asked: [A1_TO_A3],
    blames: { ...FORWARD, code: 'IPT_REJECT' },
  },
  {
    name: 'a policy that drops, and no rule that accepts',
    edits: [
      rewrite(/^hosts\/net1\/ns\/qrouter-.*\/iptables-save/, (text) =>
        text.replaceAll(':FORWARD ACCEPT', ':FORWARD DROP').replaceAll(/^-A neutron-.*$/gm, ''),
      ),
    ],
    asked: [A1_TO_A3],
    blames: { ...FORWARD, code: 'IPT_CHAIN_POLICY_DROP' },
  },
  {
    name: 'a route of type blackhole',
    edits: [
      changedRows('net1', ROUTER, 'ip-route-v4', (row) =>
        String(row['dev']).startsWith('qr-') && row['dst'] !== 'default'
          ? { type: 'blackhole', dst: row['dst'], flags: [] }
          : row,
      ),
    ],
    asked: [A1_TO_A3],
    blames: { ...ROUTE, code: 'ROUTE_REFUSES' },
  },
  {
    name: 'strict reverse path filtering without a way back',
    edits: [
      sysctl('net1', ROUTER, 'net.ipv4.conf.all.rp_filter', '1'),
      changedRows('net1', ROUTER, 'ip-route-v4', (row) =>
        row['dst'] === '10.80.0.0/24' ? undefined : row,
      ),
    ],
    asked: [A1_TO_A3],
    blames: { ...ROUTE, code: 'RP_FILTER' },
  },
  {
    name: 'a loopback address as the source',
    edits: [],
    asked: [['a1', '10.80.0.30', { source: { version: 4, value: 0x7f00_0001n } }]],
    blames: { host: 'compute1', component: /route output$/, code: 'MARTIAN_ADDRESS' },
  },
  {
    name: 'an address that the port does not own',
    edits: [],
    asked: [['a1', '10.80.0.30', { source: { version: 4, value: 0x0a50_0063n } }]],
    blames: { ...BRIDGE, code: 'SG_PORT_SECURITY_BLOCKED' },
  },
  {
    name: 'a table of connections that is full of assured ones',
    edits: [
      sysctl('net1', ROUTER, 'net.netfilter.nf_conntrack_max', '1'),
      sysctl('net1', ROUTER, 'net.netfilter.nf_conntrack_count', '1'),
      rewrite(/^hosts\/net1\/ns\/qrouter-.*\/conntrack/, () => ASSURED),
    ],
    asked: [A1_TO_A3],
    blames: { host: 'net1', component: /^nf_conntrack$/, code: 'CT_TABLE_FULL' },
  },
  {
    name: 'a guest that has not configured its address',
    edits: [lostAddress('compute2', /vm-a2/, /10\.80\.0\.30/)],
    asked: [A1_TO_A2],
    blames: { host: 'compute2', component: /^vm-a2 addresses$/, code: 'NOT_FOR_ME' },
  },
  {
    name: 'a neighbour that somebody wrote into the router',
    edits: [
      rewrite(/^hosts\/net1\/ns\/qrouter-.*\/ip-neigh-v4\.json/, (text) => {
        const rows = JSON.parse(text) as { readonly dst: string; readonly dev: string }[];
        const dev = rows.find(({ dst }) => dst.startsWith('10.81.'))?.dev;
        const lladdr = 'fa:16:3e:00:00:99';
        return JSON.stringify([{ dst: '10.81.0.109', dev, lladdr, state: ['PERMANENT'] }]);
      }),
    ],
    asked: [A1_TO_A3],
    blames: { host: 'net1', component: /^qrouter-\S+ neighbours of qr-/, code: 'NO_NEIGHBOR' },
  },
  {
    name: 'a TTL of one through a router',
    edits: [],
    asked: [['a1', '10.81.0.109', { flow: parseFlowFields('icmp,nw_ttl=1', null).value }]],
    blames: { host: 'net1', component: /^qrouter-\S+ forward$/, code: 'TTL_EXPIRED' },
  },
];
