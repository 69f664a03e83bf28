/**
 * What the agents of one host would configure: the data between the cloud's model and the text
 * that a real host would show. Numbers that a run chooses freely (local VLANs, OpenFlow ports,
 * interface indexes) stand in `numbers.ts`.
 */
import { type CloudAddress, type CloudPrefix } from '../model/neutron.ts';

export interface HostPlan {
  readonly name: string;
  /** null on a host without Open vSwitch. */
  readonly switch: SwitchPlan | null;
  /** `root` and every namespace that agents make; guests are `vm-NAME`. */
  readonly namespaces: readonly NamespacePlan[];
  /** Configuration files below `files/`, by path. */
  readonly files: ReadonlyMap<string, string>;
  /** Command lines of daemons: dnsmasq, haproxy, keepalived, radvd. */
  readonly commandLines: readonly string[];
}

export interface SwitchPlan {
  readonly version: string;
  readonly datapath: 'kernel' | 'userspace';
  /** The version in which flows were installed: it decides what their actions mean. */
  readonly openflow: '1.0' | '1.3';
  readonly bridges: readonly BridgePlan[];
  /** Userspace datapath: through which bridge the tunnels leave (`ovs-appctl ovs/route/show`). */
  readonly tunnelRoutes: readonly {
    readonly device: string;
    readonly address: CloudAddress;
    readonly length: number;
  }[];
  /** Userspace datapath: the other ends as the switch has resolved them (`tnl/neigh/show`). */
  readonly tunnelNeighbours: readonly {
    readonly address: CloudAddress;
    readonly mac: bigint;
    readonly bridge: string;
  }[];
}

export interface BridgePlan {
  readonly name: string;
  readonly failMode: 'secure' | 'standalone';
  readonly ports: readonly PortPlan[];
  /** As `ovs-ofctl dump-flows --no-stats` prints them, one a line, ports by number. */
  readonly flows: readonly string[];
}

export interface PortPlan {
  readonly name: string;
  readonly ofport: number;
  /** OVSDB Interface type: '', 'internal', 'patch', 'vxlan', 'gre', 'geneve'. */
  readonly type: string;
  readonly options: Readonly<Record<string, string>>;
  /** Access VLAN; 4095 is the dead VLAN of ports that are administratively down. */
  readonly tag: number | null;
  readonly trunks: readonly number[];
  /** The bonded port that it is a member of. */
  readonly bundle: {
    readonly name: string;
    readonly mode: string;
    readonly active: string | null;
  } | null;
  /** `other_config` of the Port row: what the agent keeps over its own restart. */
  readonly otherConfig: Readonly<Record<string, string>>;
  readonly mac: bigint;
  readonly mtu: number;
  /** `ingress_policing_rate`, kbit/s; 0 or nothing is no limit. */
  readonly policed_kbps?: number;
  /** `iface-id`, `attached-mac`, `iface-status`, `vm-uuid`. */
  readonly externalIds: Readonly<Record<string, string>>;
}

export interface NamespacePlan {
  readonly name: string;
  readonly devices: readonly DevicePlan[];
  /** Beside what the kernel adds for addresses: static, default and policy routes. */
  readonly routes: readonly RoutePlan[];
  /** Beside the three rules that every namespace has. */
  readonly rules: readonly RulePlan[];
  readonly neighbours: readonly NeighbourPlan[];
  readonly fdb: readonly FdbPlan[];
  /** `net.ipv4.ip_forward` → `1`. */
  readonly sysctls: ReadonlyMap<string, string>;
  readonly sockets: readonly SocketPlan[];
  /** Complete texts as the tools print them; '' when nothing is loaded. */
  readonly iptables: string;
  readonly ip6tables: string;
  readonly ipset: string;
  readonly ebtables: string;
  readonly arptables: string;
}

export interface DevicePlan {
  readonly name: string;
  /** '' is a physical NIC. */
  readonly kind:
    | ''
    | 'bond'
    | 'veth'
    | 'bridge'
    | 'vxlan'
    | 'vlan'
    | 'tun'
    | 'openvswitch'
    | 'loopback';
  readonly mac: bigint;
  readonly mtu: number;
  readonly up: boolean;
  /** The bridge it is a port of. */
  readonly master: string | null;
  /** The other end of a veth. */
  readonly peer: { readonly namespace: string; readonly device: string } | null;
  /** The lower device of a VLAN device. */
  readonly lower: string | null;
  readonly addresses: readonly AddressPlan[];
  /** `IFLA_INFO_DATA` as `ip -d -json link` prints it: `{"id": 42, "port": 4789}`. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface AddressPlan {
  readonly address: CloudAddress;
  readonly length: number;
  readonly scope: 'global' | 'link' | 'host';
}

export interface RoutePlan {
  readonly version: 4 | 6;
  /** null is the default route. */
  readonly prefix: CloudPrefix | null;
  readonly table: number;
  readonly type: 'unicast' | 'local' | 'blackhole' | 'unreachable' | 'prohibit';
  readonly gateway: CloudAddress | null;
  readonly device: string | null;
  /** Further next hops of a multipath route, each with the weight of the first. */
  readonly others: readonly { readonly gateway: CloudAddress; readonly device: string }[];
  readonly source: CloudAddress | null;
  readonly scope: 'global' | 'link';
  readonly metric: number;
  readonly mtu: number | null;
}

export interface RulePlan {
  readonly version: 4 | 6;
  readonly priority: number;
  readonly from: CloudPrefix | null;
  readonly to: CloudPrefix | null;
  readonly inputDevice: string | null;
  readonly table: number;
}

export interface NeighbourPlan {
  readonly address: CloudAddress;
  readonly device: string;
  readonly mac: bigint;
  readonly state: 'permanent' | 'noarp';
}

export interface FdbPlan {
  readonly device: string;
  readonly mac: bigint;
  readonly destination: CloudAddress | null;
  /** The device that it is sent by, where routes do not decide. */
  readonly via?: string;
  /** `self` entries belong to the device, `master` ones to its bridge. */
  readonly of: 'self' | 'master';
}

export interface SocketPlan {
  readonly protocol: 'tcp' | 'udp';
  /** null listens on every address. */
  readonly address: CloudAddress | null;
  readonly device: string | null;
  readonly port: number;
  readonly process: string;
}

/** A namespace in which nothing is configured yet but loopback. */
export function emptyNamespace(name: string): NamespacePlan {
  return {
    name,
    devices: [],
    routes: [],
    rules: [],
    neighbours: [],
    fdb: [],
    sysctls: new Map(),
    sockets: [],
    iptables: '',
    ip6tables: '',
    ipset: '',
    ebtables: '',
    arptables: '',
  };
}
