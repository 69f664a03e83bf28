/** The answers of the local pages as markup: every text of a tenant is escaped here. */

import { simulationMarkup, simulationTitle } from '../../simulate/render/html.ts';
import { simulate } from '../../simulate/simulation.ts';
import { forMarkup } from '../../text/escape.ts';
import { type Asked, askedQuestion } from '../../trace/ask.ts';
import { traceMarkup } from '../../trace/picture/html.ts';
import { PLAIN_PAGE } from '../../trace/render/style.ts';
import { type Trace } from '../../trace/types.ts';
import { compareNetworks } from '../../verify/configuration/compare.ts';
import { comparisonLines } from '../../verify/configuration/text.ts';
import { proofLines } from '../../verify/proof/text.ts';
import { ALL_WANTED, EVERY_PORT, portRanges, type Wanted } from '../../verify/proof/wanted.ts';
import { whyLines } from '../../why/render/text.ts';
import { explainWhy } from '../../why/why.ts';
import { addressOf, type Query } from './layout.ts';
import { type Served } from './served.ts';

/** Markup, or the sentences that say what is wrong with the question. */
export type Answer =
  | { readonly kind: 'answer'; readonly title: string; readonly body: string }
  | { readonly kind: 'wrong'; readonly sentences: readonly string[] };

export function wrong(...sentences: readonly string[]): Answer {
  return { kind: 'wrong', sentences };
}

function askedOf(query: Query): Asked | string {
  const { from, to, protocol, port, size, df, ipv6 } = query;
  const numbers: { port?: number; size?: number } = {};
  if (protocol !== 'icmp') {
    if (!/^\d{1,5}$/.test(port)) return `a ${protocol} question needs a port`;
    numbers.port = Number(port);
  }
  if (size !== '') {
    if (!/^\d{1,5}$/.test(size)) return 'bytes are a number';
    numbers.size = Number(size);
  }
  return { from, to, protocol, ...numbers, dontFragment: df, ...(ipv6 ? { version: 6 } : {}) };
}

type Both = Pick<Served, 'network' | 'tracer'>;

/** One trace of the question; the sentences where it is none. */
export function tracedOn({ network, tracer }: Both, query: Query): Trace | readonly string[] {
  const asked = askedOf(query);
  if (typeof asked === 'string') return [asked];
  const question = askedQuestion(network, asked);
  if (question.kind === 'wrong') return [question.message, ...question.details];
  const traced = tracer.trace(question.value);
  return traced.kind === 'impossible' ? [traced.why] : traced.trace;
}

/** One packet's way; beside it the verdict in the other network, when there is one. */
export function traceAnswer(served: Served, query: Query): Answer {
  const trace = tracedOn(served, query);
  if (!('verdict' in trace)) return wrong(...trace);
  const parts = [traceMarkup(trace, served.name)];
  if (served.other !== null) {
    const other = tracedOn(served.other, query);
    const told = 'verdict' in other ? other.verdict : other.join(' ');
    parts.unshift(`<p>in ${forMarkup(served.other.name)}: <strong>${forMarkup(told)}</strong></p>`);
  }
  return {
    kind: 'answer',
    title: `${trace.verdict} ${query.from} → ${query.to}`,
    body: parts.join('\n'),
  };
}

/** The cause, all that stands behind it, and changes that were tried. */
export function whyAnswer(served: Served, query: Query): Answer {
  const asked = askedOf(query);
  if (typeof asked === 'string') return wrong(asked);
  const question = askedQuestion(served.network, asked);
  if (question.kind === 'wrong') return wrong(question.message, ...question.details);
  const explained = explainWhy(served.network, question.value, {
    cloud: served.cloud,
    allBlockers: true,
    fixes: true,
    effectPairs: 0,
  });
  if (explained.kind === 'impossible') return wrong(explained.why);
  const context = { snapshot: served.name, withReply: true, everything: true };
  const lines = whyLines(explained.why, context, PLAIN_PAGE);
  const { trace } = explained.why;
  return {
    kind: 'answer',
    title: `${trace.verdict} ${query.from} → ${query.to}`,
    body: `${preformatted(lines)}${traceMarkup(trace, served.name)}`,
  };
}

/** Lines that are escaped for a terminal already, as they stand: only markup is left to escape. */
function preformatted(lines: readonly string[]): string {
  return `<pre>${lines.map(forMarkup).join('\n')}</pre>`;
}

/** What becomes of all packets. */
export function proveAnswer(served: Served, query: Query): Answer {
  const version = query.ipv6 ? { version: 6 as const } : {};
  const asked = askedQuestion(served.network, { from: query.from, to: query.to, ...version });
  if (asked.kind === 'wrong') return wrong(asked.message, ...asked.details);
  const wanted = wantedOf(query);
  if (wanted === null) return wrong(`${query.port} is no port or range of ports`);
  const question = { from: asked.value.from, to: asked.value.to, wanted };
  const proved = served.prover.prove(question);
  if (proved.kind === 'impossible') return wrong(proved.why);
  const { proof } = proved;
  const lines = proofLines(question, proof, PLAIN_PAGE);
  const witness = proof.verdict === 'REACHABLE' ? witnessLink(query) : '';
  return {
    kind: 'answer',
    title: `${proof.verdict} ${query.from} → ${query.to}, all packets`,
    body: `<h1>${proof.verdict}: all packets</h1>${preformatted(lines)}${witness}`,
  };
}

function witnessLink(query: Query): string {
  return `<p><a href="${forMarkup(addressOf('/trace', { ...query }))}">one packet’s way</a></p>`;
}

function wantedOf({ protocol, port }: Query): Wanted | null {
  if (protocol === 'icmp') return ALL_WANTED;
  const ranges = port === '' ? EVERY_PORT : portRanges(port);
  if (ranges === null) return null;
  const none = { icmp: false, tcp: null, udp: null, others: false };
  return protocol === 'tcp' ? { ...none, tcp: ranges } : { ...none, udp: ranges };
}

/** What the hosts of both networks do differently. */
export function diffAnswer({ name, network, other }: Served): Answer {
  if (other === null) return wrong('there is nothing to compare with: start with --against');
  const comparison = compareNetworks(network, other.network);
  const lines = comparisonLines(comparison, { a: name, b: other.name }, PLAIN_PAGE);
  return {
    kind: 'answer',
    title: 'Before and after',
    body: `<h1>${forMarkup(name)} and ${forMarkup(other.name)}</h1>${preformatted(lines)}`,
  };
}

/** Longer is no question for a page. */
const LONGEST_US = 600_000_000;

/** A simulation, below the form for it. */
export function simulateAnswer(
  served: Served,
  events: string,
  probes: string,
  until: string,
): Answer {
  const lines = (text: string): readonly string[] =>
    text.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (lines(events).length === 0 && lines(probes).length === 0) {
    return { kind: 'answer', title: 'Simulate', body: simulateForm('', '', '30') };
  }
  const seconds = Number(until);
  if (!/^\d{1,3}$/.test(until) || seconds * 1e6 > LONGEST_US) {
    return wrong('seconds are a whole number up to 600');
  }
  const done = simulate(served.network, {
    events: lines(events),
    probes: lines(probes),
    until_us: seconds * 1e6,
    seed: 1,
    ways: 4,
  });
  if (done.kind === 'wrong') return wrong(...done.problems);
  const about = { name: served.name, until_us: seconds * 1e6, seed: 1 };
  const body = `${simulateForm(events, probes, until)}${simulationMarkup(done, about)}`;
  return { kind: 'answer', title: simulationTitle(about), body };
}

function simulateForm(events: string, probes: string, until: string): string {
  return `<h1>Let time go on</h1><form action="/simulate" aria-label="Simulation">
<label>Events, a line each<textarea name="events" rows="4" cols="44" placeholder="t=5s fail host net1">${forMarkup(events)}</textarea></label>
<label>Probes, a line each<textarea name="probes" rows="4" cols="44" placeholder="a1 -&gt; external:8.8.8.8 icmp every 100ms">${forMarkup(probes)}</textarea></label>
<label>Seconds<input name="until" inputmode="numeric" value="${forMarkup(until)}"></label><button>Simulate</button></form>`;
}
