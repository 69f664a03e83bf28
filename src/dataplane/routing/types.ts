/**
 * One network namespace of one host, as `ip -json`, `bridge -json`, sysctl and `ss` show it.
 * The host itself is the namespace `root`; a guest is a namespace as well.
 */
import { type Origin } from '../../text/problem.ts';

export interface IpAddress {
  readonly version: 4 | 6;
  readonly value: bigint;
}

export interface Prefix {
  readonly address: IpAddress;
  readonly length: number;
}

export interface Namespace {
  readonly host: string;
  /** `root`, `qrouter-…`, `qdhcp-…`, `vm-…`. */
  readonly name: string;
  readonly interfaces: readonly Interface[];
  readonly rules: readonly PolicyRule[];
  readonly routes: readonly Route[];
  readonly neighbours: readonly Neighbour[];
  readonly proxyNeighbours: readonly { readonly address: IpAddress; readonly device: string }[];
  /** Bridge port membership and FDB, from `bridge -json`. */
  readonly bridgeFdb: readonly BridgeFdbEntry[];
  readonly bridgePorts: readonly BridgePort[];
  readonly bridgeVlans: readonly BridgeVlan[];
  /** `net.ipv4.ip_forward` → `1`. */
  readonly sysctls: ReadonlyMap<string, string>;
  readonly sockets: readonly Socket[];
  /** Names of the files that were missing for this namespace. */
  readonly missing: readonly string[];
}

export interface Interface {
  readonly name: string;
  readonly index: number;
  readonly mac: bigint;
  readonly mtu: number;
  /** IFF_UP. */
  readonly up: boolean;
  /** LOWER_UP: carrier. */
  readonly running: boolean;
  readonly loopback: boolean;
  readonly promiscuous: boolean;
  /** `veth`, `bridge`, `vxlan`, `vlan`, `tun`, `macvlan`, `openvswitch`, '' for physical. */
  readonly kind: string;
  /** `group`, by number; absent where no output tells the number. */
  readonly group?: number;
  /** Bridge it is a port of. */
  readonly master: string | null;
  /** The other end of a veth, or the lower device of a VLAN or macvlan device, by index. */
  readonly linkIndex: number | null;
  /** Namespace id of the other end (`link_netnsid`), when it is in another namespace. */
  readonly linkNamespace: number | null;
  /** The other end's namespace by name, where `ip` could resolve it (`link-netns`). */
  readonly linkNamespaceName?: string;
  /** The lower device by name, where the output that names it does not show it. */
  readonly linkName?: string;
  readonly addresses: readonly InterfaceAddress[];
  /** IFLA_INFO_DATA as printed by `ip -d -json link`. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface InterfaceAddress {
  readonly address: IpAddress;
  readonly length: number;
  readonly peer: IpAddress | null;
  readonly scope: 'global' | 'link' | 'host' | 'site';
  readonly secondary: boolean;
  readonly deprecated: boolean;
  readonly tentative: boolean;
}

export interface Route {
  readonly version: 4 | 6;
  /** null is the default route. */
  readonly prefix: Prefix | null;
  readonly type:
    | 'unicast'
    | 'local'
    | 'broadcast'
    | 'multicast'
    | 'blackhole'
    | 'unreachable'
    | 'prohibit'
    | 'throw'
    | 'anycast';
  readonly table: number;
  readonly metric: number;
  readonly source: IpAddress | null;
  readonly scope: 'global' | 'link' | 'host' | 'site' | 'nowhere';
  readonly hops: readonly NextHop[];
  readonly mtu: number | null;
  readonly origin: Origin;
}

export interface NextHop {
  readonly gateway: IpAddress | null;
  readonly device: string | null;
  readonly weight: number;
  readonly onLink: boolean;
  readonly dead: boolean;
}

export interface PolicyRule {
  readonly version: 4 | 6;
  readonly priority: number;
  readonly not: boolean;
  readonly from: Prefix | null;
  readonly to: Prefix | null;
  readonly inputDevice: string | null;
  readonly outputDevice: string | null;
  readonly mark: { readonly value: number; readonly mask: number } | null;
  readonly tos: number | null;
  readonly protocol: number | null;
  readonly sourcePorts: readonly [number, number] | null;
  readonly destinationPorts: readonly [number, number] | null;
  readonly action:
    | {
        readonly kind: 'lookup';
        readonly table: number;
        readonly suppressPrefixLength: number | null;
      }
    | { readonly kind: 'goto'; readonly priority: number }
    | { readonly kind: 'blackhole' | 'unreachable' | 'prohibit' | 'nop' };
  readonly origin: Origin;
}

export interface Neighbour {
  readonly address: IpAddress;
  readonly device: string;
  readonly mac: bigint | null;
  readonly state:
    | 'reachable'
    | 'stale'
    | 'delay'
    | 'probe'
    | 'permanent'
    | 'noarp'
    | 'failed'
    | 'incomplete'
    | 'none';
  readonly router: boolean;
}

export interface BridgeFdbEntry {
  readonly device: string;
  readonly master: string | null;
  readonly mac: bigint;
  readonly vlan: number | null;
  readonly destination: IpAddress | null;
  readonly vni: number | null;
  readonly port: number | null;
  readonly viaDevice: string | null;
  readonly flags: readonly string[];
  readonly state: string;
}

export interface BridgePort {
  readonly device: string;
  readonly master: string;
  /** `forwarding`, `blocking`, `disabled`… */
  readonly state: string;
  readonly hairpin: boolean;
  readonly learning: boolean;
  readonly flood: boolean;
  readonly isolated: boolean;
}

export interface BridgeVlan {
  readonly device: string;
  readonly from: number;
  readonly to: number;
  readonly pvid: boolean;
  readonly untagged: boolean;
}

/** A listening socket. */
export interface Socket {
  readonly protocol: 'tcp' | 'udp' | 'raw' | 'icmp' | 'unix';
  /** null listens on every address. */
  readonly address: IpAddress | null;
  /** Restricts the socket to one IP version when `address` is null; null is both. */
  readonly version: 4 | 6 | null;
  readonly port: number;
  readonly device: string | null;
  readonly process: string;
  /** Its process id, where `ss` could tell. */
  readonly pid?: number;
  /** The user it belongs to, where somebody knows. */
  readonly uid?: number;
}

/** Routing table ids that have names (rt_tables). */
export const ROUTE_TABLES: Readonly<Record<string, number>> = {
  local: 255,
  main: 254,
  default: 253,
  unspec: 0,
};
