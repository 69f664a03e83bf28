/** A simulation as one page that needs nothing else: losses, timeline, outcomes. */
import { forMarkup } from '../../text/escape.ts';
import { htmlPage } from '../../text/html-page.ts';
import { type ProbeResult, type Simulated, type SimulatedWay } from '../simulation.ts';
import { seconds } from '../words.ts';
import { outcomesOf } from './outcomes.ts';

const STYLE = `tr.event{font-weight:600}.over-time{width:100%;height:1.6em;display:block}
.lost{fill:#c33}.well{fill:#3a7}`;

type Done = Extract<Simulated, { kind: 'simulated' }>;

interface About {
  readonly name: string;
  readonly until_us: number;
}

/** The page; every text of a tenant is escaped. */
export function simulationPage(done: Done, about: About): string {
  return htmlPage(simulationTitle(about), simulationMarkup(done, about));
}

/** Plain text. */
export function simulationTitle({ name, until_us }: About): string {
  return `${name}: ${seconds(until_us)} simulated`;
}

/** What stands in the page, with its own style. */
export function simulationMarkup(done: Done, about: About): string {
  const { until_us } = about;
  const outcomes = outcomesOf(done.ways);
  const parts = outcomes.map(({ way, conditions }, i) => {
    const heading = outcomes.length === 1 ? '' : `<h2>Outcome ${i + 1}</h2>`;
    const when = conditions[0] === undefined ? '' : `<p>when ${forMarkup(conditions[0])}</p>`;
    return `${heading}${when}${wayMarkup(way, until_us)}`;
  });
  const more = done.complete ? '' : '<p>There are more outcomes than were tried out (--ways).</p>';
  return `<style>${STYLE}</style><h1>${forMarkup(simulationTitle(about))}</h1>${more}${parts.join('\n')}`;
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
  const end = masters.length === 0 ? '' : `<h3>At the end</h3><ul>${masters.join('')}</ul>`;
  return `${way.probes.map((probe) => probeMarkup(probe, until_us)).join('')}
${end}<h3>Timeline</h3><div class="scroll"><table><tr><th>time</th><th>who</th><th>what</th></tr>${rows.join('')}</table></div>`;
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
<svg class="over-time" viewBox="0 0 ${until_us} 10" preserveAspectRatio="none" role="img" aria-label="losses over time">
<rect class="well" width="${until_us}" height="10"/>${bars.join('')}</svg><ul>${items.join('')}</ul>`;
}
