/**
 * Which command's output tells what: the names that reports and transcripts give to outputs are
 * the commands themselves, with blanks as `_` and slashes as `.`.
 */
import { below, type HostCatalog } from './catalog.ts';

/**
 * Commands of a namespace: what it tells, and how much. Where a report has several outputs of one
 * kind, the one that says most is read.
 */
const NAMESPACE_COMMANDS: readonly (readonly [RegExp, string, number])[] = [
  [/^ip_(-(?!o)\w+_)*a(ddr(ess)?)?(_(show|list|ls))?$/, 'ip-addr', 2],
  [/^ifconfig(_-a)?$/, 'ip-addr', 1],
  [/^ip_(-(?!o)\w+_)*l(ink)?(_(show|list|ls))?$/, 'ip-link', 2],
  [/^ip_(-6|-f_inet6)_r(oute)?(_(show|list|ls)_table_(all|0))$/, 'ip-route-v6', 2],
  [/^ip_(-6|-f_inet6)_r(oute)?(_(show|list|ls))?$/, 'ip-route-v6', 1],
  [/^ip_(-4_|-d_)*r(oute)?(_(show|list|ls)_table_(all|0))$/, 'ip-route-v4', 3],
  [/^ip_(-4_|-d_)*r(oute)?(_(show|list|ls))?$/, 'ip-route-v4', 2],
  [/^(route_-n|netstat_-(rn|nr))$/, 'ip-route-v4', 1],
  [/^ip_(-6|-f_inet6)_ru(le)?(_(list|show|ls))?$/, 'ip-rule-v6', 1],
  [/^ip_(-4_)?ru(le)?(_(list|show|ls))?$/, 'ip-rule-v4', 1],
  [/^ip_(-s_)*(-6|-f_inet6)_n(eigh(bour)?)?(_(show|list|ls))?(_nud_all)?$/, 'ip-neigh-v6', 1],
  [/^ip_(-s_)*(-4_)?n(eigh(bour)?)?(_(show|list|ls))?(_nud_all)?$/, 'ip-neigh-v4', 2],
  [/^arp_-(a?n|na)$/, 'ip-neigh-v4', 1],
  [/^ip_n(eigh)?_(show|list|ls)_proxy$/, 'ip-neigh-proxy', 1],
  [/^bridge_(-\w+_)*fdb(_(show|list))?$/, 'bridge-fdb', 1],
  [/^bridge_(-\w+_)*link(_(show|list))?$/, 'bridge-link', 1],
  [/^bridge_(-\w+_)*vlan(_(show|list))?$/, 'bridge-vlan', 1],
  [/^brctl_show$/, 'brctl-show', 1],
  [/^ss_-\w+(_state_listening)?$/, 'ss-listen', 2],
  [/^netstat_(-W_|-T_)?-(neopa|[ntup]*l[ntup]*)$/, 'ss-listen', 1],
  [/^sysctl_-a$/, 'sysctl', 1],
  [/^iptables(-legacy|-nft)?-save(_-c)?$/, 'iptables-save', 4],
  [/^ip6tables(-legacy|-nft)?-save(_-c)?$/, 'ip6tables-save', 4],
  [/^iptables_-S$/, 'iptables-save', 3],
  [/^ip6tables_-S$/, 'ip6tables-save', 3],
  // These lists are read to say that they do not say enough.
  [/^iptables_(-t_filter_)?-[a-z]*L[a-z]*$/, 'iptables-save', 1],
  [/^ip6tables_(-t_filter_)?-[a-z]*L[a-z]*$/, 'ip6tables-save', 1],
  [/^ipset_(-o_save_|-o_xml_)?(save|list)$/, 'ipset-save', 1],
  [/^ebtables-save(_-c)?$/, 'ebtables-save', 1],
  [/^arptables-save(_-c)?$/, 'arptables-save', 1],
  [/^nft_(-[an]+_)*list_ruleset$/, 'nft-ruleset', 1],
  [/^conntrack_-L(_-o_extended|_-o_xml)?$/, 'conntrack', 1],
];

/** Commands about the host as a whole. */
const HOST_COMMANDS: readonly (readonly [RegExp, string, number])[] = [
  [/^ip_netns(_(list|ls|show))?$/, 'netns-list', 1],
  [/^date(_\+%s)?$/, 'date', 1],
];

const APPCTL = 'ovs-appctl_(?:-t_ovs-vswitchd_)?';
const DPCTL = 'ovs-(?:appctl_(?:-t_ovs-vswitchd_)?)?dpctl[._]';
const SWITCH_COMMANDS: readonly (readonly [RegExp, string, number])[] = [
  [/^ovs-vsctl_(-t_\d+_)?show$/, 'vsctl-show', 1],
  [/^ovsdb-client_(-f_(list|json)_)?dump(_-f_json)?(_unix.*)?$/, 'ovsdb-dump', 1],
  [new RegExp(`^${APPCTL}dpif.show$`), 'dpif-show', 1],
  [new RegExp(`^${DPCTL}show(_-s)?$`), 'dpctl-show', 1],
  [new RegExp(`^${DPCTL}dump-conntrack(_-m)?$`), 'dpctl-dump-conntrack', 1],
  [new RegExp(`^${APPCTL}tnl.(arp|neigh).show$`), 'tnl-neigh', 1],
  [new RegExp(`^${APPCTL}tnl.ports.show(_-v)?$`), 'tnl-ports', 1],
  [new RegExp(`^${APPCTL}ovs.route.show$`), 'ovs-route', 1],
  [new RegExp(`^${APPCTL}ofproto.list-tunnels$`), 'ofproto-list-tunnels', 1],
];

const LIST = /^ovs-vsctl_(?:-t_\d+_)?(?:--format=json_|-f_json_)?list_(\w+)$/;
const OFCTL =
  /^ovs-ofctl_(?:-O_OpenFlow1(\d)_)?(?:--names_|--no-names_|--no-stats_)*(show|dump-flows|dump-groups|dump-meters|dump-ports-desc|dump-tlv-map)_(\S+)$/;
const FDB = new RegExp(`^${APPCTL}fdb.show_(.+)$`);

/** Tables of the database, whose names commands may write in any case. */
const TABLES = ['Bridge', 'Port', 'Interface', 'Open_vSwitch', 'Mirror', 'Controller', 'Manager'];

const OFCTL_NAMES: Readonly<Record<string, string>> = {
  show: 'of-show',
  'dump-flows': 'flows',
  'dump-groups': 'groups',
  'dump-meters': 'meters',
  'dump-ports-desc': 'ports-desc',
  'dump-tlv-map': 'tlv-map',
};

/** What was placed so far, and how much it tells. */
export type Commands = Map<string, number>;

/** A command that ran in a container: the name of the output without the words that say so. */
export function withoutContainer(file: string): string {
  const tool = '(?=(?:ip|bridge|brctl|ss|route|ifconfig|netstat|sysctl|ipset|nft|conntrack)_|';
  const others = 'ip6?tables|ebtables|arptables|ovs-|ovsdb-client)';
  const exec = new RegExp(`^(?:sudo_)?(?:docker|podman|nerdctl)_exec_.*?_${tool}${others}`);
  return file.replace(exec, '').replace(/^sudo_/, '');
}

/**
 * Places the output of a command by its name (`ip_-d_address_show`). Of several outputs of one
 * kind the most telling stays, then the longer name: `ip_-s_-d_link` says more than `ip_link`.
 *
 * @returns whether the command is known
 */
export function placeCommand(
  host: HostCatalog,
  namespace: string,
  file: string,
  path: string,
  placed: Commands,
): boolean {
  const name = file.replace(/^(?:usr\.)?s?bin\./, '');
  const put = (to: Map<string, string>, kind: string, rank: number, where: string): true => {
    const key = `${where} ${kind}`;
    const score = rank * 1000 + name.length;
    if (score < (placed.get(key) ?? -1)) return true;
    placed.set(key, score);
    to.set(kind, path);
    return true;
  };
  const ofctl = OFCTL.exec(name);
  if (ofctl !== null) {
    // Dumps of several OpenFlow versions: the newest one shows all that the switch has.
    const [, version = '0', kind = '', bridge = ''] = ofctl;
    const rank = Number(version);
    return put(below(host.bridges, bridge), OFCTL_NAMES[kind] ?? '', rank, `bridge ${bridge}`);
  }
  const fdb = FDB.exec(name)?.[1];
  if (fdb !== undefined) return put(below(host.bridges, fdb), 'fdb', 1, `bridge ${fdb}`);
  const list = LIST.exec(name)?.[1];
  if (list !== undefined) {
    const table = TABLES.find((each) => each.toLowerCase() === list.toLowerCase()) ?? list;
    return put(host.ovs, `list-${table}`, 1, 'switch');
  }
  for (const [commands, to, where] of [
    [SWITCH_COMMANDS, () => host.ovs, 'switch'],
    [HOST_COMMANDS, () => host.host, 'host'],
    [NAMESPACE_COMMANDS, () => below(host.namespaces, namespace), namespace],
  ] as const) {
    const found = commands.find(([pattern]) => pattern.test(name));
    if (found !== undefined) return put(to(), found[1], found[2], where);
  }
  return false;
}
