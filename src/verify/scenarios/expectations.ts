/** `expect.yaml` of a scenario: who reaches whom, how, and what stops the others. */
import {
  items,
  type JsonNode,
  keysOf,
  member,
  numberOf,
  placeOf,
  records,
  reportUnknownKeys,
  textOf,
  truthOf,
  wrong,
} from '../../text/json-text.ts';
import { type Parsed, type Problem } from '../../text/problem.ts';
import { nearest } from '../../text/suggest.ts';
import { yamlRoot } from '../../text/yaml-text.ts';
import { type Asked } from '../../trace/ask.ts';
import { type Verdict } from '../../trace/types.ts';
import { EDITS } from './edits/rows.ts';
import {
  type Announced,
  type Edit,
  type Expectation,
  type Fault,
  type Refusal,
  type Scenario,
  type Seen,
  type Simulation,
} from './types.ts';

export const SCENARIO_KEYS = ['refused', 'announces', 'simulations', 'traces', 'faults'] as const;
export const REFUSAL_KEYS = ['at', 'says'] as const;
export const ANNOUNCED_KEYS = ['speaker', 'to', 'via', 'never'] as const;
export const SIMULATION_KEYS = [
  'edits',
  'events',
  'probes',
  'until',
  'ways',
  'router',
  'masters',
  'at_once',
  'because',
  'causes',
  'loss',
  'changes',
  'says',
  'traces',
] as const;
export const FAULT_KEYS = ['name', 'edits', 'traces'] as const;
export const TRACE_KEYS = [
  'from',
  'to',
  'icmp',
  'tcp',
  'udp',
  'source_port',
  'size',
  'df',
  'ipv6',
  'flow',
  'is',
  'because',
  'at',
  'component',
  'direction',
  'seen_from',
  'seen_to',
  'received_by',
  'answer_from',
  'gives',
  'assumes',
  'warns',
  'may_reach',
  'via',
  'reply_via',
  'avoids',
  'sees',
] as const;
export const VERDICTS = ['reachable', 'unreachable', 'ambiguous', 'undetermined'] as const;

/** The scenario; what is wrong with it is told at its place. */
export function readExpectations(file: string, text: string): Parsed<Scenario> {
  const problems: Problem[] = [];
  const root = yamlRoot(file, text, problems);
  if (root === undefined) {
    return {
      value: { refused: [], announces: [], simulations: [], traces: [], faults: [] },
      problems,
    };
  }
  reportUnknownKeys(root, SCENARIO_KEYS);
  const value: Scenario = {
    refused: records(member(root, 'refused')).map(readRefusal),
    announces: records(member(root, 'announces')).map(readAnnounced),
    simulations: records(member(root, 'simulations')).map(readSimulation),
    traces: tracesOf(root),
    faults: records(member(root, 'faults')).map(readFault),
  };
  if (Object.values(value).every((part) => part.length === 0)) {
    wrong(root, 'A scenario expects at least one trace');
  }
  return { value, problems };
}

function readRefusal(node: JsonNode): Refusal {
  reportUnknownKeys(node, REFUSAL_KEYS);
  const says = textOf(member(node, 'says')) ?? '';
  if (says === '') wrong(node, 'A refusal needs what it says');
  return { line: placeOf(node).line, at: numberOf(member(node, 'at')) ?? null, says };
}

function readAnnounced(node: JsonNode): Announced {
  reportUnknownKeys(node, ANNOUNCED_KEYS);
  return {
    line: placeOf(node).line,
    speaker: textOf(member(node, 'speaker')) ?? '',
    to: textOf(member(node, 'to')) ?? '',
    via: textOf(member(node, 'via')) ?? null,
    never: truthOf(member(node, 'never')) ?? false,
  };
}

function readSimulation(node: JsonNode): Simulation {
  reportUnknownKeys(node, SIMULATION_KEYS);
  const number = (key: string, usual: number): number => numberOf(member(node, key)) ?? usual;
  return {
    line: placeOf(node).line,
    edits: editsOf(node),
    events: wordsOf(member(node, 'events')),
    probes: wordsOf(member(node, 'probes')),
    until_s: number('until', 30),
    ways: number('ways', 8),
    router: textOf(member(node, 'router')) ?? '',
    masters: wordsOf(member(node, 'masters')),
    atOnce: number('at_once', 1),
    because: textOf(member(node, 'because')) ?? null,
    causes: wordsOf(member(node, 'causes')),
    loss_s: readLoss(member(node, 'loss')),
    changes: wordsOf(member(node, 'changes')),
    says: wordsOf(member(node, 'says')),
    traces: tracesOf(node),
  };
}

/** `[4.8, 7.1]`: seconds from and to. */
function readLoss(node: JsonNode | undefined): readonly [number, number] | null {
  if (node === undefined) return null;
  const [least, most, ...more] = items(node).map((each) => numberOf(each));
  if (least !== undefined && most !== undefined && more.length === 0) return [least, most];
  wrong(node, 'Expected two numbers of seconds');
  return null;
}

function editsOf(node: JsonNode): readonly Edit[] {
  return records(member(node, 'edits')).flatMap((each) => readEdit(each) ?? []);
}

function readFault(node: JsonNode): Fault {
  reportUnknownKeys(node, FAULT_KEYS);
  const edits = editsOf(node);
  const name = textOf(member(node, 'name')) ?? '';
  const traces = tracesOf(node);
  if (name === '' || edits.length === 0 || traces.length === 0) {
    wrong(node, 'A fault needs a name, edits and traces');
  }
  return { line: placeOf(node).line, name, edits, traces };
}

/** `lose_flows: {host: …, bridge: …, with: …}`: one kind and its words. */
function readEdit(node: JsonNode): Edit | null {
  const [kind, ...others] = keysOf(node);
  const row = EDITS.get(kind ?? '');
  if (kind === undefined || row === undefined || others.length > 0) {
    wrong(node, 'Expected one edit', nearest(kind ?? '', EDITS.keys()));
    return null;
  }
  const words = member(node, kind);
  reportUnknownKeys(words, [...row.needs, ...row.may]);
  const read = new Map(keysOf(words).map((key) => [key, wordsOf(member(words, key))]));
  for (const key of row.needs) {
    if (!read.has(key)) wrong(node, `This edit needs ${JSON.stringify(key)}`);
  }
  return { line: placeOf(node).line, kind, words: read };
}

function wordsOf(node: JsonNode | undefined): readonly string[] {
  if (node === undefined) return [];
  return (Array.isArray(node.value) ? items(node) : [node]).map(({ value }) => String(value));
}

function tracesOf(node: JsonNode): readonly Expectation[] {
  return records(member(node, 'traces')).flatMap((each) => readOne(each) ?? []);
}

function readOne(node: JsonNode): Expectation | null {
  reportUnknownKeys(node, TRACE_KEYS);
  const word = (key: string): string | null => textOf(member(node, key)) ?? null;
  const list = (key: string): readonly string[] => wordsOf(member(node, key));
  const from = word('from');
  const to = word('to');
  const verdict = verdictOf(member(node, 'is'));
  if (from === null || to === null || verdict === null) {
    wrong(node, 'An expectation needs from, to and is');
    return null;
  }
  return {
    line: placeOf(node).line,
    asked: askedOf(node, from, to),
    verdict,
    because: word('because'),
    at: word('at'),
    component: word('component'),
    direction: word('direction'),
    seenFrom: word('seen_from'),
    seenTo: word('seen_to'),
    receivedBy: word('received_by'),
    answerFrom: word('answer_from'),
    gives: list('gives'),
    assumes: list('assumes'),
    warns: list('warns'),
    mayReach: list('may_reach'),
    via: list('via'),
    replyVia: list('reply_via'),
    avoids: list('avoids'),
    sees: records(member(node, 'sees')).flatMap((each) => readSeen(each) ?? []),
  };
}

/** `{on: 'compute1:eth1', vlan: 42, ip_src: 10.0.0.5}`. */
function readSeen(node: JsonNode): Seen | null {
  const words = new Map(keysOf(node).map((key) => [key, wordsOf(member(node, key)).join('|')]));
  const [, host, device] = /^([^:]+):(.+)$/.exec(words.get('on') ?? '') ?? [];
  const direction = words.get('direction') ?? null;
  if (host === undefined || device === undefined) {
    wrong(node, 'What is seen needs on: HOST:INTERFACE');
    return null;
  }
  if (direction !== null && direction !== 'in' && direction !== 'out') {
    wrong(node, 'The direction is in or out');
  }
  return {
    line: placeOf(node).line,
    host,
    interface: device,
    role: words.get('role') ?? null,
    direction: direction === 'in' || direction === 'out' ? direction : null,
    fields: new Map([...words].filter(([key]) => !SEEN_WORDS.includes(key))),
    never: truthOf(member(node, 'never')) ?? false,
  };
}

const SEEN_WORDS: readonly string[] = ['on', 'role', 'direction', 'never'];

function verdictOf(node: JsonNode | undefined): Verdict | null {
  const text = textOf(node);
  if (node === undefined || text === undefined) return null;
  const found = VERDICTS.find((each) => each === text);
  if (found === undefined)
    wrong(node, `Expected one of ${VERDICTS.join(', ')}`, nearest(text, VERDICTS));
  return found === undefined ? null : (found.toUpperCase() as Verdict);
}

function askedOf(node: JsonNode, from: string, to: string): Asked {
  const number = (key: string): number | undefined => numberOf(member(node, key));
  const tcp = number('tcp');
  const udp = number('udp');
  const icmp = truthOf(member(node, 'icmp')) === true;
  const port = tcp ?? udp;
  const protocol = tcp !== undefined ? 'tcp' : udp !== undefined ? 'udp' : icmp ? 'icmp' : null;
  const sourcePort = number('source_port');
  const size = number('size');
  const flow = textOf(member(node, 'flow'));
  return {
    from,
    to,
    ...(protocol === null ? {} : { protocol }),
    ...(port === undefined ? {} : { port }),
    ...(sourcePort === undefined ? {} : { sourcePort }),
    ...(size === undefined ? {} : { size }),
    ...(truthOf(member(node, 'df')) === true ? { dontFragment: true } : {}),
    ...(flow === undefined ? {} : { flow }),
    version: truthOf(member(node, 'ipv6')) === true ? 6 : 4,
  };
}
