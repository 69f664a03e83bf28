/**
 * Bytes → a frame: its headers in the order of the wire, losslessly. A header that is not
 * complete or that contradicts itself ends the reading: the rest is payload, as a switch or
 * kernel sees it (lib/flow.c miniflow_extract(), net/ipv4/ip_input.c), and a problem says why.
 * The way back is encode.ts.
 */
import { type Problem } from '../../text/problem.ts';
import { NO_BYTES, slice, toHex } from './bytes.ts';
import { type Layer } from './layer.ts';
import { readLink, readNetwork } from './read.ts';

export interface Frame {
  readonly layers: readonly Layer[];
  /** Bytes behind the last understood header, as far as IP's length goes. */
  readonly payload: Uint8Array;
  /** What a tunnel header carries, or the packet that an ICMP error quotes (instead of payload). */
  readonly inner: Frame | null;
  /** Bytes behind the end that IP's length gives: Ethernet padding. */
  readonly trailer: Uint8Array;
}

/** What the first header is; pcap's link types 1, 101, 113 and 276. */
export type Link = 'ethernet' | 'ip' | 'linux-sll' | 'linux-sll2';

export interface DecodeOptions {
  readonly link?: Link;
  /** Length on the wire, when a capture kept fewer bytes. */
  readonly wireLength?: number;
  /** Look into VXLAN (UDP ports 4789, 8472), Geneve (6081), GRE and IP in IP. */
  readonly tunnels?: boolean;
  /** Where the bytes come from, for problems; `line` is the number of the frame. */
  readonly file?: string;
  readonly line?: number;
}

/** A frame as far as it was read, and what was wrong with it. Never throws. */
export interface Decoded {
  readonly value: Frame;
  readonly problems: readonly Problem[];
}

/** A frame while it is read: `at` moves forward, `end` moves in when a length says so. */
export interface Reading {
  readonly bytes: Uint8Array;
  at: number;
  /** Behind the last byte that belongs to the current header's content. */
  end: number;
  /** Where the content would end on the wire; behind `end` when bytes were cut off. */
  wireEnd: number;
  readonly layers: Layer[];
  inner: Frame | null;
  /** Frames around this one. */
  readonly depth: number;
  readonly tunnels: boolean;
  /** Null inside of a quoted packet: it is cut on purpose. */
  readonly fault: ((message: string, at: number) => void) | null;
  /** Reads the rest as a frame inside of this one. */
  readonly nest: typeof readInner;
}

/** Deeper nesting of tunnels and quotes stays payload. */
const MAX_DEPTH = 6;
/** How many bytes a problem shows. */
const SHOWN_BYTES = 16;

/** Reads a whole frame. */
export function decode(bytes: Uint8Array, options: DecodeOptions = {}): Decoded {
  const problems: Problem[] = [];
  const reading: Reading = {
    bytes,
    at: 0,
    end: bytes.length,
    wireEnd: Math.max(options.wireLength ?? 0, bytes.length),
    layers: [],
    inner: null,
    depth: 0,
    tunnels: options.tunnels ?? false,
    nest: readInner,
    fault: (message, at) => {
      problems.push({
        file: options.file ?? 'frame',
        line: options.line ?? 1,
        column: at + 1,
        text: toHex(bytes.subarray(at, at + SHOWN_BYTES)),
        message,
      });
    },
  };
  readLink(reading, options.link ?? 'ethernet');
  return { value: finished(reading, bytes.length), problems };
}

function finished(reading: Reading, end: number): Frame {
  return {
    layers: reading.layers,
    payload: reading.inner === null ? slice(reading.bytes, reading.at, reading.end) : NO_BYTES,
    inner: reading.inner,
    trailer: slice(reading.bytes, reading.end, end),
  };
}

/**
 * Reads the rest of `outer` as a frame of its own: an Ethernet frame, or a packet of that
 * EtherType. Leaves `outer.inner` null when not even the first header is there.
 */
function readInner(outer: Reading, what: 'ethernet' | number, quoted: boolean): void {
  if (outer.depth >= MAX_DEPTH) return;
  const reading: Reading = {
    bytes: outer.bytes,
    at: outer.at,
    end: outer.end,
    wireEnd: quoted ? Number.POSITIVE_INFINITY : outer.wireEnd,
    layers: [],
    inner: null,
    depth: outer.depth + 1,
    tunnels: outer.tunnels && !quoted,
    nest: readInner,
    fault: quoted ? null : outer.fault,
  };
  if (what === 'ethernet') readLink(reading, 'ethernet');
  else readNetwork(reading, what);
  if (reading.layers.length > 0) outer.inner = finished(reading, outer.end);
}
