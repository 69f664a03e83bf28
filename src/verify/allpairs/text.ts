/** All pairs as a person reads them: a matrix of networks, and the pairs of which nothing is said. */
import { type Endpoint, type Network } from '../../dataplane/network.ts';
import { forTerminal } from '../../text/escape.ts';
import { type Page } from '../../trace/render/style.ts';
import { type PairAnswer, type PairsAnswer } from './answer.ts';

/** How many pairs of one group with another some packet gets through. */
export interface MatrixCell {
  readonly from: string;
  readonly to: string;
  readonly pairs: number;
  readonly some: number;
  readonly open: number;
}

const FLOATING = 'floating addresses';
const NO_NETWORK = 'no network';
const MOST_OPEN = 8;

/** Counts by network of the sender and network of the receiver; floating addresses by themselves. */
function matrixOf(
  network: Network,
  { servers, destinations, answers }: PairsAnswer,
): readonly MatrixCell[] {
  const names = new Map(network.neutron.networks.map(({ id, name }) => [id, name]));
  const groupOfServer = ({ port }: Endpoint): string =>
    (port === null ? undefined : names.get(port.networkId)) ?? NO_NETWORK;
  const groupOfEnd = ({ server, floating }: PairAnswer['to']): string =>
    floating ? FLOATING : groupOfServer(server);
  const cells = new Map<
    string,
    { from: string; to: string; pairs: number; some: number; open: number }
  >();
  const cell = (from: string, to: string) => {
    const key = `${from}\n${to}`;
    let found = cells.get(key);
    if (found === undefined) {
      found = { from, to, pairs: 0, some: 0, open: 0 };
      cells.set(key, found);
    }
    return found;
  };
  const senders = counted(servers.map(groupOfServer));
  const receivers = counted(destinations.map(groupOfEnd));
  for (const [from, many] of senders) {
    for (const [to, others] of receivers) cell(from, to).pairs += many * others;
  }
  for (const end of destinations) {
    if (servers.includes(end.server)) cell(groupOfServer(end.server), groupOfEnd(end)).pairs--;
  }
  for (const { from, to, open } of answers) {
    const here = cell(groupOfServer(from), groupOfEnd(to));
    if (open === null) here.some++;
    else here.open++;
  }
  return [...cells.values()].sort((a, b) => compare(a.from, b.from) || compare(a.to, b.to));
}

function counted(words: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The lines of the answer; names of tenants are escaped. */
export function pairsLines(
  network: Network,
  answer: PairsAnswer,
  { style }: Page,
): readonly string[] {
  const matrix = matrixOf(network, answer);
  const some = answer.answers.filter(({ open }) => open === null).length;
  const open = answer.answers.length - some;
  const lines = [
    `${answer.servers.length} servers, ${answer.pairs} pairs: ${some} get some packet through, ` +
      `${answer.pairs - some - open} none, ${open} open`,
  ];
  for (const { from, to, pairs, some: reached, open: left } of matrix) {
    if (reached === 0 && left === 0) continue;
    const [mark, colour] = left > 0 ? (['?', 'unsure'] as const) : (['✓', 'good'] as const);
    const more = left === 0 ? '' : `, ${left} open`;
    const title = `${forTerminal(from)} → ${forTerminal(to)}`;
    lines.push(`  ${style(colour, mark)} ${title}  ${reached} of ${pairs}${more}`);
  }
  const silent = matrix.filter((one) => one.some === 0 && one.open === 0 && one.pairs > 0).length;
  if (silent > 0) lines.push(`  ${silent} pairs of networks reach each other with no packet`);
  const unknown = answer.answers.filter((one) => one.open !== null);
  for (const { from, to, open: why } of unknown.slice(0, MOST_OPEN)) {
    const title = `${forTerminal(from.name)} → ${forTerminal(to.server.name)} ${to.address}`;
    lines.push(`  ${style('unsure', 'open')}  ${title}: ${forTerminal(why ?? '')}`);
  }
  if (unknown.length > MOST_OPEN) lines.push(`  and ${unknown.length - MOST_OPEN} more`);
  return lines;
}

/** The answer as data; a witness of each pair replays with `hopwise trace`. */
export function pairsJson(network: Network, answer: PairsAnswer): unknown {
  const pair = ({ from, to }: PairAnswer): object => ({
    from: from.name,
    fromPort: from.port?.id ?? null,
    to: to.server.name,
    toPort: to.server.port?.id ?? null,
    address: to.address,
    floating: to.floating,
  });
  return {
    version: 1,
    servers: answer.servers.length,
    pairs: answer.pairs,
    matrix: matrixOf(network, answer),
    arrives: answer.answers.flatMap((one) =>
      one.arrives === null ? [] : [{ ...pair(one), by: one.by, ...one.arrives }],
    ),
    open: answer.answers.flatMap((one) =>
      one.open === null ? [] : [{ ...pair(one), why: one.open }],
    ),
  };
}
