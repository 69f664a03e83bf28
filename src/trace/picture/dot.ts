/** A trace as a Graphviz graph: one cluster per host, one node per device. */
import { forDot, shortened } from '../../text/escape.ts';
import { endLines, linkText, type Picture, type Stop, type Way } from './picture.ts';

/** The text of the graph, with its last newline. */
export function dotText(picture: Picture): string {
  const { question, verdict, code } = picture;
  const title = `${question}\n${verdict}${code === null ? '' : `: ${code}`}`;
  return `${[
    'digraph trace {',
    '  rankdir=LR;',
    `  label=${quoted(title.split('\n'), 'l')};`,
    '  labelloc=t; labeljust=l;',
    '  node [shape=box, fontname="sans-serif"];',
    '  edge [fontname="sans-serif", fontsize=10];',
    ...picture.ways.flatMap(wayLines),
    '}',
  ].join('\n')}\n`;
}

function wayLines(way: Way): readonly string[] {
  const id = (stop: number): string => `${way.name}${stop}`;
  const clusters = way.lanes.flatMap((host, lane) => [
    `  subgraph cluster_${way.name}_${lane} {`,
    `    label=${quoted([`${way.name}: ${host}`], 'l')};`,
    ...way.stops.flatMap((stop, i) =>
      stop.lane === lane ? [`    ${id(i)} [${attributesOf(stop)}];`] : [],
    ),
    '  }',
  ]);
  const links = way.stops.slice(1).map((stop, i) => {
    const text = linkText(way.stops[i] ?? stop, stop);
    return `  ${id(i)} -> ${id(i + 1)} [label=${quoted([text], 'n')}];`;
  });
  return [...clusters, ...links];
}

function attributesOf(stop: Stop): string {
  const { title, notes, changes, end } = stop;
  const style = end?.kind === 'dropped' ? ', style="dashed,bold"' : '';
  return `label=${quoted([title, ...notes, ...changes, ...endLines(stop)], 'l')}${style}`;
}

/** A quoted string of several lines; `l` sets them to the left, `n` in the middle. */
function quoted(lines: readonly string[], way: 'l' | 'n'): string {
  return `"${lines.map((line) => `${forDot(shortened(line, 200))}\\${way}`).join('')}"`;
}
