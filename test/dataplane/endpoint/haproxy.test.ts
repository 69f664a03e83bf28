/** haproxy: its file, and where it sends connections. */
import { describe, expect, it } from 'vitest';
import { fateOf, frontendOf } from '../../../src/dataplane/endpoint/haproxy/choose.ts';
import {
  type HttpRequest,
  type Incoming,
} from '../../../src/dataplane/endpoint/haproxy/condition.ts';
import {
  parseSections,
  printSections,
} from '../../../src/dataplane/endpoint/haproxy/text/lexer.ts';
import { parseHaproxy } from '../../../src/dataplane/endpoint/haproxy/text/proxies.ts';
import { readIp } from '../../../src/text/address-text.ts';

const CONFIG = `global
    daemon
    log /dev/log local0
defaults
    mode http
    timeout connect 5s
    default-server check
frontend web
    bind 10.0.0.9:80
    bind :::8080 v4v6
    acl api path_beg /api/ /v2/
    acl inside src 10.0.0.0/8
    acl shop hdr(host) -i shop.example.org
    http-request deny if !inside { path /admin }
    use_backend api if api inside
    use_backend shop if shop or { hdr_dom(host) -i buy }
    use_backend odd if { urlp(a) b }
    default_backend app
frontend bare
    mode tcp
    bind fe80::a9fe:a9fe:80
backend api
    balance source
    server a1 10.0.1.1:8000 weight 2
    server a2 10.0.1.2:8000
    server a3 10.0.1.3:8000 backup
backend shop
    balance first
    server s1 10.0.2.1:8000
    server s2 10.0.2.2:8000
backend odd
    server o1 10.0.3.1
backend app
    option httpchk GET /up
    server p1 10.0.4.1:80 no-check
    server p2 10.0.4.2:80
    server p3 10.0.4.3:80 disabled
    server p4 10.0.4.4:80 weight 0
listen metadata
    bind 127.0.0.1:9697
    server metadata /var/lib/neutron/metadata_proxy
    http-request set-header X-Neutron-Router-ID "a b"
`;

const { value: config, problems } = parseHaproxy(CONFIG, 'haproxy.cfg');

function ip(text: string): Incoming['source'] {
  const found = readIp(text);
  if (found === undefined) throw new Error(text);
  return found;
}

function incoming(source: string, request: HttpRequest | null = null): Incoming {
  const destination = ip('10.0.0.9');
  return {
    source: ip(source),
    sourcePort: 40000,
    destination,
    destinationPort: 80,
    tls: false,
    request,
  };
}

function get(path: string, host = 'x'): HttpRequest {
  return { method: 'GET', path, headers: new Map([['host', host]]) };
}

function sent(from: Incoming, down: readonly string[] = []): readonly string[] {
  const found = frontendOf(config, from.destination, from.destinationPort);
  if (found === null) throw new Error('nobody listens');
  const fate = fateOf(config, found.frontend, from, (_backend, { name }) => !down.includes(name));
  const refused = fate.refusals.map(({ why, answers }) => (answers ? `answers: ${why}` : why));
  return [...fate.servers.map(({ server }) => server.name), ...refused];
}

describe('a file', () => {
  it('is read without problems and prints as it was read', () => {
    expect(problems).toEqual([]);
    const { value } = parseSections(CONFIG, 'haproxy.cfg');
    const printed = printSections(value);
    const again = parseSections(printed, 'haproxy.cfg').value;
    const words = (file: typeof value): unknown =>
      file.sections.map(({ kind, words: head, lines }) => [
        kind,
        head,
        lines.map((line) => line.words),
      ]);
    expect(words(again)).toEqual(words(value));
    expect(printed).toContain('"a b"');
  });

  it('tells what is wrong with line, column and what was probably meant', () => {
    const of = (text: string): readonly string[] =>
      parseHaproxy(text, 'h').problems.map(
        ({ line, column, didYouMean }) => `${line}:${column} ${didYouMean ?? ''}`,
      );
    expect(of('frontend a\n  default_backnd b')).toEqual(['2:3 default_backend']);
    expect(of('backend b\n server s 10.0.0.1:80 chek')).toEqual(['2:23 check']);
    expect(of('backend b\n server s 10.0.0.1:99999')).toEqual(['2:11 ']);
    expect(of('frontend a\n acl web src 10.0.0.1\n use_backend b if wbe')).toEqual(['3:19 web']);
    expect(of('mode tcp')).toEqual(['1:1 ']);
  });
});

describe('a frontend', () => {
  it('listens where its binds say, the one with an address first', () => {
    const at = (address: string, port: number): string | undefined =>
      frontendOf(config, ip(address), port)?.frontend.name;
    expect(at('10.0.0.9', 80)).toBe('web');
    expect(at('10.0.0.8', 80)).toBeUndefined();
    expect(at('192.0.2.1', 8080)).toBe('web');
    expect(at('fe80::a9fe:a9fe', 80)).toBe('bare');
    expect(at('127.0.0.1', 9697)).toBe('metadata');
  });

  it('follows its rules as far as the request is known', () => {
    expect(sent(incoming('10.0.0.5', get('/shop', 'SHOP.example.org')))).toEqual(['s1']);
    expect(sent(incoming('10.0.0.5', get('/', 'www.buy.example')))).toEqual(['s1']);
    expect(sent(incoming('192.0.2.7', get('/admin')))).toEqual(['answers: answer deny']);
    expect(sent(incoming('192.0.2.7', get('/api/x')))).toEqual(['o1', 'p1', 'p2']);
  });

  it('may use every backend whose rule depends on a request that is not known', () => {
    expect(sent(incoming('192.0.2.7'))).toEqual(['s1', 'o1', 'p1', 'p2', 'answers: answer deny']);
  });

  it('without a backend or a server that is up says so', () => {
    expect(sent(incoming('10.0.0.5', get('/v2/')), ['a1', 'a2', 'a3'])).toEqual([
      'no server of api is up',
    ]);
    const found = frontendOf(config, ip('fe80::a9fe:a9fe'), 80);
    const fate = found && fateOf(config, found.frontend, incoming('10.0.0.5'), () => true);
    expect(fate?.refusals.map(({ why }) => why)).toEqual(['bare has no backend for it']);
  });
});

describe('the balance', () => {
  // Asked of haproxy 2.6.12 with `balance source`: clients 127.0.1.1, 127.0.1.2…
  it.each([
    [[2, 1], '112112112112112112112112'],
    [[4, 6, 2], '223121223121223121223121'],
    [[1, 1, 1, 1], '234123412341234123412341'],
    [[7, 5, 3], '312123121231121312123121'],
  ])(
    'by source keeps a client on the server that the real one chooses (weights %j)',
    (weights, chosen) => {
      const servers = weights.map((weight, i) => ` server s${i + 1} 10.0.1.${i} weight ${weight}`);
      const text = [
        'frontend f',
        ' bind :80',
        ' default_backend b',
        'backend b',
        ' balance source',
      ];
      const { value } = parseHaproxy([...text, ...servers].join('\n'), 'h');
      const [frontend] = value.proxies;
      if (frontend === undefined) throw new Error('no frontend');
      const numbers = Array.from(chosen, (_, i) => {
        const fate = fateOf(value, frontend, incoming(`127.0.1.${i + 1}`), () => true);
        return fate.servers.map(({ server }) => server.name.slice(1)).join('|');
      });
      expect(numbers.join('')).toBe(chosen);
    },
  );

  it('uses a backup server only when no other one is up', () => {
    expect(sent(incoming('10.0.0.1', get('/api/')), ['a2'])).toEqual(['a1']);
    expect(sent(incoming('10.0.0.1', get('/api/')), ['a1', 'a2'])).toEqual(['a3']);
  });

  it('leaves all servers possible that are up, have weight and are enabled', () => {
    expect(sent(incoming('10.0.0.5', get('/', 'z')))).toEqual(['o1', 'p1', 'p2']);
    expect(sent(incoming('10.0.0.5', get('/', 'z')), ['p1', 'p2'])).toEqual(['o1', 'p1']);
  });
});
