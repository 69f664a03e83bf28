/**
 * A network that was changed since it was read, as a dump folder again: files that tell the same as
 * before are copied byte by byte, the others are written as the commands would print them.
 */
import { type Host, type InterfaceId, type Network } from '../../dataplane/network.ts';
import { type SwitchRow } from '../../dataplane/ovs/inventory/rows.ts';
import { type Folder } from '../read/folder.ts';
import { apiChanges, changedAnswer } from './api.ts';
import { type Ends, namespaceTexts } from './namespace.ts';
import { switchTexts } from './switch.ts';

/** Files by path. */
export type WrittenFiles = ReadonlyMap<string, () => Uint8Array>;

/**
 * The files of the changed network.
 *
 * @param folder What `before` was read from.
 * @param before The network as it was read; `after` is made of it.
 */
export function snapshotFiles(folder: Folder, before: Network, after: Network): WrittenFiles {
  const files = new Map<string, () => Uint8Array>();
  for (const path of folder.list()) {
    files.set(path, () => folder.read(path) ?? new Uint8Array());
  }
  const write = new Writer(folder, before, files);
  for (const [name, host] of after.hosts) writeHost(write, before, after, host, name);
  const changes = apiChanges(before.neutron, after.neutron);
  for (const path of folder.list()) {
    const place = before.placeOf(path);
    const rows = place?.kind === 'api' ? changes.get(place.name) : undefined;
    if (rows === undefined || rows.size === 0) continue;
    files.set(path, () => encoded(changedAnswer(decoded(folder.read(path)), rows)));
  }
  return files;
}

/** Paths of a snapshot whose files are replaced; a new file stands where captures have it. */
class Writer {
  private readonly top: string;
  private readonly known = new Map<string, string[]>();
  private readonly files: Map<string, () => Uint8Array>;

  constructor(folder: Folder, before: Network, files: Map<string, () => Uint8Array>) {
    this.files = files;
    const paths = folder.list();
    const tops = new Set(paths.flatMap((path) => /^(.*?)hosts\/[^/]+\/./.exec(path)?.[1] ?? []));
    this.top = tops.has('') ? '' : ([...tops][0] ?? '');
    for (const path of paths) {
      const place = before.placeOf(path);
      const key =
        place === null ? this.keyOfPath(path) : keyOf(place.host, place.within, place.name);
      if (key !== null) this.known.set(key, [...(this.known.get(key) ?? []), path]);
    }
  }

  /** Puts a text in the place of what told the same before. */
  put(host: string, within: string, name: string, path: string, text: string): void {
    for (const old of this.known.get(keyOf(host, within, name)) ?? []) this.files.delete(old);
    this.files.set(`${this.top}hosts/${host}/${path}`, () => encoded(text));
  }

  /** A text beside the JSON of the same name tells it too, and would contradict it. */
  private keyOfPath(path: string): string | null {
    if (!path.startsWith(`${this.top}hosts/`)) return null;
    const [host, ns, within, file, ...more] = path
      .slice(this.top.length + 'hosts/'.length)
      .split('/');
    if (ns !== 'ns' || file === undefined || more.length > 0) return null;
    return keyOf(host ?? '', within ?? '', file.replace(/\.(txt|json)$/, ''));
  }

  drop(host: string, within: string, name: string): void {
    for (const old of this.known.get(keyOf(host, within, name)) ?? []) this.files.delete(old);
  }

  dropNamespace(host: string, name: string): void {
    for (const [key, paths] of this.known) {
      if (key.startsWith(keyOf(host, name, ''))) for (const old of paths) this.files.delete(old);
    }
  }
}

function keyOf(host: string, within: string, name: string): string {
  return `${host} ${within} ${name}`;
}

function writeHost(write: Writer, before: Network, after: Network, host: Host, name: string): void {
  const old = before.hosts.get(name);
  const ends: Ends = {
    wire: (at) => after.wire(at),
    indexOf: (at: InterfaceId) =>
      after.namespace(at.host, at.namespace)?.state.interfaces.find((one) => one.name === at.name)
        ?.index ?? null,
  };
  for (const [within, state] of host.namespaces) {
    const was = old?.namespaces.get(within);
    if (was === state) continue;
    for (const [file, text] of namespaceTexts(was, state, ends)) {
      const ending = /^(ip|bridge)-/.test(file) ? 'json' : 'txt';
      write.put(name, within, file, `ns/${within}/${file}.${ending}`, text);
    }
  }
  for (const within of old?.namespaces.keys() ?? []) {
    if (!host.namespaces.has(within)) write.dropNamespace(name, within);
  }
  for (const [path, read] of host.configs) {
    const [was, now] = [old?.configs.get(path), read];
    if (was === now || was?.().text === now().text) continue;
    write.put(name, '', path, `files/${path}`, now().text);
  }
  if (old?.commandLines !== host.commandLines) {
    const lines = host.commandLines.map((line) => `${line}\n`).join('');
    write.put(name, '', 'daemon-cmdlines', 'daemon-cmdlines.txt', lines);
  }
  writeSwitch(write, old, host);
}

function writeSwitch(write: Writer, old: Host | undefined, host: Host): void {
  const [was, now] = [old?.switch ?? null, host.switch];
  if (was === null || now === null || was === now) return;
  const { name } = host;
  const { bridges, tables } = switchTexts(was, now, rowsOf(was));
  for (const [file, text] of bridges) {
    const dot = file.lastIndexOf('.');
    const [bridge, what] = [file.slice(0, dot), file.slice(dot + 1)];
    // The same list with names, and the same ports in other words.
    if (what === 'flows') write.drop(name, bridge, 'flows-names');
    if (what === 'of-show') {
      write.drop(name, bridge, 'ports-desc');
      write.drop(name, bridge, 'ports');
    }
    write.put(name, bridge, what, `ovs/${file}.txt`, text);
  }
  if (tables === null) return;
  for (const other of ['ovsdb-dump', 'vsctl-show', 'dpif-show']) write.drop(name, '', other);
  for (const [file, text] of tables) write.put(name, '', file, `ovs/${file}.json`, text);
}

/** The rows that the ports of a dumped switch were made of. */
function rowsOf(of: object): SwitchRow | null {
  return 'rows' in of ? (of.rows as SwitchRow) : null;
}

function encoded(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function decoded(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : new TextDecoder().decode(bytes);
}
