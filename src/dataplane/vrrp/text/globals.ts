/** The statements of `global_defs`, one row each. */
import { type GlobalDefinitions } from '../types.ts';
import { VERSION } from './instance-rows.ts';
import { type Complaints, type Line, wordSet } from './lexer.ts';
import {
  ADDRESS,
  count,
  type Draft,
  type Printed,
  printRows,
  readRows,
  rowsByKey,
  rowsOf,
  SWITCH,
  seconds,
  TEXT,
} from './setting.ts';

const of = rowsOf<GlobalDefinitions>();

const ROWS = rowsByKey<GlobalDefinitions>([
  of.field('router_id', TEXT, 'routerId'),
  of.field('vrrp_version', VERSION, 'version'),
  of.field('vrrp_mcast_group4', ADDRESS, 'multicastGroup4'),
  of.field('vrrp_mcast_group6', ADDRESS, 'multicastGroup6'),
  of.field('default_interface', TEXT, 'defaultInterface'),
  of.field('vrrp_garp_master_delay', seconds(), 'garpMasterDelay_us'),
  of.field('vrrp_garp_master_repeat', count(1, 255), 'garpMasterRepeat'),
  of.field('vrrp_garp_master_refresh', seconds(), 'garpMasterRefresh_us'),
  of.field('vrrp_garp_master_refresh_repeat', count(1, 255), 'garpMasterRefreshRepeat'),
  of.field('vrrp_garp_lower_prio_delay', seconds(), 'garpLowerPriorityDelay_us'),
  of.field('vrrp_garp_lower_prio_repeat', count(0, 255), 'garpLowerPriorityRepeat'),
  of.field('vrrp_garp_interval', seconds(), 'garpInterval_us'),
  of.field('vrrp_gna_interval', seconds(), 'gnaInterval_us'),
  of.field('vrrp_down_timer_adverts', count(1, 100), 'downTimerAdverts'),
  of.field('vrrp_lower_prio_no_advert', SWITCH, 'lowerPriorityNoAdvert'),
  of.field('vrrp_higher_prio_send_advert', SWITCH, 'higherPrioritySendAdvert'),
  of.field('vrrp_check_unicast_src', SWITCH, 'checkUnicastSource'),
  of.field('vrrp_skip_check_adv_addr', SWITCH, 'skipCheckAdvertAddress'),
  of.field('vrrp_strict', SWITCH, 'strict'),
  of.field('vrrp_startup_delay', seconds(), 'startupDelay_us'),
]);

/** Mail, scripts, process priorities, buffers, firewall back ends. */
const OPERATION = wordSet(`
  notification_email notification_email_from smtp_server smtp_helo_name smtp_connect_timeout
  smtp_alert smtp_alert_vrrp smtp_alert_checker checker_log_all_failures no_email_faults
  no_checker_emails process_names process_name vrrp_process_name checker_process_name
  bfd_process_name lvs_process_name startup_script startup_script_timeout shutdown_script shutdown_script_timeout
  script_user enable_script_security max_auto_priority min_auto_priority_delay vrrp_priority
  checker_priority bfd_priority vrrp_no_swap checker_no_swap bfd_no_swap vrrp_rt_priority
  checker_rt_priority bfd_rt_priority vrrp_cpu_affinity checker_cpu_affinity bfd_cpu_affinity
  vrrp_rlimit_rttime vrrp_rlimit_rtime checker_rlimit_rttime checker_rlimit_rtime
  bfd_rlimit_rttime bfd_rlimit_rtime enable_snmp_vrrp enable_snmp_keepalived enable_snmp_checker
  enable_snmp_rfc enable_snmp_rfcv2 enable_snmp_rfcv3 enable_traps snmp_socket enable_dbus
  dbus_service_name dbus_no_interface_name notify_fifo notify_fifo_script vrrp_notify_fifo
  vrrp_notify_fifo_script lvs_notify_fifo lvs_notify_fifo_script vrrp_notify_priority_changes
  fifo_write_vrrp_states_on_reload dynamic_interfaces vrrp_iptables vrrp_ipsets nftables
  nftables_priority nftables_counters nftables_ifindex nftables_ipvs nftables_ipvs_priority
  nftables_ipvs_start_fwmark disable_local_igmp lvs_sync_daemon lvs_timeouts lvs_flush
  lvs_flush_on_stop lvs_flush_onstop vrrp_min_garp vrrp_garp_extra_if vrrp_netlink_cmd_rcv_bufs
  vrrp_netlink_cmd_rcv_bufs_force vrrp_netlink_monitor_rcv_bufs
  vrrp_netlink_monitor_rcv_bufs_force lvs_netlink_cmd_rcv_bufs lvs_netlink_cmd_rcv_bufs_force
  lvs_netlink_monitor_rcv_bufs lvs_netlink_monitor_rcv_bufs_force process_monitor_rcv_bufs
  process_monitor_rcv_bufs_force vrrp_rx_bufs_policy vrrp_rx_bufs_multiplier rs_init_notifies
  umask log_unknown_vrids vmac_prefix vmac_addr_prefix random_seed reload_check_config
  include_check reload_time_file reload_repeat reload_file data_use_instance use_symlink_paths
  tmp_config_directory config_save_dir json_version iproute_usr_dir iproute_etc_dir
`);

export const NO_GLOBALS: GlobalDefinitions = {
  routerId: null,
  version: null,
  multicastGroup4: null,
  multicastGroup6: null,
  defaultInterface: null,
  garpMasterDelay_us: null,
  garpMasterRepeat: null,
  garpMasterRefresh_us: null,
  garpMasterRefreshRepeat: null,
  garpLowerPriorityDelay_us: null,
  garpLowerPriorityRepeat: null,
  garpInterval_us: null,
  gnaInterval_us: null,
  downTimerAdverts: null,
  lowerPriorityNoAdvert: null,
  higherPrioritySendAdvert: null,
  checkUnicastSource: null,
  skipCheckAdvertAddress: null,
  strict: null,
  startupDelay_us: null,
  others: [],
};

/** Reads `global_defs` on top of what earlier blocks said. */
export function readGlobals(
  before: GlobalDefinitions,
  lines: readonly Line[],
  complaints: Complaints,
): GlobalDefinitions {
  const draft: Draft<GlobalDefinitions> = { ...before };
  const others = readRows(ROWS, OPERATION, draft, lines, complaints);
  return { ...draft, others: [...before.others, ...others] };
}

/** Prints `global_defs`; null when nothing is stated. */
export function printGlobals(globals: GlobalDefinitions): Printed | null {
  const block = printRows(ROWS.values(), globals, globals.others);
  return block.length === 0 ? null : { words: ['global_defs'], block };
}
