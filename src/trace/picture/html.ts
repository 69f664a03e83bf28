/**
 * A trace as one page: the verdict and its cause, the drawing, every device with the headers
 * before and after it and the rules that decided there, and what was taken for granted.
 */
import { REASONS } from '../../reasons/codes.ts';
import { forMarkup } from '../../text/escape.ts';
import { htmlPage } from '../../text/html-page.ts';
import { type Origin, problemLine } from '../../text/problem.ts';
import { changedFields, isOnTheWire } from '../header.ts';
import { stepText } from '../render/step-text.ts';
import { type Blocker, type Hop, type Journey, type NearMiss, type Trace } from '../types.ts';
import { pictureOf } from './picture.ts';
import { svgWay } from './svg.ts';

const MARKS = {
  REACHABLE: ['good', '✓'],
  UNREACHABLE: ['bad', '✗'],
  AMBIGUOUS: ['unsure', '?'],
  UNDETERMINED: ['unsure', '?'],
} as const;

/** The page; `snapshot` names what was traced on. */
export function tracePage(trace: Trace, snapshot: string): string {
  const title = `${trace.verdict} ${pictureOf(trace).question}`;
  return htmlPage(title, traceMarkup(trace, snapshot));
}

/** What stands in the page, to stand in another one as well. */
export function traceMarkup(trace: Trace, snapshot: string): string {
  const picture = pictureOf(trace);
  const [style, mark] = MARKS[trace.verdict];
  const heading = `<h1><span class="${style}">${mark} ${trace.verdict}</span> ${forMarkup(picture.question)}</h1>`;
  const under = `<p class="dim">${forMarkup(`snapshot ${snapshot}`)}</p>`;
  const figures = picture.ways.map((way) => `<div class="scroll">${svgWay(way)}</div>`);
  const body = [
    heading,
    under,
    ...trace.blockers.map(blockerMarkup),
    ...trace.remarks.map(({ kind, text }) => {
      return `<p class="${kind === 'warning' ? 'unsure' : 'dim'}">${forMarkup(text)}</p>`;
    }),
    ...trace.unmodelled.map(({ code, detail }) => {
      return `<p class="unsure">${code}: ${forMarkup(detail)}</p>`;
    }),
    ...figures,
    ...(trace.request === null ? [] : [wayMarkup('The request', trace.request)]),
    ...(trace.reply === null ? [] : [wayMarkup('The answer', trace.reply)]),
    listed('Taken for granted', trace.assumptions.map(assumptionText)),
    listed(
      'Missing from the snapshot',
      trace.missing.map(({ file, consequence }) => `${file}: ${consequence}`),
    ),
    listed('Not understood', trace.problems.map(problemLine)),
  ];
  return body.filter((part) => part !== '').join('\n');
}

function assumptionText({ code, detail }: Trace['assumptions'][number]): string {
  return `${code}: ${REASONS[code].sentence} ${detail}`;
}

function listed(title: string, texts: readonly string[]): string {
  if (texts.length === 0) return '';
  const items = texts.map((text) => `<li>${forMarkup(text)}</li>`);
  return `<h2>${title}</h2><ul>${items.join('')}</ul>`;
}

function blockerMarkup(blocker: Blocker): string {
  const rows: [string, string][] = blocker.because.map((sentence, i) => [
    i === 0 ? 'why' : '',
    forMarkup(sentence),
  ]);
  rows.push(['at', forMarkup(`${blocker.host}: ${blocker.component}`)]);
  for (const { kind, name, id } of blocker.neutron) {
    rows.push([
      forMarkup(kind.replaceAll('-', ' ')),
      forMarkup(name === id ? id : `${name} ${id}`),
    ]);
  }
  if (blocker.evidence !== '') {
    rows.push([
      'hit',
      `<code>${forMarkup(blocker.evidence)}</code> ${placeMarkup(blocker.origin)}`,
    ]);
  }
  for (const miss of blocker.nearMisses) rows.push(['nearest', nearMarkup(miss)]);
  if (blocker.fix !== null) {
    const commands = blocker.fix.commands.map((command) => `<pre>${forMarkup(command)}</pre>`);
    rows.push(['fix', `${forMarkup(blocker.fix.summary)}${commands.join('')}`]);
  }
  for (const command of blocker.confirm) rows.push(['check', `<code>${forMarkup(command)}</code>`]);
  const items = rows.map(([label, markup]) => `<dt>${label}</dt><dd>${markup}</dd>`);
  return `<h2><span class="bad">${blocker.code}</span></h2><dl>${items.join('')}</dl>`;
}

function nearMarkup({ rule, origin, differs }: NearMiss): string {
  const why = differs.map(({ field, wanted, actual }) => `${field} ${wanted} ≠ ${actual}`);
  return `<code>${forMarkup(rule)}</code> differs: ${forMarkup(why.join(', '))} ${placeMarkup(origin)}`;
}

function placeMarkup(origin: Origin | null): string {
  if (origin === null) return '';
  const line = origin.line === 0 ? '' : `:${origin.line}`;
  return `<span class="dim">${forMarkup(`${origin.file}${line}`)}</span>`;
}

function wayMarkup(title: string, { hops, end }: Journey): string {
  const items = hops.map((hop) => `<li>${hopMarkup(hop)}</li>`);
  const last =
    end.kind === 'delivered'
      ? `<p class="good">✓ ${forMarkup(`delivered to ${end.to} in ${end.namespace} on ${end.host}`)}</p>`
      : `<p class="bad">✗ ${forMarkup(`${end.code}: dropped at ${end.where} on ${end.host}`)}</p>`;
  return `<h2>${title}</h2><ol>${items.join('\n')}</ol>${last}`;
}

function hopMarkup(hop: Hop): string {
  const name = hop.label === null ? hop.device : `${hop.label} = ${hop.device}`;
  const into = hop.input === null ? 'made here' : `in ${hop.input}`;
  const out = hop.output === null ? '' : `, out ${hop.output}`;
  const title = forMarkup(`${hop.host}: ${name} (${hop.stage}), ${into}${out}`);
  const notes = hop.notes.map((note) => `<p>${forMarkup(note)}</p>`).join('');
  return `<details><summary>${title}</summary>${notes}${headerMarkup(hop)}${stepsMarkup(hop)}</details>`;
}

/** Every field of the wire before and after; what changed is marked in words, not only by colour. */
function headerMarkup({ before, after }: Hop): string {
  const changed = new Set(changedFields(before, after).map(({ field }) => field));
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(isOnTheWire);
  const rows = names.map((name) => {
    const cells = [
      name,
      before[name] ?? '—',
      after[name] ?? '—',
      changed.has(name) ? 'changed' : '',
    ];
    return `<tr>${cells.map((cell) => `<td>${forMarkup(cell)}</td>`).join('')}</tr>`;
  });
  if (rows.length === 0) return '';
  return `<div class="scroll"><table><tr><th>field</th><th>before</th><th>after</th><th></th></tr>${rows.join('')}</table></div>`;
}

function stepsMarkup({ steps }: Hop): string {
  const items = steps.map(({ step }) => {
    const { text, origin, ambiguous = [] } = stepText(step);
    const others = ambiguous.map((other) => {
      return `<br><span class="unsure">undefined, may win as well: ${forMarkup(other)}</span>`;
    });
    return `<li><code>${forMarkup(text)}</code> ${placeMarkup(origin)}${others.join('')}</li>`;
  });
  return items.length === 0 ? '' : `<ol>${items.join('')}</ol>`;
}
