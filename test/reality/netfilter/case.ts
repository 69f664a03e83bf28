/** Recorded kernel cases: what was set up, what was sent, and what the kernel did. */

export interface KernelCase {
  readonly case: Case;
  readonly kernel: { readonly packets: readonly KernelStep[] };
}

export interface Case {
  readonly id: string;
  /** Ports and ids that the kernel chose at random must not be compared. */
  readonly fuzzy_ports?: boolean;
  readonly nodes: Readonly<Record<string, Node>>;
  /** MACs that the outside answers to ARP requests with, by port and address. */
  readonly arp?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly packets: readonly Step[];
}

export interface Node {
  readonly sysctl?: Readonly<Record<string, number | string>>;
  readonly ipv6?: boolean;
  readonly links?: readonly Link[];
  readonly addrs?: readonly (readonly [string, string])[];
  readonly routes?: readonly string[];
  readonly rules?: readonly string[];
  readonly neigh?: readonly (readonly [string, string, string])[];
  readonly fdb?: readonly string[];
  readonly listen?: readonly (readonly [string, number])[];
  readonly iptables?: string;
  readonly ip6tables?: string;
  readonly ipset?: string;
  readonly ebtables?: string;
  readonly arptables?: string;
}

export interface Link {
  readonly name: string;
  readonly type: 'port' | 'veth' | 'bridge' | 'vxlan' | 'macvlan';
  readonly port?: string;
  readonly peer?: readonly [string, string];
  readonly mac?: string;
  readonly mtu?: number;
  readonly master?: string;
  readonly up?: boolean;
  readonly hairpin?: boolean;
  readonly learning?: boolean;
  readonly flood?: boolean;
  readonly isolated?: boolean;
  readonly stp?: number;
  readonly args?: string;
  readonly vni?: number;
  readonly local?: string;
  readonly dev?: string;
  readonly dstport?: number;
  readonly proxy?: boolean;
}

export interface Ip4 {
  readonly src: string;
  readonly dst: string;
  readonly ttl?: number;
  readonly id?: number;
  readonly tos?: number;
  readonly df?: number;
  readonly mf?: number;
  readonly frag?: number;
  readonly opts?: string;
  readonly proto?: number;
  readonly len?: number;
}

export interface Icmp {
  readonly type: number;
  readonly code?: number;
  readonly id?: number;
  readonly seq?: number;
  readonly mtu?: number;
  readonly gw?: string;
  readonly target?: string;
  readonly flags?: number;
  readonly ndopts?: string;
}

export interface Step {
  readonly in?: string;
  readonly from?: string;
  readonly frame?: string;
  readonly eth?: { readonly src: string; readonly dst: string; readonly type?: number };
  readonly vlan?: number;
  readonly arp?: {
    readonly op: number;
    readonly sha: string;
    readonly spa: string;
    readonly tha?: string;
    readonly tpa: string;
  };
  readonly ip?: Ip4;
  readonly ip6?: {
    readonly src: string;
    readonly dst: string;
    readonly hl?: number;
    readonly tc?: number;
    readonly flow?: number;
    readonly nh?: number;
  };
  readonly tcp?: {
    readonly sport: number;
    readonly dport: number;
    readonly flags?: string;
    readonly seq?: number;
    readonly ack?: number;
    readonly win?: number;
    readonly mss?: number;
    readonly opts?: string;
  };
  readonly udp?: { readonly sport: number; readonly dport: number; readonly csum?: number };
  readonly icmp?: Icmp;
  readonly icmp6?: Icmp;
  readonly sctp?: {
    readonly sport: number;
    readonly dport: number;
    readonly chunk?: number;
    readonly vtag?: number;
  };
  readonly raw?: string;
  readonly payload?: string | { readonly hex?: string; readonly len?: number };
  readonly inner?: Step;
  readonly innerlen?: number;
  readonly badcsum?: boolean;
  readonly badipcsum?: boolean;
  readonly cut?: readonly [number, number];
  readonly mark?: number;
  readonly dev?: string;
  readonly reply_to?: number;
  readonly error_to?: number;
  readonly ct?: string;
  readonly tuples?: readonly KernelTuple[];
  readonly expect?: string;
  readonly ctflush?: string;
  readonly wait?: number;
  readonly node?: string;
  readonly exec?: string;
  readonly restore?: string;
}

export interface KernelStep {
  readonly out: readonly (readonly [string, string, string, string])[];
  readonly local: readonly (readonly [string, string])[];
  readonly trace?: Readonly<Record<string, readonly (readonly (string | number)[])[]>>;
  readonly ct?: readonly KernelConnection[];
  readonly expect?: readonly KernelExpectation[];
  readonly stdout?: string;
  readonly sent?: readonly [string, string];
  readonly skip?: boolean;
  readonly err?: string;
}

export interface KernelTuple {
  readonly src: string;
  readonly dst: string;
  readonly proto: number;
  readonly sport?: number;
  readonly dport?: number;
  readonly id?: number;
  readonly type?: number;
  readonly code?: number;
  readonly zone?: number;
}

export interface KernelExpectation {
  readonly master: KernelTuple;
  readonly tuple: KernelTuple;
  readonly timeout: number;
}

export interface KernelConnection {
  readonly orig: KernelTuple;
  readonly reply: KernelTuple;
  readonly status: readonly string[];
  /** Seconds that are left. */
  readonly timeout: number;
  readonly mark?: number;
  readonly zone?: number;
  readonly tcp?: string;
  readonly helper?: string;
  readonly master?: KernelTuple;
}
