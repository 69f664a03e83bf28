/**
 * The ports of a bridge: rows of the database joined with the numbers and states that OpenFlow
 * tells, so that flows (which know numbers) and configuration (which knows names) meet.
 */
import { readIp, readMac } from '../../../text/address-text.ts';
import { RESERVED_PORTS } from '../types/flow.ts';
import {
  type Endpoint,
  type Port,
  type TunnelSettings,
  type VlanSettings,
} from '../types/switch.ts';
import { type ShownOpenFlowPort } from './of-show.ts';
import { type InterfaceRow, type PortRow } from './rows.ts';

type Words = Readonly<Record<string, string>>;

/**
 * Ports in order of their numbers. A port known to OpenFlow alone (a loose `ovs-ofctl show`)
 * is a plain trunk; a port without any number cannot carry a packet and is left out.
 *
 * `numbers` is another source of OpenFlow numbers by name (`dpif/show`).
 */
export function joinPorts(
  bridge: string,
  rows: readonly PortRow[],
  shown: readonly ShownOpenFlowPort[],
  numbers: ReadonlyMap<string, number>,
): readonly Port[] {
  const byName = new Map(shown.map((port) => [port.name, port]));
  const ports: Port[] = [];
  const seen = new Set<string>();
  for (const row of rows) {
    for (const each of row.interfaces) {
      seen.add(each.name);
      const open = byName.get(each.name);
      const fallback = each.name === bridge ? RESERVED_PORTS.LOCAL : undefined;
      const known = each.ofport === -1 ? null : each.ofport;
      const ofport = open?.ofport ?? known ?? numbers.get(each.name) ?? fallback;
      if (ofport !== undefined) ports.push(portOf(row, each, open, ofport));
    }
  }
  for (const open of shown) {
    if (!seen.has(open.name))
      ports.push(portOf(plainRow(open.name), plain(open), open, open.ofport));
  }
  return ports.sort((a, b) => a.ofport - b.ofport);
}

function portOf(
  row: PortRow,
  each: InterfaceRow,
  open: ShownOpenFlowPort | undefined,
  ofport: number,
): Port {
  const tunnel = tunnelOf(each.type, each.options);
  // A device that moved to another namespace is shown with a MAC of zeros and as down, because
  // the switch cannot see it any more; whether it is up is for that namespace to say.
  const unseen = open === undefined ? each.mac === '' && each.adminUp === false : open.mac === 0n;
  const moved = each.type === 'internal' && unseen;
  const config = (open?.config ?? []).filter((flag) => !moved || flag !== 'PORT_DOWN');
  return {
    name: each.name,
    ofport,
    type: each.type,
    peer: each.type === 'patch' ? (each.options['peer'] ?? null) : null,
    mac: (open?.mac === 0n ? undefined : open?.mac) ?? readMac(each.mac) ?? 0n,
    bundle: row.name,
    vlan: vlanOf(row),
    tunnel,
    bond:
      row.interfaces.length < 2
        ? null
        : {
            mode: row.bondMode || 'active-backup',
            active: activeMember(row),
          },
    adminUp: moved || (open === undefined ? (each.adminUp ?? true) : !config.includes('PORT_DOWN')),
    linkUp:
      moved || (open === undefined ? (each.linkUp ?? true) : !open.state.includes('LINK_DOWN')),
    config,
    protected: row.protected,
    mtu: each.mtu,
    externalIds: each.externalIds,
    otherConfig: { ...row.otherConfig, ...each.otherConfig },
  };
}

/** The database names the active member by its MAC (ovs-vswitchd.conf.db(5)). */
function activeMember({ bondActive, interfaces }: PortRow): string | null {
  if (bondActive === '') return null;
  const mac = readMac(bondActive);
  const found = interfaces.find((one) => mac !== undefined && readMac(one.mac) === mac);
  return found?.name ?? bondActive;
}

function plainRow(name: string): PortRow {
  return {
    name,
    tag: null,
    trunks: [],
    cvlans: [],
    vlanMode: '',
    otherConfig: {},
    protected: false,
    bondMode: '',
    bondActive: '',
    interfaces: [],
  };
}

function plain(open: ShownOpenFlowPort): InterfaceRow {
  return {
    name: open.name,
    type: open.ofport === RESERVED_PORTS.LOCAL ? 'internal' : '',
    options: {},
    ofport: open.ofport,
    mac: '',
    mtu: null,
    adminUp: null,
    linkUp: null,
    externalIds: {},
    otherConfig: {},
  };
}

/** Without `vlan_mode` a tag makes an access port (ovs-vswitchd.conf.db(5) Port vlan_mode). */
function vlanOf(row: PortRow): VlanSettings {
  const modes = ['trunk', 'access', 'native-tagged', 'native-untagged', 'dot1q-tunnel'] as const;
  const priority = row.otherConfig['priority-tags'];
  return {
    mode: modes.find((mode) => mode === row.vlanMode) ?? (row.tag === null ? 'trunk' : 'access'),
    tag: row.tag,
    trunks: row.trunks,
    cvlans: row.cvlans,
    priorityTags:
      priority === 'always' || priority === 'if-nonzero'
        ? priority
        : priority === 'true'
          ? 'if-nonzero'
          : 'never',
    qinqEthertype: row.otherConfig['qinq-ethtype'] === '802.1q' ? 0x8100 : 0x88a8,
  };
}

const TUNNELS: Readonly<Record<TunnelSettings['kind'], number>> = {
  // Destination ports are IANA's, as ovs-vswitchd.conf.db(5) "dst_port" has them.
  vxlan: 4789,
  geneve: 6081,
  lisp: 4341,
  stt: 7471,
  gtpu: 2152,
  gre: 0,
  ip6gre: 0,
  erspan: 0,
  ip6erspan: 0,
  srv6: 0,
  bareudp: 0,
};

/** A tunnel's options; null for a port that is no tunnel. */
export function tunnelOf(type: string, options: Words): TunnelSettings | null {
  if (!Object.hasOwn(TUNNELS, type)) return null;
  const kind = type as TunnelSettings['kind'];
  const key = options['key'];
  return {
    kind,
    local: endpointOf(options['local_ip']),
    remote: endpointOf(options['remote_ip']),
    inKey: keyOf(options['in_key'] ?? key),
    outKey: keyOf(options['out_key'] ?? key),
    destinationPort: Number(options['dst_port'] ?? TUNNELS[kind]),
    tos: inheritable(options['tos'], 0),
    ttl: inheritable(options['ttl'], 64),
    dontFragment: options['df_default'] !== 'false',
    checksum: options['csum'] === 'true',
    extensions: (options['exts'] ?? '').split(',').filter((word) => word !== ''),
    egressMark: Number(options['egress_pkt_mark'] ?? 0),
  };
}

function endpointOf(text: string | undefined): Endpoint | 'flow' | null {
  if (text === undefined) return null;
  if (text === 'flow') return 'flow';
  const address = readIp(text);
  return address === undefined ? null : { version: address.version, address: address.value };
}

function keyOf(text: string | undefined): bigint | 'flow' | null {
  if (text === 'flow') return 'flow';
  return text !== undefined && /^(\d{1,20}|0x[0-9a-f]{1,16})$/i.test(text) ? BigInt(text) : null;
}

function inheritable(text: string | undefined, otherwise: number): number | 'inherit' {
  if (text === 'inherit') return 'inherit';
  return text !== undefined && /^(\d+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : otherwise;
}
