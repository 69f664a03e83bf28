/** The statements of `vrrp_instance`, one row each. Reading and printing stand in instance.ts. */
import { readIp, writeIp } from '../../../text/address-text.ts';
import { type IpAddress } from '../../routing/types.ts';
import { type Authentication, type VrrpInstance } from '../types.ts';
import { VIRTUAL_ADDRESS } from './address.ts';
import { type Complaints, complain, type Line, quoted } from './lexer.ts';
import { VIRTUAL_ROUTE, VIRTUAL_RULE } from './route.ts';
import {
  ADDRESS,
  type Codec,
  count,
  type Draft,
  oneOf,
  printRows,
  readRows,
  rowsByKey,
  rowsOf,
  type SettingRow,
  SWITCH,
  seconds,
  TEXT,
} from './setting.ts';
import { TRACKED } from './tracked.ts';

const of = rowsOf<VrrpInstance>();
const auth = rowsOf<Authentication>();

const PEER = {
  read(line: Line, complaints: Complaints): IpAddress | undefined {
    const [word, ...limits] = line.words;
    if (word === undefined) return undefined;
    for (const [at, limit] of limits.entries()) {
      // Simplification: the TTL limits of a unicast peer are read and not applied.
      const fits = at % 2 === 0 ? /^m(in|ax)_ttl$/.test(limit.text) : /^\d+$/.test(limit.text);
      if (!fits) complain(complaints, limit, 'expected min_ttl or max_ttl', ['min_ttl', 'max_ttl']);
    }
    const address = readIp(word.text);
    if (address === undefined) complain(complaints, word, 'expected an address');
    return address;
  },
  write: (address: IpAddress): readonly string[] => [writeIp(address)],
};

const AUTHENTICATION_ROWS = rowsByKey<Authentication>([
  auth.field('auth_type', oneOf('PASS', 'AH'), 'type'),
  auth.field('auth_pass', TEXT, 'password'),
]);

const AUTHENTICATION: Codec<Authentication> = {
  read(line, keyword, complaints) {
    if (line.block === null) complain(complaints, keyword, 'a block in braces is missing');
    const draft: Draft<Authentication> = { type: 'PASS', password: '' };
    readRows(AUTHENTICATION_ROWS, new Set(), draft, line.block ?? [], complaints);
    return draft;
  },
  write: (value) => ({ words: [], block: printRows(AUTHENTICATION_ROWS.values(), value, []) }),
};

/** `use_vmac [NAME] [MAC]`. */
const VIRTUAL_MAC: Codec<string> = {
  read: (line) => line.words[1]?.text ?? '',
  write: (name) => ({ words: name === '' ? [] : [quoted(name)], block: null }),
};

type Row = SettingRow<VrrpInstance>;

const NUMBERS: readonly Row[] = [
  of.field('virtual_router_id', count(1, 255), 'virtualRouterId'),
  of.field('priority', count(1, 255), 'priority'),
  of.field('advert_int', seconds(10_000), 'advertInterval_us'),
  of.field('preempt_delay', seconds(), 'preemptDelay_us'),
  of.field('down_timer_adverts', count(1, 100), 'downTimerAdverts'),
  of.field('garp_master_delay', seconds(), 'garpMasterDelay_us'),
  of.field('garp_master_repeat', count(1, 255), 'garpMasterRepeat'),
  of.field('garp_master_refresh', seconds(), 'garpMasterRefresh_us'),
  of.field('garp_master_refresh_repeat', count(1, 255), 'garpMasterRefreshRepeat'),
  of.field('garp_lower_prio_delay', seconds(), 'garpLowerPriorityDelay_us'),
  of.field('garp_lower_prio_repeat', count(0, 255), 'garpLowerPriorityRepeat'),
  of.field('unicast_ttl', count(0, 255), 'unicastTtl'),
];

const FLAGS: readonly Row[] = [
  of.flag('nopreempt', 'preempt', false),
  of.flag('preempt', 'preempt'),
  of.flag('accept', 'accept'),
  of.flag('no_accept', 'accept', false),
  of.flag('native_ipv6', 'nativeIpv6'),
  of.flag('dont_track_primary', 'dontTrackPrimary'),
  of.flag('track_src_ip', 'trackSource'),
  of.flag('vmac_xmit_base', 'vmacTransmitBase'),
  of.field('lower_prio_no_advert', SWITCH, 'lowerPriorityNoAdvert'),
  of.field('higher_prio_send_advert', SWITCH, 'higherPrioritySendAdvert'),
  of.field('check_unicast_src', SWITCH, 'checkUnicastSource'),
  of.field('skip_check_adv_addr', SWITCH, 'skipCheckAdvertAddress'),
  of.field('strict_mode', SWITCH, 'strict'),
];

const LISTS: readonly Row[] = [
  of.entries('track_interface', TRACKED, 'trackInterfaces'),
  of.entries('track_script', TRACKED, 'trackScripts'),
  of.entries('track_file', TRACKED, 'trackFiles'),
  of.entries('track_process', TRACKED, 'trackProcesses'),
  of.entries('unicast_peer', PEER, 'unicastPeers'),
  of.entries('virtual_ipaddress', VIRTUAL_ADDRESS, 'addresses'),
  of.entries('virtual_ipaddress_excluded', VIRTUAL_ADDRESS, 'excludedAddresses'),
  of.entries('virtual_routes', VIRTUAL_ROUTE, 'routes'),
  of.entries('virtual_rules', VIRTUAL_RULE, 'rules'),
];

const VERSIONS = { '2': 2, '3': 3 } as const;

/** `2` or `3`. */
export const VERSION: Codec<2 | 3> = {
  read(line, keyword, complaints) {
    const word = oneOf('2', '3').read(line, keyword, complaints);
    return word === undefined ? undefined : VERSIONS[word];
  },
  write: (value) => ({ words: [String(value)], block: null }),
};

/** In the order Neutron and the manual write them. */
export const INSTANCE_ROWS = rowsByKey<VrrpInstance>([
  of.field('version', VERSION, 'version'),
  of.field('state', oneOf('MASTER', 'BACKUP'), 'initialState'),
  of.field('interface', TEXT, 'interface'),
  of.field('use_vmac', VIRTUAL_MAC, 'virtualMac'),
  ...NUMBERS,
  of.field('mcast_src_ip', ADDRESS, 'multicastSource'),
  of.field('mcast_dst_ip', ADDRESS, 'multicastDestination'),
  of.field('unicast_src_ip', ADDRESS, 'unicastSource'),
  ...FLAGS,
  of.field('authentication', AUTHENTICATION, 'authentication'),
  ...LISTS,
]);
