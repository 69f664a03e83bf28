/** What of a trace is otherwise than a scenario expects, as sentences. */
import { headerView } from '../../trace/header.ts';
import { sightingsOf } from '../../trace/sightings.ts';
import { type Content, type Journey, type Trace } from '../../trace/types.ts';
import { type Naming } from './names.ts';
import { type Expectation, type Seen } from './types.ts';

export function compared(expected: Expectation, trace: Trace, naming: Naming): readonly string[] {
  const otherwise: string[] = [];
  const check = (what: string, wanted: string | null, actual: string | null | undefined): void => {
    if (wanted !== null && naming.put(wanted) !== actual) {
      otherwise.push(`${what} is ${actual ?? 'nothing'}, not ${naming.put(wanted)}`);
    }
  };
  const [blocker] = trace.blockers;
  const stopped =
    blocker === undefined ? '' : ` (${blocker.code} at ${blocker.host} ${blocker.component})`;
  if (trace.verdict !== expected.verdict) {
    otherwise.push(`the verdict is ${trace.verdict}${stopped}, not ${expected.verdict}`);
  }
  check('the reason', expected.because, blocker?.code);
  check('the place', expected.at, blocker?.host);
  if (expected.component !== null) {
    const wanted = naming.put(expected.component);
    if (blocker?.component.includes(wanted) !== true) {
      otherwise.push(`it was stopped by ${blocker?.component ?? 'nothing'}, not by ${wanted}`);
    }
  }
  check('the way that was blocked', expected.direction, blocker?.direction);
  check('the source that is seen', expected.seenFrom, trace.observed?.source);
  check('the destination that is seen', expected.seenTo, trace.observed?.destination);
  check('who received it', expected.receivedBy, trace.receivedBy);
  check('who answered', expected.answerFrom, trace.answerFrom);
  const given = givenBy(trace.content);
  for (const wanted of expected.gives) {
    if (!given.includes(naming.put(wanted))) {
      otherwise.push(
        `the answer gives ${given.join(', ') || 'nothing'}, not ${naming.put(wanted)}`,
      );
    }
  }
  const warned = trace.remarks.flatMap(({ code }) => code ?? []);
  for (const wanted of expected.warns) {
    if (!warned.some((code) => code === wanted)) {
      otherwise.push(`it warns of ${warned.join(', ') || 'nothing'}, not of ${wanted}`);
    }
  }
  const codes = [...trace.assumptions, ...trace.unmodelled].map(({ code }) => code);
  for (const wanted of expected.assumes) {
    if (!codes.some((code) => code === wanted)) {
      otherwise.push(`it assumes ${codes.join(', ') || 'nothing'}, not ${wanted}`);
    }
  }
  otherwise.push(...worlds(expected, trace, naming));
  otherwise.push(...ways(expected, trace, naming));
  for (const seen of expected.sees) otherwise.push(...sighted(seen, trace, naming));
  return otherwise;
}

function givenBy(content: Content | null): readonly string[] {
  switch (content?.kind) {
    case 'lease':
      return [
        content.address,
        content.server,
        ...[...content.settings].map(([name, value]) => `${name} ${value}`),
      ];
    case 'neighbour':
      return content.macs;
    case 'autonomous':
      return [...content.addresses, content.router];
    case 'metadata':
      return [content.client, ...(content.instance === null ? [] : [content.instance])];
    default:
      return [];
  }
}

/** Who of several receives it is left open by a balancer: all of them must be possible. */
function worlds(expected: Expectation, trace: Trace, naming: Naming): readonly string[] {
  const chosen = trace.alternatives.map((each) => each.chosen.join(' '));
  return expected.mayReach
    .map((each) => naming.put(each))
    .filter((wanted) => !chosen.some((each) => each.includes(wanted)))
    .map((wanted) => `it may reach ${chosen.join(' or ') || 'one place only'}, not ${wanted}`);
}

function ways(expected: Expectation, trace: Trace, naming: Naming): readonly string[] {
  const otherwise: string[] = [];
  const passed = waysOf(trace.request);
  const back = waysOf(trace.reply);
  const via = expected.via.map(naming.put);
  const replyVia = expected.replyVia.map(naming.put);
  if (!inOrder(via, passed)) {
    otherwise.push(`the way is ${passed.join(' ─ ')}, not through ${via.join(' ─ ')}`);
  }
  if (!inOrder(replyVia, back)) {
    otherwise.push(`the way back is ${back.join(' ─ ')}, not through ${replyVia.join(' ─ ')}`);
  }
  for (const place of expected.avoids.map(naming.put)) {
    if (passed.includes(place)) otherwise.push(`the way leads through ${place}`);
  }
  return otherwise;
}

/** Hosts, namespaces, bridges and ports that a packet passed, in order. */
function waysOf(journey: Journey | null): readonly string[] {
  return (journey?.hops ?? []).flatMap((hop) => [
    hop.host,
    hop.device,
    ...(hop.input === null ? [] : [hop.input]),
    ...(hop.output === null ? [] : [hop.output]),
  ]);
}

function inOrder(wanted: readonly string[], passed: readonly string[]): boolean {
  let at = 0;
  for (const place of passed) if (place === wanted[at]) at++;
  return at === wanted.length;
}

/** Some frame on the interface has all the fields; for `never`, none has. */
function sighted(seen: Seen, trace: Trace, naming: Naming): readonly string[] {
  const device = naming.put(seen.interface);
  const frames = sightingsOf(trace)
    .filter(({ at }) => at.host === seen.host && at.interface === device)
    .filter(({ role }) => seen.role === null || role === seen.role)
    .filter(({ direction }) => seen.direction === null || direction === seen.direction)
    .map(({ packet }) => {
      const inner = packet.inner === null ? {} : headerView(packet.inner.words);
      const own = Object.entries(inner).map(([name, value]) => [`inner.${name}`, value] as const);
      return new Map<string, string>([...Object.entries(headerView(packet.words)), ...own]);
    });
  const wanted = [...seen.fields].map(([name, value]) => [name, naming.put(value)] as const);
  const found = frames.some((frame) =>
    wanted.every(([name, value]) => (frame.get(name) ?? 'none') === value),
  );
  if (found !== seen.never) return [];
  const what = wanted.map(([name, value]) => `${name}=${value}`).join(' ');
  if (seen.never) return [`${seen.host}:${device} shows ${what || 'a frame'}`];
  const shown = frames.map((frame) =>
    wanted.map(([name]) => `${name}=${frame.get(name) ?? 'none'}`).join(' '),
  );
  const told = [...new Set(shown)].join(' | ') || 'no frame at all';
  return [`${seen.host}:${device} shows ${told}, not ${what || 'a frame'}`];
}
