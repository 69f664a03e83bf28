/**
 * Real captures beside the model: which packet of them is which of the model's, and where reality
 * goes another way than the model says.
 */

import { type Trace } from '../../trace/types.ts';
import { type Packet } from '../../traffic/packet.ts';

/** Where a capture ran. */
export interface CapturePlace {
  readonly host: string;
  readonly namespace: string;
  /** `any` is every interface of the namespace (tcpdump -i any). */
  readonly interface: string;
}

/** A capture file's bytes, and where each of its interfaces was captured. */
export interface CaptureFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Null leaves it to the names of the interfaces in the file (`HOST:INTERFACE`). */
  readonly place: CapturePlace | null;
}

/** A frame of a capture at its place. */
export interface SeenFrame {
  readonly file: string;
  /** 1 for the first frame of the file. */
  readonly number: number;
  /** Seconds since 1970. */
  readonly time_s: number;
  readonly place: CapturePlace;
  /** Null where the capture does not tell. */
  readonly direction: 'in' | 'out' | null;
  readonly header: FrameHeader;
  readonly packet: Packet;
}

/** What is compared of a frame: of tunnelled frames the inner one, and what carries it. */
export interface FrameHeader {
  readonly source: string;
  readonly destination: string;
  /** `icmp 8/0`, `tcp syn`, `tcp syn-ack`, `tcp`, `udp`. */
  readonly kind: string;
  /** Ports, or the identifier of an echo twice; empty for errors. */
  readonly ports: readonly number[];
  readonly ttl: number;
  /** `vlan 5`; empty without a tag, null where the capture keeps no Ethernet header. */
  readonly vlan: string | null;
  readonly macs: string | null;
  /** `vxlan 846 172.30.20.31 > 172.30.20.32`; empty outside of tunnels. */
  readonly tunnel: string;
}

/** A place at which the model says a packet is to be seen, with what was seen there. */
export interface Station {
  readonly place: CapturePlace;
  readonly direction: 'in' | 'out';
  readonly role: string;
  readonly header: FrameHeader;
  /** Null: nothing of the kind was captured there. */
  readonly seen: { readonly file: string; readonly number: number } | null;
  /** In what the frame differs from the model's, as `what: model, capture`. */
  readonly differs: readonly string[];
  /** Frames like it behind the first one: repetitions. */
  readonly repeats: number;
}

/** One exchange of the captures, as it was traced in the model. */
export interface LocatedPacket {
  readonly first: { readonly file: string; readonly number: number; readonly time_s: number };
  readonly asked: string;
  readonly trace: Trace;
  readonly stations: readonly Station[];
  /** Frames of the same exchange that the model knows nothing of. */
  readonly beyond: readonly SeenFrame[];
  /** Sentences: where they part first; empty where everything agrees. */
  readonly parts: readonly string[];
}

export interface Located {
  readonly packets: readonly LocatedPacket[];
  readonly frames: number;
  /** Frames that belong to no exchange that could be traced, by why not. */
  readonly untraced: ReadonlyMap<string, number>;
  /** Damage of the files. */
  readonly problems: readonly string[];
}
