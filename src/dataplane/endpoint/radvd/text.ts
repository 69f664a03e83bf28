/** radvd.conf, parsed and printed: statements end with `;`, blocks stand in braces. */
import { readIp, readPrefix, writeIp } from '../../../text/address-text.ts';
import { type Parsed, type Problem } from '../../../text/problem.ts';
import { nearest } from '../../../text/suggest.ts';
import { type IpAddress } from '../../routing/types.ts';
import {
  type AdvertisedPrefix,
  type AdvertisingInterface,
  type Radvd,
  type RadvdStatement,
} from './types.ts';

interface Token {
  readonly text: string;
  readonly line: number;
  readonly column: number;
}

interface Node {
  readonly words: readonly Token[];
  block: readonly Node[] | null;
}

interface Reading {
  readonly file: string;
  readonly problems: Problem[];
}

const MOST_PROBLEMS = 100;

function complain(
  { file, problems }: Reading,
  { text, line, column }: Token,
  message: string,
  known: Iterable<string> = [],
): void {
  if (problems.length >= MOST_PROBLEMS) return;
  const hint = nearest(text, known);
  const position = { file, line, column, text: text.slice(0, 200), message };
  problems.push(hint === undefined ? position : { ...position, didYouMean: hint });
}

/** Reads a file. */
export function parseRadvd(text: string, file: string): Parsed<Radvd> {
  const reading: Reading = { file, problems: [] };
  const interfaces: AdvertisingInterface[] = [];
  for (const node of nodesOf(text, reading)) {
    const [keyword, name] = node.words;
    if (keyword === undefined) continue;
    if (keyword.text === 'interface' && name !== undefined) {
      interfaces.push(interfaceOf(node, name, reading));
    } else complain(reading, keyword, 'expected interface NAME { … }', ['interface']);
  }
  return { value: { interfaces }, problems: reading.problems };
}

/** Statements with their blocks; what is not closed is complained about. */
function nodesOf(text: string, reading: Reading): readonly Node[] {
  const top: Node[] = [];
  const stack: Node[][] = [top];
  const openers: Token[] = [];
  let words: Token[] = [];
  for (const token of tokensOf(text)) {
    const list = stack.at(-1) ?? top;
    if (token.text === '{') {
      const block: Node[] = [];
      list.push({ words, block });
      if (words.length === 0) complain(reading, token, 'a block without a name');
      words = [];
      stack.push(block);
      openers.push(token);
    } else if (token.text === ';' || token.text === '}') {
      if (words.length > 0) list.push({ words, block: null });
      words = [];
      if (token.text === '}' && openers.pop() === undefined) {
        complain(reading, token, 'no block is open');
      } else if (token.text === '}') stack.pop();
    } else words.push(token);
  }
  const [first] = words;
  if (first !== undefined) complain(reading, first, 'the statement does not end with ;');
  for (const opener of openers) complain(reading, opener, 'the block is not closed');
  return top;
}

function* tokensOf(text: string): Generator<Token> {
  for (const [index, line] of text.split('\n').entries()) {
    const code = line.replace(/#.*$/, '');
    for (const match of code.matchAll(/[{};]|[^\s{};]+/g)) {
      yield { text: match[0], line: index + 1, column: match.index + 1 };
    }
  }
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** One statement with a value: how it is read and printed. */
interface Row<T> {
  readonly key: string;
  read(draft: Draft<T>, value: Token, reading: Reading): void;
  print(value: T): string | null;
}

type KeyOf<T, V> = { [K in keyof T]: T[K] extends V ? K : never }[keyof T];

function switchRow<T>(key: string, name: KeyOf<T, boolean>, usual: boolean): Row<T> {
  return {
    key,
    read(draft, value, reading) {
      if (value.text === 'on' || value.text === 'off') {
        Object.assign(draft, { [name]: value.text === 'on' });
      } else complain(reading, value, 'expected on or off', ['on', 'off']);
    },
    print: (of) => ((of[name] as boolean) === usual ? null : of[name] === true ? 'on' : 'off'),
  };
}

/** A number; `infinity` is all ones. */
function numberRow<T>(key: string, name: KeyOf<T, number | null>): Row<T> {
  return {
    key,
    read(draft, value, reading) {
      const number = value.text === 'infinity' ? 0xffff_ffff : Number(value.text);
      if (Number.isFinite(number) && number >= 0) Object.assign(draft, { [name]: number });
      else complain(reading, value, 'expected a number');
    },
    print: (of) => (of[name] === null ? null : String(of[name])),
  };
}

const INTERFACE_ROWS: readonly Row<AdvertisingInterface>[] = [
  switchRow('AdvSendAdvert', 'sends', false),
  switchRow('AdvManagedFlag', 'managed', false),
  switchRow('AdvOtherConfigFlag', 'otherConfig', false),
  switchRow('UnicastOnly', 'unicastOnly', false),
  numberRow('AdvLinkMTU', 'mtu'),
  numberRow('AdvDefaultLifetime', 'defaultLifetime_s'),
  numberRow('MinRtrAdvInterval', 'minInterval_s'),
  numberRow('MaxRtrAdvInterval', 'maxInterval_s'),
];

const PREFIX_ROWS: readonly Row<AdvertisedPrefix>[] = [
  switchRow('AdvOnLink', 'onLink', true),
  switchRow('AdvAutonomous', 'autonomous', true),
  numberRow('AdvValidLifetime', 'valid_s'),
  numberRow('AdvPreferredLifetime', 'preferred_s'),
];

/** Statements that change timing or hints only. */
const INTERFACE_OTHERS = new Set(
  `IgnoreIfMissing MinDelayBetweenRAs AdvReachableTime AdvRetransTimer AdvCurHopLimit
  AdvDefaultPreference AdvSourceLLAddress AdvHomeAgentFlag AdvHomeAgentInfo HomeAgentLifetime
  HomeAgentPreference AdvMobRtrSupportFlag AdvIntervalOpt AdvRASolicitedUnicast AdvCaptivePortalAPI
  AdvRASrcAddress AdvLowpanCtx abro lowpanco nat64prefix RemoveAdvOnExit`.split(/\s+/),
);
const PREFIX_OTHERS = new Set(
  'AdvRouterAddr DeprecatePrefix DecrementLifetimes Base6Interface Base6to4Interface'.split(' '),
);

function readRows<T extends { readonly others: readonly RadvdStatement[] }>(
  rows: readonly Row<T>[],
  known: ReadonlySet<string>,
  draft: Draft<T>,
  nodes: readonly Node[],
  reading: Reading,
): void {
  for (const node of nodes) {
    const [keyword, value, surplus] = node.words;
    if (keyword === undefined) continue;
    const row = rows.find(({ key }) => key === keyword.text);
    if (row === undefined) {
      draft.others = [...draft.others, statementOf(node, reading.file)];
      if (known.has(keyword.text)) continue;
      complain(reading, keyword, 'unknown statement', [...rows.map(({ key }) => key), ...known]);
    } else if (value === undefined) complain(reading, keyword, 'a value is missing');
    else {
      if (surplus !== undefined) complain(reading, surplus, 'nothing is expected here');
      row.read(draft, value, reading);
    }
  }
}

function statementOf({ words, block }: Node, file: string): RadvdStatement {
  return {
    words: words.map(({ text }) => text),
    block: block === null ? null : block.map((one) => statementOf(one, file)),
    origin: { file, line: words[0]?.line ?? 0 },
  };
}

function interfaceOf(node: Node, name: Token, reading: Reading): AdvertisingInterface {
  const draft: Draft<AdvertisingInterface> = {
    name: name.text,
    sends: false,
    managed: false,
    otherConfig: false,
    mtu: null,
    defaultLifetime_s: null,
    minInterval_s: null,
    maxInterval_s: null,
    unicastOnly: false,
    prefixes: [],
    routes: [],
    dnsServers: [],
    searchDomains: [],
    clients: [],
    others: [],
    origin: { file: reading.file, line: name.line },
  };
  const plain: Node[] = [];
  for (const inner of node.block ?? []) {
    if (!readBlock(draft, inner, reading)) plain.push(inner);
  }
  readRows(INTERFACE_ROWS, INTERFACE_OTHERS, draft, plain, reading);
  return draft;
}

/** Statements with a block of their own; false for any other. */
function readBlock(draft: Draft<AdvertisingInterface>, node: Node, reading: Reading): boolean {
  const [keyword, ...values] = node.words;
  const [value] = values;
  switch (keyword?.text) {
    case 'prefix': {
      const prefix = prefixOf(node, value ?? keyword, reading);
      if (prefix !== null) draft.prefixes = [...draft.prefixes, prefix];
      return true;
    }
    case 'route': {
      const to = readPrefix(value?.text ?? '');
      if (to === undefined) complain(reading, value ?? keyword, 'expected a prefix');
      else draft.routes = [...draft.routes, to];
      return true;
    }
    case 'RDNSS':
      draft.dnsServers = [...draft.dnsServers, ...addressesOf(values, reading)];
      return true;
    case 'DNSSL':
      draft.searchDomains = [...draft.searchDomains, ...values.map(({ text }) => text)];
      return true;
    case 'clients': {
      const words = (node.block ?? []).flatMap(({ words: own }) => own);
      draft.clients = [...draft.clients, ...addressesOf(words, reading)];
      return true;
    }
    default:
      return false;
  }
}

function addressesOf(words: readonly Token[], reading: Reading): readonly IpAddress[] {
  return words.flatMap((word) => {
    const address = readIp(word.text);
    if (address === undefined) complain(reading, word, 'expected an address');
    return address ?? [];
  });
}

function prefixOf(node: Node, value: Token, reading: Reading): AdvertisedPrefix | null {
  const prefix = readPrefix(value.text);
  if (prefix === undefined) {
    complain(reading, value, 'expected a prefix');
    return null;
  }
  const draft: Draft<AdvertisedPrefix> = {
    prefix,
    onLink: true,
    autonomous: true,
    valid_s: null,
    preferred_s: null,
    others: [],
    origin: { file: reading.file, line: value.line },
  };
  readRows(PREFIX_ROWS, PREFIX_OTHERS, draft, node.block ?? [], reading);
  return draft;
}

/** Prints a file that radvd reads as the same configuration. */
export function printRadvd({ interfaces }: Radvd): string {
  return interfaces
    .map((one) => {
      const lines = [
        ...rowLines(INTERFACE_ROWS, one),
        ...one.prefixes.flatMap((own) => [
          `prefix ${writeIp(own.prefix.address)}/${own.prefix.length}`,
          '{',
          ...[...rowLines(PREFIX_ROWS, own), ...own.others.flatMap(statementLines)].map(indent),
          '};',
        ]),
        ...one.routes.map(({ address, length }) => `route ${writeIp(address)}/${length} { };`),
        ...(one.dnsServers.length === 0
          ? []
          : [`RDNSS ${one.dnsServers.map(writeIp).join(' ')} { };`]),
        ...(one.searchDomains.length === 0 ? [] : [`DNSSL ${one.searchDomains.join(' ')} { };`]),
        ...(one.clients.length === 0
          ? []
          : ['clients {', ...one.clients.map((address) => indent(`${writeIp(address)};`)), '};']),
        ...one.others.flatMap(statementLines),
      ];
      return [`interface ${one.name}`, '{', ...lines.map(indent), '};'].join('\n');
    })
    .map((text) => `${text}\n`)
    .join('');
}

function rowLines<T>(rows: readonly Row<T>[], value: T): readonly string[] {
  return rows.flatMap(({ key, print }) => {
    const text = print(value);
    return text === null ? [] : [`${key} ${text};`];
  });
}

function statementLines({ words, block }: RadvdStatement): readonly string[] {
  const head = words.join(' ');
  return block === null
    ? [`${head};`]
    : [`${head} {`, ...block.flatMap(statementLines).map(indent), '};'];
}

function indent(line: string): string {
  return `   ${line}`;
}
