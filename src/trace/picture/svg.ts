/**
 * A trace drawn: a lane for every host, the devices from left to right in the order the packet
 * met them. A path is a sequence, so no layout engine is needed: one column for every stop.
 */
import { forMarkup, shortened } from '../../text/escape.ts';
import { endLines, linkText, type Picture, type Stop, type Way } from './picture.ts';

/** Sizes in user units; text of 12 units is about 6.6 wide a character. */
const COLUMN = 216;
const BOX = 184;
const LANE_LABEL = 120;
const LINE = 16;
const PADDING = 10;
const CHARACTERS = 26;

/** Colours follow the page where there is one; alone they are readable on light and on dark. */
const STYLE = `.picture{font:12px system-ui,sans-serif;color:#456}
.picture text{fill:currentColor}.picture .title{font-weight:600}
.picture .stop{fill:none;stroke:currentColor}.picture .dropped .stop{stroke:#c33;stroke-width:3;stroke-dasharray:7 3}
.picture .delivered .stop{stroke:#2a7;stroke-width:2}.picture .lane{fill:currentColor;opacity:.06}
@media (prefers-color-scheme:dark){.picture{color:#bcd}}
.picture .link{stroke:currentColor;fill:none}.picture .small{font-size:10px}`;

/** One SVG document of all ways, one below the other. */
export function svgText(picture: Picture): string {
  const { question, verdict, code } = picture;
  const heading = `${verdict}  ${question}${code === null ? '' : `  ${code}`}`;
  const drawn = picture.ways.map(drawnWay);
  const width = Math.max(640, ...drawn.map((way) => way.width));
  let y = 30;
  const parts = drawn.map(({ markup, height }) => {
    const placed = `<g transform="translate(0 ${y})">${markup}</g>`;
    y += height + 16;
    return placed;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}" class="picture" role="img" aria-label="${forMarkup(heading)}">
<style>${STYLE}</style><text x="4" y="18" class="title">${forMarkup(heading)}</text>
${parts.join('\n')}
</svg>\n`;
}

/** The ways one by one, without a heading, to stand in a page. */
export function svgWay(way: Way): string {
  const { markup, width, height } = drawnWay(way);
  return `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" class="picture" role="img" aria-label="${forMarkup(`the way of the ${way.name}`)}"><style>${STYLE}</style>${markup}</svg>`;
}

/** The lines of a box, the first ones of which are its heading. */
interface Text {
  readonly heading: number;
  readonly lines: readonly string[];
}

interface Drawn {
  readonly markup: string;
  readonly width: number;
  readonly height: number;
}

function drawnWay(way: Way): Drawn {
  const texts = way.stops.map(linesOf);
  const heights = texts.map(({ lines }) => lines.length * LINE + 2 * PADDING - 4);
  const lanes: { readonly y: number; readonly height: number }[] = [];
  let y = LINE + 4;
  for (const [lane] of way.lanes.entries()) {
    const tallest = Math.max(...heights.filter((_, i) => way.stops[i]?.lane === lane));
    lanes.push({ y, height: tallest + 2 * PADDING });
    y += tallest + 2 * PADDING + 8;
  }
  const width = LANE_LABEL + way.stops.length * COLUMN;
  const bands = way.lanes.map((host, i) => {
    const { y: top, height } = lanes[i] ?? { y: 0, height: 0 };
    const name = forMarkup(shortened(host, 18));
    return `<rect class="lane" x="0" y="${top}" width="${width}" height="${height}"/><text x="6" y="${top + 18}" class="title">${name}</text>`;
  });
  const middle = (stop: Stop): number => {
    const { y: top, height } = lanes[stop.lane] ?? { y: 0, height: 0 };
    return top + height / 2;
  };
  const links = way.stops.slice(1).map((stop, i) => {
    const from = way.stops[i] ?? stop;
    return linkMarkup(i, middle(from), middle(stop), linkText(from, stop));
  });
  const stops = way.stops.map((stop, i) => {
    return stopMarkup(stop, i, middle(stop), heights[i] ?? 0, linesOf(stop));
  });
  const name = `<text x="6" y="14" class="title">${way.name}</text>`;
  return { markup: [name, ...bands, ...links, ...stops].join('\n'), width, height: y };
}

function linkMarkup(i: number, from: number, to: number, text: string): string {
  const x1 = LANE_LABEL + i * COLUMN + BOX;
  const x2 = x1 + COLUMN - BOX;
  const half = (x1 + x2) / 2;
  const title = `<title>${forMarkup(text)}</title>`;
  return `<g>${title}<path class="link" d="M${x1} ${from}H${half}V${to}H${x2 - 1}m-6 -4l6 4l-6 4"/></g>`;
}

function stopMarkup(
  { end }: Stop,
  i: number,
  middle: number,
  height: number,
  { heading, lines }: Text,
): string {
  const x = LANE_LABEL + i * COLUMN;
  const top = middle - height / 2;
  const text = lines.map((line, at) => {
    const style = at < heading ? ' class="title"' : '';
    return `<text x="${x + 8}" y="${top + PADDING + 8 + at * LINE}"${style}>${forMarkup(line)}</text>`;
  });
  return `<g class="${end?.kind ?? 'passed'}"><rect class="stop" x="${x}" y="${top}" width="${BOX}" height="${height}" rx="6"/>${text.join('')}</g>`;
}

function linesOf(stop: Stop): Text {
  const { title, input, output, notes, changes } = stop;
  const ports = [input === null ? null : `in ${input}`, output === null ? null : `out ${output}`];
  const others = [
    ...ports.filter((port) => port !== null),
    ...notes,
    ...changes,
    ...endLines(stop),
  ];
  const heading = folded(title);
  return { heading: heading.length, lines: [...heading, ...others.flatMap(folded)] };
}

/** Text in lines as wide as a box; long names are broken anywhere, at most six lines of one. */
function folded(text: string): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    let rest = word;
    if (line !== '' && line.length + 1 + rest.length <= CHARACTERS) {
      line += ` ${rest}`;
      continue;
    }
    if (line !== '') lines.push(line);
    while (rest.length > CHARACTERS) {
      lines.push(rest.slice(0, CHARACTERS));
      rest = rest.slice(CHARACTERS);
    }
    line = rest;
  }
  if (line !== '') lines.push(line);
  return lines.length <= 6 ? lines : [...lines.slice(0, 5), '…'];
}
