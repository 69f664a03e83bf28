/** `server` and `bind` lines with their settings (Configuration Manual, section 5). */
import { readIp } from '../../../../text/address-text.ts';
import { type Bind, type HaproxyLine, type HaproxyServer } from '../types.ts';
import { readAddress } from './address.ts';
import { type Complaints, complain } from './lexer.ts';

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** Settings of a server that stand alone. */
const SERVER_ALONE = words(`
  agent-check allow-0rtt backup check check-send-proxy check-ssl check-via-socks4 disabled enabled
  force-sslv3 force-tlsv10 force-tlsv11 force-tlsv12 force-tlsv13 no-agent-check no-backup no-check
  no-check-ssl no-send-proxy no-send-proxy-v2 no-send-proxy-v2-ssl no-send-proxy-v2-ssl-cn no-ssl
  no-ssl-reuse no-sslv3 no-tls-tickets no-tlsv10 no-tlsv11 no-tlsv12 no-tlsv13 no-verifyhost
  non-stick send-proxy send-proxy-v2 send-proxy-v2-ssl send-proxy-v2-ssl-cn ssl ssl-reuse stick tfo
  tls-tickets
`);

/** Settings of a server with one value. */
const SERVER_WITH_VALUE = words(`
  addr agent-addr agent-inter agent-port agent-send alpn ca-file check-alpn check-proto check-sni
  ciphers ciphersuites cookie crl-file crt curves downinter error-limit fall fastinter hash-key
  id init-addr init-state inter log-bufsize log-proto max-reuse maxconn maxqueue minconn namespace npn
  observe on-error on-marked-down on-marked-up pool-low-conn pool-max-conn pool-purge-delay port
  proto proxy-v2-options redir resolve-net resolve-opts resolve-prefer resolvers rise shard
  sigalgs slowstart sni socks4 source ssl-max-ver ssl-min-ver tcp-ut track usesrc verify verifyhost
  weight ws
`);

/** Settings of a bind that stand alone, and those with a value. */
const BIND_ALONE = words(`
  accept-netscaler-cip accept-proxy allow-0rtt defer-accept force-sslv3 force-tlsv10 force-tlsv11
  force-tlsv12 force-tlsv13 generate-certificates no-alpn no-ca-names no-sslv3 no-tls-tickets
  no-tlsv10 no-tlsv11 no-tlsv12 no-tlsv13 prefer-client-ciphers quic-force-retry ssl strict-sni tfo
  transparent v4v6 v6only
`);
const BIND_WITH_VALUE = words(`
  alpn backlog ca-file ca-ignore-err ca-sign-file ca-sign-pass ca-verify-file ciphers ciphersuites
  crl-file crt crt-ignore-err crt-list curves ecdhe expose-fd gid group guid-prefix id interface level
  maxconn mode mss name namespace nbconn nice npn ocsp-update proto quic-cc-algo quic-socket severity-output
  shards sigalgs ssl-max-ver ssl-min-ver tcp-ut thread tls-ticket-keys uid user verify
`);

type Draft = { -readonly [K in keyof HaproxyServer]: HaproxyServer[K] };

/** What a server has before its own settings: nothing, or those of `default-server`. */
export type ServerDefaults = Pick<
  HaproxyServer,
  | 'weight'
  | 'checked'
  | 'checkAddress'
  | 'checkPort'
  | 'checkInterval_us'
  | 'fall'
  | 'rise'
  | 'backup'
  | 'disabled'
  | 'source'
>;

export const NO_SERVER_DEFAULTS: ServerDefaults = {
  weight: 1,
  checked: false,
  checkAddress: null,
  checkPort: null,
  // DEF_CHKINTR, DEF_FALLTIME, DEF_RISETIME of haproxy/server.
  checkInterval_us: 2_000_000,
  fall: 3,
  rise: 2,
  backup: false,
  disabled: false,
  source: null,
};

/** Reads `server NAME ADDRESS[:PORT] SETTINGS`; undefined with a problem. */
export function readServer(
  line: HaproxyLine,
  defaults: ServerDefaults,
  complaints: Complaints,
): HaproxyServer | undefined {
  const [, name, target] = line.words;
  const at = target === undefined ? undefined : readAddress(target);
  if (name === undefined || at === undefined) {
    complain(complaints, line, target === undefined ? 0 : 2, 'expected server NAME ADDRESS');
    return undefined;
  }
  const { address, host, path, ports } = at;
  const port = ports === null ? null : ports[0];
  const draft: Draft = { ...defaults, name, address, host, path, port, origin: line.origin };
  readSettings(line, 3, draft, complaints);
  return draft;
}

/** Reads `default-server SETTINGS`. */
export function readServerDefaults(
  line: HaproxyLine,
  defaults: ServerDefaults,
  complaints: Complaints,
): ServerDefaults {
  const { origin } = line;
  const nobody = { name: '', address: null, host: null, path: null, port: null, origin };
  const draft: Draft = { ...nobody, ...defaults };
  readSettings(line, 1, draft, complaints);
  return draft;
}

function readSettings(line: HaproxyLine, from: number, draft: Draft, complaints: Complaints): void {
  for (let at = from; at < line.words.length; at++) {
    const word = line.words[at] ?? '';
    if (SERVER_ALONE.has(word)) applyFlag(draft, word);
    else if (!SERVER_WITH_VALUE.has(word)) {
      complain(complaints, line, at, 'unknown setting of a server', [
        ...SERVER_ALONE,
        ...SERVER_WITH_VALUE,
      ]);
    } else {
      const value = line.words[++at];
      if (value === undefined) complain(complaints, line, at - 1, 'a value is missing');
      else if (!applyValue(draft, word, value))
        complain(complaints, line, at, 'not a value for it');
    }
  }
}

function applyFlag(draft: Draft, word: string): void {
  if (word === 'check') draft.checked = true;
  else if (word === 'no-check') draft.checked = false;
  else if (word === 'backup') draft.backup = true;
  else if (word === 'no-backup') draft.backup = false;
  else if (word === 'disabled') draft.disabled = true;
  else if (word === 'enabled') draft.disabled = false;
}

function applyValue(draft: Draft, word: string, value: string): boolean {
  if (word === 'weight' || word === 'port') {
    if (!/^\d{1,5}$/.test(value)) return false;
    if (word === 'weight') draft.weight = Number(value);
    else draft.checkPort = Number(value);
  } else if (word === 'fall' || word === 'rise') {
    if (!/^[1-9]\d{0,5}$/.test(value)) return false;
    draft[word] = Number(value);
  } else if (word === 'inter') {
    const interval_us = timeOf(value);
    if (interval_us === null) return false;
    draft.checkInterval_us = interval_us;
  } else if (word === 'addr' || word === 'source') {
    const address = readIp(value.replace(/:\d+$/, '')) ?? readIp(value);
    if (address === undefined) return false;
    if (word === 'addr') draft.checkAddress = address;
    else draft.source = address;
  }
  return true;
}

const UNITS: Readonly<Record<string, number>> = {
  us: 1,
  ms: 1e3,
  s: 1e6,
  m: 6e7,
  h: 3.6e9,
  d: 8.64e10,
};

/** A time as haproxy writes it (configuration manual §2.5): milliseconds without a unit. */
function timeOf(text: string): number | null {
  const match = /^(\d{1,9})(us|ms|s|m|h|d)?$/.exec(text);
  const each = UNITS[match?.[2] ?? 'ms'];
  return match === null || each === undefined ? null : Math.max(1000, Number(match[1]) * each);
}

/** Reads `bind ADDRESS[,ADDRESS…] SETTINGS`. */
export function readBinds(line: HaproxyLine, complaints: Complaints): readonly Bind[] {
  const [, targets] = line.words;
  if (targets === undefined) {
    complain(complaints, line, 0, 'expected bind ADDRESS:PORT');
    return [];
  }
  const flags = bindFlags(line, complaints);
  return targets.split(',').flatMap((target): Bind[] => {
    const at = readAddress(target);
    if (at === undefined || at.host !== null || (at.path === null && at.ports === null)) {
      complain(complaints, line, 1, 'expected ADDRESS:PORT or the path of a socket');
      return [];
    }
    const { address, path } = at;
    // `::` alone takes IPv4 as well where the system maps it (bindv6only = 0), but for `v6only`.
    const both = at.version === 6 && address === null && !flags.has('v6only');
    const version = both ? null : at.version;
    const ports = at.ports ?? [0, 0];
    return [{ address, version, ports, path, tls: flags.has('ssl'), origin: line.origin }];
  });
}

function bindFlags(line: HaproxyLine, complaints: Complaints): ReadonlySet<string> {
  const flags = new Set<string>();
  for (let at = 2; at < line.words.length; at++) {
    const word = line.words[at] ?? '';
    if (BIND_ALONE.has(word)) flags.add(word);
    else if (BIND_WITH_VALUE.has(word)) at++;
    else
      complain(complaints, line, at, 'unknown setting of a bind', [
        ...BIND_ALONE,
        ...BIND_WITH_VALUE,
      ]);
  }
  return flags;
}
