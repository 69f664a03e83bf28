/**
 * A Linux bridge as its own kernel code sees it (net/bridge): ports with their VLANs and flags,
 * and static entries of the forwarding database. Built from a namespace's interfaces.
 */

export interface Bridge {
  readonly name: string;
  /** Interface index, which iptables sees as input and output of bridged packets. */
  readonly index: number;
  readonly mac: bigint;
  readonly mtu: number;
  readonly up: boolean;
  readonly vlanFiltering: boolean;
  /** False in all Neutron bridges; then 01:80:c2:00:00:00 is forwarded like any group. */
  readonly stp: boolean;
  readonly ageing_s: number;
  /** group_fwd_mask: bit n forwards 01:80:c2:00:00:0n. */
  readonly groupForwardMask: number;
  readonly ports: readonly BridgePort[];
  /** VLANs of the bridge device itself, for what the host sends and receives. */
  readonly own: PortVlans;
  readonly fdb: readonly FdbEntry[];
  readonly netfilter: BridgeNetfilter;
}

export interface BridgePort {
  readonly name: string;
  readonly index: number;
  readonly mac: bigint;
  readonly mtu: number;
  /** IFF_UP and carrier. */
  readonly up: boolean;
  readonly state: 'disabled' | 'listening' | 'learning' | 'forwarding' | 'blocking';
  readonly hairpin: boolean;
  readonly learning: boolean;
  /** Unknown unicast is flooded to this port. */
  readonly flood: boolean;
  /** Isolated ports do not talk to each other. */
  readonly isolated: boolean;
  readonly vlans: PortVlans;
}

export interface PortVlans {
  /** VLAN of untagged frames that come in; null drops them. */
  readonly pvid: number | null;
  readonly members: readonly VlanMember[];
}

export interface VlanMember {
  readonly from: number;
  readonly to: number;
  /** Frames of these VLANs leave without tag. */
  readonly untagged: boolean;
}

/** One entry of the snapshot; dynamic ones may be moved by what is learned on the way. */
export interface FdbEntry {
  readonly mac: bigint;
  readonly vlan: number | null;
  readonly port: string;
  /** The MAC belongs to the bridge or one of its ports: the frame goes up. */
  readonly local: boolean;
  readonly fixed: boolean;
}

/** net.bridge.bridge-nf-*: which bridged packets the IP chains see. */
export interface BridgeNetfilter {
  readonly iptables: boolean;
  readonly ip6tables: boolean;
  readonly arptables: boolean;
  readonly vlanTagged: boolean;
}
