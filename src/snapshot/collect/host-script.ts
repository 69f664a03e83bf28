/**
 * What runs on a host to read it: only commands that look, their outputs as files of the dump
 * layout, all of them as one tar on standard output. The text is constant; names that the host
 * itself gives (namespaces, bridges) are checked there before they become words or paths.
 */

/** What one namespace tells. `$1` is the folder for it. */
const NAMESPACE = `
o() { f=$1; shift; "$@" >"$d/$f" 2>/dev/null || [ -s "$d/$f" ] || rm -f "$d/$f"; }
d=$1; mkdir -p "$d"
o ip-link.json ip -json -d link
o ip-addr.json ip -json addr
o ip-route-v4.json ip -4 -json route show table all
o ip-route-v6.json ip -6 -json route show table all
o ip-rule-v4.json ip -4 -json rule
o ip-rule-v6.json ip -6 -json rule
o ip-neigh-v4.json ip -4 -json neigh
o ip-neigh-v6.json ip -6 -json neigh
o ip-neigh-proxy.json ip -json neigh show proxy
o bridge-fdb.json bridge -json fdb
o bridge-vlan.json bridge -json vlan
o bridge-link.json bridge -json -d link
o iptables-save.txt iptables-save
o ip6tables-save.txt ip6tables-save
o ipset-save.txt ipset save
o ss-listen.txt ss -lntup
case "$d" in */vm-*) ;; *)
command -v ebtables-save >/dev/null && o ebtables-save.txt ebtables-save
command -v arptables-save >/dev/null && o arptables-save.txt arptables-save
command -v conntrack >/dev/null && o conntrack.txt conntrack -L -o extended
;; esac
cd /proc/sys/net && grep -H '' ipv4/ip_forward ipv4/ip_nonlocal_bind ipv4/conf/*/rp_filter ipv4/conf/*/proxy_arp ipv4/conf/*/forwarding ipv4/conf/*/arp_ignore ipv4/conf/*/arp_announce ipv4/conf/*/arp_notify ipv4/conf/*/send_redirects ipv4/conf/*/promote_secondaries ipv6/conf/*/forwarding ipv6/conf/*/accept_ra ipv6/conf/*/disable_ipv6 ipv6/conf/*/proxy_ndp ipv6/conf/*/addr_gen_mode bridge/bridge-nf-call-* netfilter/nf_conntrack_max netfilter/nf_conntrack_count netfilter/nf_conntrack_helper netfilter/nf_conntrack_checksum netfilter/nf_conntrack_tcp_be_liberal netfilter/nf_conntrack_tcp_loose netfilter/nf_conntrack_*timeout* 2>/dev/null | awk '{ at = index($0, ":"); p = substr($0, 1, at - 1); gsub(/\\./, "\\001", p); gsub(/\\//, ".", p); gsub(/\\001/, "/", p); print "net." p " = " substr($0, at + 1) }' >"$d/sysctl.txt"
`;

/** A part of a host: the namespaces and bridges of it, by names that were checked. */
export interface HostPart {
  readonly namespaces: readonly string[];
  readonly bridges: readonly string[];
  /** Whether rows of the switch's database are asked for. */
  readonly database: boolean;
  /** Whether daemons of agents and their files are. */
  readonly daemons: boolean;
}

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

/** @param part only this of the host; null for everything */
export function hostScript(part: HostPart | null = null): string {
  if (part === null) return `all=1; daemons=1\n${SCRIPT}`;
  const list = (names: readonly string[]): string =>
    names.filter((each) => NAME.test(each)).join(' ');
  return `all=; spaces=' ${list(part.namespaces)} '; bridges=' ${list(part.bridges)} '; database=${part.database ? 1 : ''}; daemons=${part.daemons ? 1 : ''}\n${SCRIPT}`;
}

/**
 * The same as a program of its own, for hosts on which sudoers lists this and nothing else: it
 * reads everything, whatever it is asked on its standard input.
 */
export function helperProgram(): string {
  return `#!/bin/sh\ncat >/dev/null\n${hostScript()}`;
}

/** Everything behind the choice of parts is constant. */
const SCRIPT = `
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
umask 077
t=$(mktemp -d "\${TMPDIR:-/tmp}/hopwise.XXXXXXXX") || exit 70
trap 'rm -rf "$t"' EXIT
date +%s.%N >"$t/date.txt"
hostname >"$t/hostname.txt" 2>/dev/null || cat /proc/sys/kernel/hostname >"$t/hostname.txt"
printf '%s\\n' "$SSH_CONNECTION" >"$t/operator.txt"
ip netns list >"$t/netns-list.txt" 2>/dev/null
mkdir -p "$t/ovs" "$t/ns" "$t/files"
o() { f=$1; shift; "$@" >"$t/$f" 2>/dev/null || [ -s "$t/$f" ] || rm -f "$t/$f"; }
one() {
sh -s "$1" <<'HOPWISE_NAMESPACE'
${NAMESPACE}
HOPWISE_NAMESPACE
}
space() { [ -n "$all" ] && return 0; case "$spaces" in *" $1 "*) return 0 ;; esac; return 1; }
bridge() { [ -n "$all" ] && return 0; case "$bridges" in *" $1 "*) return 0 ;; esac; return 1; }
if space root; then one "$t/ns/root" & fi
while read -r n _; do
  case "$n" in ''|-*|.*|*[!A-Za-z0-9_.-]*) continue ;; esac
  if ! space "$n"; then [ -n "$all" ] || { mkdir -p "$t/ns/$n"; : >"$t/ns/$n/sysctl.txt"; }; continue; fi
  ip netns exec "$n" sh -s "$t/ns/$n" <<'HOPWISE_NAMESPACE' &
${NAMESPACE}
HOPWISE_NAMESPACE
done <"$t/netns-list.txt"
if [ -z "$all$database" ] && [ "$bridges" = '  ' ]; then
  rm -rf "$t/ovs"
elif ovs-vsctl --timeout=5 --no-wait show >"$t/ovs/vsctl-show.txt" 2>/dev/null; then
  o ovs/ovsdb-dump.json ovsdb-client --timeout=5 dump -f json
  for b in $(ovs-vsctl --timeout=5 list-br); do
    case "$b" in -*|.*|*[!A-Za-z0-9_.-]*) continue ;; esac
    bridge "$b" || continue
    o "ovs/$b.flows.txt" ovs-ofctl -O OpenFlow14 --no-stats dump-flows "$b"
    o "ovs/$b.of-show.txt" ovs-ofctl -O OpenFlow14 show "$b"
    o "ovs/$b.groups.txt" ovs-ofctl -O OpenFlow14 dump-groups "$b"
    o "ovs/$b.meters.txt" ovs-ofctl -O OpenFlow14 dump-meters "$b"
    o "ovs/$b.tlv-map.txt" ovs-ofctl dump-tlv-map "$b"
    o "ovs/$b.fdb.txt" ovs-appctl --timeout=5 fdb/show "$b"
  done
  if [ -n "$all" ]; then
  o ovs/dpif-show.txt ovs-appctl --timeout=5 dpif/show
  o ovs/dpctl-dump-conntrack.txt ovs-appctl --timeout=5 dpctl/dump-conntrack -m
  o ovs/tnl-neigh.txt ovs-appctl --timeout=5 tnl/neigh/show
  o ovs/ovs-route.txt ovs-appctl --timeout=5 ovs/route/show
  fi
else
  rm -rf "$t/ovs"
fi
if [ -n "$all$daemons" ]; then
for k in dhcp ha_confs ra ns-metadata-proxy external lbaas; do
  [ -d "/var/lib/neutron/$k" ] && cp -r "/var/lib/neutron/$k" "$t/files/" 2>/dev/null
done
fi
if [ -n "$all" ]; then
for f in /etc/neutron/plugins/ml2/*_agent.ini /etc/neutron/*_agent.ini; do
  [ -f "$f" ] && mkdir -p "$t/files/etc" && cp "$f" "$t/files/etc/neutron-$(basename "$f" | tr _ -)"
done
fi
[ -f /var/lib/hopwise/owned ] && cp /var/lib/hopwise/owned "$t/hopwise-owned.txt"
if [ -n "$all$daemons" ]; then
for p in $(grep -laE '(dnsmasq|haproxy|keepalived|radvd)' /proc/[0-9]*/cmdline 2>/dev/null); do
  tr '\\0' ' ' <"$p" 2>/dev/null && echo
done | grep -E '^([^ ]*/)?(dnsmasq|haproxy|keepalived|radvd) ' >"$t/daemon-cmdlines.txt"
fi
if [ -n "$all" ]; then
for p in dnsmasq haproxy keepalived radvd; do command -v $p >/dev/null && echo $p; done >"$t/programs.txt"
for p in $(grep -laE 'neutron-[a-z0-9-]*agent' /proc/[0-9]*/cmdline 2>/dev/null); do
  tr '\\0' ' ' <"$p" 2>/dev/null && echo
done | grep -oE 'neutron-[a-z0-9-]*agent' | sort -u >"$t/neutron-agents.txt"
fi
find "$t/files" \\( -type s -o -type p -o -type l \\) -delete
wait
cd "$t" && tar -cf - .
`;
