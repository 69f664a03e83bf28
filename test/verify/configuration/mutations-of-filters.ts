/** Changes of switches, of iptables and of sets. */
import { gone, type Kind, ROOT, swap } from './mutation-edits.ts';

const OVS = 'ovs-vxlan-ovsfw';
const HYBRID = 'ovs-vlan-hybrid';
const INT = /compute\d\/ovs\/br-int\.flows\.txt$/;
const TUN = /\/ovs\/br-tun\.flows\.txt$/;
const PHYSNET = /\/ovs\/br-physnet1\.flows\.txt$/;

export const OF_FILTERS: readonly Kind[] = [
  {
    what: 'a flow of the firewall is gone',
    capture: OVS,
    files: INT,
    where: /table=(60|7[123]|8[12]).*reg5=|table=60.*in_port/,
    edit: gone,
  },
  {
    what: 'a flow of the firewall has another priority',
    capture: OVS,
    files: INT,
    where: /table=72.*reg5=/,
    edit: swap(/priority=(\d)/, 'priority=9$1'),
  },
  {
    what: 'a flow of the firewall drops',
    capture: OVS,
    files: INT,
    where: /table=82.*reg5=.*output:/,
    edit: swap(/actions=.*/, 'actions=drop'),
  },
  {
    what: 'a flow nobody ordered drops what a port sends',
    capture: OVS,
    files: INT,
    where: /table=0.*priority=0/,
    edit: (line) => `${line}\n table=0, priority=50,in_port=5 actions=drop`,
  },
  {
    what: 'a guest’s source address is another one',
    capture: OVS,
    files: INT,
    where: /table=71.*,ip,.*nw_src=10/,
    edit: swap(/nw_src=10\.\d+/, 'nw_src=10.77'),
  },
  {
    what: 'a member of a group is not let in',
    capture: OVS,
    files: INT,
    where: /conjunction\(\d+,1\/2\)/,
    edit: gone,
  },
  {
    what: 'a unicast flow to a tunnel is gone',
    capture: OVS,
    files: TUN,
    where: /table=20, .*priority=2,/,
    edit: gone,
  },
  {
    what: 'a unicast flow leads into another tunnel',
    capture: OVS,
    files: TUN,
    where: /table=20, .*priority=2,.*output:2$/,
    edit: swap(/output:2$/, 'output:3'),
  },
  {
    what: 'the flood of a network is gone',
    capture: OVS,
    files: TUN,
    where: /table=22, .*priority=1,/,
    edit: gone,
  },
  {
    what: 'a tunnel key leads into no VLAN',
    capture: OVS,
    files: TUN,
    where: /table=4, .*tun_id/,
    edit: gone,
  },
  {
    what: 'an ARP answer tells another MAC',
    capture: OVS,
    files: TUN,
    where: /table=21, .*arp_tpa/,
    edit: swap(/set_field:fa:16:3e:..:..:..->arp_sha/, 'set_field:fa:16:3e:00:00:00->arp_sha'),
  },
  {
    what: 'a network has another tag on the wire',
    capture: HYBRID,
    files: PHYSNET,
    where: /priority=4,.*set_field/,
    edit: swap(/set_field:(\d)(\d+)->vlan_vid/, 'set_field:$10$2->vlan_vid'),
  },
  {
    what: 'an ARP sender is not let through',
    capture: HYBRID,
    files: /compute\d\/ovs\/br-int\.flows\.txt$/,
    where: /table=24, .*arp_spa/,
    edit: gone,
  },
  {
    what: 'the port of a guest is in a VLAN of no network',
    capture: HYBRID,
    files: /compute\d\/ovs\/ovsdb-dump\.json$/,
    where: /"caption":"Port table"/,
    edit: swap(/("qvo[^"]+",\["map",.{0,260}?\]\],)\d+(,)/, '$14001$2'),
  },
  {
    what: 'the port of a guest is gone from the bridge',
    capture: OVS,
    files: /compute\d\/ovs\/ovsdb-dump\.json$/,
    where: /"caption":"Bridge table"/,
    edit: dropPort,
  },
  {
    what: 'a rule of a guest’s chain is gone',
    capture: HYBRID,
    files: ROOT('iptables-save\\.txt'),
    where: /^\S* ?-A neutron-openvswi-[io][0-9a-f]/,
    edit: gone,
  },
  {
    what: 'a rule of a guest’s chain drops',
    capture: HYBRID,
    files: ROOT('iptables-save\\.txt'),
    where: /-A neutron-openvswi-[io][0-9a-f].*-j RETURN/,
    edit: swap(/-j RETURN/, '-j DROP'),
  },
  {
    what: 'a guest may send from an address less',
    capture: HYBRID,
    files: ROOT('iptables-save\\.txt'),
    where: /-A neutron-openvswi-s[0-9a-f].*--mac-source/,
    edit: gone,
  },
  {
    what: 'IPv6 of a guest is filtered otherwise',
    capture: HYBRID,
    files: ROOT('ip6tables-save\\.txt'),
    where: /-A neutron-openvswi-[io][0-9a-f]/,
    edit: gone,
  },
  {
    what: 'the zone of a guest is that of another',
    capture: HYBRID,
    files: /compute2\/ns\/root\/iptables-save\.txt$/,
    where: /-i qvb.*--zone 4097/,
    edit: swap('4097', '4098'),
  },
  {
    what: 'a member of a set is gone',
    capture: HYBRID,
    files: ROOT('ipset-save\\.txt'),
    where: /^add /,
    edit: gone,
  },
  {
    what: 'a set has a stranger',
    capture: HYBRID,
    files: ROOT('ipset-save\\.txt'),
    where: /^add /,
    edit: swap(/[\d.]+$/, '192.0.2.77'),
  },
];

/** The first tap of the integration bridge is no port of it any more. */
function dropPort(line: string): string {
  const table = JSON.parse(line) as { data: unknown[][]; headings: string[] };
  const [name, ports] = ['name', 'ports'].map((heading) => table.headings.indexOf(heading));
  const data = table.data.map((cells) => {
    if (cells[name ?? 0] !== 'br-int') return cells;
    const [kind, list] = cells[ports ?? 0] as [string, unknown[]];
    return cells.with(ports ?? 0, [kind, list.slice(0, -1)]);
  });
  return JSON.stringify({ ...table, data });
}
