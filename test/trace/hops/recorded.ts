/** `hops.json`: the sightings of each probe as its recorder wrote them down. */
import { type Network } from '../../../src/dataplane/network.ts';
import { type ProbeRecord, parseProbeRecords } from '../../../src/trace/probe-record.ts';
import { type SeenHeader } from './compare.ts';
import { type Header, type Part } from './header.ts';
import { type CapturePoint } from './points.ts';

interface Seen {
  readonly pcap: string;
  readonly t: number;
  readonly ifindex?: number;
  readonly dir?: string;
  readonly eth_src?: string;
  readonly eth_dst?: string;
  readonly vlan?: readonly number[];
  readonly tunnel?: {
    readonly kind: string;
    readonly id: number | null;
    readonly src: string;
    readonly dst: string;
  };
  readonly src: string;
  readonly dst: string;
  readonly ttl: number;
  readonly proto: string;
  readonly sport?: number;
  readonly dport?: number;
  readonly flags?: string;
  readonly type?: number;
  readonly code?: number;
  readonly id?: number;
}

/** One probe with everything that was seen of it. */
export interface RecordedHops {
  readonly probe: ProbeRecord;
  readonly token: string | null;
  /** Epoch seconds when it was sent. */
  readonly t: number;
  readonly sightings: readonly Seen[];
}

/**
 * Reads a `hops.json`. `truth` holds the full records of a sample of its probes; what it says of
 * a probe (the addresses its receiver saw) is added.
 */
export function recordedHops(text: string, truth: string): readonly RecordedHops[] {
  const records = JSON.parse(text) as readonly {
    readonly probe: Readonly<Record<string, unknown>>;
    readonly sightings: readonly Seen[];
  }[];
  const known = JSON.parse(truth) as readonly Readonly<Record<string, unknown>>[];
  const keys = ['t', 'from', 'proto', 'sport', 'icmp_id', 'to', 'dport'];
  const whole = records.map(({ probe }) => {
    const same = known.find((one) =>
      keys.every((key) => (one[key] ?? null) === (probe[key] ?? null)),
    );
    return { ...same, ...probe };
  });
  const { value } = parseProbeRecords(JSON.stringify(whole), 'hops.json');
  return records.flatMap(({ probe: raw, sightings }, index) => {
    const probe = value.find((one) => one.index === index);
    if (probe === undefined) return [];
    const token = typeof raw['token'] === 'string' ? raw['token'] : null;
    return [{ probe, token, t: Number(raw['t']), sightings }];
  });
}

/** The recorded sightings in comparable form. */
export function recordedHeaders(
  network: Network,
  points: ReadonlyMap<string, CapturePoint>,
  { probe, sightings }: RecordedHops,
): readonly SeenHeader[] {
  return sightings.map((seen) => {
    const { t, src: source, dst: destination, ttl, proto, flags = '' } = seen;
    const isIcmp = proto === 'icmp';
    const part = partOf(seen, probe);
    const id = part === 'error' ? [] : [seen.id ?? -1];
    return {
      t,
      variant: flags,
      part,
      ...placeOf(network, points, seen),
      tunnel: tunnelOf(seen),
      source,
      destination,
      ttl,
      kind: isIcmp ? `icmp ${seen.type}/${seen.code}` : proto,
      ports: isIcmp ? id : [seen.sport ?? -1, seen.dport ?? -1],
    };
  });
}

function partOf({ proto, type, sport, dport, flags }: Seen, probe: ProbeRecord): Part {
  if (proto === 'icmp') return type === 8 ? 'request' : type === 0 ? 'answer' : 'error';
  const forward = dport === probe.destinationPort && sport !== probe.destinationPort;
  if (proto === 'udp') return forward ? 'request' : 'answer';
  const syn = flags?.includes('S') === true;
  if (forward) return syn ? 'request' : 'data';
  return syn ? 'syn-ack' : 'answer';
}

function placeOf(
  network: Network,
  points: ReadonlyMap<string, CapturePoint>,
  { pcap, ifindex, dir, eth_src, eth_dst, vlan = [] }: Seen,
): Pick<Header, 'point' | 'link'> {
  const point = points.get(pcap);
  if (point?.interface !== 'any') {
    const tags = vlan.map((tag) => `vlan ${tag}`).join(' ');
    return { point: pcap, link: `${eth_src} > ${eth_dst} ${tags}` };
  }
  const name = interfaceName(network, point, ifindex ?? 0);
  return { point: `${pcap} ${name} ${dir === 'out' ? 'out' : 'in'}`, link: '' };
}

/** The interface of a namespace with this index. */
export function interfaceName(network: Network, point: CapturePoint, index: number): string {
  const known = network.namespace(point.host, point.namespace)?.state.interfaces ?? [];
  return known.find((one) => one.index === index)?.name ?? `#${index}`;
}

/** The recorder looked into VXLAN of port 4789 and GRE, and kept no TTL of theirs. */
function tunnelOf({ tunnel }: Seen): string {
  if (tunnel === undefined) return '-';
  const port = tunnel.kind === 'vxlan' ? ' port 4789' : '';
  return `${tunnel.kind}${port} ${tunnel.id} ${tunnel.src} > ${tunnel.dst}`;
}

/**
 * Whether the recorder would have kept a sighting: it looked for the ends it knew, and not into
 * VXLAN of other ports.
 */
export function isKept({ probe }: RecordedHops): (header: Header) => boolean {
  const { fate } = probe;
  const ends = [probe.to, sourceText(probe), fate.observedSource, fate.observedDestination];
  return ({ tunnel, kind, part, source, destination }) => {
    if (tunnel.startsWith('vxlan') && !tunnel.startsWith('vxlan port 4789 ')) return false;
    if (kind.startsWith('icmp')) return part !== 'error' || probe.protocol === 'icmp';
    // Of a probe that arrived the recorder knew how its receiver saw it.
    if (fate.requestDelivered === true && fate.observedDestination === undefined) return true;
    const forward = part === 'request' || part === 'data';
    return ends.includes(forward ? destination : source);
  };
}

function sourceText({ source }: ProbeRecord): string | undefined {
  if (source === null || source.version !== 4) return undefined;
  return [24n, 16n, 8n, 0n].map((shift) => String((source.value >> shift) & 255n)).join('.');
}
