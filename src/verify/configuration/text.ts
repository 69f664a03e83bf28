/** A comparison as text: by host and place, every difference with both sides and their lines. */
import { forTerminal } from '../../text/escape.ts';
import { problemLine } from '../../text/problem.ts';
import { placeOf } from '../../trace/render/layout.ts';
import { type Page } from '../../trace/render/style.ts';
import { type Comparison, type Difference, type SideText, type Unknown } from './types.ts';

/** Problems shown; the rest is counted. */
const PROBLEMS_SHOWN = 10;

/** All lines, without the final newline. */
export function comparisonLines(
  comparison: Comparison,
  names: { readonly a: string; readonly b: string },
  page: Page,
): readonly string[] {
  const { differences, unknown, problems } = comparison;
  const lines = [
    headline(comparison, page),
    `  A ${forTerminal(names.a)}`,
    `  B ${forTerminal(names.b)}`,
  ];
  let host = '';
  let place = '';
  for (const difference of differences) {
    if (difference.host !== host) lines.push(page.style('strong', forTerminal(difference.host)));
    const here = `${difference.device} ${difference.part}`;
    if (difference.host !== host || here !== place) lines.push(`  ${forTerminal(here)}`);
    host = difference.host;
    place = here;
    lines.push(...differenceLines(difference, page));
  }
  lines.push(...unknown.map((one) => unknownLine(one, page)));
  for (const problem of problems.slice(0, PROBLEMS_SHOWN)) {
    lines.push(`${page.style('unsure', '?')} ${forTerminal(problemLine(problem))}`);
  }
  const rest = problems.length - PROBLEMS_SHOWN;
  if (rest > 0) lines.push(`  and ${rest} more places that were not understood`);
  return lines;
}

function headline({ differences, unknown, problems, statements }: Comparison, page: Page): string {
  const sum = `${statements} statements compared`;
  if (differences.length > 0) {
    const kinds = (['missing', 'extra', 'different', 'order'] as const)
      .map((kind) => ({ kind, count: differences.filter((one) => one.kind === kind).length }))
      .filter(({ count }) => count > 0)
      .map(({ kind, count }) => `${count} ${kind}`);
    const one = differences.length === 1 ? 'difference' : 'differences';
    return page.style('bad', `✗ ${differences.length} ${one}: ${kinds.join(', ')}; ${sum}`);
  }
  const unsure = unknown.length + problems.length;
  if (unsure === 0) return page.style('good', `✓ no difference; ${sum}`);
  const places = unsure === 1 ? 'place' : 'places';
  return page.style('unsure', `? no difference found, ${unsure} ${places} not compared; ${sum}`);
}

const LABEL = 10;

function differenceLines({ kind, a, b, about }: Difference, page: Page): readonly string[] {
  const owner = about === null ? '' : `  [${about.kind} ${about.name}]`;
  const label = `    ${kind.padEnd(LABEL)}`;
  const margin = ' '.repeat(label.length);
  const [first, second] = [sideLines('A', a, page), sideLines('B', b, page)];
  return [...first, ...second].map((line, at) =>
    at === 0 ? `${label}${line}${page.style('dim', forTerminal(owner))}` : `${margin}${line}`,
  );
}

function sideLines(name: 'A' | 'B', side: SideText | null, page: Page): readonly string[] {
  if (side === null) return [];
  const { text, origin } = side;
  const place = origin.file === '' ? [] : [`  ${page.style('dim', placeOf(origin))}`];
  return [`${name} ${forTerminal(text)}`, ...place];
}

function unknownLine({ host, device, part, side, file }: Unknown, page: Page): string {
  const where = `${host} ${device} ${part}`;
  const why = `${side.toUpperCase()} has no ${file}`;
  return `${page.style('unsure', '?')} ${forTerminal(`${where}: not compared, ${why}`)}`;
}
