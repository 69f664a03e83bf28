/**
 * Routes and policy rules, as `ip route show table all` and `ip rule` print them, as text or
 * as JSON (iproute2 `ip/iproute.c`, `ip/iprule.c`). Both forms fill the same row of words,
 * and one function makes the value of it.
 */
import { readIp, readPrefix } from '../../../text/address-text.ts';
import {
  items,
  type JsonNode,
  jsonRoot,
  member,
  numberOf,
  records,
  textOf,
  wrong,
} from '../../../text/json-text.ts';
import { complain, type Lines, linesOf } from '../../../text/lines.ts';
import { type Origin, type Parsed, type Problem } from '../../../text/problem.ts';
import { type NextHop, type Prefix, ROUTE_TABLES, type Route } from '../types.ts';
import { isJson } from './form.ts';
import { isRouteTable, routesOfTable } from './net-tools.ts';

/** One route as words; '' where the output has none. */
interface RouteWords {
  type: string;
  dst: string;
  table: string;
  metric: string;
  src: string;
  scope: string;
  mtu: string;
  hops: HopWords[];
}

interface HopWords {
  via: string;
  dev: string;
  weight: string;
  flags: string[];
}

type Complain = (word: string, message: string, known?: Iterable<string>) => void;

const TYPES = [
  'unicast',
  'local',
  'broadcast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'anycast',
] as const;

const SCOPES = ['global', 'link', 'host', 'site', 'nowhere'] as const;

/** Words of a route line that are followed by a value which does not matter for forwarding. */
const VALUED = new Set(
  (
    'proto protocol pref expires error initcwnd initrwnd window rtt rttvar ssthresh cwnd advmss ' +
    'reordering hoplimit features rto_min quickack congctl tos realm realms nhid age users used ' +
    'ttl-propagate uid cache_info'
  ).split(' '),
);
const FLAGS = new Set(
  'onlink dead linkdown pervasive offload trap rt_offload notify unresolved'.split(' '),
);

/** `ip [-4|-6] [-json] route show table all`, or `route -n`. */
export function readRoutes(file: string, text: string, version: 4 | 6): Parsed<readonly Route[]> {
  if (isJson(text)) return routesOfJson(file, text, version);
  if (isRouteTable(text)) return routesOfTable(file, text);
  const lines = linesOf(file, text);
  const routes: Route[] = [];
  let words: RouteWords | undefined;
  let start = 0;
  const close = (): void => {
    if (words === undefined) return;
    const at = start;
    const route = routeOf(words, version, { file, line: at + 1 }, (word, message, known) =>
      complain(lines, at, word, message, known),
    );
    if (route !== undefined) routes.push(route);
    words = undefined;
  };
  for (const [i, line] of lines.lines.entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    if (/^\s+nexthop /.test(line) && words !== undefined) {
      readWords(lines, i, line.trim().split(/\s+/), words);
      continue;
    }
    // `cache` lines of `ip route get` follow their route.
    if (/^\s+cache/.test(line)) continue;
    close();
    words = emptyWords();
    start = i;
    readWords(lines, i, line.trim().split(/\s+/), words);
  }
  close();
  return { value: routes, problems: lines.problems };
}

function emptyWords(): RouteWords {
  return { type: '', dst: '', table: '', metric: '', src: '', scope: '', mtu: '', hops: [] };
}

function readWords(lines: Lines, index: number, tokens: readonly string[], to: RouteWords): void {
  let hop: HopWords = { via: '', dev: '', weight: '', flags: [] };
  let i = 0;
  if (to.dst === '') {
    if ((TYPES as readonly string[]).includes(tokens[0] ?? '')) to.type = tokens[i++] ?? '';
    to.dst = tokens[i++] ?? '';
    to.hops.push(hop);
  }
  while (i < tokens.length) {
    const word = tokens[i++] ?? '';
    if (word === 'nexthop') {
      hop = { via: '', dev: '', weight: '', flags: [] };
      to.hops.push(hop);
    } else if (word === 'via') {
      // A gateway of the other address family is introduced by `inet6`.
      if (tokens[i] === 'inet6' || tokens[i] === 'inet') i++;
      hop.via = tokens[i++] ?? '';
    } else if (word === 'dev') hop.dev = tokens[i++] ?? '';
    else if (word === 'weight') hop.weight = tokens[i++] ?? '';
    else if (FLAGS.has(word)) hop.flags.push(word);
    else if (word === 'src' || word === 'from') to.src = tokens[i++] ?? '';
    else if (word === 'table') to.table = tokens[i++] ?? '';
    else if (word === 'metric') to.metric = tokens[i++] ?? '';
    else if (word === 'scope') to.scope = tokens[i++] ?? '';
    else if (word === 'mtu') {
      if (tokens[i] === 'lock') i++;
      to.mtu = tokens[i++] ?? '';
    } else if (VALUED.has(word)) i++;
    else complain(lines, index, word, 'This word of a route is not known', VALUED);
  }
}

function routesOfJson(file: string, text: string, version: 4 | 6): Parsed<readonly Route[]> {
  const problems: Problem[] = [];
  const routes: Route[] = [];
  for (const row of records(jsonRoot(file, text, problems))) {
    const say = (key: string): string => {
      const node = member(row, key);
      return node === undefined ? '' : String(node.value);
    };
    const words: RouteWords = {
      type: say('type'),
      dst: textOf(member(row, 'dst')) ?? '',
      table: say('table'),
      metric: say('metric'),
      src: say('prefsrc'),
      scope: say('scope'),
      mtu: mtuOf(row),
      hops: [hopOf(row), ...items(member(row, 'nexthops')).map(hopOf)],
    };
    const route = routeOf(words, version, { file, line: 1 }, (_, message) => wrong(row, message));
    if (route !== undefined) routes.push(route);
  }
  return { value: routes, problems };
}

function hopOf(row: JsonNode): HopWords {
  const via = member(row, 'gateway') ?? member(member(row, 'via'), 'host');
  return {
    via: textOf(via) ?? '',
    dev: textOf(member(row, 'dev')) ?? '',
    weight: String(numberOf(member(row, 'weight')) ?? ''),
    flags: items(member(row, 'flags')).map((flag) => String(flag.value)),
  };
}

function mtuOf(row: JsonNode): string {
  const metrics = member(row, 'metrics');
  const first = Array.isArray(metrics?.value) ? items(metrics)[0] : metrics;
  return String(numberOf(member(first, 'mtu')) ?? '');
}

function routeOf(
  words: RouteWords,
  version: 4 | 6,
  origin: Origin,
  fail: Complain,
): Route | undefined {
  const prefix = destinationOf(words.dst, fail);
  if (prefix === undefined) return undefined;
  const type = oneOf(words.type, TYPES, 'unicast', fail);
  const hops: NextHop[] = [];
  for (const hop of words.hops) {
    if (hop.via === '' && hop.dev === '') continue;
    const gateway = hop.via === '' ? null : readIp(hop.via);
    if (gateway === undefined) fail(hop.via, 'This is not the address of a gateway');
    hops.push({
      gateway: gateway ?? null,
      device: hop.dev === '' ? null : hop.dev,
      weight: hop.weight === '' ? 1 : Number(hop.weight),
      onLink: hop.flags.includes('onlink'),
      dead: hop.flags.includes('dead') || hop.flags.includes('linkdown'),
    });
  }
  const source = words.src === '' ? null : readIp(words.src);
  if (source === undefined) fail(words.src, 'This is not a source address');
  return {
    version: prefix?.address.version ?? version,
    prefix,
    type,
    table: tableOf(words.table === '' ? 'main' : words.table, fail),
    metric: words.metric === '' ? 0 : Number(words.metric),
    source: source ?? null,
    scope: oneOf(words.scope, SCOPES, 'global', fail),
    hops,
    mtu: words.mtu === '' ? null : Number(words.mtu),
    origin,
  };
}

/** null for the default route, undefined (with a problem) for what is no destination. */
function destinationOf(text: string, fail: Complain): Prefix | null | undefined {
  if (text === 'default') return null;
  const prefix = readPrefix(text);
  if (prefix === undefined) {
    fail(text, 'This is not the destination of a route', ['default']);
    return undefined;
  }
  return prefix.length === 0 ? null : prefix;
}

function oneOf<T extends string>(
  word: string,
  words: readonly T[],
  otherwise: T,
  fail: Complain,
): T {
  if (word === '') return otherwise;
  const known = words.find((candidate) => candidate === word);
  if (known === undefined) fail(word, 'This word is not known here', words);
  return known ?? otherwise;
}

/** A routing table's number; -1 (with a problem) for a name that only the host can resolve. */
export function tableOf(word: string, fail: Complain): number {
  const named = Object.hasOwn(ROUTE_TABLES, word) ? ROUTE_TABLES[word] : undefined;
  if (named !== undefined) return named;
  if (/^\d{1,10}$/.test(word)) return Number(word);
  fail(word, 'This routing table has a name that is not known', Object.keys(ROUTE_TABLES));
  return -1;
}
