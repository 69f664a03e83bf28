/**
 * Files of `iptables-save` and the scripts that `iptables-restore` takes: tables, chains, rules.
 * Before: the bytes of a file; after: a `Ruleset`, and the same text again.
 */
import { type Origin, type Parsed, type Problem } from '../../../text/problem.ts';
import { nearest } from '../../../text/suggest.ts';
import {
  BASE_CHAINS,
  type Chain,
  type Counters,
  NO_COUNTERS,
  type Rule,
  type Ruleset,
  type Table,
  type TableName,
} from '../types.ts';
import { appendedAgain, noteAppended } from './repeated-rules.ts';
import { printRule } from './rule.ts';
import { readRule } from './rule-reader.ts';
import { type Words, wordsOf } from './words.ts';

interface OpenChain {
  readonly name: string;
  policy: Chain['policy'];
  counters: Counters;
  rules: Rule[];
  readonly origin: Origin;
}

interface OpenTable {
  readonly name: TableName;
  readonly chains: Map<string, OpenChain>;
  readonly origin: Origin;
  /** Lines with rules, read when every chain of the table is known. */
  readonly commands: { readonly line: string; readonly number: number }[];
}

const COUNTERS = /^\[(\d+):(\d+)\]$/;
const TABLES: readonly string[] = Object.keys(BASE_CHAINS);
/** `iptables -L` begins its chains like this. */
const LISTING = /^Chain \S+ \((policy |\d+ references)/;

/**
 * Reads what `iptables-save [-c]` or `ip6tables-save [-c]` printed, a script for
 * `iptables-restore`, or `iptables -S`. `file` only names the origin. Never throws.
 */
export function parseIptablesSave(text: string, file: string, version: 4 | 6): Parsed<Ruleset> {
  const problems: Problem[] = [];
  const tables: OpenTable[] = [];
  let open: OpenTable | null = null;
  const lines = text.split('\n');
  const specified = specifiedTable(lines);
  if (specified !== null) open = openTable(specified, file, 1, tables, problems);
  for (const [i, raw] of lines.entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    const first = line.trimStart().charAt(0);
    if (first === '' || first === '#') continue;
    const number = i + 1;
    if (LISTING.test(line)) {
      problems.push(listing(file, number, line, lines[i + 1] ?? ''));
      break;
    }
    if (first === '*') {
      open = openTable(line.trim().slice(1), file, number, tables, problems);
    } else if (line.trim() === 'COMMIT') {
      open = null;
    } else if (open === null) {
      problems.push(at(file, number, 1, line, 'this line stands outside of a table'));
    } else if (first === ':') {
      declareChain(open, line, file, number, problems);
    } else {
      declareByCommand(open, line, file, number);
      open.commands.push({ line, number });
    }
  }
  if (open !== null && specified === null) {
    problems.push(at(file, lines.length, 1, '', 'the last table has no COMMIT'));
  }
  for (const table of tables) {
    for (const { line, number } of table.commands) {
      const origin = { file, line: number };
      const known = appendedAgain(version, line, (name) => isUserChain(table, name));
      const chain = known === null ? undefined : table.chains.get(known.chain);
      if (known === null || chain === undefined) runCommand(table, line, origin, version, problems);
      else chain.rules.push(...known.at(origin));
    }
  }
  return { value: { version, tables: tables.map(closeTable) }, problems };
}

function at(file: string, line: number, column: number, text: string, message: string): Problem {
  return { file, line, column, text: text.slice(0, 200), message };
}

function listing(file: string, number: number, line: string, heading: string): Problem {
  const verbose = /\bin\b.*\bout\b/.test(heading);
  const why = verbose
    ? 'iptables -L -v, a table for people that does not say everything'
    : 'iptables -L, which hides interfaces (-i, -o)';
  return at(file, number, 1, line, `this is the output of ${why}; use iptables-save -c`);
}

/**
 * `iptables -S` prints the commands of one table and does not name it; its base chains tell
 * which one it is (`security` has those of `filter`). Null for any other text.
 */
function specifiedTable(lines: readonly string[]): TableName | null {
  const policies: string[] = [];
  for (const line of lines) {
    if (line.startsWith('*')) return null;
    const chain = /^-P (\S+) (ACCEPT|DROP)\b/.exec(line)?.[1];
    if (chain !== undefined) policies.push(chain);
  }
  if (policies.length === 0) return null;
  const same = (chains: readonly string[]): boolean =>
    chains.length === policies.length && chains.every((chain) => policies.includes(chain));
  const order: readonly TableName[] = ['filter', 'nat', 'mangle', 'raw'];
  const known = order.find((name) => same(BASE_CHAINS[name]));
  // Before Linux 2.6.36 the nat table had no INPUT.
  return known ?? (policies.includes('POSTROUTING') ? 'nat' : 'filter');
}

function openTable(
  name: string,
  file: string,
  line: number,
  tables: OpenTable[],
  problems: Problem[],
): OpenTable | null {
  const known = Object.keys(BASE_CHAINS).find((table): table is TableName => table === name);
  if (known === undefined) {
    const hint = nearest(name, TABLES);
    const problem = at(file, line, 2, name, 'iptables has no table of this name');
    problems.push(hint === undefined ? problem : { ...problem, didYouMean: hint });
    return null;
  }
  const again = tables.find((table) => table.name === known);
  if (again !== undefined) return again;
  const table: OpenTable = { name: known, chains: new Map(), origin: { file, line }, commands: [] };
  tables.push(table);
  return table;
}

/** `:NAME POLICY [packets:bytes]`. */
function declareChain(
  table: OpenTable,
  line: string,
  file: string,
  number: number,
  problems: Problem[],
): void {
  const words = wordsOf(line);
  const name = (words.text[0] ?? '').slice(1);
  const policy = words.text[1] ?? '';
  const complain = (index: number, message: string): void => {
    const column = words.column[index] ?? line.length + 1;
    problems.push(at(file, number, column, words.text[index] ?? '', message));
  };
  if (name.length === 0 || name.length > 28) complain(0, 'a chain name has 1 to 28 characters');
  const counters = readCounters(words.text[2]);
  if (words.text[2] !== undefined && counters === null) complain(2, 'these are not counters');
  const base = BASE_CHAINS[table.name].includes(name);
  const known = policy === 'ACCEPT' || policy === 'DROP' ? policy : null;
  if (policy !== '-' && known === null) complain(1, 'a policy is ACCEPT, DROP or -');
  if (!base && known !== null) complain(1, 'a user chain has no policy');
  const before = table.chains.get(name);
  const kept = before?.policy ?? (base ? 'ACCEPT' : null);
  table.chains.set(name, {
    name,
    policy: base ? (known ?? kept) : null,
    counters: counters ?? NO_COUNTERS,
    rules: before?.rules ?? [],
    origin: { file, line: number },
  });
}

function readCounters(word: string | undefined): Counters | null {
  const found = COUNTERS.exec(word ?? '');
  if (found === null) return null;
  return { packets: BigInt(found[1] ?? 0), bytes: BigInt(found[2] ?? 0) };
}

/** `-N NAME` and `-P NAME POLICY` make chains as well; base chains need no declaration. */
function declareByCommand(table: OpenTable, line: string, file: string, number: number): void {
  const [head, name] = line.trimStart().split(/\s+/, 2);
  const creates = head === '-N' || head === '--new-chain' || head === '-P' || head === '--policy';
  if (creates && name !== undefined) ensureChain(table, name, { file, line: number });
}

function ensureChain(table: OpenTable, name: string, origin: Origin): OpenChain {
  const found = table.chains.get(name);
  if (found !== undefined) return found;
  const policy = BASE_CHAINS[table.name].includes(name) ? 'ACCEPT' : null;
  const chain: OpenChain = { name, policy, counters: NO_COUNTERS, rules: [], origin };
  table.chains.set(name, chain);
  return chain;
}

const COMMANDS: Readonly<Record<string, 'A' | 'I' | 'D' | 'N' | 'P' | 'F' | 'X' | 'R' | 'Z'>> = {
  '-A': 'A',
  '--append': 'A',
  '-I': 'I',
  '--insert': 'I',
  '-D': 'D',
  '--delete': 'D',
  '-N': 'N',
  '--new-chain': 'N',
  '-P': 'P',
  '--policy': 'P',
  '-F': 'F',
  '--flush': 'F',
  '-X': 'X',
  '--delete-chain': 'X',
  '-R': 'R',
  '--replace': 'R',
  '-Z': 'Z',
  '--zero': 'Z',
};

/** Does what one line of a restore script says. */
function runCommand(
  table: OpenTable,
  line: string,
  origin: Origin,
  version: 4 | 6,
  problems: Problem[],
): void {
  const words = wordsOf(line);
  const complain = (index: number, message: string, hint?: string): void => {
    const column = words.column[index] ?? line.length + 1;
    const problem = at(origin.file, origin.line, column, words.text[index] ?? '', message);
    problems.push(hint === undefined ? problem : { ...problem, didYouMean: hint });
  };
  const counters = readCounters(words.text[0]);
  const start = counters === null ? 0 : 1;
  const command = COMMANDS[words.text[start] ?? ''];
  const name = words.text[start + 1] ?? '';
  if (command === undefined) return complain(start, 'this is no command of iptables-restore');
  const known = table.chains.has(name) || BASE_CHAINS[table.name].includes(name);
  if (!known && command !== 'N' && name !== '') {
    return complain(
      start + 1,
      'the table has no chain of this name',
      nearest(name, table.chains.keys()),
    );
  }
  const chain = name === '' ? null : ensureChain(table, name, origin);
  if (command === 'F' || command === 'X' || command === 'Z') return emptied(table, chain, command);
  if (chain === null) return complain(start, 'the chain is missing');
  if (command === 'N') return;
  if (command === 'P') {
    const policy = words.text[start + 2];
    if (policy === 'ACCEPT' || policy === 'DROP') chain.policy = policy;
    else complain(start + 2, 'a policy is ACCEPT or DROP');
    return;
  }
  changeRules(table, chain, command, words, start + 2, {
    line,
    origin,
    version,
    problems,
    counters,
  });
}

function emptied(table: OpenTable, chain: OpenChain | null, command: 'F' | 'X' | 'Z'): void {
  const chains = chain === null ? [...table.chains.values()] : [chain];
  for (const each of chains) {
    if (command === 'F') each.rules = [];
    else if (command === 'X' && !BASE_CHAINS[table.name].includes(each.name)) {
      table.chains.delete(each.name);
    }
  }
}

interface RuleLine {
  readonly line: string;
  readonly origin: Origin;
  readonly version: 4 | 6;
  readonly problems: Problem[];
  readonly counters: Counters | null;
}

/** `-A`, `-I [n]`, `-R n`, `-D n` and `-D RULE`. */
function changeRules(
  table: OpenTable,
  chain: OpenChain,
  command: 'A' | 'I' | 'R' | 'D',
  words: Words,
  start: number,
  from: RuleLine,
): void {
  const index = command === 'A' ? null : ruleNumber(words.text[start]);
  const asked: (readonly [string, boolean])[] = [];
  const before = from.problems.length;
  const read = readRule(words, index === null ? start : start + 1, {
    version: from.version,
    line: from.line,
    origin: from.origin,
    hasChain: (name) => {
      const has = isUserChain(table, name);
      asked.push([name, has]);
      return has;
    },
    chains: () => table.chains.keys(),
    problems: from.problems,
  });
  const { counters } = from;
  const rules = counters === null ? read : read.map((each) => ({ ...each, counters }));
  if (command === 'A' && from.problems.length === before) {
    noteAppended(from.version, from.line, { chain: chain.name, asked, rules });
  }
  // Rules of one line are inserted one after the other at the same place.
  if (command === 'A') chain.rules.push(...rules);
  else if (command === 'I') chain.rules.splice((index ?? 1) - 1, 0, ...rules.toReversed());
  else for (const rule of rules) replaceRule(chain, command, index, rule, from);
}

function isUserChain(table: OpenTable, name: string): boolean {
  return table.chains.has(name) && !BASE_CHAINS[table.name].includes(name);
}

function replaceRule(
  chain: OpenChain,
  command: 'R' | 'D',
  index: number | null,
  rule: Rule,
  from: RuleLine,
): void {
  const text = printRule(rule);
  const place = index ?? chain.rules.findIndex((each) => printRule(each) === text) + 1;
  if (place < 1 || place > chain.rules.length) {
    const message = 'the chain has no such rule';
    from.problems.push(at(from.origin.file, from.origin.line, 1, from.line, message));
  } else if (command === 'R') chain.rules.splice(place - 1, 1, rule);
  else chain.rules.splice(place - 1, 1);
}

function ruleNumber(word: string | undefined): number | null {
  return word !== undefined && /^[1-9]\d{0,6}$/.test(word) ? Number(word) : null;
}

function closeTable(table: OpenTable): Table {
  return { name: table.name, chains: [...table.chains.values()], origin: table.origin };
}

function printCounters({ packets, bytes }: Counters): string {
  return `[${packets}:${bytes}]`;
}

/** Prints what `iptables-restore` takes: the text of `iptables-save`, with `-c` if `counters`. */
export function printIptablesSave(ruleset: Ruleset, counters = false): string {
  const out: string[] = [];
  for (const table of ruleset.tables) {
    out.push(`*${table.name}`);
    for (const chain of table.chains) {
      out.push(`:${chain.name} ${chain.policy ?? '-'} ${printCounters(chain.counters)}`);
    }
    for (const chain of table.chains) {
      for (const rule of chain.rules) out.push(printRuleLine(chain.name, rule, counters));
    }
    out.push('COMMIT');
  }
  return out.length === 0 ? '' : `${out.join('\n')}\n`;
}

/** One rule as a line of `iptables-save`. */
export function printRuleLine(chain: string, rule: Rule, counters = false): string {
  const count = counters ? `${printCounters(rule.counters ?? NO_COUNTERS)} ` : '';
  return `${count}-A ${chain}${printRule(rule)}`;
}
