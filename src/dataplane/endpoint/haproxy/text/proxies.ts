/** What the sections of haproxy.cfg mean: proxies with their binds, rules and servers. */
import { readIp } from '../../../../text/address-text.ts';
import { type Parsed } from '../../../../text/problem.ts';
import {
  type Acl,
  type Haproxy,
  type HaproxyFile,
  type HaproxyLine,
  type HaproxyProxy,
  type HaproxySection,
  type ProxyRule,
} from '../types.ts';
import { readAcl, readCondition } from './acl.ts';
import { type Complaints, complain, parseSections } from './lexer.ts';
import {
  NO_SERVER_DEFAULTS,
  readBinds,
  readServer,
  readServerDefaults,
  type ServerDefaults,
} from './server.ts';
import { GLOBAL_WORDS, PROXY_WORDS } from './vocabulary.ts';

type Draft = { -readonly [K in keyof HaproxyProxy]: HaproxyProxy[K] };

/** One proxy while its lines are read. */
interface Reading {
  readonly proxy: Draft;
  readonly complaints: Complaints;
  servers: ServerDefaults;
}

type Reader = (reading: Reading, line: HaproxyLine) => void;

/** What proxies start from: a `defaults` section. */
type Defaults = Pick<Reading, 'proxy' | 'servers'>;

/** Parses a file: its sections, and what they mean. */
export function parseHaproxy(text: string, file: string): Parsed<HaproxyFile & Haproxy> {
  const { value, problems } = parseSections(text, file);
  const complaints: Complaints = { problems: [...problems] };
  const proxies = proxiesOf(value, complaints);
  return { value: { ...value, proxies }, problems: complaints.problems };
}

function proxiesOf({ sections }: HaproxyFile, complaints: Complaints): readonly HaproxyProxy[] {
  const proxies: HaproxyProxy[] = [];
  const named = new Map<string, Defaults>();
  let usual: Defaults = { proxy: emptyProxy('backend', '', null), servers: NO_SERVER_DEFAULTS };
  for (const section of sections) {
    const [name = '', from, base] = section.words;
    const start = from === 'from' ? (named.get(base ?? '') ?? usual) : usual;
    switch (section.kind) {
      case 'defaults': {
        const origin = section.origin;
        const read = readSection(
          section,
          emptyProxy('backend', '', origin),
          NO_SERVER_DEFAULTS,
          complaints,
        );
        usual = read;
        named.set(name, read);
        break;
      }
      case 'frontend':
      case 'backend':
      case 'listen': {
        const { kind, origin } = section;
        const proxy = { ...start.proxy, kind, name, origin } as const;
        const read = readSection(section, proxy, start.servers, complaints);
        proxies.push(withCheckedOrder(read.proxy));
        break;
      }
      case 'global':
        for (const line of section.lines) {
          const [word = ''] = line.words;
          if (!GLOBAL_WORDS.has(word) && word !== 'no' && !word.startsWith('tune.')) {
            complain(complaints, line, 0, 'unknown setting of global', GLOBAL_WORDS);
          }
        }
        break;
      default:
        // Simplification: haproxy's peers, resolvers, user lists and other side sections are text.
        break;
    }
  }
  return proxies;
}

function readSection(
  section: HaproxySection,
  proxy: Draft,
  servers: ServerDefaults,
  complaints: Complaints,
): Defaults {
  const reading: Reading = { proxy: { ...proxy }, servers, complaints };
  // An old form has the address behind the name: `listen NAME ADDRESS:PORT`.
  const [, address] = section.words;
  if (
    section.kind !== 'defaults' &&
    section.kind !== 'backend' &&
    address?.includes(':') === true
  ) {
    const { origin } = section;
    const line = { words: ['bind', address], columns: [1, 1], origin };
    reading.proxy.binds = readBinds(line, complaints);
  }
  // ACLs count for conditions that stand before them as well.
  for (const line of section.lines) {
    if (line.words[0] === 'acl') {
      const acl = readAcl(line, complaints);
      if (acl !== undefined) reading.proxy.acls = [...reading.proxy.acls, acl];
    }
  }
  for (const line of section.lines) readLine(reading, line);
  return reading;
}

function readLine(reading: Reading, line: HaproxyLine): void {
  const [first = ''] = line.words;
  const negated = first === 'no' || first === 'default';
  const keyword = negated ? (line.words[1] ?? '') : first;
  const reader = READERS.get(keyword);
  if (reader !== undefined) {
    // `no option …` and `no log` switch off what nothing here depends on.
    if (!negated) reader(reading, line);
    else if (keyword === 'option' && line.words[2] === 'allbackups')
      reading.proxy.allBackups = false;
  } else if (!PROXY_WORDS.has(keyword)) {
    const known = [...READERS.keys(), ...PROXY_WORDS];
    complain(reading.complaints, line, negated ? 1 : 0, 'unknown keyword', known);
  }
}

/** A rule whose condition stands behind `words` words. */
function rule(
  { proxy, complaints }: Reading,
  line: HaproxyLine,
  kind: ProxyRule['kind'],
  target: string,
): void {
  const at = line.words.findIndex((word) => word === 'if' || word === 'unless');
  const condition =
    at < 0 ? null : readCondition(line, at, proxy.acls as readonly Acl[], complaints);
  proxy.rules = [...proxy.rules, { kind, target, condition, origin: line.origin }];
}

/** Actions of `http-request` after which no server is asked. */
const HTTP_ANSWERS = new Set([
  'deny',
  'tarpit',
  'return',
  'auth',
  'use-service',
  'reject',
  'silent-drop',
]);

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['acl', () => undefined],
  [
    'mode',
    (reading, line) => {
      const [, mode] = line.words;
      if (mode === 'tcp' || mode === 'http') reading.proxy.mode = mode;
      else if (mode !== 'health' && mode !== 'log') {
        complain(reading.complaints, line, 1, 'expected tcp or http', ['tcp', 'http']);
      }
    },
  ],
  [
    'bind',
    (reading, line) => {
      const binds = readBinds(line, reading.complaints);
      reading.proxy.binds = [...reading.proxy.binds, ...binds];
    },
  ],
  [
    'server',
    (reading, line) => {
      const server = readServer(line, reading.servers, reading.complaints);
      if (server !== undefined) reading.proxy.servers = [...reading.proxy.servers, server];
    },
  ],
  [
    'default-server',
    (reading, line) => {
      reading.servers = readServerDefaults(line, reading.servers, reading.complaints);
    },
  ],
  [
    'default_backend',
    (reading, line) => {
      reading.proxy.defaultBackend = line.words[1] ?? null;
    },
  ],
  ['use_backend', (reading, line) => rule(reading, line, 'use-backend', line.words[1] ?? '')],
  ['use-server', (reading, line) => rule(reading, line, 'use-server', line.words[1] ?? '')],
  [
    'redirect',
    (reading, line) => rule(reading, line, 'redirect', line.words.slice(1, 3).join(' ')),
  ],
  [
    'http-request',
    (reading, line) => {
      const [, action = ''] = line.words;
      if (action === 'redirect') rule(reading, line, 'redirect', line.words.slice(2, 4).join(' '));
      else if (HTTP_ANSWERS.has(action)) rule(reading, line, 'answer', action);
    },
  ],
  [
    'tcp-request',
    (reading, line) => {
      const [, , action = ''] = line.words;
      if (action === 'reject' || action === 'silent-drop') rule(reading, line, 'reject', action);
      else if (action === 'accept') rule(reading, line, 'accept', line.words[1] ?? '');
    },
  ],
  [
    'balance',
    (reading, line) => {
      const [, word = 'roundrobin', ...rest] = line.words;
      const [, algorithm = word, inside] = /^([\w-]+)\((.*)\)$/.exec(word) ?? [];
      const values = inside === undefined ? rest : [inside, ...rest];
      reading.proxy.balance = { ...reading.proxy.balance, algorithm, arguments: values };
      if (!ALGORITHMS.has(algorithm)) {
        complain(reading.complaints, line, 1, 'unknown algorithm', ALGORITHMS);
      }
    },
  ],
  [
    'hash-type',
    (reading, line) => {
      const rest = line.words.slice(1);
      const consistentHash = rest.includes('consistent');
      const avalanche = rest.includes('avalanche');
      reading.proxy.balance = { ...reading.proxy.balance, consistentHash, avalanche };
    },
  ],
  [
    'source',
    (reading, line) => {
      const [, address = '', usesrc] = line.words;
      const value = readIp(address.replace(/:\d+$/, '')) ?? readIp(address);
      reading.proxy.source = value === undefined || value.value === 0n ? null : value;
      reading.proxy.transparent = usesrc === 'usesrc';
      if (value === undefined) complain(reading.complaints, line, 1, 'expected an address');
    },
  ],
  [
    'option',
    (reading, line) => {
      const [, name = ''] = line.words;
      if (name === 'allbackups') reading.proxy.allBackups = true;
      else if (/^(httpchk|.*-check|.*-hello-chk|smtpchk)$/.test(name)) {
        reading.proxy.check = line.words.slice(1).join(' ');
      }
    },
  ],
  [
    'cookie',
    (reading, line) => {
      reading.proxy.persistence = [...reading.proxy.persistence, line.words.join(' ')];
    },
  ],
  [
    'stick',
    (reading, line) => {
      reading.proxy.persistence = [...reading.proxy.persistence, line.words.join(' ')];
    },
  ],
  [
    'disabled',
    (reading) => {
      reading.proxy.disabled = true;
    },
  ],
  [
    'enabled',
    (reading) => {
      reading.proxy.disabled = false;
    },
  ],
]);

const ALGORITHMS: ReadonlySet<string> = new Set(
  'roundrobin static-rr leastconn first source hash uri url_param hdr random rdp-cookie log-hash sticky'.split(
    ' ',
  ),
);

/** The order haproxy asks in, whatever the order in the file (section 4.2, `tcp-request`). */
const RANK: Readonly<Record<ProxyRule['kind'], number>> = {
  accept: 0,
  reject: 0,
  answer: 1,
  redirect: 2,
  'use-backend': 3,
  'use-server': 3,
};

function withCheckedOrder(proxy: HaproxyProxy): HaproxyProxy {
  return { ...proxy, rules: [...proxy.rules].sort((a, b) => RANK[a.kind] - RANK[b.kind]) };
}

function emptyProxy(
  kind: HaproxyProxy['kind'],
  name: string,
  origin: HaproxyProxy['origin'] | null,
): Draft {
  return {
    name,
    kind,
    mode: 'tcp',
    disabled: false,
    binds: [],
    acls: [],
    rules: [],
    defaultBackend: null,
    balance: { algorithm: 'roundrobin', arguments: [], consistentHash: false, avalanche: false },
    servers: [],
    allBackups: false,
    check: null,
    source: null,
    transparent: false,
    persistence: [],
    origin: origin ?? { file: '', line: 0 },
  };
}
