/**
 * dnsmasq and haproxy read their files again: those that another snapshot or cloud has for them, or
 * the same. What a process reads only when it starts stays as it is until it is restarted.
 */
import { type Dnsmasq } from '../../dataplane/endpoint/dnsmasq/types.ts';
import { type Network } from '../../dataplane/network.ts';
import { type Origin } from '../../text/problem.ts';
import { compileNetwork } from '../../trace/compiled-network.ts';
import { type Daemon } from '../../trace/programs/daemon.ts';
import { daemonsOf } from '../../trace/programs/daemons.ts';
import { type EventRow, type Play, type Understood, understood, unknown, wrong } from './types.ts';

type Kind = 'dnsmasq' | 'haproxy';

export const REREAD_EVENTS: readonly EventRow[] = [
  {
    begins: ['reload', 'dnsmasq'],
    usage: 'reload dnsmasq at HOST [with FOLDER|CLOUD]',
    read: (words, play) => read('dnsmasq', words, play, reloadDnsmasq),
  },
  {
    begins: ['reload', 'haproxy'],
    usage: 'reload haproxy at HOST [with FOLDER|CLOUD]',
    read: (words, play) => read('haproxy', words, play, reloadHaproxy),
  },
  {
    begins: ['restart', 'dnsmasq'],
    usage: 'restart dnsmasq at HOST [with FOLDER|CLOUD]',
    read: (words, play) => read('dnsmasq', words, play, restartDnsmasq),
  },
];

type Doing = (play: Play, host: string, next: readonly Daemon[]) => void;

function read(
  kind: Kind,
  [at, host = '', withWord, path, ...more]: readonly string[],
  { stage, openNetwork }: Play,
  doing: Doing,
): Understood {
  if (at !== 'at' || more.length > 0) return wrong('`at HOST` is wanted');
  const { hosts } = stage.network;
  if (!hosts.has(host)) return unknown('host', host, hosts.keys());
  const own = daemonsOf(stage.compiled, host);
  if (!own.some((one) => one.kind === kind)) return wrong(`there is no ${kind} at ${host}`);
  if (withWord === undefined) return understood((now) => doing(now, host, own));
  if (withWord !== 'with' || path === undefined) return wrong('`with FOLDER` is wanted');
  const other = openNetwork(path);
  if (typeof other === 'string') return wrong(other);
  if (!other.hosts.has(host)) return wrong(`${path} has no host ${host}`);
  const next = daemonsThere(other, host);
  return understood((now) => doing(now, host, next));
}

function daemonsThere(other: Network, host: string): readonly Daemon[] {
  return daemonsOf(compileNetwork(other), host);
}

/** The same process in what the files say now; null when they know no such process. */
function counterpart(one: Daemon, next: readonly Daemon[]): Daemon | null {
  return (
    next.find(({ kind, namespace }) => kind === one.kind && namespace === one.namespace) ?? null
  );
}

/**
 * SIGHUP: the files of hosts and options are read again; the command line, the configuration file
 * and so the ranges are not, and leases stay (dnsmasq(8), NOTES).
 */
function reloadDnsmasq(play: Play, host: string, next: readonly Daemon[]): void {
  let same = true;
  exchange(play, host, 'dnsmasq', (one) => {
    const other = counterpart(one, next);
    if (one.kind !== 'dnsmasq' || other?.kind !== 'dnsmasq') return one;
    same &&= rangesOf(one.config) === rangesOf(other.config);
    return { ...one, config: reread(one.config, other.config) };
  });
  play.vrrp.tell('process', host, 'dnsmasq reads its host and option files again; leases stay');
  if (same) return;
  const text = 'dnsmasq goes on with the ranges it was started with: they need a restart';
  play.vrrp.tell('process', host, text);
}

/** Everything is read anew, the file of leases too: who has one keeps it. */
function restartDnsmasq(play: Play, host: string, next: readonly Daemon[]): void {
  exchange(play, host, 'dnsmasq', (one) => counterpart(one, next) ?? one);
  play.leases.start(host);
  play.vrrp.tell('process', host, 'dnsmasq starts again with its files; it knows its leases');
}

/**
 * A new process takes over the listening sockets with the new file, and the old one ends when its
 * last connection does (haproxy(1), `-sf`). The new one knows no health: every server counts as
 * up, but its first failed check takes it out (server.c, `check.health = check.rise`).
 */
function reloadHaproxy(play: Play, host: string, next: readonly Daemon[]): void {
  exchange(play, host, 'haproxy', (one) => counterpart(one, next) ?? one);
  play.health.reload(host);
  const text =
    'haproxy: a new process with the new file; connections that stand stay with the old one, and health is checked from the beginning';
  play.vrrp.tell('process', host, text);
}

function exchange(play: Play, host: string, kind: Kind, how: (one: Daemon) => Daemon): void {
  const { stage } = play;
  const daemons = daemonsOf(stage.compiled, host);
  stage.runInstead(
    host,
    daemons.map((one) => (one.kind === kind ? how(one) : one)),
  );
}

function rangesOf({ ranges }: Dnsmasq): string {
  return ranges
    .map(({ start, end, lease_s, modes }) =>
      [start.value, end?.value ?? '', lease_s ?? '', ...modes].join(),
    )
    .join(' ');
}

function reread(before: Dnsmasq, after: Dnsmasq): Dnsmasq {
  const kept = <T extends { readonly origin: Origin }>(
    old: readonly T[],
    now: readonly T[],
    paths: readonly string[],
  ): readonly T[] => [
    ...old.filter(({ origin }) => !isOf(paths, origin)),
    ...now.filter(({ origin }) => isOf(paths, origin)),
  ];
  return {
    ...before,
    hosts: kept(before.hosts, after.hosts, before.files.hosts),
    options: kept(before.options, after.options, before.files.options),
  };
}

/** Snapshots keep the end of a path: the network's id and the file's name tell it. */
function isOf(paths: readonly string[], { file }: Origin): boolean {
  return paths.some((path) => file.endsWith(`/${path.split('/').slice(-2).join('/')}`));
}
