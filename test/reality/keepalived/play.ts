/** Plays a case on real keepalived routers and notes what they tell and send. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type MixedAction, type MixedCase } from './mixture.ts';
import { type RealPair, type RealRouter, realRouters } from './pair.ts';

/** What was seen of one router. */
export interface Seen {
  readonly id: string;
  /** The states its log tells, in order. */
  readonly states: readonly string[];
  /** Whether it has the first virtual address at the end. */
  readonly holds: boolean;
  /** Priorities of its adverts as they crossed the bridge. */
  readonly priorities: readonly number[];
  /** Announcements of its first virtual address that crossed the bridge. */
  readonly announced: number;
}

interface Told {
  readonly advert?: number;
  readonly from?: string;
  readonly announced?: string;
  readonly mac?: string;
}

/** Plays a case; it takes as long as the case does. */
export async function playCase(one: MixedCase, label: string): Promise<readonly Seen[]> {
  const pair = realRouters(
    label,
    one.routers.map(({ config }) => config),
  );
  const told: Told[] = [];
  const listener = listen(pair, told);
  try {
    await ready(listener);
    const begun_ms = Date.now();
    for (const action of one.actions) {
      await until(begun_ms + action.at_s * 1000);
      act(pair, Number(action.id.slice(1)) - 1, action);
    }
    await until(begun_ms + one.until_s * 1000);
    // What the routers told until now has still to be read.
    await until(Date.now() + 200);
    return pair.routers.map((router, i) => seenOf(router, i, told));
  } finally {
    listener.kill('SIGKILL');
    pair.remove();
  }
}

function listen({ middle }: RealPair, told: Told[]): ChildProcess {
  const script = join(import.meta.dirname, 'listen.py');
  const args = ['netns', 'exec', middle, 'python3', script, 'br0'];
  const child = spawn('ip', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  let rest = '';
  child.stdout?.on('data', (bytes: Buffer) => {
    const lines = (rest + bytes.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) told.push(JSON.parse(line) as Told);
  });
  return child;
}

async function ready(listener: ChildProcess): Promise<void> {
  await new Promise<void>((resolve) => {
    listener.stdout?.once('data', () => resolve());
    listener.once('exit', () => resolve());
  });
}

async function until(at_ms: number): Promise<void> {
  const left = at_ms - Date.now();
  if (left > 0) await new Promise<void>((resolve) => setTimeout(resolve, left));
}

function act(pair: RealPair, index: number, { action, config }: MixedAction): void {
  const router = pair.routers[index];
  if (router === undefined) throw new Error(`no router ${index}`);
  const port = (...words: readonly string[]): void => {
    execFileSync('ip', ['-n', pair.middle, 'link', 'set', `p${index + 1}`, ...words]);
  };
  const filter = (what: string, chain: string): void => {
    const rule = ['iptables', '-w', what, chain, '-p', '112', '-j', 'DROP'];
    execFileSync('ip', ['netns', 'exec', router.namespace, ...rule]);
  };
  const doings: Readonly<Record<string, () => void>> = {
    start: () => router.start(),
    stop: () => router.stop(),
    kill9: () => router.kill(),
    kill9child: () => router.signal('vrrp', 'SIGKILL'),
    kill9parent: () => router.signal('parent', 'SIGKILL'),
    hup: () => router.signal('parent', 'SIGHUP'),
    reconf: () => {
      router.write(config ?? '');
      router.signal('parent', 'SIGHUP');
    },
    isolate: () => port('nomaster'),
    heal: () => port('master', 'br0'),
    dropin: () => filter('-I', 'INPUT'),
    undropin: () => filter('-D', 'INPUT'),
    dropout: () => filter('-I', 'OUTPUT'),
    undropout: () => filter('-D', 'OUTPUT'),
    linkdown: () => void router.ip('link', 'set', router.device, 'down'),
    linkup: () => void router.ip('link', 'set', router.device, 'up'),
    peerdown: () => port('down'),
    peerup: () => port('up'),
    sidedown: () => void router.ip('link', 'set', 'side0', 'down'),
    sideup: () => void router.ip('link', 'set', 'side0', 'up'),
    failcheck: () => writeFileSync(router.check, ''),
    okcheck: () => rmSync(router.check, { force: true }),
  };
  const doing = doings[action];
  if (doing === undefined) throw new Error(`unknown action ${action}`);
  doing();
}

function seenOf(router: RealRouter, index: number, told: readonly Told[]): Seen {
  const source = `169.254.192.${11 + index}`;
  const mac = macOf(router);
  const first = /virtual_ipaddress \{\s+(\S+)\//.exec(router.config)?.[1] ?? '';
  const holds = router.addresses().some((one) => one.startsWith(`${first}/`));
  return {
    id: `r${index + 1}`,
    states: [...router.states],
    holds,
    priorities: told.flatMap(({ from, advert }) =>
      from === source && advert !== undefined ? [advert] : [],
    ),
    announced: told.filter((one) => one.mac === mac && one.announced === first).length,
  };
}

function macOf(router: RealRouter): string {
  const text = router.ip('link', 'show', 'dev', router.device);
  return (/link\/ether (\S+)/.exec(text)?.[1] ?? '').replaceAll(':', '');
}
