/** A simulation as one page that needs nothing else: losses, timeline, outcomes. */
import { forMarkup } from '../../text/escape.ts';
import { type ProbeResult, type Simulated, type SimulatedWay } from '../simulation.ts';
import { seconds } from '../words.ts';
import { outcomesOf } from './outcomes.ts';

const STYLE = `body{font:14px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.15em .8em .15em 0;
vertical-align:top;border-bottom:1px solid #8884}tr.event{font-weight:600}
svg{width:100%;height:1.6em;display:block}.lost{fill:#c33}.well{fill:#3a7}`;

type Done = Extract<Simulated, { kind: 'simulated' }>;

/** The page; every text of a tenant is escaped. */
export function simulationPage(
  done: Done,
  { name, until_us }: { readonly name: string; readonly until_us: number },
): string {
  const outcomes = outcomesOf(done.ways);
  const title = `${forMarkup(name)}: ${seconds(until_us)} simulated`;
  const parts = outcomes.map(({ way, conditions }, i) => {
    const heading = outcomes.length === 1 ? '' : `<h2>Outcome ${i + 1}</h2>`;
    const when = conditions[0] === undefined ? '' : `<p>when ${forMarkup(conditions[0])}</p>`;
    return `${heading}${when}${wayMarkup(way, until_us)}`;
  });
  const more = done.complete ? '' : '<p>There are more outcomes than were tried out (--ways).</p>';
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title}</title>
<style>${STYLE}</style></head><body><h1>${title}</h1>${more}${parts.join('\n')}</body></html>\n`;
}

function wayMarkup(way: SimulatedWay, until_us: number): string {
  const rows = way.timeline.entries.map(
    ({ at_us, kind, who, text }) =>
      `<tr class="${kind}"><td>${seconds(at_us)}</td><td>${forMarkup(who)}</td><td>${forMarkup(text)}</td></tr>`,
  );
  const masters = [...way.masters].map(
    ([router, hosts]) =>
      `<li>${forMarkup(router)}: ${forMarkup(hosts.join(', ') || 'no master')}</li>`,
  );
  return `${way.probes.map((probe) => probeMarkup(probe, until_us)).join('')}
<h3>At the end</h3><ul>${masters.join('')}</ul>
<h3>Timeline</h3><table><tr><th>time</th><th>who</th><th>what</th></tr>${rows.join('')}</table>`;
}

function probeMarkup({ probe, sent, received, windows }: ProbeResult, until_us: number): string {
  const bars = windows.map(({ from_us, until_us: end }) => {
    const width = (end ?? until_us) - from_us;
    return `<rect class="lost" x="${from_us}" width="${width}" height="10"/>`;
  });
  const items = windows.map(({ from_us, until_us: end, causes }) => {
    const why = causes.map(({ code, sentence }) => `${code}: ${forMarkup(sentence)}`).join('; ');
    return `<li>${seconds(from_us)} to ${end === null ? 'the end' : seconds(end)}: ${why}</li>`;
  });
  return `<h3>${forMarkup(probe.text)}: ${received} of ${sent} came through</h3>
<svg viewBox="0 0 ${until_us} 10" preserveAspectRatio="none" role="img" aria-label="losses over time">
<rect class="well" width="${until_us}" height="10"/>${bars.join('')}</svg><ul>${items.join('')}</ul>`;
}
