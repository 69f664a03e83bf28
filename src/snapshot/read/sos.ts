/**
 * An `sos report` (sosreport.org): `sos_commands/PLUGIN/COMMAND` with spaces as `_` and slashes
 * as `.`; what ran in a container stands below `sos_containers/NAME`. A folder may hold the
 * unpacked reports of several hosts.
 */
import { type Catalog, emptyHost, type HostCatalog } from './catalog.ts';
import { type Commands, placeCommand, withoutContainer } from './commands.ts';
import { type Folder, once, openStore, sourceAt } from './folder.ts';

/** Undefined when the folder holds no sos report. */
export function catalogOfSos(folder: Folder): Catalog | undefined {
  const catalog: Catalog = { hosts: new Map(), api: new Map(), missing: [] };
  const trees = new Map<string, Tree>();
  for (const path of folder.list()) {
    // What ran in a container of a host tells of the host: it has no network of its own.
    const match = /^(|.*?\/)(?:sos_containers\/[^/]+\/)?sos_commands\/([^/]+)\/(.+)$/.exec(path);
    if (match !== null) {
      const [, prefix = '', plugin = '', command = ''] = match;
      const tree = trees.get(prefix) ?? treeAt(folder, catalog, prefix);
      trees.set(prefix, tree);
      tree.commands.push({ plugin, command, path });
    }
  }
  if (trees.size === 0) return undefined;
  for (const [prefix, tree] of trees) fill(folder, prefix, tree);
  for (const path of folder.list()) {
    const api = /(?:^|\/)api\/([\w-]+)\.json$/.exec(path);
    if (api !== null) catalog.api.set(api[1] ?? '', path);
  }
  return catalog;
}

interface Tree {
  readonly host: HostCatalog;
  readonly commands: { readonly plugin: string; readonly command: string; readonly path: string }[];
}

function treeAt(folder: Folder, catalog: Catalog, prefix: string): Tree {
  const store = openStore(folder);
  const stated = ['hostname', 'etc/hostname', 'sos_commands/host/hostname']
    .map((file) => sourceAt(store, prefix + file)?.text.trim() ?? '')
    .find((text) => text !== '');
  // `sosreport-HOST-2024-01-01-abcdefg/`
  const folderName = prefix.split('/').at(-2) ?? '';
  const guessed = /^sosreport-(.+?)-\d/.exec(folderName)?.[1] ?? folderName;
  const name = stated?.split('.')[0] ?? (guessed === '' ? 'host' : guessed);
  const host = emptyHost(catalog.hosts.has(name) ? `${name} (${folderName})` : name);
  catalog.hosts.set(host.name, host);
  return { host, commands: [] };
}

function fill(folder: Folder, prefix: string, tree: Tree): void {
  const { host } = tree;
  const store = openStore(folder);
  const listed = once(() => {
    const paths = [`${prefix}sos_commands/networking/ip_netns`];
    const text = paths.map((path) => sourceAt(store, path)?.text ?? '').join('\n');
    return text.split('\n').map((line) => line.trim().split(' ')[0] ?? '');
  });
  const commands: Commands = new Map();
  for (const { plugin, command, path } of tree.commands) {
    const file = withoutContainer(command.split('/').at(-1) ?? command);
    if (plugin === 'date') host.host.set('date', path);
    const inside = /^ip_netns_exec_(.+)$/.exec(file)?.[1];
    if (inside === undefined) placeCommand(host, 'root', file, path, commands);
    else {
      const known = listed().find((name) => name !== '' && inside.startsWith(`${name}_`));
      const name = known ?? inside.split('_')[0] ?? '';
      placeCommand(host, name, inside.slice(name.length + 1), path, commands);
    }
  }
  const config =
    /(?:^|\/)((?:etc\/neutron|var\/lib\/neutron|etc\/keepalived|etc\/kolla\/neutron-[^/]+)\/.+)$/;
  for (const path of folder.list()) {
    const match = path.startsWith(prefix) ? config.exec(path.slice(prefix.length)) : null;
    if (match !== null) host.configs.set(match[1] ?? '', path);
  }
}
