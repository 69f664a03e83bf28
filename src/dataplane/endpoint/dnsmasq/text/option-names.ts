/** Names of DHCP options as dnsmasq spells them (`dnsmasq --help dhcp`), and the form of their data. */

/** How text becomes bytes: addresses, a name, text, a number of so many bytes, seconds, labels. */
export type OptionForm = 'addresses' | 'name' | 'text' | 'time' | 'labels' | 1 | 2 | 4;

/** A row of the table. */
export interface OptionName {
  readonly code: number;
  readonly form: OptionForm;
}

const table = (text: string): ReadonlyMap<string, OptionName> => {
  const rows = text.trim().split(/\s+/);
  const names = new Map<string, OptionName>();
  for (const row of rows) {
    const [name = '', code = '', form = ''] = row.split(':');
    names.set(name, { code: Number(code), form: FORMS.get(form) ?? 'text' });
  }
  return names;
};

const FORMS: ReadonlyMap<string, OptionForm> = new Map<string, OptionForm>([
  ['a', 'addresses'],
  ['n', 'name'],
  ['t', 'text'],
  ['s', 'time'],
  ['l', 'labels'],
  ['1', 1],
  ['2', 2],
  ['4', 4],
]);

/** `option:NAME`, RFC 2132 and later. */
export const OPTION_NAMES_4 = table(`
  netmask:1:a time-offset:2:4 router:3:a dns-server:6:a log-server:7:a lpr-server:9:a
  hostname:12:n boot-file-size:13:2 domain-name:15:n swap-server:16:a root-path:17:n
  extension-path:18:n ip-forward-enable:19:1 non-local-source-routing:20:1 policy-filter:21:a
  max-datagram-reassembly:22:2 default-ttl:23:1 mtu:26:2 all-subnets-local:27:1 broadcast:28:a
  router-discovery:31:1 router-solicitation:32:a static-route:33:a trailer-encapsulation:34:1
  arp-timeout:35:4 ethernet-encap:36:1 tcp-ttl:37:1 tcp-keepalive:38:4 nis-domain:40:n
  nis-server:41:a ntp-server:42:a vendor-encap:43:t netbios-ns:44:a netbios-dd:45:a
  netbios-nodetype:46:1 netbios-scope:47:t x-windows-fs:48:a x-windows-dm:49:a
  requested-address:50:a lease-time:51:s option-overload:52:t message-type:53:1
  server-identifier:54:a parameter-request:55:t message:56:t max-message-size:57:2 T1:58:s T2:59:s
  vendor-class:60:t client-id:61:t nis+-domain:64:n nis+-server:65:a tftp-server:66:n
  bootfile-name:67:n mobile-ip-home:68:a smtp-server:69:a pop3-server:70:a nntp-server:71:a
  irc-server:74:a user-class:77:t rapid-commit:80:t FQDN:81:t agent-id:82:t client-arch:93:2
  client-interface-id:94:t client-machine-id:97:t posix-timezone:100:n tzdb-timezone:101:n
  ipv6-only:108:4 subnet-select:118:t domain-search:119:l sip-server:120:t
  classless-static-route:121:a vendor-id-encap:125:t tftp-server-address:150:a
  server-ip-address:255:a
`);

/** `option6:NAME`, RFC 8415 and others. */
export const OPTION_NAMES_6 = table(`
  client-id:1:t server-id:2:t ia-na:3:t ia-ta:4:t iaaddr:5:t oro:6:t preference:7:1 unicast:12:a
  status:13:t rapid-commit:14:t user-class:15:t vendor-class:16:t vendor-opts:17:t
  sip-server-domain:21:l sip-server:22:a dns-server:23:a domain-search:24:l nis-server:27:a
  nis+-server:28:a nis-domain:29:l nis+-domain:30:l sntp-server:31:a
  information-refresh-time:32:s FQDN:39:t posix-timezone:41:n tzdb-timezone:42:n ntp-server:56:t
  bootfile-url:59:n bootfile-param:60:t
`);

/** The form of a code's data by its number. */
export function formOf(version: 4 | 6, code: number): OptionForm | undefined {
  const names = version === 4 ? OPTION_NAMES_4 : OPTION_NAMES_6;
  for (const row of names.values()) if (row.code === code) return row.form;
  return undefined;
}
