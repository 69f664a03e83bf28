/** Faults of hosts with Linux bridges, and of the hybrid firewall's bridges beside Open vSwitch. */
import { addedAddress } from './added.ts';
import {
  changedDatabase,
  changedFlow,
  changedRows,
  type Edit,
  linkDown,
  lostFlow,
  lostPort,
  lostRule,
  mtu,
  rewrite,
} from './edits.ts';
import { type Asked, type Fault } from './expect-blame.ts';

const HOST = /root/;

/** A device that is no port of a bridge any more. */
function released(host: string, device: string): Edit {
  return (texts) => {
    changedRows(host, HOST, 'ip-link', (row) => {
      const { master: _, ...rest } = row;
      return row['ifname'] === device ? rest : row;
    })(texts);
    changedRows(host, HOST, 'bridge-link', (row) => {
      return row['ifname'] === device ? undefined : row;
    })(texts);
  };
}

function lostDevice(host: string, device: string): Edit {
  const without = (row: Record<string, unknown>): Record<string, unknown> | undefined =>
    row['ifname'] === device ? undefined : row;
  return (texts) => {
    changedRows(host, HOST, 'ip-link', without)(texts);
    changedRows(host, HOST, 'bridge-link', without)(texts);
  };
}

const L2 = 'fa:16:3e:cf:6e:26';
/** l1 and l3 are on compute1, l2 is on compute2; l1 and l2 share a network. */
const L2_TO_L1: Asked = ['l2', '10.0.0.44'];
const L1_TO_L4: Asked = ['l1', '10.0.1.45'];
const L1_OUT: Asked = ['l1', '198.51.100.10'];

export const LINUX: readonly Fault[] = [
  { name: 'nothing at all', edits: [], asked: [L2_TO_L1, L1_TO_L4, L1_OUT], blames: null },
  {
    name: 'a lost forwarding entry, which flooding makes up for',
    edits: [
      changedRows('compute1', HOST, 'bridge-fdb', (row) =>
        row['mac'] === L2 && 'dst' in row ? undefined : row,
      ),
    ],
    asked: [L2_TO_L1],
    blames: null,
  },
  {
    name: 'a forwarding entry that leads to another host',
    edits: [
      changedRows('compute1', HOST, 'bridge-fdb', (row) =>
        row['mac'] === L2 && 'dst' in row ? { ...row, dst: '172.30.20.21' } : row,
      ),
    ],
    asked: [L2_TO_L1],
    blames: { code: 'FDB_STALE', host: 'compute1', component: /^vxlan-515$/ },
  },
  {
    name: 'a VXLAN device that is down',
    edits: [linkDown('compute1', HOST, /^vxlan-515$/)],
    asked: [L2_TO_L1, L1_TO_L4, L1_OUT],
    blames: { code: 'INTERFACE_DOWN', host: 'compute1', component: /^vxlan-515$/ },
  },
  {
    name: 'a VXLAN device that is no port of its bridge',
    edits: [released('compute1', 'vxlan-515')],
    asked: [L2_TO_L1, L1_TO_L4],
    blames: { code: 'BRIDGE_PORT_NOT_FORWARDING', host: 'compute1', component: /vxlan-515$/ },
  },
  {
    name: 'a VXLAN device whose local address the host does not have',
    edits: [
      rewrite(/^hosts\/compute2\/ns\/root\/ip-link\.json/, (text) =>
        text.replace(/("local": ?")172\.30\.(\d+)\.\d+"/g, '$1172.30.$2.77"'),
      ),
    ],
    asked: [L2_TO_L1],
    blames: {
      code: 'TUNNEL_LOCAL_IP_MISMATCH',
      host: 'compute2',
      component: /^root vxlan-/,
    },
  },
  {
    name: 'no VXLAN device',
    edits: [lostDevice('compute2', 'vxlan-515')],
    asked: [L2_TO_L1],
    blames: { code: 'VNI_MAP_MISSING', host: 'compute2', component: /^vxlan-515$/ },
  },
  {
    name: 'a VXLAN device with another key',
    edits: [
      changedRows('compute2', HOST, 'ip-link', (row) => {
        if (row['ifname'] !== 'vxlan-515') return row;
        const info = row['linkinfo'] as Record<string, Record<string, unknown>>;
        return { ...row, linkinfo: { ...info, info_data: { ...info['info_data'], id: 516 } } };
      }),
    ],
    asked: [L2_TO_L1],
    blames: { code: 'VNI_MAP_MISMATCH', host: 'compute2', component: /^vxlan-515$/ },
  },
  {
    name: 'a tap that is down',
    edits: [linkDown('compute2', HOST, /^tapfeda35be-ec$/)],
    asked: [L2_TO_L1],
    blames: { code: 'INTERFACE_DOWN', host: 'compute2', component: /tapfeda35be-ec$/ },
  },
  {
    name: 'a blocked bridge port',
    edits: [
      changedRows('compute2', HOST, 'bridge-link', (row) =>
        row['ifname'] === 'tapfeda35be-ec' ? { ...row, state: 'blocking' } : row,
      ),
    ],
    asked: [L2_TO_L1],
    blames: { code: 'BRIDGE_PORT_NOT_FORWARDING', host: 'compute2', component: /^brq5afcf53b-7d/ },
  },
  {
    name: 'an underlay NIC that is down',
    edits: [linkDown('compute1', HOST, /^eth1$/)],
    asked: [L2_TO_L1, L1_TO_L4, L1_OUT],
    blames: { code: 'INTERFACE_DOWN', host: 'compute1', component: /^eth1$/ },
  },
  {
    name: 'a lost rule for ARP of a port',
    edits: [lostRule('compute1', HOST, 'ebtables-save', /neutronARP-tapad08305f-ea -p ARP/)],
    asked: [L2_TO_L1, L1_TO_L4, L1_OUT],
    blames: { code: 'ARP_SPOOF_BLOCKED', host: 'compute1', component: /neutronARP-tapad08305f-ea/ },
  },
  {
    name: 'a lost rule for the MAC of a port',
    edits: [lostRule('compute1', HOST, 'ebtables-save', /neutronMAC-tapad08305f-ea -i/)],
    asked: [L2_TO_L1, L1_TO_L4, L1_OUT],
    blames: { code: 'MAC_SPOOF_BLOCKED', host: 'compute1', component: /neutronMAC-tapad08305f-ea/ },
  },
  {
    name: 'a set of addresses that lacks members',
    edits: [lostRule('compute2', HOST, 'ipset-save', /^add .*10\.0\.0\./)],
    asked: [['m1', '10.0.0.80']],
    blames: { code: 'SG_IPSET_STALE', host: 'compute2', component: /i9976618e-4/ },
  },
  {
    name: 'an underlay too small for the tunnel',
    edits: [mtu('compute1', HOST, /^eth1$/, 1400)],
    asked: [['l1', '198.51.100.10', { size: 1400, dontFragment: true }]],
    blames: { code: 'MTU_EXCEEDED_DF', host: 'compute1', component: /eth1|vxlan-515/ },
  },
];

/** v1 and v3 are on compute1, v2 and v4 on compute2; v1 and v2 share VLAN 100. */
const V2_TO_V1: Asked = ['v2', '10.100.0.48'];
const V1_TO_V4: Asked = ['v1', '10.101.0.178'];
const V1_OUT: Asked = ['v1', '198.51.100.10'];

export const HYBRID: readonly Fault[] = [
  { name: 'nothing at all', edits: [], asked: [V2_TO_V1, V1_TO_V4, V1_OUT], blames: null },
  {
    name: 'a lost flow for ARP of a port',
    edits: [lostFlow('compute1', 'br-int', /table=24.*arp_spa=10\.100\.0\.48/)],
    asked: [V2_TO_V1, V1_TO_V4, V1_OUT],
    blames: { code: 'ARP_SPOOF_BLOCKED', host: 'compute1', component: /^br-int table 24$/ },
  },
  {
    name: 'a lost flow for the MAC of a port',
    edits: [lostFlow('compute1', 'br-int', /table=25.*dl_src=fa:16:3e:0f:4b:e1/)],
    asked: [V2_TO_V1, V1_TO_V4, V1_OUT],
    blames: { code: 'MAC_SPOOF_BLOCKED', host: 'compute1', component: /^br-int table 25$/ },
  },
  {
    name: 'no flow from the physical network',
    edits: [lostFlow('compute2', 'br-int', /table=0.*dl_vlan=/)],
    asked: [V2_TO_V1, V1_TO_V4],
    blames: { code: 'VLAN_MAP_MISMATCH', host: 'compute2', component: /^br-int table 0$/ },
  },
  {
    name: 'no flow to the physical network',
    edits: [lostFlow('compute2', 'br-physnet1', /dl_vlan=/)],
    asked: [V2_TO_V1, V1_TO_V4],
    blames: { code: 'VLAN_MAP_MISMATCH', host: 'compute2', component: /^br-physnet1 table/ },
  },
  {
    name: 'a flow that tags with the wrong VLAN',
    edits: [
      changedFlow(
        'compute1',
        'br-physnet1',
        /dl_vlan=/,
        /set_field:\d+->vlan_vid|mod_vlan_vid:\d+/,
        'set_field:4999->vlan_vid',
      ),
    ],
    asked: [V2_TO_V1, V1_TO_V4, V1_OUT],
    blames: { code: 'VLAN_MAP_MISMATCH', host: 'compute1', component: /^br-physnet1 table/ },
  },
  {
    name: 'a physical NIC that is down',
    edits: [linkDown('compute2', HOST, /^eth2$/)],
    asked: [V2_TO_V1, V1_TO_V4],
    blames: { code: 'INTERFACE_DOWN', host: 'compute2', component: /^eth2$/ },
  },
  {
    name: 'a physical NIC taken out of its bridge',
    edits: [lostPort('compute2', 'br-physnet1', 'eth2')],
    asked: [V2_TO_V1, V1_TO_V4],
    blames: { code: 'FLOOD_BLOCKED', host: 'compute2', component: /^br-physnet1$/ },
  },
  {
    name: 'a port with the tag of another network',
    edits: [changedDatabase('compute2', 'Port', 'qvoea718713-73', 'tag', 9)],
    asked: [V2_TO_V1],
    blames: { code: 'VLAN_MAP_MISMATCH', host: 'compute2', component: /qvoea718713-73$/ },
  },
  {
    name: 'a veth end of the firewall’s bridge that is down',
    edits: [linkDown('compute2', HOST, /^qvbea718713-73$/)],
    asked: [V2_TO_V1],
    blames: { code: 'INTERFACE_DOWN', host: 'compute2', component: /qvbea718713-73$/ },
  },
  {
    name: 'a tap that is no port of the firewall’s bridge',
    edits: [released('compute2', 'tapea718713-73')],
    asked: [V2_TO_V1],
    blames: { code: 'BRIDGE_PORT_NOT_FORWARDING', host: 'compute2', component: /tapea718713-73$/ },
  },
  {
    name: 'a guest without port security that has the address of another one',
    edits: [addedAddress('compute2', /vm-nosec/, 'eth0', '10.100.0.48', 24)],
    asked: [V2_TO_V1],
    blames: {
      code: 'ADDRESS_DUPLICATE',
      host: 'compute2',
      component: /^vm-v2 neighbours of eth0$/,
    },
  },
  {
    name: 'a guest without port security that has the address of the gateway',
    edits: [addedAddress('compute2', /vm-nosec/, 'eth0', '10.100.0.1', 24)],
    asked: [V1_OUT, V1_TO_V4],
    blames: {
      code: 'ADDRESS_DUPLICATE',
      host: 'compute1',
      component: /^vm-v1 neighbours of eth0$/,
    },
  },
];
