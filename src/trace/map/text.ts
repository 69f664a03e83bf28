/** A map as lines of text: every box, and what it is connected to. */
import { forTerminal } from '../../text/escape.ts';
import { type Page } from '../render/style.ts';
import { type Box, type CloudMap } from './cloud-map.ts';

const KINDS: Readonly<Record<Box['kind'], string>> = {
  network: 'network',
  router: 'router',
  server: 'server',
  port: 'port',
  servers: '',
};

/** Lines without newlines, nearest boxes first. */
export function mapLines({ boxes, links }: CloudMap, page: Page): readonly string[] {
  const titles = new Map(boxes.map(({ id, title }) => [id, title]));
  const called = (id: string): string => forTerminal(titles.get(id) ?? id);
  return boxes.flatMap(({ id, kind, title, lines }) => {
    const joined = links.flatMap(({ from, to, text }) => {
      if (from !== id && to !== id) return [];
      const said = text === '' ? '' : `${forTerminal(text)} `;
      return [`    ─ ${said}─ ${called(from === id ? to : from)}`];
    });
    return [
      `${page.style('strong', forTerminal(title))}${KINDS[kind] === '' ? '' : `  ${KINDS[kind]}`}`,
      ...(lines.length > 0 ? [`    ${lines.map(forTerminal).join(' · ')}`] : []),
      ...joined,
    ];
  });
}
