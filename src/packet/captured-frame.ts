/** A frame as a capture file holds it: pcap.ts and pcapng.ts read it, wire/frame.ts decodes it. */
import { type Link } from './wire/frame.ts';

/** One frame of a capture. */
export interface CapturedFrame {
  /** 1 for the first frame of the file. */
  readonly number: number;
  /** Whole seconds since 1970. */
  readonly time_s: number;
  /** The rest of the time, below one second. */
  readonly time_ns: number;
  /** Link type of the interface (tcpdump.org/linktypes.html). */
  readonly linkType: number;
  /** Length on the wire; more than `bytes` holds when the capture cut the frame. */
  readonly wireLength: number;
  readonly bytes: Uint8Array;
}

/** More captured bytes in one frame mean a damaged file (MAXIMUM_SNAPLEN of libpcap). */
export const MAX_CAPTURED_LENGTH = 262_144;

/** What a link type means for the decoder; null for one that is not understood. */
export function linkOf(linkType: number): Link | null {
  switch (linkType) {
    case 1:
      return 'ethernet';
    case 101:
    case 228:
    case 229:
      return 'ip';
    case 113:
      return 'linux-sll';
    case 276:
      return 'linux-sll2';
    default:
      return null;
  }
}
