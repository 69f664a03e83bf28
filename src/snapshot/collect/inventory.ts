/**
 * `inventory.yaml`: which hosts there are and how each is reached. Names and addresses are checked
 * here, before any of them becomes a word of a command line.
 */
import { isRecord, type JsonNode } from '../../text/json-text.ts';
import { type Parsed, type Problem } from '../../text/problem.ts';
import { nearest } from '../../text/suggest.ts';
import { yamlRoot } from '../../text/yaml-text.ts';

/** How a host is reached. */
export type Reach =
  | { readonly kind: 'local' }
  /** A network namespace of this machine. */
  | { readonly kind: 'netns'; readonly name: string }
  | {
      readonly kind: 'ssh';
      /** `user@host` or a name of ssh_config. */
      readonly destination: string;
      readonly port: number | null;
      readonly identity: string | null;
      readonly knownHosts: string | null;
      /** An ssh_config of its own (`-F`). */
      readonly config: string | null;
    };

export interface InventoryHost {
  readonly name: string;
  readonly reach: Reach;
  /** Asks `sudo -n` for root: for a shell, or for the one helper that sudoers lists. */
  readonly sudo: boolean | { readonly helper: string };
}

export interface Inventory {
  readonly hosts: readonly InventoryHost[];
}

const KEYS = ['name', 'ssh', 'netns', 'local', 'port', 'identity', 'known_hosts', 'config', 'sudo'];

/** What a host, user or namespace may be called: never an option, never two words. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/;
const DESTINATION =
  /^([A-Za-z0-9_][A-Za-z0-9_.-]{0,31}@)?[A-Za-z0-9_:[\]][A-Za-z0-9_.:[\]-]{0,253}$/;
const PATH = /^[^\0\n\r"\\%]{1,4096}$/;

/** Reads an inventory; `value` is null when nothing could be made of it. */
export function readInventory(file: string, text: string): Parsed<Inventory | null> {
  const problems: Problem[] = [];
  const root = yamlRoot(file, text, problems);
  if (root === undefined) return { value: null, problems };
  const complain = (path: readonly (string | number)[], message: string): void => {
    problems.push(problemAt(root, path, message));
  };
  const { value } = root;
  if (!isRecord(value) || !Array.isArray(value['hosts'])) {
    complain([], 'An inventory is a list: `hosts: [{name: compute1, ssh: root@10.0.0.1}]`');
    return { value: null, problems };
  }
  const hosts: InventoryHost[] = [];
  const names = new Set<string>();
  for (const [i, each] of value['hosts'].entries()) {
    const at = ['hosts', i];
    if (!isRecord(each)) {
      complain(at, 'A host is `{name: compute1, ssh: root@10.0.0.1}`');
      continue;
    }
    for (const key of Object.keys(each)) {
      if (KEYS.includes(key)) continue;
      const near = nearest(key, KEYS);
      complain([...at, key], `Unknown key${near === undefined ? '' : `; did you mean ${near}?`}`);
    }
    const { name } = each;
    if (typeof name !== 'string' || !NAME.test(name)) {
      complain([...at, 'name'], 'A host name has letters, digits, `.`, `_` and `-`, at most 63');
      continue;
    }
    if (names.has(name)) complain([...at, 'name'], 'Two hosts have this name');
    names.add(name);
    const reach = readReach(each, (key, message) => complain([...at, key], message));
    const sudo = readSudo(each['sudo'], (message) => complain([...at, 'sudo'], message));
    if (reach !== null) hosts.push({ name, reach, sudo });
  }
  return { value: problems.length === 0 ? { hosts } : null, problems };
}

/** A helper is one word for a shell, as its path is a word of the remote command. */
const HELPER = /^\/[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+){0,31}$/;

function readSudo(given: unknown, complain: (message: string) => void): InventoryHost['sudo'] {
  if (given === undefined || typeof given === 'boolean') return given ?? false;
  if (typeof given === 'string' && HELPER.test(given) && !given.includes('..'))
    return { helper: given };
  complain('`sudo` is true, or the whole path of the helper that sudoers lists');
  return false;
}

function readReach(
  each: Record<string, unknown>,
  complain: (key: string, message: string) => void,
): Reach | null {
  const given = ['ssh', 'netns', 'local'].filter((key) => each[key] !== undefined);
  if (given.length !== 1) {
    complain(
      'name',
      'One of `ssh: user@host`, `netns: NAME` and `local: true` says how it is reached',
    );
    return null;
  }
  const word = (key: string, form: RegExp, what: string): string | null => {
    const value = each[key];
    if (value === undefined) return null;
    if (typeof value === 'string' && form.test(value)) return value;
    complain(key, what);
    return null;
  };
  if (each['local'] !== undefined) return { kind: 'local' };
  if (each['netns'] !== undefined) {
    const name = word('netns', NAME, 'This is no name of a network namespace');
    return name === null ? null : { kind: 'netns', name };
  }
  const destination = word('ssh', DESTINATION, 'This is no `user@host`');
  const { port } = each;
  if (port !== undefined && !(Number.isInteger(port) && Number(port) > 0 && Number(port) < 65536)) {
    complain('port', 'A port is a number from 1 to 65535');
    return null;
  }
  const path = 'This is no path';
  const reach = {
    port: port === undefined ? null : Number(port),
    identity: word('identity', PATH, path),
    knownHosts: word('known_hosts', PATH, path),
    config: word('config', PATH, path),
  };
  return destination === null ? null : { kind: 'ssh', destination, ...reach };
}

function problemAt(
  { source }: JsonNode,
  path: readonly (string | number)[],
  message: string,
): Problem {
  const before = source.text.slice(0, source.offset(path)).split('\n');
  const line = before.length;
  const text = source.text.split('\n')[line - 1] ?? '';
  return { file: source.file, line, column: (before.at(-1) ?? '').length + 1, text, message };
}
