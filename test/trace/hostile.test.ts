/** Names, descriptions and comments of tenants in every writer of traces and replays. */
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/cli/exit-codes.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { jsonText } from '../../src/text/escape.ts';
import { resolveEnd } from '../../src/trace/ends.ts';
import { drawTrace } from '../../src/trace/picture/draw.ts';
import { parseProbeRecords } from '../../src/trace/probe-record.ts';
import { traceJson } from '../../src/trace/render/json.ts';
import { replayLines } from '../../src/trace/render/replay.ts';
import { shortLines } from '../../src/trace/render/short.ts';
import { PLAIN_PAGE } from '../../src/trace/render/style.ts';
import { verboseLines } from '../../src/trace/render/verbose.ts';
import { replay } from '../../src/trace/replay-run.ts';
import { prepareTracing } from '../../src/trace/tracer.ts';
import { type Trace } from '../../src/trace/types.ts';
import { HOSTILE, hostileDemo } from './hostile-demo.ts';

const DANGEROUS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

const network = openSnapshot(hostileDemo());
const tracer = prepareTracing(network);

function traced(to: string, port: number | null): Trace {
  const [from, target] = [resolveEnd(network, 'a185382d'), resolveEnd(network, to)];
  if (from.kind !== 'found' || target.kind !== 'found') throw new Error('unknown end');
  const answer = tracer.trace({
    from: from.resolved.end,
    to: target.resolved.end,
    packet: {
      protocol: port === null ? 'icmp' : 'tcp',
      sourcePort: null,
      destinationPort: port,
      source: null,
      icmpId: null,
      size: 16,
      dontFragment: false,
      flow: null,
    },
  });
  if (answer.kind === 'impossible') throw new Error(answer.why);
  return answer.trace;
}

const TRACES = [
  traced('292c913e', null),
  traced('292c913e', 23),
  traced('external:198.51.100.10', 80),
];

describe('a name with an @', () => {
  it('names its server, whatever stands behind the sign', () => {
    const called = openSnapshot(hostileDemo(['@everyone']));
    const found = resolveEnd(called, 'a1@everyone');
    expect(found.kind === 'found' && found.resolved.endpoint?.name).toBe('a1@everyone');
  });
});

describe('hostile text', () => {
  it('is really in these traces', () => {
    expect(TRACES[1]?.blockers[0]?.because.join()).toContain(HOSTILE);
    expect(TRACES[2]?.request?.hops.some(({ label }) => label?.includes(HOSTILE))).toBe(true);
  });

  it.each([
    ['the short form', (trace: Trace) => shortLines(trace, CONTEXT, PLAIN_PAGE)],
    ['the long form', (trace: Trace) => verboseLines(trace, PLAIN_PAGE)],
    ['Mermaid', (trace: Trace) => drawTrace(trace, 'mermaid', HOSTILE).split('\n')],
    ['DOT', (trace: Trace) => drawTrace(trace, 'dot', HOSTILE).split('\n')],
    ['SVG', (trace: Trace) => drawTrace(trace, 'svg', HOSTILE).split('\n')],
    ['HTML', (trace: Trace) => drawTrace(trace, 'html', HOSTILE).split('\n')],
    ['JSON', (trace: Trace) => jsonText(traceJson(trace, HOSTILE, '0')).split('\n')],
  ])('is inert in %s', (_name, lines) => {
    for (const trace of TRACES) {
      expect(lines(trace).filter((line) => DANGEROUS.test(line))).toEqual([]);
    }
  });

  it('is inert in commands that people copy', () => {
    for (const { fix, confirm } of TRACES.flatMap(({ blockers }) => blockers)) {
      for (const command of [...(fix?.commands ?? []), ...confirm]) {
        expect(command).not.toMatch(/[`<>\n]|\$\(/);
      }
    }
  });

  it('is inert in a replay', () => {
    const records = [{ kind: 'probe', phase: HOSTILE, from: `x${HOSTILE}`, to: '10.0.0.7' }];
    const { value } = parseProbeRecords(JSON.stringify(records), 'truth.json');
    const lines = replayLines(
      replay(value, () => network),
      { withTraces: true },
      PLAIN_PAGE,
    );
    expect(lines.filter((line) => DANGEROUS.test(line))).toEqual([]);
  });

  it('is inert in answers about ends', () => {
    const answer = resolveEnd(network, `nobody${HOSTILE}`);
    if (answer.kind !== 'unknown') throw new Error('somebody is called so');
    expect(new UsageError(answer.message, HOSTILE).message.split('\n')).toHaveLength(2);
    expect(new UsageError(answer.message).message).not.toMatch(DANGEROUS);
  });
});

const CONTEXT = { snapshot: HOSTILE, took_ms: 1, withReply: true, everything: true };
