/** A trace as a Mermaid flowchart, for issues, merge requests and wikis that draw it. */
import { forMermaid, shortened } from '../../text/escape.ts';
import { endLines, linkText, type Picture, type Stop, type Way } from './picture.ts';

/** The text of the chart, with its last newline. */
export function mermaidText(picture: Picture): string {
  const { question, verdict, code } = picture;
  const because = code === null ? '' : `: ${code}`;
  return `${[
    'flowchart LR',
    `  verdict["${label([question, `${verdict}${because}`])}"]`,
    '  classDef dropped stroke-width:3px,stroke-dasharray:6 3',
    ...picture.ways.flatMap(wayLines),
  ].join('\n')}\n`;
}

function wayLines(way: Way): readonly string[] {
  const id = (stop: number): string => `${way.name}${stop}`;
  const lanes = way.lanes.flatMap((host, lane) => [
    `  subgraph ${way.name}_host${lane}["${label([`${way.name} · ${host}`])}"]`,
    ...way.stops.flatMap((stop, i) =>
      stop.lane === lane ? [`    ${id(i)}["${label(linesOf(stop))}"]`] : [],
    ),
    '  end',
  ]);
  const links = way.stops.slice(1).map((stop, i) => {
    const text = linkText(way.stops[i] ?? stop, stop);
    return `  ${id(i)} -->${text === '' ? '' : `|"${label([text])}"|`} ${id(i + 1)}`;
  });
  const dropped = way.stops.flatMap(({ end }, i) =>
    end?.kind === 'dropped' ? [`  class ${id(i)} dropped`] : [],
  );
  return [...lanes, ...links, ...dropped];
}

function linesOf(stop: Stop): readonly string[] {
  return [stop.title, ...stop.notes, ...endLines(stop)];
}

/** Lines of one label; the break is the only markup in it. */
function label(lines: readonly string[]): string {
  return lines.map((line) => forMermaid(shortened(line, 200))).join('<br/>');
}
