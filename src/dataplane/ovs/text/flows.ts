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
  for (let start = 0; start < bytes.length; ) {
    line++;
    let end = bytes.indexOf(0x0a, start);
    if (end < 0) end = bytes.length;
    const flow = flowOfLine(reader, start, end, line);
    if (flow !== null) flows.push(flow);
    start = end + 1;
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

function flowOfLine(reader: FlowReader, start: number, end: number, line: number): Flow | null {
  const { bytes } = reader;
  let at = start;
  while (at < end && isBlank(bytes[at] ?? 0)) at++;
  const first = bytes[at] ?? 0;
  if (at >= end || first === 0x23) return null;
  const upper = first === 0x4e || first === 0x4f;
  if (upper && REPLY.test(textOf(bytes, at, Math.min(end, at + 200)))) return null;
  return readFlow(reader, at, end, line, start);
}
