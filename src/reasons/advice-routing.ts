/** What usually lies behind the reasons of routing, translation, routers over time, and sizes. */
import { type Advice } from './advice.ts';

export const ROUTING = {
  MARTIAN_ADDRESS: {
    causes: [
      'A packet claims a source that the receiving machine has itself, or a loopback or group address.',
      'Two machines have the same address.',
    ],
    confirm: [
      'sysctl net.ipv4.conf.all.log_martians',
      'ip addr | grep ADDRESS',
      'arping -D -I DEVICE ADDRESS',
    ],
  },
  ROUTE_REFUSES: {
    causes: [
      'A route of type blackhole, unreachable or prohibit, or a policy rule, keeps the destination out on purpose.',
    ],
    confirm: [
      'ip route get ADDRESS',
      'ip rule',
      'ip route show table all | grep -E "blackhole|unreachable|prohibit"',
    ],
  },
  NO_ROUTE: {
    causes: [
      'The machine has no default route: the subnet has no gateway, or DHCP did not give one.',
      'The router has no gateway to the outside, or no interface in the destination’s subnet.',
      'Tenant networks are not known outside: without SNAT or a floating IP nobody there knows the way back.',
    ],
    confirm: [
      'ip route get ADDRESS (in the namespace or guest)',
      'ip route show table all',
      'openstack router show ROUTER',
    ],
  },
  NO_NEIGHBOR: {
    causes: [
      'The next hop is down, or not on this network.',
      'ARP or neighbour discovery does not reach it; see ARP_UNANSWERED.',
    ],
    confirm: ['ip neigh show ADDRESS', 'arping -I DEVICE ADDRESS'],
  },
  RP_FILTER: {
    causes: [
      'The machine has two interfaces and the way back to the sender leads by the other one.',
    ],
    confirm: [
      'sysctl -a | grep "\\.rp_filter"',
      'ip route get SENDER',
      'nstat -az TcpExtIPReversePathFilter',
    ],
  },
  IP_FORWARD_OFF: {
    causes: [
      'net.ipv4.ip_forward is 0 in the namespace: it was made anew without the agent, or sysctl settings were reloaded.',
      'A guest is meant to route and does not forward.',
    ],
    confirm: ['ip netns exec NAMESPACE sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding'],
  },
  TTL_EXPIRED: {
    causes: ['Routes lead in a circle.', 'The sender asked with a small TTL, as traceroute does.'],
    confirm: ['traceroute -n ADDRESS'],
  },
  NAT_MISSING: {
    causes: [
      'The NAT rules of the router were flushed or never written: somebody reloaded the firewall of the host, or the L3 agent failed halfway.',
      'The router has SNAT disabled, and the sender has no floating IP.',
    ],
    confirm: [
      'ip netns exec qrouter-ID iptables-save -t nat',
      'openstack router show ROUTER -c external_gateway_info',
      'journalctl -u neutron-l3-agent',
    ],
  },
  FIP_NOT_BOUND: {
    causes: [
      'The floating IP is associated with no port.',
      'Its router runs on no host, or the agent did not configure the address.',
      'The port is on a network that the router does not join.',
    ],
    confirm: [
      'openstack floating ip show ADDRESS',
      'ip netns exec qrouter-ID ip addr (fip-ID and qrouter-ID of a distributed router)',
    ],
  },
  FIP_AGENT_GW_MISSING: {
    causes: [
      'A distributed router needs an fg- interface per host for floating IPs; it could not be made.',
    ],
    confirm: [
      'ip netns exec fip-ID ip addr',
      'openstack port list --device-owner network:floatingip_agent_gateway',
    ],
  },
  DVR_MAC_MISSING: {
    causes: [
      'The agent does not know the MAC address that the sender’s host uses for distributed routers.',
    ],
    confirm: [
      'ovs-ofctl dump-flows br-tun table=9',
      'ovs-ofctl dump-flows br-int table=0 | grep dl_src',
    ],
  },
  GATEWAY_DOWN: {
    causes: [
      'The router’s interface is down or lost its address.',
      'The network node or its L3 agent is down; the router is neither distributed nor highly available.',
    ],
    confirm: [
      'ip netns exec qrouter-ID ip -br addr',
      'openstack network agent list --router ROUTER',
    ],
  },
  ROUTER_NOT_SCHEDULED: {
    causes: [
      'No L3 agent hosts the router: none was alive when it was made, or the router was removed from its agent.',
    ],
    confirm: ['openstack network agent list --router ROUTER', 'ip netns list'],
  },
  VRRP_NO_MASTER: {
    causes: [
      'keepalived is not running in the router’s namespaces.',
      'Every instance is in fault state because a tracked interface is down.',
    ],
    confirm: [
      'cat /var/lib/neutron/ha_confs/ROUTER/state (on every network node)',
      'ip netns exec qrouter-ID ip addr show dev ha-…',
    ],
  },
  VRRP_SPLIT_BRAIN: {
    causes: [
      'Adverts do not pass between the network nodes: the tunnels or VLANs of the HA network are broken.',
      'A firewall drops IP protocol 112.',
    ],
    confirm: [
      'cat /var/lib/neutron/ha_confs/ROUTER/state (on every network node)',
      'ip netns exec qrouter-ID tcpdump -ni ha-… proto 112',
    ],
  },
  VRRP_VRID_CLASH: {
    causes: [
      'Two groups of routers share a network and a virtual router id: a tenant runs keepalived, or HA networks were joined.',
    ],
    confirm: ['tcpdump -ni DEVICE proto 112 (vrid and sender)'],
  },
  MTU_EXCEEDED_DF: {
    causes: [
      'The network promises a larger MTU than the underlay carries with the tunnel’s headers: VXLAN over IPv4 needs 50 bytes, GRE 42, Geneve 50 and its options.',
      'A link of the underlay has a smaller MTU than the others.',
      'The guest does not use the MTU that DHCP offers.',
    ],
    confirm: [
      'ping -M do -s SIZE ADDRESS',
      'ip link (MTU of every device on the way)',
      'openstack network show NETWORK -c mtu',
    ],
  },
  MTU_BLACKHOLE_NO_ICMP: {
    causes: [
      'A bridge or switch drops what is too large and cannot tell the sender; connections open and hang with the first large segment.',
      'ICMP errors are filtered on their way back.',
    ],
    confirm: ['ping -M do -s SIZE ADDRESS', 'ip -s link (dropped)', 'tcpdump -ni DEVICE icmp'],
  },
  MTU_INCONSISTENT: {
    causes: ['Ports of one network, or both ends of a link, have different MTUs.'],
    confirm: ['ip link', 'openstack network show NETWORK -c mtu'],
  },
  FRAGMENTS_BROKEN: {
    causes: [
      'A fragment is missing, overlaps another, or came too late to be put together.',
      'A firewall between lets first fragments pass and drops the rest, which carry no ports.',
    ],
    confirm: ['nstat -az IpReasmFails Ip6ReasmFails', "tcpdump -ni DEVICE 'ip[6:2] & 0x3fff != 0'"],
  },
  CHECKSUM_WRONG: {
    causes: [
      'Checksum offload left a checksum to a device that does not compute it: DHCP and UDP over some virtual NICs.',
      'Something on the way changed the packet and not its checksum.',
    ],
    confirm: [
      'tcpdump -vvni DEVICE (bad cksum; on the sender’s own interface that alone means offload)',
      'ethtool -k DEVICE',
      'nstat -az UdpInCsumErrors TcpInCsumErrors',
    ],
  },
  DHCP_NO_ADDRESS: {
    causes: [
      'The host file of dnsmasq lacks the port: the DHCP agent missed the notice, or writes for another host.',
      'The guest asks with another MAC address than its port has.',
      'DHCP is disabled on the subnet.',
    ],
    confirm: [
      'cat /var/lib/neutron/dhcp/NETWORK/host',
      'openstack port show PORT -c mac_address -c fixed_ips',
      'journalctl -u neutron-dhcp-agent',
    ],
  },
  RA_NO_PREFIX: {
    causes: [
      'The subnet is for DHCPv6: its prefix is advertised without the autonomous flag, and the guest has to ask a server.',
      'The file of radvd is of a time before the subnet was added to the router.',
    ],
    confirm: [
      'openstack subnet show SUBNET -c ipv6_ra_mode -c ipv6_address_mode',
      'cat /var/lib/neutron/ra/ROUTER.radvd.conf',
      'rdisc6 DEVICE (in the guest)',
    ],
  },
  DHCP_WRONG_ADDRESS: {
    causes: [
      'The host file of dnsmasq is of a time when the port had another address: the DHCP agent missed the notice of its change.',
      'Somebody edited the host file, or two ports have had one MAC address.',
      'An old lease of the client is still in the lease file.',
    ],
    confirm: [
      'grep MAC /var/lib/neutron/dhcp/NETWORK/host /var/lib/neutron/dhcp/NETWORK/leases',
      'openstack port show PORT -c mac_address -c fixed_ips',
    ],
  },
  LB_NO_SERVER: {
    causes: [
      'Every member is down or administratively off, or fails its health check.',
      'The pool has no members.',
    ],
    confirm: [
      'openstack loadbalancer member list POOL',
      'grep -A20 backend /var/lib/neutron/lbaas/v2/ID/haproxy.conf',
      'curl -v MEMBER:PORT (from the balancer’s namespace)',
    ],
  },
  NOT_LISTENING: {
    causes: [
      'The service is stopped, or listens on another port or only on 127.0.0.1.',
      'The question names another port than the service has.',
    ],
    confirm: ['ss -lntu (in the guest or namespace)'],
  },
  WRONG_RECEIVER: {
    causes: [
      'The frame was sent to a MAC address that the destination does not have: a wrong neighbour entry, or a duplicated address.',
    ],
    confirm: ['ip neigh show ADDRESS (at the sender)', 'arping -I DEVICE ADDRESS'],
  },
  NOT_FOR_ME: {
    causes: [
      'A flooded or misled frame came to somebody who is not meant; alone it means nothing.',
    ],
    confirm: ['tcpdump -eni DEVICE'],
  },
} as const satisfies Record<string, Advice>;
