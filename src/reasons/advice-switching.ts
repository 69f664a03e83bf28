/** What usually lies behind the reasons of Open vSwitch and bridges, and how to see it on a host. */
import { type Advice } from './advice.ts';

export const SWITCHING = {
  OF_TABLE_MISS: {
    causes: [
      'The agent that programs the bridge has never started since the bridge was made, or lost its connection halfway.',
      'Somebody deleted flows by hand; the bridge is in fail mode `secure` and so has no flow of its own.',
    ],
    confirm: [
      'ovs-ofctl dump-flows BRIDGE table=N',
      'ovs-vsctl get-fail-mode BRIDGE',
      'systemctl status neutron-openvswitch-agent',
    ],
  },
  OF_EXPLICIT_DROP: {
    causes: [
      'A table ends in a flow that drops what no other flow wanted; the tables before it decided.',
      'A flow was written on purpose to keep this traffic out.',
    ],
    confirm: [
      'ovs-ofctl dump-flows BRIDGE table=N (does n_packets grow while the packet is sent?)',
      "ovs-appctl ofproto/trace BRIDGE 'in_port=…,…'",
    ],
  },
  OF_PORT_DOWN: {
    causes: [
      'The interface was set down, or the machine behind it is stopped.',
      'The OpenFlow port carries PORT_DOWN, NO_RECV or NO_FWD.',
    ],
    confirm: ['ovs-ofctl show BRIDGE (config and state of the port)', 'ip link show DEVICE'],
  },
  OF_NO_SUCH_PORT: {
    causes: [
      'A port was deleted and created anew and has another OpenFlow number; flows still name the old one.',
      'A tunnel or patch port was removed after the flows were written.',
    ],
    confirm: [
      'ovs-vsctl --columns=name,ofport list Interface',
      'ovs-ofctl dump-flows BRIDGE | grep output',
    ],
  },
  OF_LOOP_OR_RESUBMIT_LIMIT: {
    causes: [
      'Two bridges are connected twice, or patch ports lead in a circle.',
      'Flows resubmit to each other; Open vSwitch then drops the packet and everything it had decided.',
    ],
    confirm: [
      "ovs-appctl ofproto/trace BRIDGE 'in_port=…,…' (ends with the limit it hit)",
      'grep "resubmit\\|recursion" /var/log/openvswitch/ovs-vswitchd.log',
    ],
  },
  VLAN_LOCAL_DEAD_4095: {
    causes: [
      'The Neutron port is administratively down.',
      'The port binding failed, or the server behind the port was just plugged or is being removed.',
      'The agent could not find the port in Neutron, or could not write the flows of its firewall.',
    ],
    confirm: [
      'ovs-vsctl get Port DEVICE tag',
      'openstack port show PORT -c admin_state_up -c status -c binding_vif_type',
      'journalctl -u neutron-openvswitch-agent',
    ],
  },
  VLAN_MAP_MISMATCH: {
    causes: [
      'The tag of the port was changed by hand, or a device was plugged by hand and kept its tag over a restart, after which local VLANs were given anew.',
      'The agent was restarted while its bridges kept flows of an earlier run.',
      'On a provider network: bridge_mappings differ between hosts, or this host has no port of the network and so no mapping for its VLAN.',
    ],
    confirm: [
      'ovs-vsctl --columns=name,tag,other_config list Port DEVICE (tag and other_config:tag must agree)',
      'ovs-ofctl dump-flows br-int table=0',
      'ovs-ofctl dump-flows BR-PHYSICAL table=0',
    ],
  },
  VLAN_NOT_TRUNKED: {
    causes: [
      'The port of the physical switch does not carry the VLAN, or is an access port.',
      'A bridge filters VLANs and the port is not a member of this one.',
      'The guest sends tagged frames without a trunk port in Neutron.',
    ],
    confirm: [
      'bridge vlan show dev DEVICE',
      'ovs-vsctl --columns=name,tag,trunks,vlan_mode list Port DEVICE',
      'the allowed VLANs of the physical switch’s port',
    ],
  },
  VNI_MAP_MISSING: {
    causes: [
      'The flow that gives the tunnel key a local VLAN was deleted, or not yet written.',
      'The host has no port of the network, and others send to it because of old entries.',
    ],
    confirm: [
      'ovs-ofctl dump-flows br-tun table=4 (is there one for the key?)',
      'ip -d link show type vxlan (Linux bridge agent)',
    ],
  },
  VNI_MAP_MISMATCH: {
    causes: [
      'The agent was restarted and gave the network another local VLAN, but flows of the earlier run are still there (look at their cookies).',
      'A flow was changed by hand.',
      'Both networks now leak into each other: treat it as a security incident.',
    ],
    confirm: [
      'ovs-ofctl dump-flows br-tun table=4',
      'ovs-ofctl dump-flows br-tun table=20',
      'ovs-vsctl --columns=name,tag,other_config list Port',
    ],
  },
  TUNNEL_ENDPOINT_MISSING: {
    causes: [
      'The agent of the other host was down when tunnels were exchanged, or its local_ip changed.',
      'tunnel_types or l2_population differ between the agents.',
      'The tunnel port was removed, or its remote_ip is another host’s.',
    ],
    confirm: [
      'ovs-vsctl show (is there a port with the other host’s remote_ip?)',
      'openstack network agent list',
      'openstack network agent show AGENT -c configuration',
    ],
  },
  TUNNEL_LOCAL_IP_MISMATCH: {
    causes: [
      'The sender’s tunnel leaves by an address that the receiver does not expect: two addresses on the underlay, or a changed local_ip.',
      'The UDP port differs: 4789 on one side, 8472 on the other.',
    ],
    confirm: [
      'ovs-vsctl --columns=name,options list Interface',
      'tcpdump -ni UNDERLAY udp port 4789 or udp port 8472',
      'grep -r local_ip /etc/neutron/plugins',
    ],
  },
  L2POP_ENTRY_MISSING: {
    causes: [
      'The agent missed the notice that the port is there: its queue was cut, or it restarted at that moment.',
      'The port is not ACTIVE, so that nobody was told of it.',
      'The entry was deleted by hand.',
    ],
    confirm: [
      'ovs-ofctl dump-flows br-tun table=20',
      'bridge fdb show dev VXLAN-DEVICE (Linux bridge agent)',
      'openstack port show PORT -c status',
    ],
  },
  FDB_STALE: {
    causes: [
      'The server moved to another host and the entry still leads to the old one.',
      'The same MAC address is in use twice.',
      'After a failover the switch still believes the address to be behind the old master.',
    ],
    confirm: [
      'ovs-appctl fdb/show BRIDGE',
      'ovs-ofctl dump-flows br-tun table=20',
      'bridge fdb show',
    ],
  },
  FLOOD_BLOCKED: {
    causes: [
      'The flow that floods the network’s local VLAN lacks the tunnel to the destination’s host.',
      'With l2_population: no port of the network is ACTIVE on the other host.',
      'The destination MAC address exists nowhere.',
    ],
    confirm: [
      'ovs-ofctl dump-flows br-tun table=22',
      'ovs-ofctl dump-flows br-tun table=21 (ARP responder)',
      'ovs-appctl fdb/show br-int',
    ],
  },
  BRIDGE_PORT_NOT_FORWARDING: {
    causes: [
      'STP is still listening or learning, or found a loop and blocks the port.',
      'The port was isolated, or its state set by hand.',
    ],
    confirm: ['bridge -d link show dev DEVICE', 'ovs-appctl stp/show'],
  },
  PATCH_PEER_MISSING: {
    causes: [
      'The other bridge was deleted or made anew.',
      'The names of the two patch ports do not point at each other.',
    ],
    confirm: ['ovs-vsctl --columns=name,options find Interface type=patch'],
  },
  ARP_UNANSWERED: {
    causes: [
      'Nobody has the address: the server is stopped, or has another address than Neutron gave it.',
      'The request does not reach the owner; hopwise names the place where it does.',
      'The owner’s answer is refused on its way, e.g. because the owner sends from an address that is not its own.',
    ],
    confirm: [
      'tcpdump -eni TAP arp (on both hosts)',
      'ip neigh',
      'ovs-ofctl dump-flows br-tun table=21',
    ],
  },
  ADDRESS_DUPLICATE: {
    causes: [
      'A guest whose port has no port security was given an address that somebody else has, often that of the gateway.',
      'A router or server that was replaced still runs somewhere and answers for its old address.',
      'Somebody on an external network uses an address of its allocation pool.',
    ],
    confirm: [
      'arping -c 3 -I DEVICE ADDRESS (as many MACs as there are stations)',
      'ip neigh show ADDRESS (which of them is believed at the moment)',
      'openstack port list --fixed-ip ip-address=ADDRESS',
    ],
  },
  ARP_SPOOF_BLOCKED: {
    causes: [
      'The guest uses an address that its port does not have: a second address, a virtual address of keepalived, a bridge inside.',
    ],
    confirm: [
      'ovs-ofctl dump-flows br-int table=24',
      'openstack port show PORT -c fixed_ips -c allowed_address_pairs',
    ],
  },
  MAC_SPOOF_BLOCKED: {
    causes: [
      'The guest sends from another MAC or IP address than its port has: nested machines, bonding inside, a virtual address, routing for others.',
    ],
    confirm: [
      'ovs-ofctl dump-flows br-int table=25',
      'iptables -vnL neutron-openvswi-sPORT',
      'openstack port show PORT -c mac_address -c allowed_address_pairs',
    ],
  },
  INTERFACE_DOWN: {
    causes: [
      'The interface was set down, its service stopped, or its cable has no carrier.',
      'The device was never plugged, or is gone.',
    ],
    confirm: ['ip -br link', 'ethtool DEVICE', 'ip netns exec NAMESPACE ip -br link'],
  },
  NETWORK_LOOP: {
    causes: [
      'Two bridges are joined by more than one path and no spanning tree runs.',
      'A namespace routes the packet back to where it came from.',
    ],
    confirm: ['bridge link', 'ip route get ADDRESS (in every namespace on the way)'],
  },
  BRIDGE_SAME_PORT: {
    causes: [
      'The bridge learned the destination behind the port the frame came from: a duplicated MAC address, or a frame that came back.',
    ],
    confirm: ['bridge fdb show br BRIDGE', 'ovs-appctl fdb/show BRIDGE'],
  },
} as const satisfies Record<string, Advice>;
