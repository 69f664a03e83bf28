/** The page of the map: what lies around the two ends of the question, or around a network. */
import { forMarkup } from '../../text/escape.ts';
import { mapOf } from '../../trace/map/named.ts';
import { mapSvg } from '../../trace/map/svg.ts';
import { mapLines } from '../../trace/map/text.ts';
import { PLAIN_PAGE } from '../../trace/render/style.ts';
import { type Answer } from './answers.ts';
import { type Query } from './layout.ts';
import { type Served } from './served.ts';

/** Connections away from what is named that are drawn. */
const REACH = 4;

/** The part of the cloud around what was asked about, drawn and in words. */
export function mapAnswer({ network }: Served, around: string, { from, to }: Query): Answer {
  const words = [...around.split(/[\s,]+/), from, to].filter((word) => word !== '');
  const form = `<form action="/map" aria-label="Map"><label>Around<input name="around" value="${forMarkup(words.join(' '))}"></label><button>Draw</button></form>`;
  if (words.length === 0) return { kind: 'answer', title: 'Map', body: `<h1>Map</h1>${form}` };
  const map = mapOf(network, words, REACH);
  if (map.kind === 'wrong') return { kind: 'wrong', sentences: [map.message] };
  const label = `around ${words.join(', ')}`;
  const told = mapLines(map.value, PLAIN_PAGE).map(forMarkup).join('\n');
  const body = `<h1>${forMarkup(label)}</h1>${form}<div class="scroll">${mapSvg(map.value, label)}</div>
<details><summary>in words</summary><pre>${told}</pre></details>`;
  return { kind: 'answer', title: label, body };
}
