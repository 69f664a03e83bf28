/** One host's Open vSwitch: its bridges, ports and what they remember. */
import { type Origin } from '../../../text/problem.ts';
import { type Flow, type Group, type Meter, type OpenFlowVersion } from './flow.ts';

export interface Switch {
  readonly host: string;
  /** `3.1.0`; empty when unknown. */
  readonly version: string;
  /** Which conntrack the datapath uses: the kernel module's or its own (netdev). */
  readonly datapath: 'kernel' | 'userspace';
  /** How many VLAN tags flows can match (`other_config:vlan-limit`): 1 or 2. */
  readonly vlanLimit: number;
  readonly bridges: readonly Bridge[];
  /** Userspace datapath only: neighbours and routes that native tunnelling uses. */
  readonly tunnelNeighbours: readonly TunnelNeighbour[];
  readonly tunnelRoutes: readonly TunnelRoute[];
}

export interface Bridge {
  readonly name: string;
  readonly failMode: 'standalone' | 'secure';
  readonly datapathType: string;
  readonly datapathId: string;
  readonly ports: readonly Port[];
  readonly flows: readonly Flow[];
  readonly groups: readonly Group[];
  readonly meters: readonly Meter[];
  readonly fdb: readonly FdbEntry[];
  readonly mirrors: readonly Mirror[];
  /** OpenFlow version the flows were dumped with. */
  readonly dumpVersion: OpenFlowVersion;
  /** tun_metadata index -> option (add-tlv-map). */
  readonly tlvMap: readonly TlvMapping[];
  /** other_config of the Bridge row: mac-aging-time, forward-bpdu, flood_vlans… */
  readonly otherConfig: Readonly<Record<string, string>>;
  readonly floodVlans: readonly number[];
  readonly multicastSnooping: boolean;
  readonly origin: Origin;
}

export interface TlvMapping {
  readonly index: number;
  readonly optionClass: number;
  readonly optionType: number;
  /** Bytes. */
  readonly length: number;
}

/** One OpenFlow port (an Interface row), with the VLAN settings of the Port row it belongs to. */
export interface Port {
  /** Interface name. */
  readonly name: string;
  readonly ofport: number;
  /** OVSDB Interface type: '', 'internal', 'patch', 'vxlan', 'gre', 'geneve', 'dummy'… */
  readonly type: string;
  /** Patch ports: the other end's name. */
  readonly peer: string | null;
  readonly mac: bigint;
  /** The Port row's name: bond members share one. */
  readonly bundle: string;
  readonly vlan: VlanSettings;
  readonly tunnel: TunnelSettings | null;
  readonly bond: { readonly mode: string; readonly active: string | null } | null;
  readonly adminUp: boolean;
  readonly linkUp: boolean;
  /** OpenFlow port config: PORT_DOWN, NO_RECV, NO_FWD, NO_FLOOD, NO_PACKET_IN, NO_STP. */
  readonly config: readonly string[];
  readonly protected: boolean;
  readonly mtu: number | null;
  /** external_ids of the Interface row: iface-id is the Neutron port, attached-mac its address. */
  readonly externalIds: Readonly<Record<string, string>>;
  readonly otherConfig: Readonly<Record<string, string>>;
}

export interface VlanSettings {
  readonly mode: 'trunk' | 'access' | 'native-tagged' | 'native-untagged' | 'dot1q-tunnel';
  /** Access or native VLAN; null for none. */
  readonly tag: number | null;
  /** Empty means all. */
  readonly trunks: readonly number[];
  readonly cvlans: readonly number[];
  readonly priorityTags: 'never' | 'if-nonzero' | 'always';
  readonly qinqEthertype: number;
}

/** A tunnel port's options (ovs-vswitchd.conf.db(5) Interface "Tunnel Options"). */
export interface TunnelSettings {
  readonly kind:
    | 'vxlan'
    | 'gre'
    | 'geneve'
    | 'ip6gre'
    | 'erspan'
    | 'ip6erspan'
    | 'gtpu'
    | 'lisp'
    | 'stt'
    | 'srv6'
    | 'bareudp';
  readonly local: Endpoint | 'flow' | null;
  readonly remote: Endpoint | 'flow' | null;
  readonly inKey: bigint | 'flow' | null;
  readonly outKey: bigint | 'flow' | null;
  readonly destinationPort: number;
  readonly tos: number | 'inherit';
  readonly ttl: number | 'inherit';
  readonly dontFragment: boolean;
  readonly checksum: boolean;
  readonly extensions: readonly string[];
  readonly egressMark: number;
}

export interface Endpoint {
  readonly version: 4 | 6;
  readonly address: bigint;
}

export interface FdbEntry {
  readonly port: number;
  readonly vlan: number;
  readonly mac: bigint;
  readonly age_s: number | 'static';
}

export interface Mirror {
  readonly name: string;
  readonly selectAll: boolean;
  readonly selectSrc: readonly string[];
  readonly selectDst: readonly string[];
  readonly selectVlans: readonly number[];
  readonly outputPort: string | null;
  readonly outputVlan: number | null;
  readonly snapLength: number;
}

export interface TunnelNeighbour {
  readonly address: Endpoint;
  readonly mac: bigint;
  readonly bridge: string;
}

export interface TunnelRoute {
  readonly prefix: Endpoint;
  readonly prefixLength: number;
  readonly device: string;
  readonly gateway: Endpoint | null;
  readonly source: Endpoint | null;
  readonly mark: number;
}
