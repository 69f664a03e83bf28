/** What can be wrong in the flows, rules and tables of a host: one drawn line of a dump each. */
import { gone, type Kind, QROUTER, ROOT, row, swap } from '../configuration/mutation-edits.ts';
import { OF_FILTERS } from '../configuration/mutations-of-filters.ts';
import { OF_HOSTS } from '../configuration/mutations-of-hosts.ts';

const OVS = 'ovs-vxlan-ovsfw';
const HYBRID = 'ovs-vlan-hybrid';
const INT = /compute\d\/ovs\/br-int\.flows\.txt$/;
const TUN = /compute\d\/ovs\/br-tun\.flows\.txt$/;
const PHYSNET = /compute\d\/ovs\/br-physnet1\.flows\.txt$/;
const RULES = ROOT('iptables-save\\.txt');

/** Programs that no packet of a question meets: their settings are compared, not their packets. */
const PROGRAMS = /DHCP|metadata|keepalived|balancer/;

const MORE: readonly Kind[] = [
  {
    what: 'a dropping flow outranks those that let in',
    capture: OVS,
    files: INT,
    where: /table=82, .*priority=50,ct_state=\+inv\+trk|table=82, .*priority=40,ct_state=-est,reg5/,
    edit: swap(/priority=\d+,ct_state=[^,]*,/, 'priority=90,ip,'),
  },
  {
    what: 'packets of a VXLAN network reach the guests’ table with their tag on',
    capture: OVS,
    files: INT,
    where: /table=60, .*priority=90,dl_vlan/,
    edit: swap('pop_vlan,', ''),
  },
  {
    what: 'an accepted connection is not remembered',
    capture: OVS,
    files: INT,
    where: /table=82, .*\+new-est.*ct\(commit/,
    edit: swap(/ct\(commit,zone=NXM_NX_REG6\[0\.\.15\]\),/, ''),
  },
  {
    what: 'an own connection is not remembered',
    capture: OVS,
    files: INT,
    where: /table=73, .*\+new-est,ip,.*ct\(commit/,
    edit: swap(/ct\(commit,zone=NXM_NX_REG6\[0\.\.15\]\),/, ''),
  },
  {
    what: 'a guest’s packets are looked up in another zone',
    capture: OVS,
    files: INT,
    where: /table=71, .*priority=65,ip,.*ct\(table=72,zone/,
    edit: swap('zone=NXM_NX_REG6[0..15]', 'zone=77'),
  },
  {
    what: 'an allowed port is another one',
    capture: OVS,
    files: INT,
    where: /table=82, .*\+new-est,tcp,.*tp_dst=\d+ /,
    edit: swap(/tp_dst=\d+/, 'tp_dst=9'),
  },
  {
    what: 'an allowed port has become all',
    capture: OVS,
    files: INT,
    where: /table=82, .*\+new-est,tcp,.*tp_dst=\d+ /,
    edit: swap(/,tp_dst=\d+/, ''),
  },
  {
    what: 'two tunnel keys are swapped',
    capture: OVS,
    files: TUN,
    where: /table=4, .*tun_id/,
    edit: swap(/set_field:409(\d)->vlan_vid/, 'set_field:410$1->vlan_vid'),
  },
  {
    what: 'a network leaves with the key of another',
    capture: OVS,
    files: TUN,
    where: /table=20, .*priority=2,.*tun_id/,
    edit: swap(/set_field:0x[0-9a-f]+->tun_id/, 'set_field:0x7777->tun_id'),
  },
  {
    what: 'a guest may send from every address',
    capture: OVS,
    files: INT,
    where: /table=71, .*priority=65,ip,.*nw_src=/,
    edit: swap(/,nw_src=[\d.]+/, ''),
  },
  {
    what: 'a guest may answer ARP for every address',
    capture: OVS,
    files: INT,
    where: /table=71, .*priority=95,arp,.*arp_spa=/,
    edit: swap(/,arp_spa=[\d.]+/, ''),
  },
  {
    what: 'a guest’s port leads to the tables of another',
    capture: OVS,
    files: INT,
    where: /table=60, .*in_port=\d+ /,
    edit: swap(/set_field:0x[0-9a-f]+->reg5/, 'set_field:0x63->reg5'),
  },
  {
    what: 'the output to a guest leads to no port',
    capture: OVS,
    files: INT,
    where: /table=82, .*\+est-rel-rpl.*output:|table=82, .*\+new-est.*output:/,
    edit: swap(/output:\d+/, 'output:999'),
  },
  {
    what: 'ARP does not get to a guest',
    capture: OVS,
    files: INT,
    where: /table=81, .*priority=100,arp,reg5/,
    edit: gone,
  },
  {
    what: 'a VLAN of the wire leads into another network',
    capture: HYBRID,
    files: INT,
    where: /table=0, .*priority=3,in_port=1,dl_vlan=/,
    edit: swap(/set_field:409(\d)->vlan_vid/, 'set_field:410$1->vlan_vid'),
  },
  {
    what: 'a VLAN of the wire is dropped',
    capture: HYBRID,
    files: INT,
    where: /table=0, .*priority=3,in_port=1,dl_vlan=/,
    edit: gone,
  },
  {
    what: 'a network leaves without its tag',
    capture: HYBRID,
    files: PHYSNET,
    where: /priority=4,.*set_field/,
    edit: swap(/set_field:\d+->vlan_vid/, 'pop_vlan'),
  },
  {
    what: 'what a guest’s bridge hands it is tracked in another zone',
    capture: HYBRID,
    files: RULES,
    where: /--physdev-in qvb.*--zone \d+/,
    edit: swap(/--zone \d+/, '--zone 77'),
  },
  {
    what: 'a rule lets everybody in',
    capture: HYBRID,
    files: RULES,
    where: /-A neutron-openvswi-i[0-9a-f].*-m tcp --dport \d+/,
    edit: swap(/-m (?:tcp|udp) --dport \d+(?::\d+)? /, ''),
  },
  {
    what: 'a rule names another port',
    capture: HYBRID,
    files: RULES,
    where: /-A neutron-openvswi-i[0-9a-f].*-m tcp --dport \d+/,
    edit: swap(/--dport \d+/, '--dport 9'),
  },
  {
    what: 'a guest’s packets jump to no chain',
    capture: HYBRID,
    files: RULES,
    where: /-A neutron-openvswi-sg-chain .*--physdev-out/,
    edit: gone,
  },
  {
    what: 'what no rule lets in is let in',
    capture: HYBRID,
    files: RULES,
    where: /-A neutron-openvswi-sg-fallback .*-j DROP/,
    edit: swap('-j DROP', '-j ACCEPT'),
  },
  {
    what: 'answers are not known as such',
    capture: HYBRID,
    files: RULES,
    where: /-A neutron-openvswi-[io][0-9a-f].*RELATED,ESTABLISHED/,
    edit: gone,
  },
  {
    what: 'a router’s route to a subnet is gone',
    capture: OVS,
    files: QROUTER('ip-route-v4\\.json'),
    where: /"dst":"10\.[\d.]+\/\d+"/,
    edit: gone,
  },
  {
    what: 'a router’s neighbour network has another length',
    capture: OVS,
    files: QROUTER('ip-route-v4\\.json'),
    where: /"dst":"10\.[\d.]+\/\d+"/,
    edit: row((of) => ({ ...of, dst: '10.99.0.0/24' })),
  },
];

/** Kinds of changes that packets meet. */
export const OPERATORS: readonly Kind[] = [
  ...OF_FILTERS,
  ...OF_HOSTS.filter(({ what }) => !PROGRAMS.test(what)),
  ...MORE,
];
