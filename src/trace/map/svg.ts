/**
 * A map drawn: columns by their distance from what was named, lines between the boxes. Distances
 * come with the map, so no layout engine is needed.
 */
import { forMarkup, shortened } from '../../text/escape.ts';
import { type Box, type CloudMap } from './cloud-map.ts';

/** Sizes in user units; text of 12 units is about 6.6 wide a character. */
const COLUMN = 360;
const BOX = 240;
const LINE = 16;
const PADDING = 8;
const GAP = 18;
const CHARACTERS = 36;
/** How far a line between two boxes of one column bows out. */
const BOW = 60;

/** Colours follow the page where there is one; alone they are readable on light and on dark. */
const STYLE = `.map{font:12px system-ui,sans-serif;color:#456}.map text{fill:currentColor}
.map .title{font-weight:600}.map rect{fill:none;stroke:currentColor}.map .network rect{stroke:#27c;stroke-width:2}
.map .router rect{stroke:#a60;stroke-width:2}.map .servers rect{stroke-dasharray:6 3}
.map path{fill:none;stroke:currentColor;opacity:.6}.map .small{font-size:10px}
@media (prefers-color-scheme:dark){.map{color:#bcd}}`;

interface Placed {
  readonly box: Box;
  readonly x: number;
  readonly y: number;
  readonly height: number;
}

/** One SVG document; `label` says in words what it shows. */
export function mapSvg({ boxes, links }: CloudMap, label: string): string {
  const placed = new Map<string, Placed>();
  const filled = new Map<number, number>();
  for (const box of boxes) {
    const y = filled.get(box.column) ?? GAP;
    const height = (box.lines.length + 1) * LINE + 2 * PADDING;
    placed.set(box.id, { box, x: GAP + box.column * COLUMN, y, height });
    filled.set(box.column, y + height + GAP);
  }
  const width = GAP + Math.max(0, ...filled.keys()) * COLUMN + BOX + GAP;
  const height = Math.max(2 * GAP, ...filled.values());
  const lines = links.flatMap(({ from, to, text }) => {
    const [a, b] = [placed.get(from), placed.get(to)];
    return a === undefined || b === undefined ? [] : [lineMarkup(a, b, text)];
  });
  const drawn = [...placed.values()].map(boxMarkup);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" class="map" role="img" aria-label="${forMarkup(label)}">
<style>${STYLE}</style>
${[...lines, ...drawn].join('\n')}
</svg>\n`;
}

/** A line from edge to edge, with the addresses at the end of the box that is not a network. */
function lineMarkup(a: Placed, b: Placed, text: string): string {
  const [left, right] = a.x <= b.x ? [a, b] : [b, a];
  const isOneColumn = left.x === right.x;
  const x1 = left.x + BOX;
  const x2 = isOneColumn ? x1 : right.x;
  const [y1, y2] = [left.y + left.height / 2, right.y + right.height / 2];
  const middle = isOneColumn ? x1 + BOW : (x1 + x2) / 2;
  const way = isOneColumn ? `Q${x1 + BOW} ${(y1 + y2) / 2} ${x2} ${y2}` : `L${x2} ${y2}`;
  const said = `<text class="small" x="${middle}" y="${(y1 + y2) / 2 - 3}" text-anchor="middle">${forMarkup(shortened(text, 20))}</text>`;
  return `<g><title>${forMarkup(text)}</title><path d="M${x1} ${y1}${way}"/>${said}</g>`;
}

function boxMarkup({ box, x, y, height }: Placed): string {
  const rows = [box.title, ...box.lines].map((line, i) => {
    const title = i === 0 ? ' class="title"' : '';
    return `<text x="${x + PADDING}" y="${y + PADDING + 12 + i * LINE}"${title}>${forMarkup(shortened(line, CHARACTERS))}</text>`;
  });
  return `<g class="${box.kind}"><rect x="${x}" y="${y}" width="${BOX}" height="${height}" rx="6"/>${rows.join('')}</g>`;
}
