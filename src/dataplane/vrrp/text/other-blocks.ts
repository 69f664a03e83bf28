/**
 * Blocks of keepalived.conf(5) that are no business of VRRP: balancers (IPVS) and their checks,
 * BFD, what else is tracked, the process itself. Their words are known, and change nothing here.
 */
import { type Complaints, complain, type Line, wordSet } from './lexer.ts';

/** The words of a block, and the blocks in it. */
interface Known {
  /** Null: its lines are entries and begin with anything. */
  readonly words: ReadonlySet<string> | null;
  readonly blocks: ReadonlyMap<string, Known>;
}

function known(words: string | null, blocks: Readonly<Record<string, Known>> = {}): Known {
  return {
    words: words === null ? null : wordSet(words),
    blocks: new Map(Object.entries(blocks)),
  };
}

const ENTRIES = known(null);

/** What every check has, and what those have that connect. */
const REPEATING = 'alpha retry delay_before_retry warmup delay_loop log_all_failures';
const CONNECTING = `${REPEATING} connect_ip connect_port bindto bind_if bind_port fwmark
  connect_timeout`;

const URL = known(`
  path digest status_code virtualhost regex regex_no_match regex_options regex_stack
  regex_min_offset regex_max_offset
`);
const WEB = known(
  `${CONNECTING} http_protocol fast_recovery enable_sni nb_get_retry virtualhost url tls_compliant`,
  { url: URL },
);

const CHECKS: Readonly<Record<string, Known>> = {
  HTTP_GET: WEB,
  SSL_GET: WEB,
  TCP_CHECK: known(CONNECTING),
  SMTP_CHECK: known(`${CONNECTING} helo_name host`, { host: known(CONNECTING) }),
  DNS_CHECK: known(`${CONNECTING} type name`),
  MISC_CHECK: known(`${REPEATING} misc_path misc_timeout misc_dynamic user`),
  BFD_CHECK: known('name alpha'),
  PING_CHECK: known(CONNECTING),
  UDP_CHECK: known(`
    ${CONNECTING} payload require_reply min_reply_length max_reply_length
  `),
  FILE_CHECK: known('track_file dynamic weight'),
};

/** What a balancer and its servers both may say. */
const SERVED = `
  weight lvs_method lb_kind smtp_alert virtualhost snmp_name alpha connect_timeout retry
  delay_before_retry warmup delay_loop inhibit_on_failure notify_up notify_down
`;

const REAL_SERVER = known(
  `${SERVED} uthreshold lthreshold ${Object.keys(CHECKS).join(' ')}`,
  CHECKS,
);

const TRACK_FILE = known('file weight init_file');

/** Blocks by the word they begin with. */
const OTHER_BLOCKS: ReadonlyMap<string, Known> = new Map([
  [
    'virtual_server',
    known(
      `${SERVED} lvs_sched lb_algo hashed flag-1 flag-2 flag-3 sh-port sh-fallback mh-port
       mh-fallback ops persistence_engine persistence_timeout persistence_granularity protocol
       ha_suspend omega quorum hysteresis quorum_up quorum_down ip_family sorry_server
       sorry_server_inhibit sorry_server_lvs_method nat_mask real_server`,
      { real_server: REAL_SERVER },
    ),
  ],
  ['virtual_server_group', ENTRIES],
  [
    'bfd_instance',
    known(`
      neighbor_ip source_ip min_rx min_tx idle_tx multiplier passive ttl hoplimit max_hops weight
      vrrp checker
    `),
  ],
  ['garp_group', known('garp_interval gna_interval interface interfaces', { interfaces: ENTRIES })],
  ['track_group', known('group', { group: ENTRIES })],
  ['track_file', TRACK_FILE],
  ['vrrp_track_file', TRACK_FILE],
  [
    'vrrp_track_process',
    known(`
      process param_match weight quorum quorum_max fork_delay terminate_delay delay full_command
    `),
  ],
  ['linkbeat_interfaces', ENTRIES],
  ['interface_up_down_delays', ENTRIES],
  ['SSL', known('password ca certificate key')],
]);

/** Statements of the whole process, without a block. */
const OF_THE_PROCESS = wordSet(`
  net_namespace net_namespace_ipvs namespace_with_ipsets instance use_pid_dir
  linkbeat_use_polling child_wait_time
`);

/** Words that a file may begin a statement with, beside those of VRRP. */
export const OTHER_WORDS: readonly string[] = [...OTHER_BLOCKS.keys(), ...OF_THE_PROCESS];

/**
 * Looks through a statement that is not about VRRP.
 *
 * @returns false when nobody knows its word
 */
export function checkOther({ words, block }: Line, complaints: Complaints): boolean {
  const [keyword] = words;
  if (keyword === undefined || OF_THE_PROCESS.has(keyword.text)) return true;
  const inside = OTHER_BLOCKS.get(keyword.text);
  if (inside === undefined) return false;
  if (block === null) complain(complaints, keyword, 'a block in braces is missing');
  else checkLines(block, inside, complaints);
  return true;
}

function checkLines(
  lines: readonly Line[],
  { words, blocks }: Known,
  complaints: Complaints,
): void {
  if (words === null) return;
  for (const line of lines) {
    const [keyword] = line.words;
    if (keyword === undefined) continue;
    const inside = blocks.get(keyword.text);
    if (inside !== undefined) checkLines(line.block ?? [], inside, complaints);
    else if (!words.has(keyword.text)) complain(complaints, keyword, 'unknown keyword', words);
  }
}
