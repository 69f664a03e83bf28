/**
 * A trace as data: the question, the verdict, every hop with its steps, and what decided.
 * The renderer and the JSON writer only read this; nothing here knows about terminals.
 */
import { type Endpoint, type Missing } from '../dataplane/network.ts';
import { type IpAddress } from '../dataplane/routing/types.ts';
import { type NeutronRule } from '../model/neutron.ts';
import { type Reason } from '../reasons/codes.ts';
import { type Origin, type Problem } from '../text/problem.ts';
import { type Packet } from '../traffic/packet.ts';
import { type Step } from '../traffic/traffic.ts';
import { type FlowFields } from './flow-fields.ts';
import { type NeutronRef } from './objects.ts';

/** Who sends or receives: a place where packets start and end. */
export interface TraceEnd {
  /** What a person calls it: the VM's name, the router, the address. */
  readonly label: string;
  readonly kind: 'vm' | 'router' | 'dhcp' | 'host' | 'external' | 'address';
  readonly host: string | null;
  /** Namespace the end stands in, when the snapshot holds it. */
  readonly namespace: string | null;
  /** Neutron port id, when it has one. */
  readonly port: string | null;
  readonly address: IpAddress | null;
}

/** Which packet is asked about. */
export interface PacketQuestion {
  /** `dhcp`, `dhcp6` and `slaac` ask for an address, `arp` for a MAC. */
  readonly protocol: 'icmp' | 'tcp' | 'udp' | 'arp' | 'dhcp' | 'dhcp6' | 'slaac' | 'flow';
  readonly sourcePort: number | null;
  readonly destinationPort: number | null;
  /** Source address, when it is not the one the sender would choose. */
  readonly source: IpAddress | null;
  readonly icmpId: number | null;
  /** Payload bytes behind the transport header. */
  readonly size: number;
  readonly dontFragment: boolean;
  /** Fields set on top of all that; `parseFlowFields` reads them. */
  readonly flow: FlowFields | null;
}

export interface Question {
  readonly from: TraceEnd;
  readonly to: TraceEnd;
  readonly packet: PacketQuestion;
}

export type Verdict = 'REACHABLE' | 'UNREACHABLE' | 'AMBIGUOUS' | 'UNDETERMINED';

/** The header fields that have a value, by their field names, printed as the field table says. */
export type HeaderView = Readonly<Record<string, string>>;

/** One step with the header as it was right at it; read off the diary when it is asked for. */
export interface TraceStep {
  readonly step: Step;
  readonly header: HeaderView;
}

/** One device the packet crossed. */
export interface Hop {
  readonly host: string;
  /** `guest`, `switch`, `namespace`, `wire`. */
  readonly stage: HopStage;
  /** `ovs`, `vm-a1`, `qrouter-…`; a switch hop may cross several bridges. */
  readonly device: string;
  /** What a person calls it: the server's or the router's name; null when it has none. */
  readonly label: string | null;
  /** What happened to the packet there, short: VLANs and tunnel keys with their networks, NAT. */
  readonly notes: readonly string[];
  /** Interface the packet came in by; null where it was made. */
  readonly input: string | null;
  /** Interface it left by; null where it ended. */
  readonly output: string | null;
  readonly before: HeaderView;
  readonly after: HeaderView;
  readonly steps: readonly TraceStep[];
}

export type HopStage = 'guest' | 'switch' | 'namespace' | 'wire';

/** A rule that would have let the packet through, and why it did not apply. */
export interface NearMiss {
  readonly rule: string;
  readonly origin: Origin | null;
  readonly differs: readonly {
    readonly field: string;
    readonly wanted: string;
    readonly actual: string;
  }[];
}

/** What stopped the packet. */
export interface Blocker {
  readonly code: Reason;
  readonly host: string;
  /** `br-int table 82`, `qrouter-… filter FORWARD`. */
  readonly component: string;
  readonly evidence: string;
  readonly origin: Origin | null;
  readonly nearMisses: readonly NearMiss[];
  /** Which way was blocked. */
  readonly direction: 'request' | 'reply';
  /** Sentences about this very case, the cause first. */
  readonly because: readonly string[];
  /** Neutron's objects behind it: the port, its groups, its network. */
  readonly neutron: readonly NeutronRef[];
  /** Null when nothing is known that helps. */
  readonly fix: Fix | null;
  /** Read-only commands that show the cause on the live host. */
  readonly confirm: readonly string[];
}

/** What helps, in a sentence, and as commands where there are any. */
export interface Fix {
  readonly summary: string;
  readonly commands: readonly string[];
  /** The same as data, so that it can be tried; other ways to the same end behind it. */
  readonly remedies?: readonly Remedy[];
}

/** A change of Neutron's objects that lets a packet pass. */
export type Remedy =
  | {
      readonly kind: 'allow';
      readonly groupId: string;
      readonly rule: Omit<NeutronRule, 'id' | 'groupId'>;
    }
  | { readonly kind: 'join-group'; readonly portId: string; readonly groupId: string }
  | {
      readonly kind: 'allow-address';
      readonly portId: string;
      readonly address: IpAddress;
      /** Null is the port's own. */
      readonly mac: bigint | null;
    };

/** Something worth knowing beside the verdict. */
export interface Remark {
  /** `allowed`: what let the packet in. `warning`: what is wrong although the verdict stands. */
  readonly kind: 'allowed' | 'warning';
  readonly code: Reason | null;
  readonly text: string;
}

export interface Assumption {
  readonly code: Reason;
  readonly detail: string;
}

/** One copy of a packet, from where it was made to where it ended. */
export interface Journey {
  readonly hops: readonly Hop[];
  readonly end: JourneyEnd;
}

export type JourneyEnd =
  | {
      readonly kind: 'delivered';
      readonly host: string;
      readonly namespace: string;
      readonly to: string;
    }
  | {
      readonly kind: 'dropped';
      readonly host: string;
      readonly device: string;
      readonly code: Reason;
      readonly where: string;
      readonly evidence: string;
      readonly origin: Origin | null;
    };

/** What the receiver saw. Null where any value is possible (translated ports). */
export interface Observation {
  readonly source: string | null;
  readonly destination: string | null;
  readonly sourcePort: number | null;
  readonly destinationPort: number | null;
}

export interface Trace {
  readonly question: Question;
  readonly verdict: Verdict;
  readonly requestDelivered: boolean;
  /** The answer came back to the sender. */
  readonly delivered: boolean;
  readonly receivedBy: string | null;
  /** What the receiver is. A router's or DHCP server's kernel answers by itself. */
  readonly receiverRole: Endpoint['role'] | null;
  readonly observed: Observation | null;
  readonly answerFrom: string | null;
  readonly icmpError: {
    readonly from: string;
    readonly type: number;
    readonly code: number;
  } | null;
  /** The sender could not even send: no route, no neighbour. */
  readonly request: Journey | null;
  readonly reply: Journey | null;
  readonly blockers: readonly Blocker[];
  readonly remarks: readonly Remark[];
  /** Files of the devices on the way that the snapshot lacks, and what each would change. */
  readonly missing: readonly Missing[];
  readonly assumptions: readonly Assumption[];
  /** Places in the files of the devices on the way that were not understood. */
  readonly problems: readonly Problem[];
  /** What was met and not understood; a verdict that depends on it is UNDETERMINED. */
  readonly unmodelled: readonly Assumption[];
  /** Every copy of every packet at its end, with its diary; `sightingsOf()` reads them. */
  readonly copies: readonly Packet[];
  /** What else is possible, this trace's own way first; empty where nothing was left open. */
  readonly alternatives: readonly Alternative[];
  /** What the answer said beyond its headers; null when nobody answered or nothing was asked. */
  readonly content: Content | null;
}

/** What an answer gave. */
export type Content =
  | {
      readonly kind: 'lease';
      readonly address: string;
      readonly server: string;
      /** Settings by dhclient's names for them, as text. */
      readonly settings: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'neighbour'; readonly macs: readonly string[] }
  /** Addresses formed from router advertisements, and the routers that sent them. */
  | { readonly kind: 'autonomous'; readonly addresses: readonly string[]; readonly router: string }
  /** What the metadata proxy tells the service about who asks. */
  | { readonly kind: 'metadata'; readonly client: string; readonly instance: string | null };

/** One world of several: which ends were chosen in it, and what then happens. */
export interface Alternative {
  readonly chosen: readonly string[];
  readonly trace: Trace;
}
