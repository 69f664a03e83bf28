/**
 * Targets that change a TCP segment's options (net/netfilter/xt_TCPMSS.c tcpmss_mangle_packet(),
 * xt_TCPOPTSTRIP.c): the segment size is lowered or added, other options are blanked out.
 */
import { get16, put16 } from '../../packet/wire/bytes.ts';
import { sealed, type TransportBytes, transportOf } from '../conntrack/transport-bytes.ts';
import { type Run } from '../outcome.ts';
import { type Surroundings } from './surroundings.ts';
import { type KnownTarget } from './text/target-rows.ts';

type TcpTarget = Extract<KnownTarget, { kind: 'TCPMSS' | 'TCPOPTSTRIP' }>;

/**
 * Part of the traffic as it goes on. `drop`: a malformed segment; `unknown`: nobody can say what
 * becomes of it, as the way's MTU or the segment's bytes are not known.
 */
export interface Changed<P> {
  readonly p: P;
  readonly fate: 'goes on' | 'drop' | 'unknown';
}

const MSS = { kind: 2, length: 4 } as const;
const TCP_BYTES = 20;
/** RFC 9293 §3.7.1: what a peer that gives no size may be sent. */
const DEFAULT_SIZE = { 4: 536, 6: 1220 } as const;

/** Carries out one target. */
export function changeTcpOptions<P>(
  run: Run<P>,
  around: Surroundings,
  target: TcpTarget,
  version: 4 | 6,
  p: P,
): readonly Changed<P>[] {
  if (target.kind === 'TCPOPTSTRIP') return [strip(run, target, version, p)];
  const { set, clamp } = target.options;
  if (clamp === undefined) return [resize(run, set?.value ?? 0, version, p)];
  const { routes } = around;
  if (routes === undefined) return [{ p, fate: 'unknown' }];
  return routes.mtu(run, version, p, 'destination').flatMap(({ p: part, mtu }) =>
    routes.mtu(run, version, part, 'source').map(({ p: here, mtu: back }) => {
      if (mtu === null) return { p: here, fate: 'unknown' as const };
      return resize(run, Math.min(mtu, back ?? mtu), version, here, true);
    }),
  );
}

/** The segment in bytes, where its header is sound; null where there is none. */
function segmentOf<P>(
  { traffic }: Run<P>,
  version: 4 | 6,
  p: P,
): { readonly bytes: Uint8Array; readonly place: TransportBytes; readonly header: number } | null {
  const content = traffic.content(p);
  const place = content === null ? null : transportOf(content.bytes, version);
  if (content === null || place === null) return null;
  const header = ((content.bytes[place.at + 12] ?? 0) >> 4) * 4;
  return { bytes: content.bytes, place, header };
}

function resize<P>(run: Run<P>, limit: number, version: 4 | 6, p: P, isMtu = false): Changed<P> {
  if (run.traffic.content(p) === null) return { p, fate: 'unknown' };
  const segment = segmentOf(run, version, p);
  // A later fragment has no TCP header.
  if (segment === null) return { p, fate: 'goes on' };
  const { bytes, place, header } = segment;
  const length = place.end - place.at;
  if (length < TCP_BYTES || header < TCP_BYTES || length < header) return { p, fate: 'drop' };
  const size = isMtu ? limit - place.at - TCP_BYTES : limit;
  if (size <= 0) return { p, fate: 'drop' };
  const made = bytes.slice(0, place.end);
  for (let i = TCP_BYTES; i <= header - MSS.length; i += optionLength(made, place.at + i)) {
    const at = place.at + i;
    if (made[at] !== MSS.kind || made[at + 1] !== MSS.length) continue;
    if (get16(made, at + 2) <= size) return { p, fate: 'goes on' };
    put16(made, at + 2, size);
    return { p: run.traffic.withContent(p, sealed(made, version)), fate: 'goes on' };
  }
  if (length > header || header >= 60) return { p, fate: 'goes on' };
  const longer = inserted(made, place.at, Math.min(size, DEFAULT_SIZE[version]));
  return { p: run.traffic.withContent(p, sealed(longer, version)), fate: 'goes on' };
}

function optionLength(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) < 2 ? 1 : Math.max(1, bytes[at + 1] ?? 0);
}

/** The option in front of all others. */
function inserted(bytes: Uint8Array, from: number, size: number): Uint8Array {
  const at = from + TCP_BYTES;
  const out = new Uint8Array(bytes.length + MSS.length);
  out.set(bytes.subarray(0, at));
  out.set([MSS.kind, MSS.length], at);
  put16(out, at + 2, size);
  out.set(bytes.subarray(at), at + MSS.length);
  out[from + 12] = ((bytes[from + 12] ?? 0) & 15) | ((((bytes[from + 12] ?? 0) >> 4) + 1) << 4);
  return out;
}

/** Names of `--strip-options` (extensions/libxt_TCPOPTSTRIP.c). */
const NAMES: Readonly<Record<string, number>> = {
  mss: 2,
  wscale: 3,
  'sack-permitted': 4,
  sack: 5,
  timestamp: 8,
  md5: 19,
};

function strip<P>(
  run: Run<P>,
  { options }: Extract<TcpTarget, { kind: 'TCPOPTSTRIP' }>,
  version: 4 | 6,
  p: P,
): Changed<P> {
  const kinds = (options.options?.value ?? '')
    .split(',')
    .map((word) => NAMES[word] ?? Number(word));
  if (run.traffic.content(p) === null) return { p, fate: 'unknown' };
  const segment = segmentOf(run, version, p);
  if (segment === null) return { p, fate: 'goes on' };
  const { bytes, place, header } = segment;
  if (place.end - place.at < header || header < TCP_BYTES) return { p, fate: 'drop' };
  const made = bytes.slice(0, place.end);
  let changed = false;
  for (let i = TCP_BYTES; i < header - 1; ) {
    const at = place.at + i;
    const length = optionLength(made, at);
    if (i + length > header) break;
    if (kinds.includes(made[at] ?? 0) && length > 1) {
      made.fill(1, at, at + length);
      changed = true;
    }
    i += length;
  }
  if (!changed) return { p, fate: 'goes on' };
  return { p: run.traffic.withContent(p, sealed(made, version)), fate: 'goes on' };
}
