/** A map as a Mermaid flowchart; the break is the only markup in its labels. */
import { forMermaid, shortened } from '../../text/escape.ts';
import { type Box, type CloudMap } from './cloud-map.ts';

/** How Mermaid opens and closes the shape of each kind of box. */
const SHAPES: Readonly<Record<Box['kind'], readonly [string, string]>> = {
  network: ['([', '])'],
  router: ['{{', '}}'],
  server: ['[', ']'],
  port: ['[', ']'],
  servers: ['[[', ']]'],
};

/** The text of the chart, with its last newline. */
export function mapMermaid({ boxes, links }: CloudMap): string {
  const ids = new Map(boxes.map(({ id }, i) => [id, `box${i}`]));
  const nodes = boxes.map(({ id, kind, title, lines }) => {
    const [open, close] = SHAPES[kind];
    return `  ${ids.get(id)}${open}"${label([title, ...lines])}"${close}`;
  });
  const edges = links.map(({ from, to, text }) => {
    const said = text === '' ? '' : `|"${label([text])}"|`;
    return `  ${ids.get(from)} ---${said} ${ids.get(to)}`;
  });
  return `${['flowchart LR', ...nodes, ...edges].join('\n')}\n`;
}

function label(lines: readonly string[]): string {
  return lines.map((line) => forMermaid(shortened(line, 120))).join('<br/>');
}
