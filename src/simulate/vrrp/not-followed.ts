/**
 * What a keepalived.conf says that changes what keepalived does, and that a simulation does not do.
 * It is told at the start of the story, so that nobody takes the answer for one that knew it.
 */
import {
  type GlobalDefinitions,
  type Statement,
  type VrrpInstance,
} from '../../dataplane/vrrp/types.ts';
import { writeIp } from '../../text/address-text.ts';
import { type Origin } from '../../text/problem.ts';
import { policyRuleOf } from '../network/policy-rules.ts';
import { type PlacedInstance } from './instances.ts';

type Asks = (instance: VrrpInstance, globals: GlobalDefinitions) => boolean;

/** The groups of RFC 5798 §5.1.1.2 and §5.1.2.2: another is a group of one's own. */
const USUAL_GROUPS = new Set(['224.0.0.18', 'ff02::12']);

// Simplification: of keepalived.conf, track_file, track_process, track_bfd, virtual MACs (use_vmac),
// other multicast groups, check_unicast_src, track_src_ip, the startup delay, garp_interval, no_accept
// and strict mode are not followed in a simulation, whose story names each of them with its place.
const STATED: readonly (readonly [string, Asks])[] = [
  ['track_file', ({ trackFiles }) => trackFiles.length > 0],
  ['track_process', ({ trackProcesses }) => trackProcesses.length > 0],
  ['use_vmac', ({ virtualMac }) => virtualMac !== null],
  ['track_src_ip', ({ trackSource }) => trackSource === true],
  ['no_accept', ({ accept }) => accept === false],
  ['mcast_dst_ip', ({ multicastDestination: to }) => to !== null && !USUAL_GROUPS.has(writeIp(to))],
  ['strict_mode', (of, globals) => (of.strict ?? globals.strict) === true],
  [
    'check_unicast_src',
    (of, globals) => (of.checkUnicastSource ?? globals.checkUnicastSource) === true,
  ],
  ['vrrp_startup_delay', (_, { startupDelay_us }) => (startupDelay_us ?? 0) > 0],
  ['vrrp_garp_interval', (_, { garpInterval_us }) => (garpInterval_us ?? 0) > 0],
  ['vrrp_gna_interval', (_, { gnaInterval_us }) => (gnaInterval_us ?? 0) > 0],
  [
    'vrrp_mcast_group4',
    (_, { multicastGroup4: to }) => to !== null && !USUAL_GROUPS.has(writeIp(to)),
  ],
  [
    'vrrp_mcast_group6',
    (_, { multicastGroup6: to }) => to !== null && !USUAL_GROUPS.has(writeIp(to)),
  ],
];

/** Statements kept as words of which the same holds. */
const KEPT = new Set([
  'track_bfd',
  'track_file',
  'track_process',
  'use_ipvlan',
  'use_vmac_addr',
  'vrf',
  'promote_secondaries',
  'garp_extra_if',
  'vrrp_garp_extra_if',
  'linkbeat_use_polling',
  'unicast_fault_no_peer',
  'global_tracking',
]);

/** What is not followed of an instance, each with the place where it stands. */
export function notFollowed({ config, instance }: PlacedInstance): readonly string[] {
  const { globals, syncGroups } = config;
  const found: string[] = [];
  const tell = ({ file, line }: Origin, what: string): void => {
    found.push(`${file}:${line}: ${what} is not followed in a simulation`);
  };
  for (const [word, asks] of STATED) if (asks(instance, globals)) tell(instance.origin, word);
  for (const rule of instance.rules) {
    if (policyRuleOf(rule) !== null) continue;
    const words = rule.attributes.flatMap(({ name, value }) =>
      value === null ? [name] : [name, value],
    );
    tell(rule.origin, `the rule ${words.join(' ')}`);
  }
  const group = syncGroups.find(({ members }) => members.includes(instance.name));
  const kept: readonly Statement[] = [
    ...instance.others,
    ...globals.others,
    ...(group?.others ?? []),
  ];
  for (const { words, origin } of kept) {
    const [word = ''] = words;
    if (KEPT.has(word)) tell(origin, word);
  }
  return found;
}
