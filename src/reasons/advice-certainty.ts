/** What makes an answer unsure, what was taken for granted, and how to become sure. */
import { type Advice } from './advice.ts';

export const CERTAINTY = {
  SNAPSHOT_INCOMPLETE: {
    causes: [
      'A host, namespace or file on the way was not captured; the answer names it and says what it would change.',
    ],
    confirm: ['the named host or file, captured again'],
  },
  SNAPSHOT_SKEW: {
    causes: [
      'Dumps of different hosts were taken minutes apart; something may have changed in between.',
    ],
    confirm: ['all hosts, captured at the same time'],
  },
  UNSUPPORTED_ACTION: {
    causes: [
      'An action or target stands on the way that hopwise reads but does not emulate (docs/limits.md).',
    ],
    confirm: ["ovs-appctl ofproto/trace BRIDGE 'in_port=…,…'"],
  },
  UNSUPPORTED_MATCH: {
    causes: [
      'A condition of a flow or rule on the way was read but not understood; whether it matches is not known.',
    ],
    confirm: ['the named file and line', "ovs-appctl ofproto/trace BRIDGE 'in_port=…,…'"],
  },
  AMBIGUOUS_HASH: {
    causes: [
      'Several next hops, bond members or buckets are equal, and a hash of the packet picks one.',
    ],
    confirm: ['ip route get ADDRESS', 'ovs-appctl bond/show', 'ovs-ofctl dump-groups BRIDGE'],
  },
  AMBIGUOUS_OVERLAP: {
    causes: [
      'Two flows of the same priority match the packet and do different things; Open vSwitch may take either.',
    ],
    confirm: ['ovs-ofctl dump-flows BRIDGE table=N (the named lines)'],
  },
  AMBIGUOUS_BALANCE: {
    causes: [
      'A load balancer has several servers; which one gets a connection depends on those before.',
    ],
    confirm: [
      'openstack loadbalancer member list POOL',
      'openstack loadbalancer pool show POOL -c lb_algorithm',
    ],
  },
  ASSUME_HEALTH_CHECK: {
    causes: ['Health checks are not run: a server whose port answers counts as healthy.'],
    confirm: ['openstack loadbalancer member show POOL MEMBER -c operating_status'],
  },
  ASSUME_UNDERLAY_DELIVERS: {
    causes: ['The switches between hosts are not in the snapshot.'],
    confirm: ['ping -M do -s 1472 OTHER-HOST (by the tunnel’s address)'],
  },
  ASSUME_FRESH_CONNTRACK: {
    causes: [
      'The question is about a new connection; entries of the dump may belong to the very packets that failed.',
    ],
    confirm: ['conntrack -L -d ADDRESS', 'ovs-appctl dpctl/dump-conntrack'],
  },
  ASSUME_SWEPT: {
    causes: [
      'A connection of the same addresses and ports ended less than five seconds before; when the switch sweeps depends on when it was started.',
    ],
    confirm: ['ovs-appctl dpctl/dump-conntrack (the port that the new connection got)'],
  },
  ASSUME_DUMPED_CONNTRACK: {
    causes: [
      'The question was asked with `--connections dumped`: entries of the dump count as established.',
    ],
    confirm: ['conntrack -L -d ADDRESS (is the entry still there?)'],
  },
  ASSUME_LISTENING: {
    causes: ['What listens in the guest was not captured.'],
    confirm: ['ss -lntu (in the guest)'],
  },
  ASSUME_NEIGHBOUR_ANSWERS: {
    causes: ['The next hop is outside of the snapshot.'],
    confirm: ['arping -I DEVICE ADDRESS', 'ip neigh show ADDRESS'],
  },
  ASSUME_OUTSIDE: {
    causes: [
      'No dump shows who stands behind an external network’s gateway; one host stands for all of them.',
    ],
    confirm: ['ping ADDRESS (from a machine outside)'],
  },
  ASSUME_OPENFLOW_VERSION: {
    causes: [
      '`mod_vlan_vid` on a tagged packet does different things in OpenFlow 1.0 and later; dumps do not tell which version wrote a flow.',
    ],
    confirm: ["ovs-appctl ofproto/trace BRIDGE 'in_port=…,dl_vlan=…'"],
  },
} as const satisfies Record<string, Advice>;
