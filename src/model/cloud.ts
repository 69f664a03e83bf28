/**
 * A cloud as somebody wants it: Neutron's objects, and the hosts whose agents are to make them
 * true. `src/agents` turns it into what every host would then hold.
 */
import {
  type BgpSpeaker,
  type CloudAddress,
  type CloudPrefix,
  type FixedIp,
  type LoadBalancer,
  type Neutron,
} from './neutron.ts';

export interface Cloud {
  readonly neutron: Neutron;
  readonly hosts: readonly CloudHost[];
  readonly loadBalancers: readonly LoadBalancer[];
  /** Ports that somebody plugged into a host itself, as Octavia's `o-hm0`. */
  readonly hostDevices: readonly HostDevice[];
  /** The network between the hosts; null when nobody wrote it down. */
  readonly underlay: Underlay | null;
  readonly bgpSpeakers: readonly BgpSpeaker[];
  /** nova-network: the hosts whose bridges of a network are the gateways of its guests. */
  readonly networkHosts: ReadonlyMap<string, readonly NetworkHost[]>;
  readonly settings: CloudSettings;
}

/** A host on which nova-network serves a network. */
export interface NetworkHost {
  readonly host: string;
  /** Addresses of its bridge: gateways of the guests, and of dnsmasq. */
  readonly gateways: readonly FixedIp[];
  /** Whether dnsmasq gives addresses there (FlatDHCPManager, VlanManager). */
  readonly dhcp: boolean;
  /** `multi_host`: it serves the guests of its own host alone. */
  readonly ownGuestsOnly: boolean;
}

/** How VRRP of HA routers is authenticated. */
export interface HaAuthentication {
  readonly type: 'AH' | 'PASS';
  readonly password: string;
}

/** What is the same for the whole cloud. */
export interface CloudSettings {
  /** Whose flows and rules are written: Neutron 21 (Zed), or 11 (Pike) as in older clouds. */
  readonly dialect: 'zed' | 'pike';
  /** `[DEFAULT] dns_domain`, for dnsmasq. */
  readonly dnsDomain: string;
  /** `dhcp_lease_duration`, seconds. */
  readonly leaseDuration_s: number;
  /** First MAC of the addresses that distributed routers use (`dvr_base_mac`). */
  readonly dvrBaseMac: bigint;
  /** Those that hosts are known to have drawn, by host. */
  readonly dvrMacs?: ReadonlyMap<string, bigint>;
  /** Numbers of virtual routers that the server has drawn, by router; it shows them nowhere. */
  readonly virtualRouterIds?: ReadonlyMap<string, number>;
  /** `max_l3_agents_per_router`: 0 is all. */
  readonly haRouterAgents: number;
  /** `l3_ha_net_cidr`. */
  readonly haNetwork: CloudPrefix;
  readonly haAdvertInterval_s: number;
  /** `ha_vrrp_auth_type` and its password; null is none, as RFC 5798 has it. */
  readonly haAuthentication?: HaAuthentication | null;
  /** `ha_vrrp_health_check_interval`: how often the active router asks its gateways; 0 is never. */
  readonly haHealthCheck_s?: number;
  /** `keepalived_use_no_track`. */
  readonly haTracksAddresses?: boolean;
  /** `dhcp_agents_per_network`. */
  readonly dhcpAgents: number;
  /** `tenant_network_types`; without any, every network names its segment. */
  readonly tenantTypes: readonly ('vlan' | 'vxlan' | 'gre' | 'geneve' | 'local')[];
  /** Segments that tenants' networks are given: VLANs by physical network, and tunnel keys. */
  readonly vlanRanges: ReadonlyMap<string, readonly (readonly [number, number])[]>;
  readonly vniRanges: readonly (readonly [number, number])[];
  readonly tunnelIdRanges: readonly (readonly [number, number])[];
  /** `[agent] extensions`, `[DEFAULT] enable_dhcp_dns…` are per host; MTU of the physical wire. */
  readonly physicalMtu: number;
}

/** A host and the agents that run on it. */
export interface CloudHost {
  readonly name: string;
  readonly nics: readonly HostNic[];
  /** The layer 2 agent; null on a host that has none. */
  readonly layer2: Layer2Agent | null;
  readonly layer3: Layer3Agent | null;
  readonly dhcp: DhcpAgent | null;
  readonly metadata: MetadataAgent | null;
  /** nova-network's own settings; null where it does not translate. */
  readonly novaNetwork: { readonly publicInterface: string } | null;
  readonly availabilityZone: string;
  /** True when the agents are alive and administratively up. */
  readonly alive: boolean;
}

export interface HostNic {
  readonly name: string;
  readonly mac: bigint;
  readonly mtu: number;
  readonly addresses: readonly { readonly address: CloudAddress; readonly length: number }[];
  /** The host's default gateway, where it leaves by this NIC. */
  readonly gateway?: CloudAddress;
  /** null for a NIC. */
  readonly bond: HostBond | null;
}

/** Several NICs as one, by the kernel's bonding driver or as a bonded port of Open vSwitch. */
export interface HostBond {
  readonly by: 'linux' | 'openvswitch';
  readonly mode: (typeof BOND_MODES)[number];
  readonly members: readonly string[];
  /** The member that is used with active-backup; null is the first that is up. */
  readonly active: string | null;
}

/** Modes of the kernel (bonding.rst) and of Open vSwitch (ovs-vswitchd.conf.db(5)). */
export const BOND_MODES = [
  'active-backup',
  '802.3ad',
  'balance-xor',
  'balance-rr',
  'broadcast',
  'balance-tlb',
  'balance-alb',
  'balance-slb',
  'balance-tcp',
] as const;

/** What stands for every other end where nobody says otherwise. */
export const USUAL_VXLAN_GROUP: CloudPrefix = {
  address: { version: 4, value: 0xe000_0001n },
  length: 32,
};

/** What enforces security groups (`[securitygroup] firewall_driver`). */
export type FirewallDriver = 'openvswitch' | 'iptables_hybrid' | 'iptables' | 'noop';

export interface Layer2Agent {
  readonly kind: 'openvswitch' | 'linuxbridge';
  /** Physical network → bridge (Open vSwitch) or NIC (Linux bridge). */
  readonly physicalNetworks: ReadonlyMap<string, string>;
  /** Bridge → NIC in it, Open vSwitch only; a bridge without a NIC leads nowhere. */
  readonly bridgeNics: ReadonlyMap<string, string>;
  readonly tunnelTypes: readonly ('vxlan' | 'gre' | 'geneve')[];
  /** `local_ip`: where this host's tunnels end. */
  readonly tunnelAddress: CloudAddress | null;
  /** The interface or bridge that holds `local_ip`. */
  readonly tunnelDevice: string | null;
  readonly vxlanPort: number;
  /** `vxlan_group`: groups of VXLAN devices without l2population, Linux bridges only. */
  readonly vxlanGroup: CloudPrefix;
  readonly l2Population: boolean;
  readonly arpResponder: boolean;
  /** `enable_distributed_routing`. */
  readonly distributedRouting: boolean;
  readonly firewall: FirewallDriver;
  /** Of the datapath that Open vSwitch runs: the kernel's or its own. */
  readonly datapath: 'kernel' | 'userspace';
  readonly version: string;
}

export interface Layer3Agent {
  readonly mode: 'legacy' | 'dvr' | 'dvr_snat' | 'dvr_no_external';
  /** Bridge the gateway plugs into; '' is the integration bridge. */
  readonly externalBridge: string;
}

export interface DhcpAgent {
  /** `enable_isolated_metadata`. */
  readonly isolatedMetadata: boolean;
  readonly forceMetadata: boolean;
}

export interface MetadataAgent {
  /** Where the agent's answers come from. */
  readonly novaHost: string;
  readonly novaPort: number;
}

/** An interface of a host's own namespace that is a port of a Neutron network. */
export interface HostDevice {
  readonly portId: string;
  readonly device: string;
  readonly listens: readonly { readonly protocol: 'tcp' | 'udp'; readonly port: number }[];
}

/** A switch of the physical network and what its ports let through. */
export interface PhysicalSwitch {
  readonly name: string;
  readonly ports: readonly PhysicalPort[];
}

export interface PhysicalPort {
  readonly name: string;
  /** A host's NIC, another switch's port or a router's interface at the other end. */
  readonly connectedTo: { readonly host: string; readonly port: string } | null;
  readonly mode: 'access' | 'trunk';
  /** Access VLAN, or the native VLAN of a trunk; null drops untagged frames. */
  readonly untagged: number | null;
  /** VLANs a trunk lets through; empty is all. */
  readonly allowed: readonly (readonly [number, number])[];
  readonly mtu: number;
  /** False after `shutdown`. */
  readonly enabled: boolean;
}

/** A router of the physical network, e.g. between the subnets of tunnel addresses. */
export interface PhysicalRouter {
  readonly name: string;
  readonly interfaces: readonly {
    readonly name: string;
    /** Tagged on the wire; null is untagged. */
    readonly vlan: number | null;
    readonly mtu: number;
    readonly addresses: readonly CloudPrefix[];
  }[];
}

/** NICs that share one layer 2 network without a switch that anybody describes. */
export interface PhysicalSegment {
  readonly name: string;
  readonly nics: readonly { readonly host: string; readonly port: string }[];
}

/** The network between the hosts, as far as somebody wrote it down. */
export interface Underlay {
  readonly switches: readonly PhysicalSwitch[];
  readonly routers: readonly PhysicalRouter[];
  readonly segments: readonly PhysicalSegment[];
}
