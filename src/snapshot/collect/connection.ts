/**
 * A connection to one host: scripts go to the standard input of one constant remote command, so
 * nothing that somebody named ever becomes a word of a command line. OpenSSH does the rest: host
 * keys, agents, jump hosts, and one shared connection per host.
 */
import { spawn } from 'node:child_process';
import { type InventoryHost } from './inventory.ts';

export interface Ran {
  /** Exit code; null when it was killed (the time was up). */
  readonly code: number | null;
  readonly out: Buffer;
  readonly err: string;
  readonly took_ms: number;
}

export interface Connection {
  readonly host: string;
  /** Runs a script with `sh -s`; never throws. */
  run(script: string | Buffer, timeout_ms: number): Promise<Ran>;
  /** The same over a connection that is made for this alone: what was let in before is no proof. */
  runFresh(script: string, timeout_ms: number): Promise<Ran>;
  /** Ends the shared connection. */
  close(): Promise<void>;
}

/** Bytes that a host may answer with. */
const MOST_BYTES = 512 * 1024 * 1024;

const SHELL = ['sh', '-s'];

/** @param sockets a folder for the sockets of shared connections; its path has to be short */
export function connect(host: InventoryHost, sockets: string): Connection {
  const run = (fresh: boolean) => (script: string | Buffer, timeout_ms: number) => {
    const [program, ...words] = command(host, sockets, fresh);
    return execute(program ?? '', words, script, timeout_ms);
  };
  return {
    host: host.name,
    run: run(false),
    runFresh: run(true),
    close: async () => {
      if (host.reach.kind !== 'ssh') return;
      const words = [...options(host.reach, sockets, false), '-O', 'exit', host.reach.destination];
      await execute('ssh', words, '', 5000);
    },
  };
}

/** The command line that runs a shell on a host: constants and checked words of the inventory. */
export function command(host: InventoryHost, sockets: string, fresh: boolean): readonly string[] {
  const shell =
    host.sudo === false
      ? SHELL
      : ['sudo', '-n', ...(host.sudo === true ? SHELL : [host.sudo.helper])];
  switch (host.reach.kind) {
    case 'local':
      return shell;
    case 'netns':
      return ['ip', 'netns', 'exec', host.reach.name, ...shell];
    case 'ssh':
      return [
        'ssh',
        ...options(host.reach, sockets, fresh),
        '--',
        host.reach.destination,
        ...shell,
      ];
  }
}

function options(
  reach: Extract<InventoryHost['reach'], { kind: 'ssh' }>,
  sockets: string,
  fresh: boolean,
): readonly string[] {
  const { port, identity, knownHosts, config } = reach;
  const set = (...words: readonly string[]): readonly string[] =>
    words.flatMap((each) => ['-o', each]);
  return [
    ...(config === null ? [] : ['-F', config]),
    '-T',
    ...set(
      'BatchMode=yes',
      'StrictHostKeyChecking=yes',
      'ConnectTimeout=30',
      'ServerAliveInterval=3',
      'ServerAliveCountMax=3',
    ),
    ...(fresh
      ? set('ControlMaster=no', 'ControlPath=none')
      : set('ControlMaster=auto', `ControlPath=${sockets}/%C`, 'ControlPersist=30')),
    ...(identity === null ? [] : ['-i', identity, ...set('IdentitiesOnly=yes')]),
    ...(knownHosts === null ? [] : set(`UserKnownHostsFile=${knownHosts}`)),
    ...(port === null ? [] : ['-p', String(port)]),
  ];
}

function execute(
  program: string,
  words: readonly string[],
  input: string | Buffer,
  timeout_ms: number,
): Promise<Ran> {
  return new Promise((resolve) => {
    const start = Date.now();
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let bytes = 0;
    const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeout_ms);
    let ended = false;
    const done = (code: number | null, why: string): void => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      const said = Buffer.concat(err).toString('utf8').slice(0, 20_000) + why;
      resolve({ code, out: Buffer.concat(out), err: said, took_ms: Date.now() - start });
    };
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MOST_BYTES) out.push(chunk);
      else child.kill('SIGKILL');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (err.length < 1000) err.push(chunk);
    });
    // The shared connection outlives the command and keeps its standard error open.
    let code: number | null = null;
    let gone = false;
    let read = false;
    const both = (): void => {
      if (gone && read) done(code, '');
    };
    child.stdout.on('close', () => {
      read = true;
      setTimeout(both, 1);
    });
    child.on('exit', (status) => {
      code = status;
      gone = true;
      both();
    });
    child.on('error', (error) => done(null, error.message));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
