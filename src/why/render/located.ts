/** Located captures as text and as JSON. */
import { forTerminal, shortened } from '../../text/escape.ts';
import { prose, row } from '../../trace/render/layout.ts';
import {
  COUNT,
  DRAFT,
  list,
  object,
  orNull,
  ref,
  type Schema,
  TEXT,
} from '../../trace/render/schema.ts';
import { type Page } from '../../trace/render/style.ts';
import { placeText } from '../locate/locate.ts';
import {
  type FrameHeader,
  type Located,
  type LocatedPacket,
  type Station,
} from '../locate/types.ts';

/** Exchanges that agree are one line each, and no more than this. */
const FEW = 20;

/** All lines, without the final newline. */
export function locatedLines(located: Located, everything: boolean, page: Page): readonly string[] {
  const { packets, frames, untraced, problems } = located;
  const parted = packets.filter(({ parts }) => parts.length > 0);
  const agreed = packets.filter(({ parts }) => parts.length === 0);
  const [mark, style] =
    packets.length === 0
      ? (['?', 'unsure'] as const)
      : parted.length > 0
        ? (['✗', 'bad'] as const)
        : (['✓', 'good'] as const);
  const head = `${mark} ${agreed.length} of ${packets.length} exchanges go as the model says`;
  const lines = [`${page.style(style, head)}  ${page.style('dim', `${frames} frames`)}`];
  for (const one of parted) lines.push('', ...packetLines(one, page));
  const shown = everything ? agreed : agreed.slice(0, FEW);
  if (shown.length > 0) lines.push('');
  for (const one of shown) {
    if (everything) lines.push(...packetLines(one, page));
    else
      lines.push(
        `  ✓ ${forTerminal(shortened(one.asked, 100))}  ${page.style('dim', seenText(one))}`,
      );
  }
  if (agreed.length > shown.length) lines.push(`  and ${agreed.length - shown.length} more (-v)`);
  for (const [why, count] of untraced) {
    lines.push(...prose('untraced', `${count} frames: ${why}`, page, 'dim'));
  }
  for (const problem of problems) lines.push(...prose('damaged', problem, page, 'unsure'));
  return lines;
}

function seenText({ stations }: LocatedPacket): string {
  const seen = stations.filter((one) => one.seen !== null).length;
  return `seen at ${seen} of ${stations.length} places`;
}

function packetLines(one: LocatedPacket, page: Page): readonly string[] {
  const { asked, first, trace, parts, stations } = one;
  const mark = parts.length > 0 ? page.style('bad', '✗') : page.style('good', '✓');
  const place = `${forTerminal(first.file)} frame ${first.number}`;
  const lines = [
    `  ${mark} ${forTerminal(shortened(asked, 100))}  ${page.style('dim', place)}  model: ${trace.verdict}`,
  ];
  for (const [i, part] of parts.entries()) lines.push(...prose(i === 0 ? 'parts' : '', part, page));
  for (const [i, station] of stations.entries()) {
    lines.push(row(i === 0 ? 'seen' : '', stationText(station, page)));
  }
  return lines;
}

function stationText(
  { place, direction, role, seen, repeats, differs }: Station,
  page: Page,
): string {
  const where = forTerminal(`${placeText(place)} ${direction} ${role}`);
  if (seen === null) return `${page.style('bad', '✗')} ${where}  not captured`;
  const again = repeats === 0 ? '' : `, ${repeats} more`;
  const frame = page.style('dim', `${forTerminal(seen.file)} frame ${seen.number}${again}`);
  const other = differs.length === 0 ? '' : `  ${page.style('unsure', 'differs')}`;
  return `${page.style('good', '✓')} ${where}  ${frame}${other}`;
}

/** A plain value ready for `JSON.stringify`. */
export function locatedJson({ packets, frames, untraced, problems }: Located): unknown {
  return {
    kind: 'Located',
    version: '1.0',
    frames,
    exchanges: packets.map(({ asked, first, trace, stations, beyond, parts }) => ({
      asked,
      first: { file: first.file, frame: first.number },
      verdict: trace.verdict,
      blockers: trace.blockers.map(({ code }) => code),
      parts,
      stations: stations.map((one) => ({
        place: placeText(one.place),
        direction: one.direction,
        role: one.role,
        header: headerJson(one.header),
        seen: one.seen === null ? null : { file: one.seen.file, frame: one.seen.number },
        differs: one.differs,
        repeats: one.repeats,
      })),
      beyond: beyond.map(({ file, number, place, header }) => ({
        file,
        frame: number,
        place: placeText(place),
        header: headerJson(header),
      })),
    })),
    untraced: [...untraced].map(([why, count]) => ({ why, count })),
    problems,
  };
}

function headerJson({
  source,
  destination,
  kind,
  ports,
  ttl,
  vlan,
  macs,
  tunnel,
}: FrameHeader): unknown {
  return { source, destination, kind, ports, ttl, vlan, macs, tunnel };
}

const FRAME = object({ file: TEXT, frame: COUNT });

/** What `locate --format json` writes. */
export const LOCATED_SCHEMA: Schema = {
  $schema: DRAFT,
  title: 'What `hopwise locate --format json` writes',
  ...object({
    kind: { const: 'Located' },
    version: TEXT,
    frames: COUNT,
    exchanges: list(
      object({
        asked: TEXT,
        first: FRAME,
        verdict: { enum: ['REACHABLE', 'UNREACHABLE', 'AMBIGUOUS', 'UNDETERMINED'] },
        blockers: list(TEXT),
        parts: { ...list(TEXT), description: 'Where captures and model part; empty for nowhere.' },
        stations: list(
          object({
            place: TEXT,
            direction: { enum: ['in', 'out'] },
            role: TEXT,
            header: ref('header'),
            seen: { ...orNull(FRAME), description: 'Null: not captured, though expected.' },
            differs: list(TEXT),
            repeats: COUNT,
          }),
        ),
        beyond: list(object({ file: TEXT, frame: COUNT, place: TEXT, header: ref('header') })),
      }),
    ),
    untraced: list(object({ why: TEXT, count: COUNT })),
    problems: list(TEXT),
  }),
  $defs: {
    header: object({
      source: TEXT,
      destination: TEXT,
      kind: TEXT,
      ports: list(COUNT),
      ttl: COUNT,
      vlan: orNull(TEXT),
      macs: orNull(TEXT),
      tunnel: TEXT,
    }),
  },
};
