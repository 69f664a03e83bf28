/**
 * The programs of a host and where each runs. Command lines name files, not namespaces: a
 * process id in a socket list, an id in a path, or the addresses it listens on tell the place.
 */
import { openDnsmasq } from '../../dataplane/endpoint/dnsmasq/text/command-line.ts';
import { type Dnsmasq } from '../../dataplane/endpoint/dnsmasq/types.ts';
import { parseHaproxy } from '../../dataplane/endpoint/haproxy/text/proxies.ts';
import { parseRadvd } from '../../dataplane/endpoint/radvd/text.ts';
import { type Host, type NamespaceState, type SourceText } from '../../dataplane/network.ts';
import { parseKeepalived } from '../../dataplane/vrrp/text/keepalived.ts';
import { namespaceOwner } from '../../model/ids.ts';
import { prefixCovers } from '../../packet/prefix.ts';
import { namespacesByOwner } from '../../snapshot/read/owned-namespaces.ts';
import { type Parsed } from '../../text/problem.ts';
import { type CompiledNetwork } from '../compiled-network.ts';
import { type Daemon } from './daemon.ts';

/** The programs of a namespace; read once per host. */
export function daemonsIn(
  compiled: CompiledNetwork,
  hostName: string,
  namespace: string,
): readonly Daemon[] {
  const all = daemonsOf(compiled, hostName);
  let known = byNamespace.get(all);
  if (known === undefined) {
    const made = new Map<string | null, Daemon[]>();
    for (const one of all) {
      const others = made.get(one.namespace);
      if (others === undefined) made.set(one.namespace, [one]);
      else others.push(one);
    }
    known = made;
    byNamespace.set(all, made);
  }
  return known.get(namespace) ?? NONE;
}

const NONE: readonly Daemon[] = [];

/** A network node may have thousands of programs, and each namespace asks for its own. */
const byNamespace = new WeakMap<readonly Daemon[], ReadonlyMap<string | null, readonly Daemon[]>>();

/** All programs of a host whose configuration the snapshot has. */
export function daemonsOf(compiled: CompiledNetwork, hostName: string): readonly Daemon[] {
  const known = compiled.daemons.get(hostName);
  if (known !== undefined) return known;
  const host = compiled.network.hosts.get(hostName);
  const made = host === undefined ? [] : readDaemons(compiled, host);
  compiled.daemons.set(hostName, made);
  return made;
}

/** One command line, cut into its words. */
interface Command {
  readonly text: string;
  readonly words: readonly string[];
  readonly line: number;
  readonly file: string;
}

function readDaemons(compiled: CompiledNetwork, host: Host): readonly Daemon[] {
  const file = `hosts/${host.name}/daemon-cmdlines`;
  return host.commandLines.flatMap((text, index): Daemon[] => {
    const words = text.split(/\s+/).filter((word) => word !== '');
    const program = words[0]?.split('/').at(-1) ?? '';
    const reader = READERS.get(program);
    const command: Command = { text, words, line: index + 1, file };
    const read = reader?.(compiled, host, command);
    return read === undefined || read === null ? [] : [read];
  });
}

type Reader = (compiled: CompiledNetwork, host: Host, command: Command) => Daemon | null;

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['dnsmasq', readDnsmasq],
  ['haproxy', readHaproxy],
  [
    'radvd',
    (compiled, host, command) => {
      const path = valueOf(command, '-C', '--config');
      const config = readConfig(compiled, host, path, parseRadvd);
      if (config === null || path === null) return null;
      const shows = ({ state }: NamespaceState): boolean =>
        config.interfaces.some(({ name }) => state.interfaces.some((one) => one.name === name));
      const namespace = placeOf(
        host,
        [path],
        pidOf(host, valueOf(command, '-p', '--pidfile')),
        shows,
      );
      return { kind: 'radvd', config, namespace, origin: command };
    },
  ],
  [
    'keepalived',
    (compiled, host, command) => {
      const path = valueOf(command, '-f', '--use-file');
      const config = readConfig(compiled, host, path, parseKeepalived);
      if (config === null || path === null) return null;
      const shows = ({ state }: NamespaceState): boolean =>
        config.instances.some((one) => state.interfaces.some(({ name }) => name === one.interface));
      const namespace = placeOf(host, [path], pidOf(host, valueOf(command, '-p', '--pid')), shows);
      return { kind: 'keepalived', config, path, namespace, origin: command };
    },
  ],
]);

function readDnsmasq(compiled: CompiledNetwork, host: Host, command: Command): Daemon {
  const { value: config, problems } = openDnsmasq(command, (path) => configAt(host, path));
  compiled.problems.push(...problems);
  const { hosts, leases, pid } = config.files;
  const paths = [...hosts, leases ?? '', pid ?? ''];
  const shows = ({ state }: NamespaceState): boolean =>
    state.sockets.some(({ process }) => process === 'dnsmasq') && servesHere(config, state);
  const namespace = placeOf(host, paths, pidOf(host, pid), shows);
  return { kind: 'dnsmasq', config, namespace, origin: command };
}

/** Whether an address of the namespace lies in a range. */
function servesHere(config: Dnsmasq, { interfaces }: NamespaceState['state']): boolean {
  return config.ranges.some(({ start, prefixLength }) =>
    interfaces.some(({ addresses }) =>
      addresses.some(({ address, length }) =>
        prefixCovers({ address: start, length: prefixLength ?? length }, address),
      ),
    ),
  );
}

function readHaproxy(compiled: CompiledNetwork, host: Host, command: Command): Daemon | null {
  const path = valueOf(command, '-f', '--file');
  const config = readConfig(compiled, host, path, parseHaproxy);
  if (config === null || path === null) return null;
  const binds = config.proxies.flatMap((one) => one.binds);
  const shows = ({ state }: NamespaceState): boolean =>
    state.sockets.some(
      ({ protocol, process, port, address }) =>
        protocol === 'tcp' &&
        (process === 'haproxy' || process === '') &&
        binds.some(
          (bind) =>
            port >= bind.ports[0] &&
            port <= bind.ports[1] &&
            bind.address?.value === address?.value,
        ),
    );
  const namespace = placeOf(host, [path], pidOf(host, valueOf(command, '-p', '--pid')), shows);
  return { kind: 'haproxy', config, path, namespace, origin: command };
}

function readConfig<T>(
  compiled: CompiledNetwork,
  host: Host,
  path: string | null,
  parse: (text: string, file: string) => Parsed<T>,
): T | null {
  const source = path === null ? null : configAt(host, path);
  if (source === null) return null;
  const { value, problems } = parse(source.text, source.file);
  compiled.problems.push(...problems);
  return value;
}

/** The value behind a letter or long name: `-f FILE`, `-fFILE`, `--file=FILE`. */
function valueOf({ words }: Command, letter: string, long: string): string | null {
  for (const [at, word] of words.entries()) {
    if (word === letter || word === long) return words[at + 1] ?? null;
    if (word.startsWith(`${long}=`)) return word.slice(long.length + 1);
    if (word.startsWith(letter) && !word.startsWith('--')) return word.slice(letter.length);
  }
  return null;
}

/** A file by its path on the host: snapshots keep only the end of the path. */
function configAt(host: Host, path: string): SourceText | null {
  const parts = path.split('/').filter((part) => part !== '');
  for (let from = 0; from < parts.length; from++) {
    const found = host.configs.get(parts.slice(from).join('/'));
    if (found !== undefined) return found();
  }
  return null;
}

function pidOf(host: Host, path: string | null): number | null {
  const text = path === null ? null : (configAt(host, path)?.text.trim() ?? null);
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}

const UUID = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g;

/**
 * The namespace a program runs in.
 *
 * @param paths files it uses: Neutron's agents put the router's or network's id into them
 * @param shows whether a namespace has what the program needs or listens on
 */
function placeOf(
  host: Host,
  paths: readonly string[],
  pid: number | null,
  shows: (namespace: NamespaceState) => boolean,
): string | null {
  const all = [...host.namespaces.values()];
  if (pid !== null) {
    const own = all.filter(({ state }) => state.sockets.some((one) => one.pid === pid));
    if (own.length === 1) return own[0]?.name ?? null;
  }
  const ids = new Set(paths.flatMap((path) => path.match(UUID) ?? []));
  const owned = namespacesByOwner(host);
  const named = [...ids].flatMap((id) => owned.get(id) ?? host.namespaces.get(`vm-${id}`) ?? []);
  const candidates = named.length > 0 ? named : all;
  const showing = candidates.filter(shows);
  // Without socket lists: what serves a distributed router runs beside it, not in its SNAT half.
  const beside = named.filter(({ name }) => namespaceOwner(name)?.kind !== 'snat');
  const found = showing.length > 0 ? showing : beside;
  return found.length === 1 ? (found[0]?.name ?? null) : null;
}
