/**
 * dnsmasq's settings, one row each: on the command line `--NAME=VALUE`, in a configuration file
 * `NAME=VALUE`. What does not change DHCP is kept as text.
 */
import { type Dnsmasq, type DnsmasqSetting, type Tag } from '../types.ts';
import { readHost, writeHost } from './hosts.ts';
import { readOption } from './options.ts';
import { readRange, writeRange } from './ranges.ts';
import { complain, type Place, readSet, readTag, splitCommas, writeTag } from './words.ts';

const DNS_PORT = 53;

/** A configuration while it is read. */
export type Draft = { -readonly [K in keyof Dnsmasq]: Dnsmasq[K] };

interface Row {
  readonly name: string;
  read(draft: Draft, value: string, place: Place): void;
  print(config: Dnsmasq): readonly (string | null)[];
}

/** A list of words; every statement adds to it. */
function words(name: string, key: 'interfaces' | 'exceptInterfaces' | 'noDhcpInterfaces'): Row {
  return {
    name,
    read: (draft, value) => {
      draft[key] = [...draft[key], ...splitCommas(value)];
    },
    print: (config) => config[key],
  };
}

/** A list of conditions; every statement adds one. */
function conditions(name: string, key: 'broadcastTags' | 'ignoreTags'): Row {
  return {
    name,
    read: (draft, value, place) => {
      draft[key] = [...draft[key], tagsOf(value, place)];
    },
    print: (config) =>
      config[key].map((tags) => (tags.length === 0 ? null : tags.map(writeTag).join(','))),
  };
}

function tagsOf(value: string, place: Place): Tag[] {
  return splitCommas(value).flatMap((word) => {
    if (word === '') return [];
    const tag = readTag(word);
    if (tag === undefined) complain(place, word, 'expected tag:NAME');
    return tag ?? [];
  });
}

function flag(name: string, key: 'authoritative' | 'enableRa'): Row {
  return {
    name,
    read: (draft) => {
      draft[key] = true;
    },
    print: (config) => (config[key] ? [null] : []),
  };
}

function number(name: string, key: 'dnsPort' | 'leaseMax', usual: number): Row {
  return {
    name,
    read: (draft, value, place) => {
      if (/^\d{1,9}$/.test(value)) draft[key] = Number(value);
      else complain(place, value, 'expected a number');
    },
    print: (config) => (config[key] === usual ? [] : [String(config[key])]),
  };
}

function path(name: string, key: 'hosts' | 'options' | 'configuration' | 'names'): Row {
  return {
    name,
    read: (draft, value) => {
      draft.files = { ...draft.files, [key]: [...draft.files[key], value] };
    },
    print: (config) => config.files[key],
  };
}

function onePath(name: string, key: 'leases' | 'pid'): Row {
  return {
    name,
    read: (draft, value) => {
      draft.files = { ...draft.files, [key]: value };
    },
    print: ({ files }) => (files[key] === null ? [] : [files[key]]),
  };
}

function option(name: string, force: boolean): Row {
  return {
    name,
    read: (draft, value, place) => {
      const read = readOption(value, force, place);
      if (read !== undefined) draft.options = [...draft.options, read];
    },
    print: (config) => config.options.filter((one) => one.force === force).map(({ text }) => text),
  };
}

function match(name: string, kind: Dnsmasq['matches'][number]['kind']): Row {
  return {
    name,
    read: (draft, value, place) => {
      const [first = '', ...rest] = splitCommas(value);
      // The oldest form names the tag without `set:`.
      const set = readSet(first) ?? first;
      if (rest.length === 0) complain(place, value, 'expected set:TAG and what sets it');
      const origin = { file: place.file, line: place.line };
      draft.matches = [...draft.matches, { kind, set, text: rest.join(','), origin }];
    },
    print: ({ matches }) =>
      matches.filter((one) => one.kind === kind).map(({ set, text }) => `set:${set},${text}`),
  };
}

const ROWS: readonly Row[] = [
  words('interface', 'interfaces'),
  words('except-interface', 'exceptInterfaces'),
  words('no-dhcp-interface', 'noDhcpInterfaces'),
  number('port', 'dnsPort', DNS_PORT),
  onePath('pid-file', 'pid'),
  path('dhcp-hostsfile', 'hosts'),
  path('addn-hosts', 'names'),
  path('dhcp-optsfile', 'options'),
  onePath('dhcp-leasefile', 'leases'),
  match('dhcp-match', 'match'),
  match('dhcp-userclass', 'userclass'),
  match('dhcp-vendorclass', 'vendorclass'),
  match('dhcp-mac', 'mac'),
  {
    name: 'dhcp-range',
    read: (draft, value, place) => {
      const range = readRange(value, place);
      if (range !== undefined) draft.ranges = [...draft.ranges, range];
    },
    print: ({ ranges }) => ranges.map(writeRange),
  },
  {
    name: 'dhcp-host',
    read: (draft, value, place) => {
      draft.hosts = [...draft.hosts, readHost(value, place)];
    },
    print: ({ hosts }) => hosts.map(writeHost),
  },
  option('dhcp-option', false),
  option('dhcp-option-force', true),
  number('dhcp-lease-max', 'leaseMax', 1000),
  flag('dhcp-authoritative', 'authoritative'),
  flag('enable-ra', 'enableRa'),
  conditions('dhcp-broadcast', 'broadcastTags'),
  conditions('dhcp-ignore', 'ignoreTags'),
  {
    name: 'domain',
    read: (draft, value, place) => {
      // `--domain=NAME,PREFIX` is for some addresses only; the plain one is for all.
      const [name = '', ...rest] = splitCommas(value);
      if (rest.length === 0) draft.domain = name;
      else complain(place, value, 'a domain for some addresses only is not applied');
    },
    print: ({ domain }) => (domain === null ? [] : [domain]),
  },
  path('conf-file', 'configuration'),
];

const BY_NAME: ReadonlyMap<string, Row> = new Map(ROWS.map((row) => [row.name, row]));

/** Settings of DNS, TFTP, logging and processes: nothing of them changes what DHCP answers. */
const OPERATION: ReadonlySet<string> = new Set(
  `add-cpe-id add-mac add-subnet address alias all-servers auth-peer auth-sec-servers auth-server
  auth-soa auth-ttl auth-zone bind-dynamic bind-interfaces bogus-nxdomain bogus-priv bridge-interface
  cache-rr cache-size caa-record clear-on-reload cname conf-dir conf-script connmark-allowlist
  connmark-allowlist-enable conntrack dhcp-alternate-port dhcp-client-update dhcp-duid
  dhcp-fqdn dhcp-generate-names dhcp-hostsdir dhcp-ignore-clid dhcp-ignore-names dhcp-leasefile-ro
  dhcp-luascript dhcp-name-match dhcp-no-override dhcp-optsdir dhcp-proxy dhcp-pxe-vendor
  dhcp-rapid-commit dhcp-reply-delay dhcp-script dhcp-scriptuser dhcp-sequential-ip dhcp-ttl
  dns-forward-max dns-loop-detect dnssec dnssec-check-unsigned dnssec-no-timecheck dnssec-timestamp
  do-0x20-encode domain-needed dumpfile dumpmask dynamic-host edns-packet-max enable-dbus enable-tftp
  enable-ubus expand-hosts fast-dns-retry filter-A filter-AAAA filter-rr filterwin2k group host-record
  hostsdir ignore-address interface-name ipset keep-in-foreground leasequery listen-address
  local local-service local-ttl localise-queries localmx log-async log-debug log-dhcp log-facility
  log-malloc log-queries max-cache-ttl max-port max-tcp-connections max-ttl min-cache-ttl min-port mx-host
  mx-target naptr-record neg-ttl nftset no-0x20-encode no-daemon no-dhcpv4-interface no-dhcpv6-interface
  no-hosts no-ident no-negcache no-ping no-poll no-resolv no-round-robin port-limit
  proxy-dnssec ptr-record query-port quiet-dhcp quiet-dhcp6 quiet-ra quiet-tftp ra-param
  read-ethers rebind-domain-ok rebind-localhost-ok resolv-file rev-server selfmx server
  script-arp script-on-renewal selfmx servers-file shared-network srv-host stop-dns-rebind strict-order synth-domain
  test tftp-lowercase tftp-max tftp-mtu tftp-no-blocksize tftp-no-fail tftp-port-range
  tftp-root tftp-secure tftp-single-port tftp-unique-root trust-anchor txt-record umbrella
  use-stale-cache user version`.split(/\s+/),
);

/** Settings of DHCP that are read as text and not applied. */
// Simplification: dnsmasq's boot, relay and per-circuit settings do not change the addresses it
// offers and are not emulated.
const NOT_APPLIED: ReadonlySet<string> = new Set(
  `bootp-dynamic dhcp-boot dhcp-circuitid dhcp-option-pxe dhcp-relay dhcp-remoteid dhcp-subscrid
  dhcp-vendorclass-any pxe-prompt pxe-service tag-if`.split(/\s+/),
);

/** Letters of the command line. */
const LETTERS: ReadonlyMap<string, string> = new Map([
  ['C', 'conf-file'],
  ['F', 'dhcp-range'],
  ['G', 'dhcp-host'],
  ['I', 'except-interface'],
  ['K', 'dhcp-authoritative'],
  ['O', 'dhcp-option'],
  ['X', 'dhcp-lease-max'],
  ['d', 'no-daemon'],
  ['h', 'no-hosts'],
  ['i', 'interface'],
  ['k', 'keep-in-foreground'],
  ['l', 'dhcp-leasefile'],
  ['p', 'port'],
  ['q', 'log-queries'],
  ['R', 'no-resolv'],
  ['s', 'domain'],
  ['u', 'user'],
  ['x', 'pid-file'],
  ['z', 'bind-interfaces'],
]);

/** The name of an option given by its letter, else the name itself. */
export function longName(name: string): string {
  return name.length === 1 ? (LETTERS.get(name) ?? name) : name;
}

/** Applies one setting. */
export function applySetting(draft: Draft, name: string, value: string | null, place: Place): void {
  const row = BY_NAME.get(name);
  if (row !== undefined) {
    row.read(draft, value ?? '', place);
    return;
  }
  const setting: DnsmasqSetting = { name, value, origin: { file: place.file, line: place.line } };
  draft.others = [...draft.others, setting];
  if (OPERATION.has(name) || NOT_APPLIED.has(name)) return;
  complain(place, name, 'unknown setting', [...BY_NAME.keys(), ...OPERATION, ...NOT_APPLIED]);
}

/** Every setting as `NAME` or `NAME=VALUE`. */
export function printSettings(config: Dnsmasq): readonly string[] {
  const own = ROWS.flatMap(({ name, print }) =>
    print(config).map((value) => (value === null ? name : `${name}=${value}`)),
  );
  const others = config.others.map(({ name, value }) =>
    value === null ? name : `${name}=${value}`,
  );
  return [...own, ...others];
}

/** What dnsmasq does when nothing is set. */
export function emptyDnsmasq(): Draft {
  return {
    ranges: [],
    hosts: [],
    options: [],
    leases: [],
    matches: [],
    domain: null,
    interfaces: [],
    exceptInterfaces: [],
    noDhcpInterfaces: [],
    dnsPort: DNS_PORT,
    authoritative: false,
    broadcastTags: [],
    ignoreTags: [],
    leaseMax: 1000,
    enableRa: false,
    files: { hosts: [], options: [], leases: null, configuration: [], names: [], pid: null },
    others: [],
  };
}
