/**
 * The page of who reaches whom: groups first, then the groups that one of them reaches, then server
 * by server, each cell with a way to one packet. What arrives is proved for all source ports, a row
 * when it is asked for; what that proof does not carry is traced, as much as a page has time for.
 */
import { performance } from 'node:perf_hooks';
import { forMarkup } from '../../text/escape.ts';
import { type Verdict } from '../../trace/types.ts';
import { type Opening } from '../../verify/allpairs/asked-rows.ts';
import { type Answer, tracedOn } from './answers.ts';
import { addressOf, type Query } from './layout.ts';
import { type Served } from './served.ts';

/** What of the matrix is asked for. */
export interface MatrixQuestion {
  /** The senders' group; empty: all groups are listed. */
  readonly rows: string;
  /** The receivers' group; empty: all that the senders reach. */
  readonly columns: string;
  /** Part of the names of groups that are listed. */
  readonly named: string;
  /** Pages, from 1: of senders or of a list, and of receivers. */
  readonly page: number;
  readonly across: number;
  readonly query: Query;
}

export function matrixQuestionOf(
  read: (name: string) => string | undefined,
  query: Query,
): MatrixQuestion {
  const number = (name: string): number => {
    const text = read(name) ?? '';
    return /^[1-9]\d{0,5}$/.test(text) ? Number(text) : 1;
  };
  return {
    rows: read('rows') ?? '',
    columns: read('columns') ?? '',
    named: read('named') ?? '',
    page: number('page'),
    across: number('across'),
    query,
  };
}

/** Groups of a list, and servers of a side, that are on one page. */
const LISTED = 50;
const SHOWN = 40;
/** With so few servers the first page has all groups against all groups. */
const FEW_SERVERS = 24;
const FEW_GROUPS = 12;
/** How long one page may trace what is not proved, in milliseconds. */
const TRACING_MS = 1500;

export function matrixAnswer(served: Served, asked: MatrixQuestion): Answer {
  const { groups } = served;
  const { rows, columns } = asked;
  if (groups.size === 0) {
    const body = '<p>The network names no servers, so there are no groups.</p>';
    return { kind: 'answer', title: 'Matrix', body };
  }
  const unknown = [rows, columns].filter((group) => group !== '' && !groups.has(group));
  if (unknown.length > 0) {
    return { kind: 'wrong', sentences: unknown.map((group) => `there is no group ${group}`) };
  }
  const opening = openingOf(asked.query);
  if (typeof opening === 'string') return { kind: 'wrong', sentences: [opening] };
  const pairs = pairsOf(served, asked.query, opening);
  const [senders, receivers] = [groups.get(rows), groups.get(columns)];
  if (senders === undefined) {
    return { kind: 'answer', title: 'Matrix', body: groupsBody(served, asked, pairs) };
  }
  const body =
    receivers === undefined
      ? reachedBody(served, asked, senders, pairs)
      : serversBody(asked, senders, receivers, pairs);
  return { kind: 'answer', title: `${rows} → ${columns === '' ? 'groups' : columns}`, body };
}

function openingOf({ protocol, port }: Query): Opening | string {
  if (protocol === 'icmp') return { protocol };
  if (port === '') return { protocol, port: null };
  const number = Number(port);
  if (!/^\d{1,5}$/.test(port) || number > 65_535) return `${port} is no port`;
  return { protocol, port: number };
}

/** What is known of a pair, and where one packet of it is followed. */
interface Cell {
  readonly style: 'good' | 'bad' | 'unsure' | 'dim';
  readonly mark: string;
  readonly told: string;
  readonly page: '/trace' | '/why';
}

interface Pairs {
  cell(from: string, to: string): Cell;
  /** Groups that get something from a server, with how many of them; `open`: of whom is not known. */
  reached(from: string): { readonly some: readonly string[]; readonly open: readonly string[] };
  /** Whether some pair was left out because the page had no more time. */
  readonly hasMore: () => boolean;
}

const ARRIVES: Cell = { style: 'good', mark: '✓', told: 'arrives', page: '/trace' };
const NOTHING: Cell = { style: 'bad', mark: '✗', told: 'does not arrive', page: '/why' };
const PARTLY: Cell = { style: 'unsure', mark: '~', told: 'arrives in part', page: '/trace' };
const UNASKED: Cell = { style: 'dim', mark: '…', told: 'not asked yet', page: '/trace' };

const OF_VERDICT: Readonly<Record<Verdict, Pick<Cell, 'style' | 'mark' | 'page'>>> = {
  REACHABLE: { style: 'good', mark: '✓', page: '/trace' },
  UNREACHABLE: { style: 'bad', mark: '✗', page: '/why' },
  AMBIGUOUS: { style: 'unsure', mark: '?', page: '/why' },
  UNDETERMINED: { style: 'unsure', mark: '?', page: '/why' },
};

function pairsOf(served: Served, query: Query, opening: Opening): Pairs {
  const { portOf, rows, traced } = served;
  const until = performance.now() + TRACING_MS;
  const wordOf = new Map([...portOf].map(([word, port]) => [port, word]));
  let more = false;
  // The proof is about IPv4 packets that no link is too small for.
  const proves = !query.ipv6 && query.size === '';
  const rowOf = (from: string) => (proves ? rows.row(portOf.get(from) ?? '') : null);
  const byTrace = (from: string, to: string): Cell => {
    const of = { ...query, from, to };
    const key = addressOf('', of);
    let told = traced.get(key);
    if (told === undefined) {
      if (performance.now() > until) {
        more = true;
        return UNASKED;
      }
      const trace = tracedOn(served, of);
      told = 'verdict' in trace ? trace.verdict : trace.join(' ');
      traced.set(key, told);
    }
    const known = OF_VERDICT[told as Verdict];
    return known === undefined
      ? { style: 'dim', mark: '—', told, page: '/trace' }
      : { ...known, told };
  };
  const cell = (from: string, to: string): Cell => {
    switch (rowOf(from)?.share(portOf.get(to) ?? '', opening) ?? 'open') {
      case 'all':
        return ARRIVES;
      case 'some':
        return PARTLY;
      case 'none':
        return NOTHING;
      case 'open':
        return byTrace(from, to);
    }
  };
  return {
    cell,
    reached(from) {
      const row = rowOf(from);
      const words = (ports: Iterable<string>): string[] =>
        [...ports].flatMap((port) => wordOf.get(port) ?? []);
      const some = row === null ? [] : words(row.reached(opening));
      const open: string[] = [];
      for (const to of row === null ? portOf.keys() : words(row.open)) {
        if (to === from) continue;
        const { style, mark } = byTrace(from, to);
        if (style === 'good') some.push(to);
        else if (mark !== '✗') open.push(to);
      }
      return { some, open };
    },
    hasMore: () => more,
  };
}

const LEGEND =
  '<p class="dim">✓ every such packet arrives, ~ some do, ✗ none does, proved for all source ports; ' +
  '? nobody can say, … not asked yet. Whether an answer comes back, the way behind a cell tells.</p>';

/** Groups against groups where they are few, else a list of them, a page at a time. */
function groupsBody({ groups, servers }: Served, asked: MatrixQuestion, pairs: Pairs): string {
  const { named, page } = asked;
  const head = `<h1>Who reaches whom</h1>${formFor(groups, asked)}`;
  const found = [...groups].filter(([name]) => name.includes(named));
  if (named === '' && servers.length <= FEW_SERVERS && groups.size <= FEW_GROUPS) {
    return `${head}${groupTable(groups, asked, pairs)}${moreLine(pairs)}${GROUP_LEGEND}`;
  }
  const shown = found.slice((page - 1) * LISTED, page * LISTED);
  const lines = shown.map(([name, members]) => {
    const address = matrixAddress({ ...asked, rows: name, columns: '', page: 1 });
    return `<tr><td>${forMarkup(name)}</td><td>${members.length}</td><td><a href="${address}" aria-label="what ${forMarkup(name)} reaches">reaches</a></td></tr>`;
  });
  return `${head}<div class="scroll"><table><tr><th>group</th><th>servers</th><th></th></tr>${lines.join('')}</table></div>${pagesLine(asked, 'page', found.length, LISTED)}`;
}

const GROUP_LEGEND = `<p class="dim">Pairs of servers of which such a packet arrives, of all pairs of both groups.</p>`;

function groupTable(
  groups: ReadonlyMap<string, readonly string[]>,
  asked: MatrixQuestion,
  pairs: Pairs,
): string {
  const names = [...groups.keys()];
  const heads = names.map((name) => `<th scope="col">${forMarkup(name)}</th>`);
  const lines = names.map((rows) => {
    const counts = countsOf(groups, groups.get(rows) ?? [], pairs);
    const cells = names.map((columns) => {
      const address = matrixAddress({ ...asked, rows, columns, page: 1, across: 1 });
      const { some, open, of } = counts.get(columns) ?? { some: 0, open: 0, of: 0 };
      if (of === 0) return '<td class="cell">·</td>';
      const told = `${rows} → ${columns}: ${countText(some, open, of)}`;
      const style = some === of ? 'good' : some === 0 && open === 0 ? 'bad' : 'unsure';
      const mark = `${style === 'good' ? '✓ ' : style === 'bad' ? '✗ ' : ''}${some}/${of}`;
      return `<td class="cell"><a class="${style}" href="${address}" aria-label="${forMarkup(told)}">${mark}</a></td>`;
    });
    return `<tr><th scope="row">${forMarkup(rows)}</th>${cells.join('')}</tr>`;
  });
  return `<div class="scroll"><table><tr><th>from \\ to</th>${heads.join('')}</tr>${lines.join('\n')}</table></div>`;
}

interface Count {
  some: number;
  open: number;
  /** Pairs in all, a server with itself left out. */
  of: number;
}

/** Pairs of these senders with the servers of each group. */
function countsOf(
  groups: ReadonlyMap<string, readonly string[]>,
  senders: readonly string[],
  pairs: Pairs,
): ReadonlyMap<string, Count> {
  const groupsOf = new Map<string, Count[]>();
  const counts = new Map<string, Count>();
  const sending = new Set(senders);
  for (const [name, members] of groups) {
    const count: Count = { some: 0, open: 0, of: senders.length * members.length };
    counts.set(name, count);
    for (const member of members) {
      if (sending.has(member)) count.of--;
      const mine = groupsOf.get(member);
      if (mine === undefined) groupsOf.set(member, [count]);
      else mine.push(count);
    }
  }
  for (const from of senders) {
    const { some, open } = pairs.reached(from);
    for (const to of some) for (const count of groupsOf.get(to) ?? []) count.some++;
    for (const to of open) for (const count of groupsOf.get(to) ?? []) count.open++;
  }
  return counts;
}

function countText(some: number, open: number, of: number): string {
  const unknown = open === 0 ? '' : `, ${open} not known`;
  return `${some} of ${of} pairs${unknown}`;
}

/** The groups that the senders reach. */
function reachedBody(
  { groups }: Served,
  asked: MatrixQuestion,
  senders: readonly string[],
  pairs: Pairs,
): string {
  const { rows, page } = asked;
  const counts = [...countsOf(groups, senders, pairs)];
  const told = counts.filter(([, { some, open }]) => some > 0 || open > 0);
  told.sort(([, a], [, b]) => b.some - a.some || b.open - a.open);
  const lines = told.slice((page - 1) * LISTED, page * LISTED).map(([columns, count]) => {
    const address = matrixAddress({ ...asked, columns, page: 1, across: 1 });
    const { some, open, of } = count;
    const style = some === of ? 'good' : 'unsure';
    return `<tr><td><a href="${address}">${forMarkup(columns)}</a></td><td class="${style}">${countText(some, open, of)}</td></tr>`;
  });
  const rest = counts.filter(([, { some, open, of }]) => some === 0 && open === 0 && of > 0).length;
  const none = rest === 0 ? '' : `<p>Nothing arrives at ${rest} other groups.</p>`;
  return `<h1>${forMarkup(rows)} → groups, ${packetText(asked)}</h1>${formFor(groups, asked)}
<div class="scroll"><table><tr><th>to</th><th>arrives</th></tr>${lines.join('\n')}</table></div>${pagesLine(asked, 'page', told.length, LISTED)}${none}${moreLine(pairs)}`;
}

/** Server by server. */
function serversBody(
  asked: MatrixQuestion,
  senders: readonly string[],
  receivers: readonly string[],
  pairs: Pairs,
): string {
  const { rows, columns, page, across, query } = asked;
  const columnsShown = receivers.slice((across - 1) * SHOWN, across * SHOWN);
  const lines = senders.slice((page - 1) * SHOWN, page * SHOWN).map((from) => {
    const cells = columnsShown.map((to) => {
      if (from === to) return '<td class="cell">·</td>';
      const { style, mark, told, page: behind } = pairs.cell(from, to);
      const address = addressOf(behind, { ...query, from, to });
      return `<td class="cell"><a class="${style}" href="${forMarkup(address)}" aria-label="${forMarkup(`${told}: ${from} → ${to}`)}">${mark}</a></td>`;
    });
    return `<tr><th scope="row">${forMarkup(from)}</th>${cells.join('')}</tr>`;
  });
  const heads = columnsShown.map((to) => `<th scope="col">${forMarkup(to)}</th>`);
  return `<h1>${forMarkup(rows)} → ${forMarkup(columns)}, ${packetText(asked)}</h1>
<div class="scroll"><table><tr><th>from \\ to</th>${heads.join('')}</tr>${lines.join('\n')}</table></div>
${pagesLine(asked, 'page', senders.length, SHOWN, 'senders')}${pagesLine(asked, 'across', receivers.length, SHOWN, 'receivers')}${moreLine(pairs)}${LEGEND}`;
}

function packetText({ query: { protocol, port } }: MatrixQuestion): string {
  if (protocol === 'icmp') return protocol;
  return `${protocol}/${port === '' ? 'any port' : forMarkup(port)}`;
}

function moreLine({ hasMore }: Pairs): string {
  return hasMore()
    ? '<p class="unsure" role="status">Not all pairs are asked yet: load the page again for more.</p>'
    : '';
}

/** Links to other pages of a list; nothing where there is one page. */
function pagesLine(
  asked: MatrixQuestion,
  which: 'page' | 'across',
  count: number,
  each: number,
  what = 'groups',
): string {
  const pages = Math.ceil(count / each);
  if (pages <= 1) return '';
  const now = Math.min(asked[which], pages);
  const link = (to: number, word: string): string =>
    to < 1 || to > pages
      ? ''
      : ` <a href="${matrixAddress({ ...asked, [which]: to })}" aria-label="${word} ${what}">${word}</a>`;
  return `<p>${what}: page ${now} of ${pages}${link(now - 1, 'before')}${link(now + 1, 'next')}</p>`;
}

/** The address of a page of the matrix, escaped for markup. */
function matrixAddress({ rows, columns, named, page, across, query }: MatrixQuestion): string {
  const words = new URLSearchParams(addressOf('', { ...query, from: '', to: '' }).slice(1));
  const more = { rows, columns, named, page: number(page), across: number(across) };
  for (const [name, value] of Object.entries(more)) if (value !== '') words.set(name, value);
  return forMarkup(`/matrix?${words}`);
}

function number(page: number): string {
  return page === 1 ? '' : String(page);
}

/** Groups offered while one types; with more the page would be slow to read. */
const OFFERED = 500;

function formFor(groups: ReadonlyMap<string, readonly string[]>, asked: MatrixQuestion): string {
  const { rows, columns, named, query } = asked;
  const offered = [...groups.keys()].slice(0, OFFERED);
  const options = offered.map((name) => `<option value="${forMarkup(name)}">`);
  const protocols = (['icmp', 'tcp', 'udp'] as const).map(
    (name) => `<option${name === query.protocol ? ' selected' : ''}>${name}</option>`,
  );
  return `<form action="/matrix" aria-label="Matrix">
<label>Senders<input name="rows" list="groups" value="${forMarkup(rows)}"></label>
<label>Receivers<input name="columns" list="groups" value="${forMarkup(columns)}"></label>
<label>Protocol<select name="protocol">${protocols.join('')}</select></label>
<label>Port<input name="port" inputmode="numeric" value="${forMarkup(query.port)}"></label>
<label>Names with<input name="named" value="${forMarkup(named)}"></label><button>Show</button>
<datalist id="groups">${options.join('')}</datalist></form>`;
}
