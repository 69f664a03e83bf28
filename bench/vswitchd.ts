/**
 * A real Open vSwitch for comparison: ovsdb-server and ovs-vswitchd with dummy devices in a
 * private directory. It touches neither the kernel's datapath nor another daemon's files.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Vswitchd {
  /** The control socket of ovs-vswitchd. */
  readonly control: string;
  /** Runs ovs-vsctl or ovs-ofctl against this switch. */
  run(program: 'ovs-vsctl' | 'ovs-ofctl', args: readonly string[], input?: string): string;
  stop(): void;
}

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
const WAIT_MS = 10_000;

/** Starts both daemons; null when Open vSwitch is not installed here. */
export async function startVswitchd(): Promise<Vswitchd | null> {
  if (!existsSync(SCHEMA) || found('ovs-vswitchd') === null) return null;
  const folder = mkdtempSync(join(tmpdir(), 'hopwise-bench-'));
  const environment = { ...process.env, OVS_RUNDIR: folder, OVS_LOGDIR: folder, OVS_DBDIR: folder };
  const database = join(folder, 'conf.db');
  const socket = `unix:${join(folder, 'db.sock')}`;
  const control = join(folder, 'vswitchd.ctl');
  const children: ChildProcess[] = [];
  const start = (program: string, args: readonly string[]): void => {
    const child = spawn(program, [...args, '-vconsole:off', `--log-file=${folder}/log`], {
      env: environment,
      stdio: 'ignore',
    });
    children.push(child);
  };
  const stop = (): void => {
    for (const child of children.reverse()) child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  const run: Vswitchd['run'] = (program, args, input = '') => {
    const where = program === 'ovs-vsctl' ? [`--db=${socket}`] : [];
    return execFileSync(program, [...where, ...args], {
      env: environment,
      input,
      encoding: 'utf8',
      maxBuffer: 1 << 30,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
  };
  try {
    execFileSync('ovsdb-tool', ['create', database, SCHEMA], { stdio: 'ignore' });
    start('ovsdb-server', [
      database,
      `--remote=p${socket}`,
      `--unixctl=${join(folder, 'ovsdb.ctl')}`,
    ]);
    await until(() => existsSync(join(folder, 'db.sock')));
    run('ovs-vsctl', ['--no-wait', 'init']);
    start('ovs-vswitchd', [socket, '--enable-dummy', '--disable-system', `--unixctl=${control}`]);
    await until(() => existsSync(control));
    return { control, run, stop };
  } catch (error) {
    stop();
    throw error;
  }
}

function found(program: string): string | null {
  for (const folder of ['/usr/sbin', '/usr/bin', '/sbin', '/usr/local/sbin']) {
    if (existsSync(join(folder, program))) return join(folder, program);
  }
  return null;
}

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 20) {
    if (waited > WAIT_MS) throw new Error('Open vSwitch did not start');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
