/**
 * The server of the local pages. It listens on the loopback address only, wants a token that only
 * who started it knows, answers under its own name only (another name would be a page of somebody
 * else that points here), and only ever reads.
 */
import { timingSafeEqual } from 'node:crypto';
import { type Context, Hono } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { forMarkup } from '../../text/escape.ts';
import {
  type Answer,
  diffAnswer,
  proveAnswer,
  simulateAnswer,
  traceAnswer,
  whyAnswer,
} from './answers.ts';
import { served as page, type Query, queryOf } from './layout.ts';
import { mapAnswer } from './map.ts';
import { matrixAnswer, matrixQuestionOf } from './matrix.ts';
import { type Served } from './served.ts';

/** Cookies do not know ports: each port has one of its own. */
function cookieOf(port: number): string {
  return `hopwise-${port}`;
}

/** The pages of one network; `port` is where they will be asked for. */
export function pagesOf(served: Served, token: string, port: () => number): Hono {
  const app = new Hono();
  app.use(async (c, next) => {
    c.header(
      'Content-Security-Policy',
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
    c.header('X-Content-Type-Options', 'nosniff');
    c.header('Referrer-Policy', 'no-referrer');
    c.header('Cache-Control', 'no-store');
    const host = c.req.header('host') ?? '';
    if (host !== `127.0.0.1:${port()}` && host !== `localhost:${port()}`)
      return c.text('Wrong host', 421);
    if (c.req.method !== 'GET' && c.req.method !== 'HEAD') return c.text('Only reading', 405);
    const given = c.req.query('token');
    if (given !== undefined && isSame(given, token)) {
      setCookie(c, cookieOf(port()), token, { httpOnly: true, sameSite: 'Strict', path: '/' });
      return c.redirect('/');
    }
    if (!isSame(getCookie(c, cookieOf(port())) ?? '', token)) {
      return c.text('Open the address that hopwise serve printed: it has the token.', 403);
    }
    return await next();
  });
  const asked = (c: Context): Query => queryOf((name) => c.req.query(name));
  const reply = (c: Context, answer: Answer) => {
    const query = asked(c);
    if (answer.kind === 'answer') return c.html(page(served, answer.title, query, answer.body));
    const [first = '', ...rest] = answer.sentences.map(forMarkup);
    const items = rest.map((sentence) => `<li>${sentence}</li>`);
    const body = `<p class="bad" role="alert">${first}</p><ul>${items.join('')}</ul>`;
    return c.html(page(served, 'Not understood', query, body), 400);
  };
  app.get('/', (c) => reply(c, { kind: 'answer', title: served.name, body: overview(served) }));
  app.get('/trace', (c) => reply(c, traceAnswer(served, asked(c))));
  app.get('/why', (c) => reply(c, whyAnswer(served, asked(c))));
  app.get('/prove', (c) => reply(c, proveAnswer(served, asked(c))));
  app.get('/map', (c) => reply(c, mapAnswer(served, c.req.query('around') ?? '', asked(c))));
  app.get('/diff', (c) => reply(c, diffAnswer(served)));
  app.get('/matrix', (c) => {
    const about = matrixQuestionOf((name) => c.req.query(name), asked(c));
    return reply(c, matrixAnswer(served, about));
  });
  app.get('/simulate', (c) => {
    const read = (name: string): string => c.req.query(name) ?? '';
    return reply(c, simulateAnswer(served, read('events'), read('probes'), read('until')));
  });
  app.notFound((c) => c.text('There is no such page', 404));
  return app;
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Groups listed on the first page; the whole cloud is never drawn. */
const LISTED = 60;

function overview({ name, network, servers, groups }: Served): string {
  const rows = [...groups]
    .slice(0, LISTED)
    .map(([group, members]) => `<tr><td>${forMarkup(group)}</td><td>${members.length}</td></tr>`);
  const more = groups.size > LISTED ? `<p>and ${groups.size - LISTED} more groups</p>` : '';
  return `<h1>${forMarkup(name)}</h1>
<p>${network.hosts.size} hosts, ${servers.length} servers. Ask above who reaches whom: a server’s name, a port’s id, an address, router:NAME, external:ADDRESS.</p>
<table><tr><th>group</th><th>servers</th></tr>${rows.join('')}</table>${more}`;
}
