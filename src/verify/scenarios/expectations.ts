/** `expect.yaml` of a scenario: who reaches whom, how, and what stops the others. */
import {
  type JsonNode,
  member,
  numberOf,
  records,
  reportUnknownKeys,
  textOf,
  truthOf,
  wrong,
} from '../../text/json-text.ts';
import { type Parsed, type Problem } from '../../text/problem.ts';
import { nearest } from '../../text/suggest.ts';
import { yamlRoot } from '../../text/yaml-text.ts';
import { type PacketQuestion, type Verdict } from '../../trace/types.ts';

export interface Expectation {
  readonly line: number;
  /** As `hopwise trace` takes it. */
  readonly from: string;
  readonly to: string;
  readonly packet: PacketQuestion;
  readonly version: 4 | 6 | null;
  readonly verdict: Verdict;
  /** Reason code of the first blocker. */
  readonly because: string | null;
  /** Host of the first blocker. */
  readonly at: string | null;
  /** Source and destination address as the receiver sees them. */
  readonly seenFrom: string | null;
  readonly seenTo: string | null;
  readonly receivedBy: string | null;
  /** Devices or namespaces that the request passes, in this order; others may stand between. */
  readonly via: readonly string[];
  readonly avoids: readonly string[];
}

const KEYS = [
  'from',
  'to',
  'icmp',
  'tcp',
  'udp',
  'size',
  'df',
  'ipv6',
  'is',
  'because',
  'at',
  'seen_from',
  'seen_to',
  'received_by',
  'via',
  'avoids',
] as const;
const VERDICTS = ['reachable', 'unreachable', 'ambiguous', 'undetermined'] as const;

/** The list below `traces:`; what is wrong with it is told at its place. */
export function readExpectations(file: string, text: string): Parsed<readonly Expectation[]> {
  const problems: Problem[] = [];
  const root = yamlRoot(file, text, problems);
  if (root === undefined) return { value: [], problems };
  reportUnknownKeys(root, ['traces']);
  const value = records(member(root, 'traces')).flatMap((node) => readOne(node) ?? []);
  if (value.length === 0) wrong(root, 'A scenario expects at least one trace');
  return { value, problems };
}

function readOne(node: JsonNode): Expectation | null {
  reportUnknownKeys(node, KEYS);
  const word = (key: string): string | null => textOf(member(node, key)) ?? null;
  const from = word('from');
  const to = word('to');
  const verdict = verdictOf(member(node, 'is'));
  if (from === null || to === null || verdict === null) {
    wrong(node, 'An expectation needs from, to and is');
    return null;
  }
  const list = (key: string): readonly string[] => {
    const at = member(node, key);
    return Array.isArray(at?.value) ? at.value.map(String) : [];
  };
  return {
    line: lineOf(node),
    from,
    to,
    packet: packetOf(node),
    version: truthOf(member(node, 'ipv6')) === true ? 6 : null,
    verdict,
    because: word('because'),
    at: word('at'),
    seenFrom: word('seen_from'),
    seenTo: word('seen_to'),
    receivedBy: word('received_by'),
    via: list('via'),
    avoids: list('avoids'),
  };
}

function lineOf(node: JsonNode): number {
  const before = node.source.text.slice(0, node.source.offset(node.path));
  return before.split('\n').length;
}

function verdictOf(node: JsonNode | undefined): Verdict | null {
  const text = textOf(node);
  if (node === undefined || text === undefined) return null;
  const found = VERDICTS.find((each) => each === text);
  if (found === undefined)
    wrong(node, `Expected one of ${VERDICTS.join(', ')}`, nearest(text, VERDICTS));
  return found === undefined ? null : (found.toUpperCase() as Verdict);
}

function packetOf(node: JsonNode): PacketQuestion {
  const tcp = numberOf(member(node, 'tcp'));
  const udp = numberOf(member(node, 'udp'));
  const protocol = tcp !== undefined ? 'tcp' : udp !== undefined ? 'udp' : 'icmp';
  return {
    protocol,
    sourcePort: null,
    destinationPort: tcp ?? udp ?? null,
    source: null,
    icmpId: null,
    size: numberOf(member(node, 'size')) ?? (protocol === 'icmp' ? 56 : 16),
    dontFragment: truthOf(member(node, 'df')) ?? false,
    flow: null,
  };
}
