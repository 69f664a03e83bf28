/** A map as an undirected Graphviz graph; boxes of one column stand on one rank. */
import { forDot, shortened } from '../../text/escape.ts';
import { type Box, type CloudMap } from './cloud-map.ts';

const SHAPES: Readonly<Record<Box['kind'], string>> = {
  network: 'ellipse',
  router: 'hexagon',
  server: 'box',
  port: 'box',
  servers: 'box3d',
};

/** The text of the graph, with its last newline. */
export function mapDot({ boxes, links }: CloudMap): string {
  const ids = new Map(boxes.map(({ id }, i) => [id, `box${i}`]));
  const nodes = boxes.map(({ id, kind, title, lines }) => {
    return `  ${ids.get(id)} [shape=${SHAPES[kind]}, label=${quoted([title, ...lines])}];`;
  });
  const columns = new Map<number, string[]>();
  for (const { id, column } of boxes) {
    const rank = columns.get(column) ?? [];
    rank.push(`${ids.get(id)};`);
    columns.set(column, rank);
  }
  const ranks = [...columns.values()].map((all) => `  { rank=same; ${all.join(' ')} }`);
  const edges = links.map(({ from, to, text }) => {
    return `  ${ids.get(from)} -- ${ids.get(to)} [label=${quoted([text])}];`;
  });
  const style = '  rankdir=LR; node [fontname="sans-serif"]; edge [fontname="sans-serif"];';
  return `${['graph cloud {', style, ...nodes, ...ranks, ...edges, '}'].join('\n')}\n`;
}

function quoted(lines: readonly string[]): string {
  return `"${lines.map((line) => forDot(shortened(line, 120))).join('\\n')}"`;
}
