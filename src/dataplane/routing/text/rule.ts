/**
 * Policy routing rules, as `ip rule` prints them, as text or as JSON (iproute2 `ip/iprule.c`).
 * A JSON row is turned into the words of the text form, so there is one meaning for both.
 */
import { readPrefix } from '../../../text/address-text.ts';
import {
  type JsonNode,
  jsonRoot,
  keysOf,
  member,
  records,
  wrong,
} from '../../../text/json-text.ts';
import { complain, linesOf } from '../../../text/lines.ts';
import { type Origin, type Parsed, type Problem } from '../../../text/problem.ts';
import { readProtocol } from '../../iptables/protocols.ts';
import { ruleForAll } from '../kernel-routes.ts';
import { type PolicyRule, type Prefix } from '../types.ts';
import { isJson } from './form.ts';
import { tableOf } from './route.ts';

type Complain = (word: string, message: string, known?: Iterable<string>) => void;
type Draft = { -readonly [K in keyof PolicyRule]: PolicyRule[K] };

/** What each word of a rule sets; a reader takes the word's value. */
const VALUED: Readonly<Record<string, (rule: Draft, value: string, fail: Complain) => void>> = {
  from: (rule, value, fail) => {
    rule.from = prefixOf(value, fail);
  },
  to: (rule, value, fail) => {
    rule.to = prefixOf(value, fail);
  },
  iif: (rule, value) => {
    rule.inputDevice = value;
  },
  oif: (rule, value) => {
    rule.outputDevice = value;
  },
  fwmark: (rule, value, fail) => {
    const [mark = '', mask = '0xffffffff'] = value.split('/');
    rule.mark = { value: numberFrom(mark, fail), mask: numberFrom(mask, fail) };
  },
  tos: (rule, value, fail) => {
    rule.tos = numberFrom(value.startsWith('0x') ? value : `0x${value}`, fail);
  },
  ipproto: (rule, value, fail) => {
    rule.protocol = readProtocol(value)?.number ?? numberFrom(value, fail);
  },
  sport: (rule, value, fail) => {
    rule.sourcePorts = rangeOf(value, fail);
  },
  dport: (rule, value, fail) => {
    rule.destinationPorts = rangeOf(value, fail);
  },
  lookup: (rule, value, fail) => {
    rule.action = { kind: 'lookup', table: tableOf(value, fail), suppressPrefixLength: null };
  },
  suppress_prefixlength: (rule, value, fail) => {
    const { action } = rule;
    if (action.kind !== 'lookup') return;
    rule.action = { ...action, suppressPrefixLength: numberFrom(value, fail) };
  },
  goto: (rule, value, fail) => {
    rule.action = { kind: 'goto', priority: numberFrom(value, fail) };
  },
  proto: () => {},
  protocol: () => {},
};

const BARE: Readonly<Record<string, (rule: Draft) => void>> = {
  not: (rule) => {
    rule.not = true;
  },
  blackhole: (rule) => {
    rule.action = { kind: 'blackhole' };
  },
  unreachable: (rule) => {
    rule.action = { kind: 'unreachable' };
  },
  prohibit: (rule) => {
    rule.action = { kind: 'prohibit' };
  },
  nop: (rule) => {
    rule.action = { kind: 'nop' };
  },
};

/** `ip [-4|-6] [-json] rule list`. Without a version of its own a rule takes `version`. */
export function readRules(
  file: string,
  text: string,
  version: 4 | 6,
): Parsed<readonly PolicyRule[]> {
  const rules: PolicyRule[] = [];
  if (isJson(text)) {
    const problems: Problem[] = [];
    for (const row of records(jsonRoot(file, text, problems))) {
      const fail: Complain = (word, message) => wrong(row, `${message}: ${word}`);
      rules.push(ruleOf(wordsOf(row), version, { file, line: 1 }, fail));
    }
    return { value: rules, problems };
  }
  const lines = linesOf(file, text);
  for (const [i, line] of lines.lines.entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const match = /^(\d+):\s*(.*)$/.exec(line);
    if (match === null) {
      complain(lines, i, line, 'A rule starts with its priority and a colon');
      continue;
    }
    const words = [match[1] ?? '0', ...(match[2] ?? '').trim().split(/\s+/)];
    const fail: Complain = (word, message, known) => complain(lines, i, word, message, known);
    rules.push(ruleOf(words, version, { file, line: i + 1 }, fail));
  }
  return { value: rules, problems: lines.problems };
}

/** The words the text form would have. Presence alone counts for `not` and `nop` (null in JSON). */
function wordsOf(row: JsonNode): string[] {
  const say = (key: string): string | undefined => {
    const node = member(row, key);
    return node === undefined ? undefined : String(node.value);
  };
  const words = [say('priority') ?? '0'];
  const keys = new Set(keysOf(row));
  if (keys.has('not')) words.push('not');
  const add = (word: string, value: string | undefined): void => {
    if (value !== undefined) words.push(word, value);
  };
  const withLength = (address: string, length: string): string | undefined => {
    const base = say(address);
    const bits = say(length);
    return base === undefined || bits === undefined ? base : `${base}/${bits}`;
  };
  add('from', withLength('src', 'srclen'));
  add('to', withLength('dst', 'dstlen'));
  const mask = say('fwmask');
  const mark = say('fwmark');
  add('fwmark', mark === undefined || mask === undefined ? mark : `${mark}/${mask}`);
  for (const key of ['iif', 'oif', 'tos', 'ipproto']) add(key, say(key));
  for (const key of ['sport', 'dport']) {
    const start = say(`${key}_start`);
    add(key, start === undefined ? say(key) : `${start}-${say(`${key}_end`) ?? start}`);
  }
  add('lookup', say('table'));
  add('suppress_prefixlength', say('suppress_prefixlen') ?? say('suppress_prefixlength'));
  add('goto', say('goto'));
  if (keys.has('nop')) words.push('nop');
  const action = say('action');
  if (action !== undefined) words.push(action);
  return words;
}

function ruleOf(
  words: readonly string[],
  version: 4 | 6,
  origin: Origin,
  fail: Complain,
): PolicyRule {
  const rule: Draft = { ...ruleForAll(version, Number(words[0]), origin) };
  for (let i = 1; i < words.length; ) {
    const word = words[i++] ?? '';
    const valued = Object.hasOwn(VALUED, word) ? VALUED[word] : undefined;
    const bare = Object.hasOwn(BARE, word) ? BARE[word] : undefined;
    if (valued !== undefined) valued(rule, words[i++] ?? '', fail);
    else if (bare !== undefined) bare(rule);
    // `[detached]` tells that the device is gone; such a rule cannot match.
    else if (word !== '[detached]') {
      fail(word, 'This word of a rule is not known', Object.keys(VALUED));
    }
  }
  const known = rule.from ?? rule.to;
  if (known !== null) rule.version = known.address.version;
  return rule;
}

function prefixOf(text: string, fail: Complain): Prefix | null {
  if (text === 'all' || text === 'default' || text === 'any') return null;
  const prefix = readPrefix(text);
  if (prefix === undefined) fail(text, 'This is not a prefix');
  return prefix ?? null;
}

function numberFrom(text: string, fail: Complain): number {
  if (/^(\d{1,10}|0x[0-9a-f]{1,8})$/i.test(text)) return Number(text);
  fail(text, 'This is not a number');
  return 0;
}

function rangeOf(text: string, fail: Complain): readonly [number, number] {
  const [from = '', to = from] = text.split('-');
  return [numberFrom(from, fail), numberFrom(to, fail)];
}
