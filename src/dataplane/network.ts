/**
 * Everything a packet can travel through: hosts, namespaces, switches and the wires between.
 * A snapshot and a compiled cloud both give this type; the walk only ever sees this.
 * Members are read when they are first asked for, so that a question pays only for its way.
 */
import { type Neutron, type NeutronPort } from '../model/neutron.ts';
import { type Origin, type Problem } from '../text/problem.ts';
import { type ConnectionEntry } from './conntrack/types.ts';
import { type Switch } from './ovs/types/switch.ts';
import { type IpAddress, type Namespace, type Neighbour } from './routing/types.ts';

/** The name of a host's own namespace. */
export const ROOT = 'root';

/** One network interface of a kernel. */
export interface InterfaceId {
  readonly host: string;
  readonly namespace: string;
  readonly name: string;
}

/** One port of an Open vSwitch bridge. */
export interface SwitchPortId {
  readonly host: string;
  readonly bridge: string;
  readonly port: string;
}

/** A file as text, with the name that problems and evidence cite. */
export interface SourceText {
  readonly file: string;
  readonly text: string;
}

/** What a file of a snapshot is about. */
export interface FilePlace {
  /** A switch's own files (`ovsdb-dump`) stand beside those of its bridges (`flows`). */
  readonly kind: 'api' | 'host' | 'switch' | 'bridge' | 'namespace' | 'config';
  /** Empty for the API's files. */
  readonly host: string;
  /** The bridge or namespace; empty where there is none. */
  readonly within: string;
  /** What it tells, whatever the layout calls it: `flows`, `ip-addr`, `ports`. */
  readonly name: string;
}

/** A file that is not there, and what an answer without it cannot know. */
export interface Missing {
  readonly file: string;
  readonly consequence: string;
  /** What the file would have been about; absent for a whole folder. */
  readonly place?: FilePlace;
}

export interface Network {
  readonly hosts: ReadonlyMap<string, Host>;
  readonly neutron: Neutron;
  /** Layer 2 networks outside of the hosts. */
  readonly segments: readonly Segment[];
  readonly missing: readonly Missing[];
  /** Of every file that was read until now; grows while the network is used. */
  readonly problems: readonly Problem[];
  readonly endpoints: readonly Endpoint[];
  /** Those of one host: in a large cloud the list of all takes long to make. */
  endpointsOf(host: string): readonly Endpoint[];
  /** What a file is about, by the name that problems cite; null for files of no such kind. */
  placeOf(file: string): FilePlace | null;
  /** The namespace, when the host has it. */
  namespace(host: string, name: string): NamespaceState | undefined;
  /** Where a frame arrives that this interface transmits. */
  wire(at: InterfaceId): Wire;
  /** The interface through which a switch port is connected to a kernel; null for patch, tunnel. */
  interfaceOf(port: SwitchPortId): InterfaceId | null;
  /** The switch port that this interface is; null when it belongs to its namespace alone. */
  switchPortOf(at: InterfaceId): SwitchPortId | null;
  /** Endpoints with this name, id, device name or address; best first. Empty when unknown. */
  find(word: string): readonly Endpoint[];
}

export interface Host {
  readonly name: string;
  /** When the host was captured (epoch seconds), to notice snapshots of different times. */
  readonly taken_s: number | null;
  /** null when the host runs no Open vSwitch, or nothing of it was captured. */
  readonly switch: Switch | null;
  /** What the switch's own (userspace) connection tracker remembers. */
  readonly switchConnections: readonly ConnectionEntry[];
  readonly namespaces: ReadonlyMap<string, NamespaceState>;
  /** Configuration files by their path below `files/`: `etc/…ini`, `dhcp/ID/leases`… */
  readonly configs: ReadonlyMap<string, () => SourceText>;
  /** Command lines of daemons (dnsmasq, haproxy), one each. */
  readonly commandLines: readonly string[];
  /** What guests of which only the port is known remember of their neighbours, by tap. */
  readonly guestNeighbours?: ReadonlyMap<string, readonly Neighbour[]>;
}

export interface NamespaceState {
  readonly host: string;
  readonly name: string;
  /** Interfaces, routes, neighbours, sockets. */
  readonly state: Namespace;
  /** What the kernel's connection tracker remembers in this namespace. */
  readonly connections: readonly ConnectionEntry[];
  /** Files read by others: `iptables-save.txt`, `ip6tables-save.txt`, `ipset-save.txt`… */
  source(name: string): SourceText | undefined;
}

/** Where a frame arrives that an interface transmits. */
export type Wire =
  /** The other end of a veth, or the lower device of a VLAN or macvlan device. */
  | { readonly kind: 'interface'; readonly to: InterfaceId; readonly evidence: string }
  /** The kernel transmits on an internal port: the switch receives. */
  | { readonly kind: 'switch-port'; readonly to: SwitchPortId }
  /** A physical NIC: everyone on the segment may receive. Taking this is an assumption. */
  | { readonly kind: 'segment'; readonly segment: Segment }
  /** A virtual machine whose inside is not in the snapshot. */
  | { readonly kind: 'guest'; readonly port: NeutronPort | null }
  /** The kernel itself handles the frame: loopback, bridge, tunnel, dummy device. */
  | { readonly kind: 'kernel'; readonly device: string }
  | { readonly kind: 'unknown'; readonly why: string };

/** One layer 2 network outside of the hosts, and how it was found out who is on it. */
export interface Segment {
  readonly name: string;
  readonly members: readonly InterfaceId[];
  /** Why two NICs are believed to be on it: one sentence per connection. */
  readonly evidence: readonly SegmentEvidence[];
}

export interface SegmentEvidence {
  readonly a: InterfaceId;
  readonly b: InterfaceId;
  readonly because: string;
  readonly origin: Origin;
}

/** Something that sends and receives: a virtual machine, an outside host, a service port. */
export interface Endpoint {
  /** The name a person would use: the server's, else the port's, else the namespace's. */
  readonly name: string;
  readonly host: string;
  /** Namespace of the guest, when the snapshot has the guest's inside. */
  readonly namespace: string | null;
  /** Interface inside of `namespace`, else the tap device in the host's root namespace. */
  readonly interface: string;
  /** The tap device in the host, when there is one. */
  readonly tap: string | null;
  readonly mac: bigint;
  readonly addresses: readonly IpAddress[];
  readonly port: NeutronPort | null;
  /** `vm`, `router`, `dhcp`, `host` (outside world or hypervisor), `other`. */
  readonly role: 'vm' | 'router' | 'dhcp' | 'host' | 'other';
}
