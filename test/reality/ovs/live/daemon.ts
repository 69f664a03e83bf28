/**
 * A private Open vSwitch with the dummy datapath: its own directory, no root, no kernel module.
 * `--enable-dummy` without `=override`, which would turn tunnel ports into plain dummies.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

/** A translation that loops can take the switch minutes and gigabytes; then it is given up. */
const PATIENCE_MS = 10_000;

/** Version text of the installed switch; null where there is none. */
export const installed: string | null = (() => {
  const { status, stdout } = spawnSync('ovs-vswitchd', ['--version'], { encoding: 'utf8' });
  if (status !== 0 || !existsSync(SCHEMA)) return null;
  return /(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? null;
})();

/** What a command printed; `status` null when it could not be started or took too long. */
export interface Ran {
  readonly status: number | null;
  readonly output: string;
  readonly errors: string;
}

/** A control socket (JSON-RPC), one request at a time. */
class Control {
  private readonly socket: Socket;
  private text = '';
  private waiting: ((answer: { result: unknown; error: unknown }) => void) | null = null;
  private failed: ((reason: Error) => void) | null = null;
  private requests = 0;
  isClosed = false;

  /** The socket's file is there a moment before somebody listens. */
  static async open(path: string): Promise<Control> {
    for (let attempt = 0; ; attempt++) {
      const socket = connect(path);
      const isConnected = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true));
        socket.once('error', () => resolve(false));
      });
      if (isConnected) return new Control(socket);
      if (attempt > 200) throw new Error(`nobody listens at ${path}`);
      await pause(20);
    }
  }

  private constructor(socket: Socket) {
    this.socket = socket;
    this.socket.setEncoding('utf8');
    this.socket.on('data', (part: string) => this.received(part));
    this.socket.on('error', (error) => this.failed?.(error));
    this.socket.on('close', () => {
      this.isClosed = true;
      this.failed?.(new Error('the switch closed the connection'));
    });
  }

  private received(part: string): void {
    this.text += part;
    if (!part.trimEnd().endsWith('}')) return;
    try {
      const answer: { result: unknown; error: unknown } = JSON.parse(this.text);
      this.text = '';
      const tell = this.waiting;
      this.waiting = null;
      tell?.(answer);
    } catch {
      // Not yet complete.
    }
  }

  async call(method: string, params: readonly string[]): Promise<string> {
    if (this.isClosed) throw new Error('the switch closed the connection');
    this.requests++;
    const request = JSON.stringify({ method, params, id: this.requests });
    const timer = setTimeout(() => {
      this.isClosed = true;
      this.failed?.(new Error('the switch does not answer'));
    }, PATIENCE_MS);
    const { result, error } = await new Promise<{ result: unknown; error: unknown }>(
      (resolve, reject) => {
        this.waiting = resolve;
        this.failed = reject;
        this.socket.write(request);
      },
    ).finally(() => clearTimeout(timer));
    if (error !== null) throw new Error(String(error).trim());
    return String(result);
  }

  close(): void {
    this.failed = null;
    this.socket.destroy();
  }
}

export class LiveSwitch {
  readonly directory = mkdtempSync(join(tmpdir(), 'hopwise-ovs-'));
  private readonly env = {
    ...process.env,
    OVS_RUNDIR: this.directory,
    OVS_DBDIR: this.directory,
    OVS_LOGDIR: this.directory,
    OVS_SYSCONFDIR: this.directory,
  };
  private readonly processes: ChildProcess[] = [];
  private control: Control | null = null;

  /** Starts the daemons; throws when they do not come up. */
  static async start(): Promise<LiveSwitch> {
    const started = new LiveSwitch();
    await started.boot();
    return started;
  }

  private async boot(): Promise<void> {
    const at = this.directory;
    await this.run('ovsdb-tool', ['create', `${at}/conf.db`, SCHEMA]);
    this.launch('ovsdb-server', [`${at}/conf.db`, '-vconsole:off', `--remote=punix:${at}/db.sock`]);
    await this.appeared(`${at}/db.sock`);
    await this.run('ovs-vsctl', ['--no-wait', 'init']);
    this.launch('ovs-vswitchd', [
      `unix:${at}/db.sock`,
      '--enable-dummy',
      '--disable-system',
      '--disable-system-route',
      '-vconsole:off',
      `--log-file=${at}/vswitchd.log`,
      `--unixctl=${at}/control`,
    ]);
    await this.appeared(`${at}/control`);
    this.control = await Control.open(`${at}/control`);
    await this.appctl('vlog/set', 'WARN');
  }

  private launch(program: string, args: readonly string[]): void {
    const { env, directory: cwd } = this;
    this.processes.push(spawn(program, args, { env, cwd, stdio: 'ignore' }));
  }

  private async appeared(path: string): Promise<void> {
    for (let i = 0; !existsSync(path); i++) {
      if (i > 1000) throw new Error(`${path} did not appear`);
      await pause(10);
    }
  }

  /** Runs a program in the switch's environment. */
  run(program: string, args: readonly string[], input?: string): Promise<Ran> {
    const { env, directory: cwd } = this;
    return new Promise((resolve) => {
      const options = { env, cwd, maxBuffer: 1 << 28, timeout: 60_000 };
      const child = execFile(program, args, options, (error, output, errors) => {
        resolve({ status: error === null ? 0 : (child.exitCode ?? null), output, errors });
      });
      child.stdin?.on('error', () => {});
      child.stdin?.end(input ?? '');
    });
  }

  /** `ovs-vsctl`; throws when it fails. */
  async vsctl(...args: readonly string[]): Promise<string> {
    const ran = await this.run('ovs-vsctl', ['-t', '30', ...args]);
    if (ran.status !== 0) throw new Error(`ovs-vsctl ${args.join(' ')}: ${ran.errors}`);
    return ran.output;
  }

  ofctl(args: readonly string[], input?: string): Promise<Ran> {
    return this.run('ovs-ofctl', ['-t', '60', ...args], input);
  }

  /** A command of the daemon, over one lasting connection; throws what it refuses. */
  appctl(method: string, ...params: readonly string[]): Promise<string> {
    if (this.control === null) throw new Error('the switch is not running');
    return this.control.call(method, params);
  }

  isAlive(): boolean {
    if (this.control?.isClosed !== false) return false;
    return this.processes.every(({ exitCode, signalCode }) => exitCode === null && !signalCode);
  }

  log(): string {
    return readFileSync(join(this.directory, 'vswitchd.log'), 'utf8');
  }

  /** Ends the daemons and removes their directory. */
  async stop(): Promise<void> {
    this.control?.close();
    for (const child of [...this.processes].reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill(this.control?.isClosed === true ? 'SIGKILL' : 'SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
      await ended;
      clearTimeout(timer);
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}
