/**
 * Flow dumps and flow files: what `ovs-ofctl dump-flows` prints and `add-flows` reads, line by
 * line from bytes. Behind this come the tables of the pipeline; before it only the file.
 *
 * A line is cut into words, each word is looked up by its bytes, and only words that were not
 * seen before are really read. That keeps half a million lines a second.
 */
import { textOf } from '../../../text/byte-memo.ts';
import { type Parsed } from '../../../text/problem.ts';
import { type Flow, type OpenFlowVersion } from '../types/flow.ts';
import {
  type FlowReader,
  type FlowTextOptions,
  flowReader,
  isBlank,
  lineEndFrom,
  readFlow,
} from './flow-line.ts';

/** Reads a whole dump or flow file. */
export function parseFlows(
  bytes: Uint8Array,
  file: string,
  options: FlowTextOptions = {},
): Parsed<readonly Flow[]> {
  const reader = flowReader(bytes, file, options);
  const flows: Flow[] = [];
  let line = 0;
  for (let start = 0; start < bytes.length; start = reader.lineEnd + 1) {
    const flow = flowOfLine(reader, start, ++line);
    if (flow !== null) flows.push(flow);
  }
  if (reader.found > reader.problems.length) {
    const message = `${reader.found - reader.problems.length} more problems are not listed`;
    reader.problems.push({ file, line, column: 1, text: '', message });
  }
  return { value: flows, problems: reader.problems };
}

const REPLY = /^\s*(?:NXST|OFPST|OFPT|NXT)_[A-Z_]+ (?:reply|request)\b/;

/** The OpenFlow version a dump was taken with, when its first line says so. */
export function dumpVersion(bytes: Uint8Array): OpenFlowVersion | null {
  const head = textOf(bytes, 0, Math.min(bytes.length, 4096));
  const reply = /^\s*(NXST|OFPST)_FLOW reply (?:\(OF(1\.[0-5])\))?/m.exec(head);
  if (reply === null) return null;
  const version = (['1.1', '1.2', '1.3', '1.4', '1.5'] as const).find((of) => of === reply[2]);
  return version ?? '1.0';
}

/** The flow of the line at `start`; null where it holds none. `reader.lineEnd` is behind it. */
function flowOfLine(reader: FlowReader, start: number, line: number): Flow | null {
  const { bytes } = reader;
  const end = bytes.length;
  let at = start;
  while (at < end && isBlank(bytes[at] ?? 0)) at++;
  const first = bytes[at] ?? 0;
  // A line feed, `#`, or the N or O of a reply's head line.
  if (at >= end || first === 0x0a || first === 0x23 || first === 0x4e || first === 0x4f) {
    reader.lineEnd = lineEndFrom(bytes, at, end);
    if (first !== 0x4e && first !== 0x4f) return null;
    if (REPLY.test(textOf(bytes, at, Math.min(reader.lineEnd, at + 200)))) return null;
  }
  return readFlow(reader, at, end, line, start);
}
