/**
 * What a host without `-json` would have shown: rows of iproute2's JSON as the text that the same
 * commands print (iproute2 ip/ipaddress.c, ip/iproute.c, ip/iprule.c, ip/ipneigh.c, bridge/fdb.c,
 * bridge/link.c), and the list of `brctl show`.
 */
type Row = Readonly<Record<string, unknown>>;

const text = (row: Row, key: string): string => String(row[key] ?? '');
const has = (row: Row, key: string): boolean => row[key] !== undefined && row[key] !== null;
const part = (row: Row, key: string, word = key): string[] =>
  has(row, key) ? [word, text(row, key)] : [];

/** `ip -d link` or `ip -d addr`. */
export function interfacesText(rows: readonly Row[]): string {
  return rows.map(interfaceText).join('');
}

function interfaceText(row: Row): string {
  const peer = has(row, 'link')
    ? `@${text(row, 'link')}`
    : has(row, 'link_index')
      ? `@if${text(row, 'link_index')}`
      : '';
  const flags = ((row['flags'] ?? []) as string[]).join(',');
  const head = [
    `${text(row, 'ifindex')}: ${text(row, 'ifname')}${peer}: <${flags}>`,
    ...[...part(row, 'mtu'), ...part(row, 'qdisc'), ...part(row, 'master')],
    ...['state', text(row, 'operstate'), 'group', 'default'],
  ].join(' ');
  const lines = [head];
  if (has(row, 'link_type')) {
    const netns = part(row, 'link_netnsid', 'link-netnsid').join(' ');
    const broadcast = has(row, 'broadcast') ? ` brd ${text(row, 'broadcast')}` : '';
    const promiscuous = ' promiscuity 0 minmtu 68 maxmtu 65535';
    lines.push(
      `    link/${text(row, 'link_type')} ${text(row, 'address')}${broadcast} ${netns}${promiscuous}`,
    );
  }
  lines.push(...detailsOf(row));
  for (const address of (row['addr_info'] ?? []) as Row[]) {
    const secondary = address['secondary'] === true ? ' secondary' : '';
    const words = [
      text(address, 'family'),
      `${text(address, 'local')}/${text(address, 'prefixlen')}`,
    ];
    const named = has(address, 'label') ? ` ${text(address, 'label')}` : ' ';
    lines.push(
      `    ${words.join(' ')}${part(address, 'broadcast', ' brd').join(' ')} scope ${text(address, 'scope')}${secondary}${named}`,
    );
    lines.push('       valid_lft forever preferred_lft forever');
  }
  return `${lines.join('\n')}\n`;
}

function detailsOf(row: Row): readonly string[] {
  const info = row['linkinfo'] as Row | undefined;
  if (info === undefined) return [];
  const data = (info['info_data'] ?? {}) as Row;
  const lines: string[] = [];
  const kind = info['info_kind'];
  if (kind === 'veth' || kind === 'tun') lines.push(`    ${String(kind)} `);
  if (kind === 'vxlan') lines.push(`    ${vxlanWords(data).join(' ')}`);
  if (kind === 'vlan') lines.push(`    vlan protocol 802.1Q id ${text(data, 'id')} <REORDER_HDR> `);
  if (kind === 'bridge') {
    const words = ['ageing_time', 'stp_state', 'vlan_filtering'].flatMap((key) => part(data, key));
    lines.push(`    bridge forward_delay ${text(data, 'forward_delay')} ${words.join(' ')} `);
  }
  if (info['info_slave_kind'] === 'bridge') {
    lines.push(`    bridge_slave ${portWords(info['info_slave_data'] as Row)}`);
  }
  return lines;
}

function vxlanWords(data: Row): readonly string[] {
  const words = ['vxlan', 'id', text(data, 'id')];
  words.push(...part(data, 'group'), ...part(data, 'remote'), ...part(data, 'local'));
  words.push(...part(data, 'link', 'dev'), 'srcport 0 0', ...part(data, 'port', 'dstport'));
  if (data['learning'] === false) words.push('nolearning');
  for (const key of ['proxy', 'l2miss', 'l3miss']) if (data[key] === true) words.push(key);
  words.push(
    'ttl',
    'auto',
    ...part(data, 'ageing'),
    data['udp_csum'] === false ? 'noudpcsum' : 'udpcsum',
  );
  return words;
}

/** Words of a port; `ip -d link` and `bridge -d link` use the same, switches as `on` and `off`. */
function portWords(of: Row): string {
  const on = (key: string): string => `${key} ${of[key] === true ? 'on' : 'off'}`;
  const switches = ['hairpin', 'guard', 'root_block', 'fastleave', 'learning', 'flood', 'isolated'];
  return `state ${text(of, 'state')} priority ${text(of, 'priority')} cost ${text(of, 'cost')} ${switches.map(on).join(' ')} `;
}

/** `ip route show table all`. */
export function routesText(rows: readonly Row[]): string {
  return rows
    .map((row) => {
      const hops = (row['nexthops'] ?? []) as Row[];
      const type = has(row, 'type') && row['type'] !== 'unicast' ? [text(row, 'type')] : [];
      const flags = ((row['flags'] ?? []) as string[]).join(' ');
      const one = [...part(row, 'gateway', 'via'), ...part(row, 'dev')];
      const rest = [
        ...[...part(row, 'table'), ...part(row, 'protocol', 'proto'), ...part(row, 'scope')],
        ...[...part(row, 'prefsrc', 'src'), ...part(row, 'metric')],
      ];
      const several = hops.map(
        (hop) =>
          `\n\tnexthop ${[...part(hop, 'gateway', 'via'), ...part(hop, 'dev'), ...part(hop, 'weight')].join(' ')} `,
      );
      return `${[...type, text(row, 'dst'), ...one, ...rest, flags].join(' ')} ${several.join('')}\n`;
    })
    .join('');
}

/** `ip rule`. */
export function rulesText(rows: readonly Row[]): string {
  return rows
    .map((row) => {
      const not = has(row, 'not') ? ['not'] : [];
      const length = (key: string): string =>
        has(row, `${key}len`) ? `/${text(row, `${key}len`)}` : '';
      const mask = has(row, 'fwmask') ? `/${text(row, 'fwmask')}` : '';
      const words = [
        ...[...not, 'from', `${text(row, 'src')}${length('src')}`],
        ...(has(row, 'dst') ? ['to', `${text(row, 'dst')}${length('dst')}`] : []),
        ...(has(row, 'fwmark') ? ['fwmark', `${text(row, 'fwmark')}${mask}`] : []),
        ...[...part(row, 'iif'), ...part(row, 'oif')],
        ...(has(row, 'action') ? [text(row, 'action')] : ['lookup', text(row, 'table')]),
      ];
      return `${text(row, 'priority')}:\t${words.join(' ')}\n`;
    })
    .join('');
}

/** `ip neigh`, and `arp -n` where only the latter is there. */
export function neighboursText(rows: readonly Row[], tool: 'ip' | 'arp'): string {
  if (tool === 'ip') {
    return rows
      .map((row) => {
        const router = has(row, 'router') ? ['router'] : [];
        const words = [text(row, 'dst'), ...part(row, 'dev'), ...part(row, 'lladdr'), ...router];
        return `${[...words, ...((row['state'] ?? []) as string[])].join(' ')}\n`;
      })
      .join('');
  }
  const head = 'Address                  HWtype  HWaddress           Flags Mask            Iface\n';
  return (
    head +
    rows
      .map((row) => {
        const device = text(row, 'dev');
        if (!has(row, 'lladdr')) return `${text(row, 'dst')}   (incomplete)   ${device}\n`;
        const permanent = ((row['state'] ?? []) as string[]).includes('PERMANENT');
        return `${text(row, 'dst')}   ether   ${text(row, 'lladdr')}   ${permanent ? 'CM' : 'C'}   ${device}\n`;
      })
      .join('')
  );
}

/** `bridge fdb show`. */
export function fdbText(rows: readonly Row[]): string {
  return rows
    .map((row) => {
      const words = [text(row, 'mac'), 'dev', text(row, 'ifname')];
      words.push(...part(row, 'dst'), ...part(row, 'vlan'), ...part(row, 'master'));
      words.push(...((row['flags'] ?? []) as string[]));
      return `${words.join(' ')} ${text(row, 'state')}\n`;
    })
    .join('');
}

/** `bridge -d link`. */
export function portsText(rows: readonly Row[]): string {
  return rows
    .map((row) => {
      const flags = ((row['flags'] ?? []) as string[]).join(',');
      const link = has(row, 'link') ? `@${text(row, 'link')}` : '';
      const head = `${text(row, 'ifindex')}: ${text(row, 'ifname')}${link}: <${flags}> mtu ${text(row, 'mtu')} master ${text(row, 'master')}`;
      const state = `state ${text(row, 'state')} priority ${text(row, 'priority')} cost ${text(row, 'cost')}`;
      const words = portWords(row).replace(/^.*?hairpin/, 'hairpin');
      return `${head} ${state} \n    ${words}\n`;
    })
    .join('');
}

/** `brctl show`: bridges with their ports and nothing about them. */
export function brctlText(rows: readonly Row[]): string {
  const bridges = new Map<string, string[]>();
  for (const row of rows) {
    if (row['ifname'] === row['master']) continue;
    const master = text(row, 'master');
    bridges.set(master, [...(bridges.get(master) ?? []), text(row, 'ifname')]);
  }
  const lines = [...bridges].map(
    ([name, ports]) => `${name}\t\t8000.000000000000\tno\t\t${ports.join('\n\t\t\t\t\t\t\t')}\n`,
  );
  return `bridge name\tbridge id\t\tSTP enabled\tinterfaces\n${lines.join('')}`;
}
