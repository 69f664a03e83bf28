/**
 * Options of a host's agents as their configuration files have them (oslo.config).
 *
 * Simplification: of the Open vSwitch agent br-int and br-tun are called so (`integration_bridge`,
 * `tunnel_bridge`, names of patch ports), tunnels have no options (`dont_fragment`, `tunnel_csum`,
 * `dscp`, `dscp_inherit`), what a guest sends leaves by NORMAL (`explicitly_egress_direct`), other
 * kinds of frames are dropped (`permitted_ethertypes`), groups multicast without snooping
 * (`igmp_snooping_enable`), and `fdb` and `log` extensions add nothing.
 */
// Simplification: members of groups are in ipsets, whatever `enable_ipset` says; rules for each
// address would let pass the same.
// Simplification: VXLAN devices of the Linux bridge agent have their usual `ttl`, `tos` and source
// ports, one group for all networks (`multicast_ranges`), and bridges of the agent's own
// (`bridge_mappings`).
// Simplification: of the L3 agent routers without a gateway are handled
// (`handle_internal_only_routers`), IPv6 leaves by subnets' gateways (`ipv6_gateway`), metadata is
// on port 9697 with mark 1 (`enable_metadata_proxy`, `metadata_port`, `metadata_access_mark`,
// `external_ingress_mark`), the extension for port forwarding is loaded, rules have comments and random ports (`comment_iptables_rules`,
// `use_random_fully`), and neither prefixes are delegated nor intervals of radvd changed.
// Simplification: of the DHCP agent only its domain, its lease and its metadata settings count:
// `dnsmasq_dns_servers`, `dnsmasq_config_file`, `dnsmasq_local_resolv`, `dhcp_broadcast_reply`,
// `dhcp_renewal_time`, `dhcp_rebinding_time`, `dnsmasq_enable_addr6_list` and
// `enable_metadata_network` are not compiled.
// Simplification: options of the server (neutron.conf, ml2_conf.ini) show in the objects that it
// makes; of those that show nowhere else `host_dvr_for_dhcp` is taken as it usually is.
import { type Host } from '../../dataplane/network.ts';
import { readIni } from './ini.ts';

/** An option of one of the host's agent configuration files, the last one that has it. */
export function option(
  host: Host | undefined,
  agent: string,
  section: string,
  name: string,
): string | undefined {
  let found: string | undefined;
  for (const [path, read] of host?.configs ?? []) {
    const file = path.split('/').at(-1) ?? '';
    if (!file.endsWith('.ini') && !file.endsWith('.conf')) continue;
    if (!file.includes(agent) && file !== 'neutron.conf') continue;
    found = readIni(read().text).get(section)?.get(name) ?? found;
  }
  return found;
}

/** Words that oslo.config takes for true. */
export function isOn(word: string | undefined): boolean {
  return /^(true|1|yes|on)$/i.test(word ?? '');
}
