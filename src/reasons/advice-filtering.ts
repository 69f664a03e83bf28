/** What usually lies behind the reasons of packet filters and connection tracking. */
import { type Advice } from './advice.ts';

export const FILTERING = {
  SG_NO_MATCHING_RULE: {
    causes: [
      'No rule of the port’s groups names this protocol, port or sender; a new group also has no rule for what comes in.',
      'The rule stands in a group that the port does not have, or is for the other direction or IP version.',
      'Neutron has the rule, but the agent on the host has not programmed it.',
    ],
    confirm: [
      'openstack security group rule list GROUP',
      'openstack port show PORT -c security_group_ids',
      'ovs-ofctl dump-flows br-int table=82 (72 for what goes out)',
      'iptables -vnL neutron-openvswi-iPORT (oPORT for what goes out)',
    ],
  },
  SG_REMOTE_GROUP_NOT_MEMBER: {
    causes: [
      'The rule lets in the members of a group, and the sender’s port does not have that group.',
      'The sender is behind a router or uses a floating IP, so that its address is not a member’s.',
    ],
    confirm: [
      'openstack port show SENDER -c security_group_ids',
      'ipset list NIPv4GROUP',
      'ovs-ofctl dump-flows br-int table=82 | grep conj',
    ],
  },
  SG_IPSET_STALE: {
    causes: [
      'The agent missed the notice that a port joined the group.',
      'The set was changed by hand or left over from an earlier run.',
    ],
    confirm: [
      'ipset list NIPv4GROUP',
      'openstack port list --security-group GROUP',
      'journalctl -u neutron-openvswitch-agent',
    ],
  },
  SG_PORT_SECURITY_BLOCKED: {
    causes: [
      'The guest sends from a MAC or IP address that its port does not own.',
      'The guest acts as DHCP server or router advertiser, which ports must not.',
    ],
    confirm: [
      'ovs-ofctl dump-flows br-int table=71',
      'openstack port show PORT -c fixed_ips -c allowed_address_pairs -c port_security_enabled',
    ],
  },
  IPT_RULE_DROP: {
    causes: [
      'A rule of the host or of another agent drops the packet; its comment or chain often says whose it is.',
    ],
    confirm: [
      'iptables -t TABLE -vnL CHAIN (does its counter grow?)',
      'iptables-save -c | grep -n DROP',
    ],
  },
  IPT_CHAIN_POLICY_DROP: {
    causes: [
      'The policy of a base chain is DROP and no rule accepted the packet; Docker sets it for FORWARD.',
    ],
    confirm: ['iptables -S | head -3', 'iptables -vnL FORWARD'],
  },
  IPT_REJECT: {
    causes: [
      'A firewall of the host or guest refuses politely: the sender gets an ICMP error or a reset.',
    ],
    confirm: ['iptables-save -c | grep REJECT'],
  },
  BRNF_DISABLED: {
    causes: [
      'The module br_netfilter is not loaded, or somebody set bridge-nf-call-iptables to 0: security groups of hybrid and Linux bridge ports then do nothing.',
    ],
    confirm: [
      'sysctl net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables',
      'lsmod | grep br_netfilter',
    ],
  },
  CT_INVALID: {
    causes: [
      'The packet belongs to a connection of which only one direction passes here.',
      'The connection began before its entry was deleted, or the entry ran out.',
      'A middlebox changed sequence numbers, or a checksum is wrong.',
    ],
    confirm: [
      'conntrack -L -d ADDRESS',
      'ovs-appctl dpctl/dump-conntrack',
      'sysctl net.netfilter.nf_conntrack_log_invalid',
    ],
  },
  CT_WRONG_ZONE: {
    causes: [
      'The two directions of a connection are tracked in different zones: rules of the raw table or the local VLAN changed.',
    ],
    confirm: ['conntrack -L -o extended | grep ADDRESS (look at zone=)', 'iptables -t raw -S'],
  },
  CT_ASYMMETRIC: {
    causes: [
      'The answer takes another way than the question: two routers, two masters, a guest with two networks.',
    ],
    confirm: ['a packet capture on both ways', 'ip route get SENDER (in the answering guest)'],
  },
  CT_STALE: {
    causes: [
      'A floating IP or a router’s address was moved while a client kept its source port: NAT is decided by a connection’s first packet.',
      'A security group rule was taken away, and the agent did not delete the connections that it had allowed.',
      'The entry was made before the NAT rules were there, and retries of the client keep it alive.',
    ],
    confirm: [
      'conntrack -L -s SOURCE -d DESTINATION (on the host, or in the namespace of the router)',
      'ovs-appctl dpctl/dump-conntrack',
    ],
  },
  CT_TABLE_FULL: {
    causes: ['More connections than nf_conntrack_max: a scan, a flood, or a busy load balancer.'],
    confirm: [
      'sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max',
      'dmesg | grep "table full"',
    ],
  },
} as const satisfies Record<string, Advice>;
