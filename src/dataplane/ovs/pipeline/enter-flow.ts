/** What a lookup found becomes the present flow of the pipeline, with a note of it. */
import { type Looked } from './lookup.ts';
import { NO_OVERLAP } from './overlap.ts';
import { type Part, type Translation, tell } from './part.ts';
import { hitOf } from './prepared-flow.ts';

/** Notes what a lookup found and makes it the present flow. */
export function enterFlow<P>(
  x: Translation<P>,
  part: Part<P>,
  found: Looked<P>,
  table: number,
): void {
  const { flow, conjunction, overlap } = found;
  const bridge = part.bridge.name;
  part.table = table;
  part.flow = flow;
  part.seen = found.seen;
  const alone = flow !== null && conjunction === null && overlap === NO_OVERLAP;
  if (alone && flow.flow.table === table && flow.bridge.name === bridge) {
    tell(x, part, hitOf(flow).step);
    return;
  }
  tellFlow(x, part, found, table);
  if (flow === null) missed(part);
}

function missed<P>(part: Part<P>): void {
  const { table } = part;
  const bridge = part.bridge.name;
  part.why = () => ({
    reason: 'OF_TABLE_MISS',
    where: `${bridge} table ${table}`,
    evidence: 'no flow matches',
    origin: null,
  });
}

function tellFlow<P>(
  x: Translation<P>,
  part: Part<P>,
  { flow, conjunction, overlap }: Looked<P>,
  table: number,
): void {
  const bridge = part.bridge.name;
  tell(x, part, () => ({
    kind: 'flow',
    bridge,
    table,
    flow: flow?.flow ?? null,
    conjunction,
    ...overlap,
  }));
}
