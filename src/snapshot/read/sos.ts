/**
 * An `sos report` (sosreport.org): `sos_commands/PLUGIN/COMMAND` with spaces as `_` and slashes
 * as `.`. A folder may hold the unpacked reports of several hosts.
 */
import { below, type Catalog, emptyHost, type HostCatalog } from './catalog.ts';
import { type Folder, once, openStore, sourceAt } from './folder.ts';

/** Commands of a namespace, most telling spelling first: pattern and what it tells. */
const NAMESPACE_COMMANDS: readonly (readonly [RegExp, string])[] = [
  [/^ip_(-(?!o)\w+_)*addr(ess)?(_show)?$/, 'ip-addr'],
  [/^ip_(-(?!o)\w+_)*link(_show)?$/, 'ip-link'],
  [/^ip_-6_route_show_table_all$/, 'ip-route-v6'],
  [/^ip_(-4_)?route_show_table_all$/, 'ip-route-v4'],
  [/^ip_-6_rule(_list|_show)?$/, 'ip-rule-v6'],
  [/^ip_(-4_)?rule(_list|_show)?$/, 'ip-rule-v4'],
  [/^ip_(-s_)*-6_neigh(_show)?(_nud_all)?$/, 'ip-neigh-v6'],
  [/^ip_(-s_)*(-4_)?neigh(_show)?(_nud_all)?$/, 'ip-neigh-v4'],
  [/^bridge_(-\w+_)*fdb(_show)?$/, 'bridge-fdb'],
  [/^bridge_(-\w+_)*link(_show)?$/, 'bridge-link'],
  [/^bridge_(-\w+_)*vlan(_show)?$/, 'bridge-vlan'],
  [/^brctl_show(stp)?$/, 'brctl-show'],
  [/^ss_-\w+(_state_listening)?$/, 'ss-listen'],
  [/^sysctl_-a$/, 'sysctl'],
  [/^iptables-save(_-c)?$/, 'iptables-save'],
  [/^ip6tables-save(_-c)?$/, 'ip6tables-save'],
  [/^ipset_(save|list)$/, 'ipset-save'],
  [/^ebtables-save$/, 'ebtables-save'],
  [/^nft_(-a_)?list_ruleset$/, 'nft-ruleset'],
  [/^conntrack_-L(_-o_extended)?$/, 'conntrack'],
];

const SWITCH_COMMANDS: readonly (readonly [RegExp, string])[] = [
  [/^ovs-vsctl_(-t_\d+_)?show$/, 'vsctl-show'],
  [/^ovsdb-client_(-f_(list|json)_)?dump(_-f_json)?(_unix.*)?$/, 'ovsdb-dump'],
  [/^ovs-appctl_(-t_ovs-vswitchd_)?dpif.show$/, 'dpif-show'],
  [/^ovs-(appctl_)?dpctl[._]show(_-s)?$/, 'dpctl-show'],
  [/^ovs-(appctl_)?dpctl[._]dump-conntrack(_-m)?$/, 'dpctl-dump-conntrack'],
  [/^ovs-appctl_(-t_ovs-vswitchd_)?tnl.(arp|neigh).show$/, 'tnl-neigh'],
  [/^ovs-appctl_(-t_ovs-vswitchd_)?tnl.ports.show(_-v)?$/, 'tnl-ports'],
  [/^ovs-appctl_(-t_ovs-vswitchd_)?ovs.route.show$/, 'ovs-route'],
  [/^ovs-appctl_(-t_ovs-vswitchd_)?ofproto.list-tunnels$/, 'ofproto-list-tunnels'],
];

const LIST = /^ovs-vsctl_(?:-t_\d+_)?list_(\w+)$/;
const OFCTL =
  /^ovs-ofctl_(?:-O_OpenFlow1(\d)_)?(show|dump-flows|dump-groups|dump-meters|dump-ports-desc|dump-tlv-map)_(.+)$/;
const FDB = /^ovs-appctl_(?:-t_ovs-vswitchd_)?fdb.show_(.+)$/;

const OFCTL_NAMES: Readonly<Record<string, string>> = {
  show: 'of-show',
  'dump-flows': 'flows',
  'dump-groups': 'groups',
  'dump-meters': 'meters',
  'dump-ports-desc': 'ports-desc',
  'dump-tlv-map': 'tlv-map',
};

/** Undefined when the folder holds no sos report. */
export function catalogOfSos(folder: Folder): Catalog | undefined {
  const catalog: Catalog = { hosts: new Map(), api: new Map(), missing: [] };
  const trees = new Map<string, Tree>();
  for (const path of folder.list()) {
    const match = /^(|.*?\/)sos_commands\/([^/]+)\/(.+)$/.exec(path);
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
  const versions = new Map<string, number>();
  for (const { plugin, command, path } of tree.commands) {
    const file = command.split('/').at(-1) ?? command;
    if (plugin === 'openvswitch' || plugin === 'openvswitch_ovn') {
      placeSwitch(host, file, path, versions);
      continue;
    }
    if (file === 'ip_netns' || file === 'ip_netns_list') host.host.set('netns-list', path);
    if (plugin === 'date' || file === 'date') host.host.set('date', path);
    const inside = /^ip_netns_exec_(.+)$/.exec(file)?.[1];
    if (inside === undefined) placeCommand(below(host.namespaces, 'root'), file, path);
    else {
      const known = listed().find((name) => name !== '' && inside.startsWith(`${name}_`));
      const name = known ?? inside.split('_')[0] ?? '';
      placeCommand(below(host.namespaces, name), inside.slice(name.length + 1), path);
    }
  }
  const config = /(?:^|\/)((?:etc\/neutron|var\/lib\/neutron|etc\/keepalived)\/.+)$/;
  for (const path of folder.list()) {
    const match = path.startsWith(prefix) ? config.exec(path.slice(prefix.length)) : null;
    if (match !== null) host.configs.set(match[1] ?? '', path);
  }
}

function placeCommand(paths: Map<string, string>, file: string, path: string): void {
  const found = NAMESPACE_COMMANDS.find(([pattern]) => pattern.test(file));
  // More options print more: `ip_-s_-d_link` is better than `ip_link`.
  const better = (old: string): boolean => old.length < path.length;
  if (found === undefined) return;
  const old = paths.get(found[1]);
  if (old === undefined || better(old)) paths.set(found[1], path);
}

/** Dumps of several OpenFlow versions: the newest one shows all that the switch has. */
function placeSwitch(
  host: HostCatalog,
  file: string,
  path: string,
  versions: Map<string, number>,
): void {
  const ofctl = OFCTL.exec(file);
  const fdb = FDB.exec(file);
  const list = LIST.exec(file);
  if (ofctl !== null) {
    const bridge = ofctl[3] ?? '';
    const kind = OFCTL_NAMES[ofctl[2] ?? ''] ?? '';
    const version = Number(ofctl[1] ?? 0);
    if (version < (versions.get(`${bridge} ${kind}`) ?? -1)) return;
    versions.set(`${bridge} ${kind}`, version);
    below(host.bridges, bridge).set(kind, path);
  } else if (fdb !== null) below(host.bridges, fdb[1] ?? '').set('fdb', path);
  else if (list !== null) host.ovs.set(`list-${list[1]}`, path);
  else {
    const found = SWITCH_COMMANDS.find(([pattern]) => pattern.test(file));
    if (found !== undefined) host.ovs.set(found[1], path);
  }
}
