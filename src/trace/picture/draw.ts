/** The drawings of a trace by their names. A new one is a row here and a file beside it. */
import { type Trace } from '../types.ts';
import { dotText } from './dot.ts';
import { tracePage } from './html.ts';
import { mermaidText } from './mermaid.ts';
import { pictureOf } from './picture.ts';
import { svgText } from './svg.ts';

const DRAWINGS = {
  mermaid: (trace: Trace) => mermaidText(pictureOf(trace)),
  dot: (trace: Trace) => dotText(pictureOf(trace)),
  svg: (trace: Trace) => svgText(pictureOf(trace)),
  html: (trace: Trace, snapshot: string) => tracePage(trace, snapshot),
} as const;

/** Draws a trace; the text ends with a newline. */
export function drawTrace(trace: Trace, as: keyof typeof DRAWINGS, snapshot: string): string {
  return DRAWINGS[as](trace, snapshot);
}
