/**
 * Single flow commands as `ovs-ofctl add-flow`, `mod-flows`, `del-flows` and `add-flows` files
 * hold them, with everything ovs-ofctl would refuse. Dumps need less: a switch wrote them.
 */
import { type Parsed, type Problem } from '../../../text/problem.ts';
import { type Flow } from '../types/flow.ts';
import { checkActions } from './consistency.ts';
import {
  complain,
  type FlowReader,
  type FlowTextOptions,
  flowReader,
  readFlow,
} from './flow-line.ts';
import { matchWords, mergedSlots, mergedTests } from './match-tests.ts';
import { fault } from './numbers.ts';
import { bytesOf, keyText, nextPair, pairCursor } from './pairs.ts';
import { PROTOCOLS } from './protocols.ts';
import { FLAG_WORDS } from './words.ts';

/** What a flow_mod does (lib/ofp-flow.c parse_ofp_str); dumps hold only `add`. */
export type FlowCommand = 'add' | 'modify' | 'modify_strict' | 'delete' | 'delete_strict';

export interface FlowMod {
  readonly command: FlowCommand;
  readonly flow: Flow;
  /** False when no table was named: the first table for `add`, all tables for the others. */
  readonly tableNamed: boolean;
  /** Deletes and modifies: only flows whose cookie agrees under this mask. */
  readonly cookieMask: bigint | null;
  readonly outPort: number | null;
  readonly outGroup: number | null;
  /** OpenFlow flavours that can carry the command (`PROTOCOLS`); zero for none. */
  readonly protocols: number;
  /** Fields that were named but mean nothing without their protocol, and are not matched. */
  readonly ignored: readonly string[];
}

const COMMANDS: readonly FlowCommand[] = [
  'add',
  'delete',
  'delete_strict',
  'modify',
  'modify_strict',
];

/** Reads one command; a text without one is `add`. */
export function parseFlowMod(
  text: string,
  file = 'flow',
  options: FlowTextOptions = {},
): Parsed<FlowMod> {
  // A command is one line; what the shell handed over may still hold line breaks.
  const bytes = bytesOf(text.replace(/[\r\n]/g, ' '));
  const reader = flowReader(bytes, file, options);
  const word = /^[ \t]*([^, \t]*)/.exec(text);
  const command = COMMANDS.find((name) => name === word?.[1]);
  const start = command === undefined ? 0 : (word?.[0].length ?? 0);
  return {
    value: readMod(reader, command ?? 'add', start, bytes.length),
    problems: reader.problems,
  };
}

/** What each command may say beside its match (parse_ofp_str__ "fields"). */
const WITH_ACTIONS: ReadonlySet<FlowCommand> = new Set(['add', 'modify', 'modify_strict']);

function readMod(reader: FlowReader, command: FlowCommand, start: number, end: number): FlowMod {
  const acts = WITH_ACTIONS.has(command);
  const flow = readFlow(reader, start, end, 1, 0, acts);
  const { merged, protocols } = checked(reader, flow, acts, start, end);
  const { settings } = reader;
  refuseForeign(reader, command, start, end);
  return {
    command,
    flow,
    tableNamed: tableOf(reader) !== null,
    cookieMask: settings.cookieMask,
    outPort: settings.outPort,
    outGroup: settings.outGroup,
    protocols: reader.found === 0 ? protocols : 0,
    ignored: merged,
  };
}

/** Words that only some commands take: what is deleted has no timeouts, what is added no filter. */
const FOREIGN: Readonly<Record<FlowCommand, readonly string[]>> = {
  add: ['out_port', 'out_group'],
  modify: ['out_port', 'out_group', 'importance'],
  modify_strict: ['out_port', 'out_group', 'importance'],
  delete: ['priority', 'idle_timeout', 'hard_timeout', 'importance', ...FLAG_WORDS],
  delete_strict: ['idle_timeout', 'hard_timeout', 'importance', ...FLAG_WORDS],
};

function refuseForeign(reader: FlowReader, command: FlowCommand, start: number, end: number): void {
  const cursor = pairCursor(reader.bytes, start, end);
  while (nextPair(cursor)) {
    const key = keyText(cursor);
    if (key.startsWith('action')) break;
    const to = Math.max(cursor.keyEnd, cursor.valueEnd);
    if (FOREIGN[command].includes(key)) {
      complain(reader, fault(`${command} does not take this word`), cursor.keyStart, to, 1, 0);
    }
    const masked = reader.settings.cookieMask !== null;
    if (
      key === 'cookie' &&
      (command === 'add' ? masked : command.startsWith('delete') && !masked)
    ) {
      const wrong = masked ? 'a new flow has a cookie without mask' : 'deletes need a cookie mask';
      complain(reader, fault(wrong), cursor.keyStart, to, 1, 0);
    }
  }
}

/** The table that was named; 255 names none. */
function tableOf(reader: FlowReader): number | null {
  const { table } = reader.settings;
  return table < 0 || table === 255 ? null : table;
}

function checked(
  reader: FlowReader,
  flow: Flow,
  acts: boolean,
  start: number,
  end: number,
): { merged: readonly string[]; protocols: number } {
  const words = matchWords(reader.match);
  const slots = mergedSlots(words);
  const merged = mergedTests(words).dropped;
  let { protocols } = reader.settings;
  const ipv6 = slots.get('eth_type')?.value === 0x86ddn;
  const deep = ['nw_proto', 'nw_tos', 'nw_ecn', 'tp_src', 'tp_dst'].some(
    (slot) => (slots.get(slot)?.mask ?? 0n) !== 0n,
  );
  // OpenFlow 1.0 and 1.1 themselves cannot match inside IPv6.
  if (ipv6 && deep) protocols &= PROTOCOLS.nxm | PROTOCOLS.oxm;
  if (acts && reader.found === 0) {
    const found = checkActions(flow.actions, slots, tableOf(reader));
    protocols &= found.protocols;
    const wrong =
      found.fault ??
      (protocols === 0 ? fault('no OpenFlow version takes this match with these actions') : null);
    if (wrong !== null) complain(reader, wrong, start, end, 1, 0);
  }
  return { merged, protocols };
}

/** Reads one flow as it is given to add-flow. */
export function parseFlow(
  text: string,
  file = 'flow',
  options: FlowTextOptions = {},
): Parsed<Flow> {
  const { value, problems } = parseFlowMod(text, file, options);
  return { value: value.flow, problems };
}

/** Reads a file for `add-flows`: one command a line, blank lines and `#` comments skipped. */
export function parseFlowMods(
  text: string,
  file: string,
  options: FlowTextOptions = {},
): Parsed<readonly FlowMod[]> {
  const mods: FlowMod[] = [];
  const problems: Problem[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    const code = line.replace(/#.*/s, '');
    if (code.trim() === '') continue;
    const parsed = parseFlowMod(code, file, options);
    mods.push(parsed.value);
    for (const problem of parsed.problems) problems.push({ ...problem, line: i + 1 });
  }
  return { value: mods, problems };
}
