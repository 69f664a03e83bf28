/** The local pages: who may ask, what they answer, and that no name can steer them. */
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { prepareServed, type Served } from '../../src/cli/serve/served.ts';
import { pagesOf } from '../../src/cli/serve/server.ts';
import { openFolder } from '../../src/snapshot/collect/folder.ts';
import { cloudOfNetwork } from '../../src/snapshot/read/cloud.ts';
import { openSnapshot } from '../../src/snapshot/read/open.ts';
import { ROOT } from '../sources.ts';
import { hostileDemo } from '../trace/hostile-demo.ts';

const TOKEN = 'a-token-of-this-test';
const PORT = 4711;
const HOST = `127.0.0.1:${PORT}`;
const COOKIE = `hopwise-${PORT}=${TOKEN}`;

let served: Served;
beforeAll(() => {
  const network = openSnapshot(openFolder(join(ROOT, 'demo/ovs-vxlan-ovsfw')));
  served = prepareServed({ name: 'demo', network }, cloudOfNetwork(network), null);
});

async function ask(
  path: string,
  headers: Record<string, string> = { cookie: COOKIE },
  method = 'GET',
) {
  const answer = await pagesOf(served, TOKEN, () => PORT).request(`http://${HOST}${path}`, {
    method,
    headers: { host: HOST, ...headers },
  });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

describe('the local pages', () => {
  it('answer whoever has the token, which then stands in a cookie', async () => {
    const entered = await ask(`/?token=${TOKEN}`, {});
    expect(entered.status).toBe(302);
    expect(entered.headers.get('location')).toBe('/');
    expect(entered.headers.get('set-cookie')).toMatch(/HttpOnly; SameSite=Strict/);
    expect((await ask('/')).status).toBe(200);
  });

  it.each([
    ['no token', '/', {}, 'GET', 403],
    ['another token', '/?token=another', {}, 'GET', 403],
    ['another cookie', '/', { cookie: `hopwise-${PORT}=x` }, 'GET', 403],
    ['another name of the host', '/', { cookie: COOKIE, host: 'evil.example' }, 'GET', 421],
    ['a request that would change something', '/trace', { cookie: COOKIE }, 'POST', 405],
    ['a page that does not exist', '/other', { cookie: COOKIE }, 'GET', 404],
  ])('refuse %s', async (_what, path, headers, method, status) => {
    const answer = await ask(path, headers, method);
    expect(answer.status).toBe(status);
    expect(answer.text).not.toContain('a185382d');
  });

  it('load nothing and run nothing', async () => {
    const { headers, text } = await ask('/');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(text).not.toMatch(/<script|<img|<link|https?:\/\//);
  });

  it('trace, and say why', async () => {
    const traced = await ask('/trace?from=a1&to=a2&protocol=tcp&port=23');
    expect(traced.text).toContain('SG_NO_MATCHING_RULE');
    expect(traced.text).toContain('<svg');
    const why = await ask('/why?from=a1&to=a2&protocol=tcp&port=23');
    expect(why.text).toContain('simulated with this');
  });

  it('draw what lies around the ends', async () => {
    const { text } = await ask('/map?from=a1&to=b1');
    expect(text).toContain('class="router"');
    expect(text).toContain('net-b');
    expect((await ask('/map?around=nothing')).status).toBe(400);
  });

  it('prove', async () => {
    expect((await ask('/prove?from=a1&to=b1')).text).toContain('<h1>UNREACHABLE');
    expect((await ask('/prove?from=a1&to=a2')).text).toContain('<h1>REACHABLE');
  });

  it('show who reaches whom, with a way into every cell', async () => {
    const { text } = await ask('/matrix?rows=network+net-a&columns=network+net-a&protocol=icmp');
    expect(text).toContain('href="/trace?from=a1&amp;to=a2&amp;protocol=icmp"');
    expect(text).toContain('arrives: a1 → a2');
    expect(text).toContain('href="/why?from=a1&amp;to=a3&amp;protocol=icmp"');
  });

  it('say in the matrix of each pair what its trace says', async () => {
    const page = '/matrix?rows=network+net-a&columns=network+net-b&protocol=tcp&port=22';
    const { text } = await ask(page);
    const cells = [
      ...text.matchAll(/href="([^"]*)" aria-label="(arrives|does not arrive): (\S+) → (\S+)"/g),
    ];
    expect(cells.length).toBeGreaterThan(8);
    for (const [, , told, from = '', to = ''] of cells) {
      const trace = await ask(`/trace?from=${from}&to=${to}&protocol=tcp&port=22`);
      const arrives = /UNREACHABLE/.test(trace.text) ? 'does not arrive' : 'arrives';
      expect([from, to, told]).toEqual([from, to, arrives]);
    }
  });

  it('count pairs by group, and lead from a group to those that it reaches', async () => {
    const all = await ask('/matrix');
    expect(all.text).toMatch(/aria-label="network net-a → network net-a: \d+ of 20 pairs"/);
    const one = await ask('/matrix?rows=network+net-a');
    expect(one.text).toMatch(/columns=network\+net-a">network net-a<\/a><\/td>/);
    expect((await ask('/matrix?rows=nobody')).status).toBe(400);
    expect((await ask('/matrix?rows=network+net-a&protocol=tcp&port=x')).status).toBe(400);
  });

  it('trace in the matrix what the proof is not about', async () => {
    const { text } = await ask('/matrix?rows=network+net-b&columns=network+net-b&size=9000&df=on');
    expect(text).toContain('REACHABLE: b1 → b2');
  });

  it('let time go on', async () => {
    const probes = encodeURIComponent('a1 -> a2 icmp every 100ms');
    const events = encodeURIComponent('t=1s isolate host compute2');
    const { text } = await ask(`/simulate?events=${events}&probes=${probes}&until=3`);
    expect(text).toContain('came through');
  });

  it.each([
    ['/trace?from=nobody&to=a2', 'nobody'],
    ['/trace?from=a1&to=a2&protocol=tcp', 'needs a port'],
    ['/trace?from=a1&to=a2&size=x', 'bytes are a number'],
    ['/prove?from=a1&to=a2&protocol=tcp&port=x', 'no port or range'],
    ['/simulate?events=nonsense&until=5', 'nonsense'],
    ['/simulate?events=t%3D1s+isolate+host+compute2&until=9999', 'up to 600'],
    ['/diff', '--against'],
  ])('say what is wrong with %s', async (path, sentence) => {
    const { status, text } = await ask(path);
    expect(status).toBe(400);
    expect(text).toContain('role="alert"');
    expect(text).toContain(sentence);
  });

  it('escape what the address says', async () => {
    const { text } = await ask(`/trace?from=${encodeURIComponent('"><script>x</script>')}&to=a2`);
    expect(text).not.toContain('<script');
    expect(text).toContain('&lt;script&gt;');
  });

  it('escape what tenants call their servers', async () => {
    const network = openSnapshot(hostileDemo(['<script>x</script>', '" onfocus="x']));
    const hostile = prepareServed({ name: '<b>', network }, null, null);
    const app = pagesOf(hostile, TOKEN, () => PORT);
    const group = encodeURIComponent([...hostile.groups.keys()][0] ?? '');
    for (const path of ['/', '/matrix', `/matrix?rows=${group}&columns=${group}`]) {
      const answer = await app.request(`http://${HOST}${path}`, {
        headers: { host: HOST, cookie: COOKIE },
      });
      expect(answer.status).toBe(200);
      expect(await answer.text()).not.toMatch(/<script|<b>|" onfocus/);
    }
  });
});
