/**
 * Neighbours, as `ip neigh` prints them, as text or as JSON (iproute2 `ip/ipneigh.c`), and
 * the addresses a namespace answers for on behalf of others (`ip neigh show proxy`).
 */
import { readIp, readMac } from '../../../text/address-text.ts';
import {
  items,
  jsonRoot,
  keysOf,
  member,
  readAs,
  records,
  textOf,
} from '../../../text/json-text.ts';
import { complain, linesOf } from '../../../text/lines.ts';
import { type Parsed, type Problem } from '../../../text/problem.ts';
import { type IpAddress, type Neighbour } from '../types.ts';
import { isJson } from './form.ts';
import { isArpTable, neighboursOfTable } from './net-tools.ts';

const STATES = [
  'reachable',
  'stale',
  'delay',
  'probe',
  'permanent',
  'noarp',
  'failed',
  'incomplete',
  'none',
] as const;

type State = Neighbour['state'];

/** Words that are followed by a value which does not matter here. */
const VALUED = new Set(['used', 'probes', 'protocol', 'proto', 'ref', 'refcnt', 'nud']);
const FLAGS = new Set(['router', 'extern_learn', 'offload', 'managed', 'extern_valid']);

export interface ProxyNeighbour {
  readonly address: IpAddress;
  readonly device: string;
}

/** `ip [-json] neigh show`, or `arp -n`. */
export function readNeighbours(file: string, text: string): Parsed<readonly Neighbour[]> {
  if (isJson(text)) return neighboursOfJson(file, text);
  if (isArpTable(text)) return neighboursOfTable(file, text);
  const lines = linesOf(file, text);
  const found: Neighbour[] = [];
  for (const [i, line] of lines.lines.entries()) {
    const words = line.trim().split(/\s+/);
    if (line.trim() === '' || line.startsWith('#')) continue;
    const address = readIp(words[0] ?? '');
    if (address === undefined) {
      complain(lines, i, words[0] ?? '', 'A neighbour starts with its address');
      continue;
    }
    let device = '';
    let mac: bigint | null = null;
    let state: State = 'none';
    let router = false;
    for (let at = 1; at < words.length; at++) {
      const word = words[at] ?? '';
      if (word === 'dev') device = words[++at] ?? '';
      else if (word === 'lladdr') {
        mac = readMac(words[++at] ?? '') ?? null;
        if (mac === null) complain(lines, i, words[at] ?? '', 'This is not a MAC address');
      } else if (stateOf(word) !== undefined) state = stateOf(word) ?? state;
      else if (FLAGS.has(word)) router ||= word === 'router';
      else if (VALUED.has(word)) at++;
      else if (!/^\d+(\/\d+)*$/.test(word)) {
        complain(lines, i, word, 'This word of a neighbour is not known', STATES);
      }
    }
    found.push({ address, device, mac, state, router });
  }
  return { value: found, problems: lines.problems };
}

function neighboursOfJson(file: string, text: string): Parsed<readonly Neighbour[]> {
  const problems: Problem[] = [];
  const found: Neighbour[] = [];
  for (const row of records(jsonRoot(file, text, problems))) {
    const address = readAs(member(row, 'dst'), readIp, 'an address');
    if (address === undefined) continue;
    const states = items(member(row, 'state')).map(
      (state) => readAs(state, stateOf, 'a state of a neighbour') ?? 'none',
    );
    found.push({
      address,
      device: textOf(member(row, 'dev')) ?? '',
      mac: readAs(member(row, 'lladdr'), readMac, 'a MAC address') ?? null,
      state: states[0] ?? 'none',
      router: keysOf(row).includes('router'),
    });
  }
  return { value: found, problems };
}

function stateOf(word: string): State | undefined {
  const lower = word.toLowerCase();
  return STATES.find((state) => state === lower);
}

/** `ip [-json] neigh show proxy`. */
export function readProxyNeighbours(file: string, text: string): Parsed<readonly ProxyNeighbour[]> {
  const found: ProxyNeighbour[] = [];
  if (isJson(text)) {
    const problems: Problem[] = [];
    for (const row of records(jsonRoot(file, text, problems))) {
      const address = readAs(member(row, 'dst'), readIp, 'an address');
      const device = textOf(member(row, 'dev')) ?? '';
      if (address !== undefined) found.push({ address, device });
    }
    return { value: found, problems };
  }
  const lines = linesOf(file, text);
  for (const [i, line] of lines.lines.entries()) {
    if (line.trim() === '') continue;
    const match = /^(\S+) dev (\S+)/.exec(line);
    const address = readIp(match?.[1] ?? '');
    if (address === undefined) complain(lines, i, line, 'This is not a proxied neighbour');
    else found.push({ address, device: match?.[2] ?? '' });
  }
  return { value: found, problems: lines.problems };
}
