/** One `vrrp_instance`, read and printed by its rows. */
import { type VrrpInstance } from '../types.ts';
import { INSTANCE_ROWS } from './instance-rows.ts';
import { type Complaints, complain, type Line, quoted, type Word, wordSet } from './lexer.ts';
import { type Draft, type Printed, printRows, readRows } from './setting.ts';

/** Words of operation: what is run or told when the state changes, buffers, debugging. */
const OPERATION = wordSet(`
  notify notify_master notify_backup notify_fault notify_stop notify_deleted
  notify_master_rx_lower_pri notify_priority_changes smtp_alert debug kernel_rx_buf_size
  linkbeat_use_polling promote_secondaries garp_extra_if old_unicast_checksum
  unicast_fault_no_peer use_vmac_addr use_ipvlan vrf track_bfd lvs_sync_daemon_interface
  dont_sync rogue_counter accept_mode
`);

/** Reads one `vrrp_instance`. */
export function readInstance(line: Line, keyword: Word, complaints: Complaints): VrrpInstance {
  const [, name] = line.words;
  if (name === undefined) complain(complaints, keyword, 'the instance has no name');
  if (line.block === null) complain(complaints, keyword, 'a block in braces is missing');
  const draft = emptyInstance(name?.text ?? '', complaints.file, keyword.line);
  const others = readRows(INSTANCE_ROWS, OPERATION, draft, line.block ?? [], complaints);
  if (draft.virtualRouterId === null) complain(complaints, keyword, 'virtual_router_id is missing');
  return { ...draft, others };
}

/** Prints one `vrrp_instance`. */
export function printInstance(instance: VrrpInstance): Printed {
  const block = printRows(INSTANCE_ROWS.values(), instance, instance.others);
  return { words: ['vrrp_instance', quoted(instance.name)], block };
}

function emptyInstance(name: string, file: string, line: number): Draft<VrrpInstance> {
  return {
    name,
    origin: { file, line },
    version: null,
    initialState: null,
    interface: null,
    virtualRouterId: null,
    priority: null,
    advertInterval_us: null,
    preempt: null,
    preemptDelay_us: null,
    authentication: null,
    downTimerAdverts: null,
    garpMasterDelay_us: null,
    garpMasterRepeat: null,
    garpMasterRefresh_us: null,
    garpMasterRefreshRepeat: null,
    garpLowerPriorityDelay_us: null,
    garpLowerPriorityRepeat: null,
    lowerPriorityNoAdvert: null,
    higherPrioritySendAdvert: null,
    checkUnicastSource: null,
    skipCheckAdvertAddress: null,
    strict: null,
    accept: null,
    nativeIpv6: null,
    dontTrackPrimary: null,
    trackSource: null,
    multicastSource: null,
    multicastDestination: null,
    unicastSource: null,
    unicastPeers: [],
    unicastTtl: null,
    virtualMac: null,
    vmacTransmitBase: null,
    trackInterfaces: [],
    trackScripts: [],
    trackFiles: [],
    trackProcesses: [],
    addresses: [],
    excludedAddresses: [],
    routes: [],
    rules: [],
    others: [],
  };
}
