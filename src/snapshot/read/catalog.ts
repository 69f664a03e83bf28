/**
 * Which file of a snapshot tells what, whatever the layout: a capture's folders, an sos report,
 * or loose files. Everything after this speaks of `ip-addr` of a namespace, never of paths.
 */
import { type FilePlace, type Missing } from '../../dataplane/network.ts';
import { type Folder } from './folder.ts';

type Paths = Map<string, string>;

export interface Catalog {
  readonly hosts: Map<string, HostCatalog>;
  /** `ports`, `networks`… → path. */
  readonly api: Paths;
  /** What made the folder hard to understand as a whole. */
  readonly missing: Missing[];
}

export interface HostCatalog {
  readonly name: string;
  /** `date`, `netns-list`, `daemon-cmdlines`. */
  readonly host: Paths;
  /** `ovsdb-dump`, `vsctl-show`, `list-Interface`, `tnl-neigh`, `dpctl-dump-conntrack`… */
  readonly ovs: Paths;
  /** Bridge → `flows`, `groups`, `meters`, `of-show`, `ports-desc`, `fdb`, `tlv-map`. */
  readonly bridges: Map<string, Paths>;
  /** Namespace → `ip-addr`, `ip-link`, `ip-route-v4`, `iptables-save`… */
  readonly namespaces: Map<string, Paths>;
  /** Configuration files, by their path on the host as far as it is known. */
  readonly configs: Paths;
}

export function emptyHost(name: string): HostCatalog {
  return {
    name,
    host: new Map(),
    ovs: new Map(),
    bridges: new Map(),
    namespaces: new Map(),
    configs: new Map(),
  };
}

/** The map below `key`, made when it is new. */
export function below(map: Map<string, Paths>, key: string): Paths {
  let found = map.get(key);
  if (found === undefined) {
    found = new Map();
    map.set(key, found);
  }
  return found;
}

const BRIDGE_FILE =
  /^(.+)\.(flows|flows-names|groups|meters|of-show|ports-desc|ports|fdb|tlv-map|mdb)\.(?:txt|json)$/;

/**
 * A capture's layout: `hosts/HOST/{ovs,ns/NAMESPACE,files}/…` and `api/*.json`, at the top
 * or in exactly one folder below.
 */
export function catalogOfCapture(folder: Folder): Catalog | undefined {
  const catalog: Catalog = { hosts: new Map(), api: new Map(), missing: [] };
  const paths = folder.list();
  const prefixes = new Set<string>();
  for (const path of paths) {
    const match = /^(.*?)hosts\/[^/]+\/./.exec(path);
    if (match !== null && /^(?:$|.*\/$)/.test(match[1] ?? '')) prefixes.add(match[1] ?? '');
  }
  const prefix = prefixes.has('') ? '' : prefixes.size === 1 ? [...prefixes][0] : undefined;
  if (prefix === undefined) {
    if (prefixes.size === 0) return catalogOfApi(catalog, paths);
    const names = [...prefixes].map((each) => each.replace(/\/$/, '')).sort();
    catalog.missing.push({
      file: 'hosts',
      consequence: `The folder holds several snapshots; name one of them: ${names.join(', ')}`,
    });
    return catalog;
  }
  for (const path of paths) {
    if (path.startsWith(prefix)) place(catalog, path, path.slice(prefix.length).split('/'));
  }
  return catalog;
}

/** Answers of the API alone, in a folder `api` or as the folder itself. */
function catalogOfApi(catalog: Catalog, paths: readonly string[]): Catalog | undefined {
  const own = paths.includes('agents.json') && paths.includes('networks.json');
  const answers = paths.filter((path) => /^api\/[^/]+\.json$/.test(path));
  if (!own && answers.length === 0) return undefined;
  for (const path of own ? paths : answers) {
    place(catalog, path, own ? ['api', path] : path.split('/'));
  }
  return catalog;
}

function place(catalog: Catalog, path: string, parts: readonly string[]): void {
  const [top, second = '', third, fourth = '', fifth = ''] = parts;
  if (top === 'api' && parts.length === 2) {
    if (second.endsWith('.json')) catalog.api.set(second.slice(0, -'.json'.length), path);
    return;
  }
  if (top !== 'hosts' || third === undefined) return;
  let host = catalog.hosts.get(second);
  if (host === undefined) {
    host = emptyHost(second);
    catalog.hosts.set(second, host);
  }
  if (third === 'ovs' && parts.length === 4) placeOvs(host, fourth, path);
  else if (third === 'ns' && parts.length === 5) {
    prefer(below(host.namespaces, fourth), fifth, path);
  } else if (third === 'files') host.configs.set(parts.slice(3).join('/'), path);
  else if (parts.length === 3) prefer(host.host, third, path);
}

function placeOvs(host: HostCatalog, file: string, path: string): void {
  const match = BRIDGE_FILE.exec(file);
  if (match === null) prefer(host.ovs, file, path);
  else below(host.bridges, match[1] ?? '').set(match[2] ?? '', path);
}

/** JSON says more than text where a capture has both. */
function prefer(paths: Paths, file: string, path: string): void {
  const name = file.replace(/\.(txt|json)$/, '');
  if (file.endsWith('.json') || !paths.has(name)) paths.set(name, path);
}

/** What every file of the catalog is about, by its path. */
export function placesOf(catalog: Catalog): ReadonlyMap<string, FilePlace> {
  const places = new Map<string, FilePlace>();
  const add = (kind: FilePlace['kind'], host: string, within: string, paths: Paths): void => {
    for (const [name, path] of paths) places.set(path, { kind, host, within, name });
  };
  add('api', '', '', catalog.api);
  for (const { name, host, ovs, bridges, namespaces, configs } of catalog.hosts.values()) {
    add('host', name, '', host);
    add('switch', name, '', ovs);
    add('config', name, '', configs);
    for (const [bridge, paths] of bridges) add('bridge', name, bridge, paths);
    for (const [namespace, paths] of namespaces) add('namespace', name, namespace, paths);
  }
  return places;
}
