/**
 * A trace as something to draw: the ways as rows of stops in the lanes of their hosts. The writers
 * beside this file (Mermaid, DOT, SVG, HTML) only read it; each escapes for its own consumer.
 */
import { changedFields, isOnTheWire } from '../header.ts';
import { devicesOf } from '../render/path.ts';
import { endText, packetText } from '../render/short.ts';
import { type Hop, type Journey, type Trace, type Verdict } from '../types.ts';

export interface Picture {
  /** `a1 (10.0.0.5) → a2 (10.0.0.7)  tcp/443`, not escaped. */
  readonly question: string;
  readonly verdict: Verdict;
  /** The reason of the first blocker. */
  readonly code: string | null;
  readonly ways: readonly Way[];
}

/** The way there, or the way back. */
export interface Way {
  readonly name: 'request' | 'answer';
  /** Hosts in the order the packet met them. */
  readonly lanes: readonly string[];
  readonly stops: readonly Stop[];
}

/** One device, drawn as a box. */
export interface Stop {
  /** Index into `lanes`. */
  readonly lane: number;
  readonly title: string;
  readonly input: string | null;
  readonly output: string | null;
  /** VLANs and tunnels with their networks, translations. */
  readonly notes: readonly string[];
  /** `nw_ttl 64 → 63`: what the device changed of the headers on the wire. */
  readonly changes: readonly string[];
  /** What became of the packet here; null where it went on. */
  readonly end: { readonly kind: 'delivered' | 'dropped'; readonly text: string } | null;
}

/** Everything that a drawing of the trace shows. */
export function pictureOf(trace: Trace): Picture {
  const { from, to, packet } = trace.question;
  const ways: Way[] = [];
  if (trace.request !== null) ways.push(wayOf('request', trace.request));
  if (trace.reply !== null) ways.push(wayOf('answer', trace.reply));
  return {
    question: `${endText(from)} → ${endText(to)}  ${packetText(packet)}`,
    verdict: trace.verdict,
    code: trace.blockers[0]?.code ?? null,
    ways,
  };
}

function wayOf(name: Way['name'], { hops, end }: Journey): Way {
  const lanes: string[] = [];
  const stops = hops.map((hop, i): Stop => {
    if (!lanes.includes(hop.host)) lanes.push(hop.host);
    const isLast = i === hops.length - 1;
    const last =
      end.kind === 'dropped'
        ? ({ kind: 'dropped', text: `${end.code}: ${end.where}` } as const)
        : ({ kind: 'delivered', text: `delivered to ${end.to}` } as const);
    return {
      lane: lanes.indexOf(hop.host),
      title: titleOf(hop),
      input: hop.input,
      output: hop.output,
      notes: hop.notes,
      changes: changesOf(hop),
      end: isLast ? last : null,
    };
  });
  return { name, lanes, stops };
}

/**
 * What a device changed; where it put the packet into a tunnel, or made it, the notes say so and
 * every field is another one's.
 */
function changesOf({ input, before, after }: Hop): readonly string[] {
  const changed = changedFields(before, after).filter(({ field }) => isOnTheWire(field));
  if (input === null || changed.some(({ field }) => field === 'encap_kind')) return [];
  return changed.map(({ field, before: was, after: is }) => `${field} ${was} → ${is}`);
}

/** The bridges of a switch, the name of anything else. */
function titleOf(hop: Hop): string {
  const inside = devicesOf([hop]).filter((name) => name !== hop.input && name !== hop.output);
  return inside.length > 0 ? inside.join(' ─ ') : (hop.label ?? hop.device);
}

/** What became of the packet at a stop, as the last lines of its box. */
export function endLines({ end }: Stop): readonly string[] {
  if (end === null) return [];
  return [`${end.kind === 'dropped' ? '✗' : '✓'} ${end.text}`];
}

/** The interface that leads from one stop to the next, both names where they differ. */
export function linkText(from: Stop, to: Stop): string {
  const names = [from.output, to.input].filter((name) => name !== null);
  return [...new Set(names)].join(' → ');
}
