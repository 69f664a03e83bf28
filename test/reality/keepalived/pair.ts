/** Two real keepalived routers in network namespaces of their own, on one bridge. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why the real thing cannot be asked here; null when it can. */
export function missingForKeepalived(): string | null {
  if (process.getuid?.() !== 0) return 'needs root';
  for (const program of ['keepalived', 'ip']) {
    try {
      execFileSync(program, [program === 'ip' ? '-V' : '--version'], { stdio: 'ignore' });
    } catch {
      return `needs ${program}`;
    }
  }
  try {
    // Test files run beside each other: each tries a name of its own.
    const name = `hopwise-vrrp-try-${process.pid}-${process.hrtime.bigint()}`;
    execFileSync('ip', ['netns', 'add', name], { stdio: 'ignore' });
    execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
  } catch {
    return 'needs network namespaces';
  }
  return null;
}

/** Runs a program with real-time priority where that is allowed. */
const PROMPT: readonly string[] = (() => {
  try {
    execFileSync('chrt', ['-f', '20', 'true'], { stdio: 'ignore' });
    return ['chrt', '-f', '20'];
  } catch {
    return [];
  }
})();

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}

export class RealRouter {
  /** States in the order its log tells them. */
  readonly states: string[] = [];
  /** The same with the instance's name: `VR_5 MASTER`. */
  readonly named: string[] = [];
  readonly namespace: string;
  readonly device = 'ha0';
  /** Its keepalived.conf as it was written last. */
  config = '';
  private seen = 0;
  private process: ChildProcess | null = null;
  private readonly folder: string;
  private readonly waiting: (() => void)[] = [];

  constructor(namespace: string, config: string) {
    this.namespace = namespace;
    this.folder = mkdtempSync(join(tmpdir(), 'hopwise-vrrp-'));
    this.write(config);
  }

  /** Writes its keepalived.conf; `@CHECK@` becomes the file that a check asks for. */
  write(config: string): void {
    this.config = config;
    const text = config.replaceAll('@CHECK@', this.check);
    writeFileSync(join(this.folder, 'keepalived.conf'), text, { mode: 0o600 });
  }

  /** As long as this file exists, its check fails. */
  get check(): string {
    return join(this.folder, 'failing');
  }

  start(): void {
    const file = (name: string): string => join(this.folder, name);
    // What was killed could not remove them, and may still be there as a zombie.
    for (const name of ['parent', 'vrrp']) rmSync(file(name), { force: true });
    const own = spawn(
      'ip',
      [
        // Before everything else that runs here: timers of tenths of a second are kept.
        ...['netns', 'exec', this.namespace, ...PROMPT, 'keepalived', '-n', '-l', '-D', '-P'],
        ...['-f', file('keepalived.conf'), '-p', file('parent'), '-r', file('vrrp')],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.process = own;
    let rest = '';
    const read = (bytes: Buffer): void => {
      const lines = (rest + bytes.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const state = /Entering (\w+) STATE/.exec(line)?.[1];
        if (state === undefined) continue;
        this.states.push(state);
        this.named.push(`${/\((\w+)\) Entering/.exec(line)?.[1] ?? ''} ${state}`);
      }
      for (const one of this.waiting.splice(0)) one();
    };
    own.stdout?.on('data', read);
    own.stderr?.on('data', read);
  }

  /** Waits for the next state like this behind those waited for; false when it does not come. */
  async becomes(state: string, within_ms = 20_000): Promise<boolean> {
    const end = Date.now() + within_ms;
    for (;;) {
      const at = this.states.indexOf(state, this.seen);
      if (at >= 0) {
        this.seen = at + 1;
        return true;
      }
      const left = end - Date.now();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Addresses on its interface, as `ip` prints them. */
  addresses(): readonly string[] {
    const text = this.ip('-o', '-4', 'addr', 'show', 'dev', this.device);
    return [...text.matchAll(/inet (\S+)/g)].map(([, address]) => address ?? '');
  }

  /**
   * Ends parent and child together. Both are stopped first: a child whose parent ends before it
   * would still tidy up.
   */
  kill(): void {
    const pids = this.pids();
    for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
      for (const pid of pids) send(pid, signal);
    }
    this.process = null;
  }

  /** Sends a signal to the parent or to the child, which does VRRP. */
  signal(which: 'parent' | 'vrrp', name: NodeJS.Signals): void {
    try {
      send(Number(readFileSync(join(this.folder, which), 'utf8').trim()), name);
    } catch {
      // There is no process of this name yet.
    }
  }

  private pids(): readonly number[] {
    const text = execFileSync('ip', ['netns', 'pids', this.namespace]).toString();
    return text
      .split(/\s+/)
      .filter((one) => one !== '')
      .map(Number);
  }

  stop(): void {
    this.process?.kill('SIGTERM');
  }

  ip(...words: readonly string[]): string {
    return execFileSync('ip', ['-n', this.namespace, ...words]).toString();
  }

  remove(): void {
    this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface RealPair {
  readonly routers: readonly RealRouter[];
  /** The namespace of the bridge between them, with a port `p1`, `p2`… for each. */
  readonly middle: string;
  remove(): void;
}

/** Builds namespaces, bridge and cables; `configs` are one keepalived.conf for each router. */
export function realRouters(label: string, configs: readonly string[]): RealPair {
  const ip = (...words: readonly string[]): void => {
    execFileSync('ip', [...words], { stdio: ['ignore', 'ignore', 'inherit'] });
  };
  const prefix = `hopwise-vrrp-${process.pid}-${label}`;
  const middle = `${prefix}-link`;
  const routers: RealRouter[] = [];
  const remove = (): void => {
    for (const router of routers) router.remove();
    for (const name of [middle, ...routers.map(({ namespace }) => namespace)]) {
      try {
        execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' });
      } catch {
        // It was never made.
      }
    }
  };
  try {
    ip('netns', 'add', middle);
    ip('-n', middle, 'link', 'add', 'br0', 'type', 'bridge');
    ip('-n', middle, 'link', 'set', 'br0', 'up');
    for (const [i, config] of configs.entries()) {
      const router = new RealRouter(`${prefix}-r${i + 1}`, config);
      ip('netns', 'add', router.namespace);
      routers.push(router);
      const peer = `p${i + 1}`;
      const veth = ['type', 'veth', 'peer', 'name', router.device, 'netns', router.namespace];
      ip('-n', middle, 'link', 'add', peer, ...veth);
      ip('-n', middle, 'link', 'set', peer, 'master', 'br0', 'up');
      router.ip('link', 'set', 'lo', 'up');
      router.ip('link', 'set', router.device, 'up');
      router.ip('addr', 'add', `169.254.192.${11 + i}/18`, 'dev', router.device);
      const aside = ['type', 'veth', 'peer', 'name', 'side0', 'netns', router.namespace];
      ip('-n', middle, 'link', 'add', `s${i + 1}`, ...aside);
      ip('-n', middle, 'link', 'set', `s${i + 1}`, 'up');
      router.ip('link', 'set', 'side0', 'up');
    }
  } catch (error) {
    remove();
    throw error;
  }
  return { routers, middle, remove };
}
