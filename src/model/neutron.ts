/**
 * What the cloud's users asked for, as Neutron's API says it (Networking API v2.0).
 * Nothing here is about hosts; agents and traces compare it with what the hosts do.
 */

export interface CloudAddress {
  readonly version: 4 | 6;
  readonly value: bigint;
}

export interface CloudPrefix {
  readonly address: CloudAddress;
  readonly length: number;
}

export interface NeutronNetwork {
  readonly id: string;
  readonly name: string;
  readonly project: string;
  readonly adminUp: boolean;
  readonly mtu: number | null;
  readonly external: boolean;
  readonly shared: boolean;
  readonly portSecurity: boolean;
  /** `qos_policy_id`: counts for ports without one of their own. */
  readonly qosPolicyId?: string | null;
  /** Of its only segment, or of the first of several. */
  readonly provider: ProviderSegment;
  /** All segments in the order in which Neutron tries to bind ports to them. */
  readonly segments: readonly NetworkSegment[];
  readonly subnets: readonly string[];
}

/** How frames of a network look between hosts (provider attributes). */
export interface ProviderSegment {
  /** `flat`, `vlan`, `vxlan`, `gre`, `geneve`, `local`; '' when the caller may not see it. */
  readonly type: string;
  readonly physicalNetwork: string | null;
  readonly segmentationId: number | null;
}

/** A segment as the segment extension shows it. */
export interface NetworkSegment extends ProviderSegment {
  /** '' when the API was not asked for segments. */
  readonly id: string;
  readonly name: string;
}

export interface NeutronSubnet {
  readonly id: string;
  readonly name: string;
  readonly networkId: string;
  readonly prefix: CloudPrefix;
  readonly gateway: CloudAddress | null;
  readonly dhcp: boolean;
  readonly dnsServers: readonly CloudAddress[];
  readonly hostRoutes: readonly { readonly to: CloudPrefix; readonly via: CloudAddress }[];
  readonly pools: readonly { readonly from: CloudAddress; readonly to: CloudAddress }[];
  /** `slaac`, `dhcpv6-stateful`, `dhcpv6-stateless`, or null. */
  readonly ipv6AddressMode: string | null;
  readonly ipv6RaMode: string | null;
  readonly subnetPoolId: string | null;
  /** Routed provider networks: the segment that it is on; null is all of the network's. */
  readonly segmentId: string | null;
}

export interface FixedIp {
  readonly subnetId: string;
  readonly address: CloudAddress;
}

export interface NeutronPort {
  readonly id: string;
  readonly name: string;
  readonly project: string;
  readonly networkId: string;
  readonly mac: bigint;
  readonly adminUp: boolean;
  /** `ACTIVE`, `DOWN`, `BUILD`, `N/A`. */
  readonly status: string;
  /** The server's or the router's id, or `dhcp…`. */
  readonly deviceId: string;
  /** `compute:nova`, `network:router_interface`, `network:dhcp`… */
  readonly deviceOwner: string;
  readonly fixedIps: readonly FixedIp[];
  readonly securityGroups: readonly string[];
  readonly portSecurity: boolean;
  readonly qosPolicyId?: string | null;
  readonly allowedAddressPairs: readonly {
    readonly prefix: CloudPrefix;
    /** null is the port's own MAC. */
    readonly mac: bigint | null;
  }[];
  /** `binding:host_id`; '' when unbound or not visible. */
  readonly host: string;
  /** `ovs`, `bridge`, `binding_failed`, `unbound`; '' when not visible. */
  readonly vifType: string;
  /** `binding:vif_details` `ovs_hybrid_plug`. */
  readonly hybridPlug: boolean;
  /** `binding:vif_details` `bound_drivers`, e.g. `openvswitch`. */
  readonly drivers: readonly string[];
  /** `extra_dhcp_opts`: what its DHCP server tells this client alone. */
  readonly dhcpOptions?: readonly DhcpOption[];
  /** `dns_assignment`: names of its addresses, where the server gives them (extension dns). */
  readonly dnsNames?: readonly DnsName[];
}

/** A name of an address, alone and with its domain. */
export interface DnsName {
  readonly address: CloudAddress;
  readonly host: string;
  readonly whole: string;
}

/** A DHCP option by its number or by dnsmasq's name. */
export interface DhcpOption {
  readonly name: string;
  readonly value: string;
  readonly version: 4 | 6;
}

export interface NeutronRouter {
  readonly id: string;
  readonly name: string;
  readonly project: string;
  readonly adminUp: boolean;
  readonly distributed: boolean;
  readonly ha: boolean;
  readonly gateway: {
    readonly networkId: string;
    readonly snat: boolean;
    readonly fixedIps: readonly FixedIp[];
  } | null;
  readonly routes: readonly { readonly to: CloudPrefix; readonly via: CloudAddress }[];
  /** Hosts of the L3 agents it is scheduled to, with their HA state when it has one. */
  readonly agents: readonly { readonly host: string; readonly haState: string | null }[];
}

export interface NeutronFloatingIp {
  readonly id: string;
  readonly address: CloudAddress;
  readonly networkId: string;
  readonly fixedAddress: CloudAddress | null;
  readonly portId: string | null;
  readonly routerId: string | null;
  readonly status: string;
}

export interface NeutronSecurityGroup {
  readonly id: string;
  readonly name: string;
  readonly project: string;
  /** Absent in APIs older than stateless groups: stateful. */
  readonly stateful: boolean;
  readonly rules: readonly NeutronRule[];
}

export interface NeutronRule {
  readonly id: string;
  readonly groupId: string;
  readonly direction: 'ingress' | 'egress';
  readonly version: 4 | 6;
  /** As written: `tcp`, `icmp`, `6`; null is any. */
  readonly protocol: string | null;
  readonly portMin: number | null;
  readonly portMax: number | null;
  readonly remotePrefix: CloudPrefix | null;
  readonly remoteGroup: string | null;
  readonly remoteAddressGroup: string | null;
}

export interface NeutronAgent {
  readonly id: string;
  /** `neutron-openvswitch-agent`, `neutron-l3-agent`… */
  readonly binary: string;
  readonly host: string;
  readonly alive: boolean;
  readonly adminUp: boolean;
  /** null for kinds of agents that know none. */
  readonly availabilityZone?: string | null;
  /** `configurations`, as the agent reported it: `bridge_mappings`, `tunneling_ip`… */
  readonly configurations: Readonly<Record<string, unknown>>;
}

/** A parent port whose guest tags frames of its sub-ports (Networking API, trunk extension). */
export interface NeutronTrunk {
  readonly id: string;
  readonly name: string;
  readonly adminUp: boolean;
  /** The port that carries the guest's untagged frames. */
  readonly portId: string;
  readonly subPorts: readonly {
    readonly portId: string;
    readonly segmentationType: 'vlan' | 'inherit';
    readonly segmentationId: number;
  }[];
}

/** Prefixes under one name, for security-group rules to refer to. */
export interface NeutronAddressGroup {
  readonly id: string;
  readonly name: string;
  readonly addresses: readonly CloudPrefix[];
}

/** Subnets whose pools share a scope are routed without translation between them. */
export interface NeutronSubnetPool {
  readonly id: string;
  readonly name: string;
  readonly version: 4 | 6;
  readonly prefixes: readonly CloudPrefix[];
  readonly addressScopeId: string | null;
}

/** A port of a floating IP that leads to a port of an internal address. */
export interface NeutronPortForwarding {
  readonly id: string;
  readonly floatingIpId: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp' | 'icmp' | 'dccp';
  readonly externalPorts: readonly [number, number];
  readonly internalPorts: readonly [number, number];
  readonly internalAddress: CloudAddress;
  readonly internalPortId: string;
}

/** Who else may use an object, and for what (`access_as_shared`, `access_as_external`). */
export interface NeutronRbacPolicy {
  readonly id: string;
  readonly objectType: string;
  readonly objectId: string;
  readonly action: string;
  /** A project's id or `*`. */
  readonly targetProject: string;
}

/** A Nova server, when a server list was captured. */
export interface NovaServer {
  readonly id: string;
  readonly name: string;
  readonly host: string;
}

/** A QoS policy with what its rules ask for, named by networks and ports. */
export interface NeutronQosPolicy {
  readonly id: string;
  readonly name: string;
  /** Limits of bandwidth as the guest sees them; null without one. */
  readonly egressKbps: number | null;
  readonly ingressKbps: number | null;
  /** The DSCP that leaving packets are marked with, 0 to 56. */
  readonly dscp: number | null;
  /** Limits in packets, 1000 a second. */
  readonly egressKpps: number | null;
  readonly ingressKpps: number | null;
  /** What is promised, for the scheduler of servers. */
  readonly minimumKbps: number | null;
}

/** Who announces what of the cloud to routers outside (neutron-dynamic-routing). */
export interface BgpSpeaker {
  readonly id: string;
  readonly name: string;
  readonly localAs: number;
  readonly version: 4 | 6;
  /** External networks by which its peers are reached. */
  readonly networkIds: readonly string[];
  readonly advertisesFloatingIps: boolean;
  readonly advertisesTenantNetworks: boolean;
  readonly peers: readonly {
    readonly name: string;
    readonly address: CloudAddress;
    readonly as: number;
  }[];
}

/** A load balancer, of LBaaS v2 (haproxy in a namespace) or Octavia (an amphora). */
export interface LoadBalancer {
  readonly id: string;
  readonly name: string;
  readonly project: string;
  readonly provider: 'haproxy' | 'amphora';
  readonly vipPortId: string;
  readonly vipAddress: CloudAddress;
  readonly adminUp: boolean;
  /** haproxy: the agent's host; amphora: the servers' ports, first the master. */
  readonly host: string | null;
  readonly amphoraPortIds: readonly string[];
  readonly listeners: readonly Listener[];
  readonly pools: readonly Pool[];
}

export interface Listener {
  readonly id: string;
  readonly name: string;
  readonly protocol: 'TCP' | 'HTTP' | 'HTTPS' | 'TERMINATED_HTTPS' | 'UDP';
  readonly port: number;
  readonly adminUp: boolean;
  readonly connectionLimit: number | null;
  readonly defaultPoolId: string | null;
  readonly policies: readonly L7Policy[];
}

export interface L7Policy {
  readonly id: string;
  readonly position: number;
  readonly action: 'REJECT' | 'REDIRECT_TO_POOL' | 'REDIRECT_TO_URL';
  readonly poolId: string | null;
  readonly url: string | null;
  readonly rules: readonly {
    readonly type: 'HOST_NAME' | 'PATH' | 'FILE_TYPE' | 'HEADER' | 'COOKIE';
    readonly compare: 'REGEX' | 'STARTS_WITH' | 'ENDS_WITH' | 'CONTAINS' | 'EQUAL_TO';
    readonly key: string | null;
    readonly value: string;
    readonly invert: boolean;
  }[];
}

export interface Pool {
  readonly id: string;
  readonly name: string;
  readonly protocol: 'TCP' | 'HTTP' | 'HTTPS' | 'UDP';
  readonly algorithm: 'ROUND_ROBIN' | 'LEAST_CONNECTIONS' | 'SOURCE_IP';
  readonly persistence: 'SOURCE_IP' | 'HTTP_COOKIE' | 'APP_COOKIE' | null;
  readonly monitor: {
    readonly type: 'PING' | 'TCP' | 'HTTP' | 'HTTPS';
    readonly delay_s: number;
    readonly timeout_s: number;
    readonly retries: number;
    readonly path: string;
  } | null;
  readonly members: readonly {
    readonly id: string;
    readonly address: CloudAddress;
    readonly port: number;
    readonly weight: number;
    readonly subnetId: string | null;
    readonly adminUp: boolean;
  }[];
}

export interface Neutron {
  readonly networks: readonly NeutronNetwork[];
  readonly subnets: readonly NeutronSubnet[];
  readonly ports: readonly NeutronPort[];
  readonly routers: readonly NeutronRouter[];
  readonly floatingIps: readonly NeutronFloatingIp[];
  readonly securityGroups: readonly NeutronSecurityGroup[];
  readonly agents: readonly NeutronAgent[];
  readonly servers: readonly NovaServer[];
  readonly trunks: readonly NeutronTrunk[];
  readonly addressGroups: readonly NeutronAddressGroup[];
  readonly subnetPools: readonly NeutronSubnetPool[];
  readonly portForwardings: readonly NeutronPortForwarding[];
  readonly rbacPolicies: readonly NeutronRbacPolicy[];
  readonly qosPolicies: readonly NeutronQosPolicy[];
  /** Of Octavia's API or of LBaaS v2; absent where nobody asked it. */
  readonly loadBalancers?: readonly LoadBalancer[];
  readonly bgpSpeakers?: readonly BgpSpeaker[];
  /** What BGP speakers tell routers outside (`bgp speaker list advertised routes`). */
  readonly advertised?: readonly { readonly to: CloudPrefix; readonly via: CloudAddress }[];
  /** Network id → hosts of the DHCP agents that serve it. */
  readonly dhcpHosts: ReadonlyMap<string, readonly string[]>;
}
