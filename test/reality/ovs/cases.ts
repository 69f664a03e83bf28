/** Cases of the Open vSwitch oracle (format of its docstring) as the project's own data. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { parseFlowMod } from '../../../src/dataplane/ovs/text/flow-mods.ts';
import { parseGroup } from '../../../src/dataplane/ovs/text/groups.ts';
import { parseMeters } from '../../../src/dataplane/ovs/text/meters.ts';
import { parseTraceFlow } from '../../../src/dataplane/ovs/text/trace-flow.ts';
import { type FieldTest, type Flow } from '../../../src/dataplane/ovs/types/flow.ts';
import {
  type Bridge,
  type Mirror,
  type Port,
  type Switch,
  type TlvMapping,
  type TunnelSettings,
  type VlanSettings,
} from '../../../src/dataplane/ovs/types/switch.ts';
import { field } from '../../../src/packet/fields.ts';
import { blankPacket, type Packet } from '../../../src/traffic/one-packet.ts';
import { wordBits } from '../../../src/traffic/words.ts';

export interface CasePort {
  readonly name: string;
  readonly ofport?: number;
  readonly type?: string;
  readonly peer?: string;
  readonly tag?: number;
  readonly trunks?: number[];
  readonly cvlans?: number[];
  readonly vlan_mode?: VlanSettings['mode'];
  readonly options?: Record<string, string>;
  readonly port_other_config?: Record<string, string>;
}

export interface CaseBridge {
  readonly name: string;
  readonly fail_mode?: 'secure' | 'standalone';
  readonly ports?: CasePort[];
  readonly flows?: string[];
  readonly groups?: string[];
  readonly meters?: string[];
  readonly mirrors?: {
    name: string;
    select_all?: boolean;
    select_src?: string[];
    select_dst?: string[];
    select_vlan?: number[];
    output_port?: string;
    output_vlan?: number;
  }[];
  readonly of_version?: string;
  readonly other_config?: Record<string, string>;
}

export interface CaseStep {
  readonly op: string;
  readonly bridge?: string;
  readonly flow?: string;
  readonly ct_next?: string[];
  readonly port?: string;
  readonly packet?: string;
  readonly ms?: number;
  readonly generate?: boolean;
}

export interface OracleCase {
  readonly id: string;
  readonly features: readonly string[];
  readonly bridges: readonly CaseBridge[];
  readonly steps: readonly CaseStep[];
  readonly result: readonly unknown[];
  readonly setup_errors?: readonly { setup: string; bridge: string; flow?: string }[];
}

export function readCases(path: string): OracleCase[] {
  const bytes = readFileSync(path);
  const text = path.endsWith('.gz') ? gunzipSync(bytes).toString() : bytes.toString();
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as OracleCase);
}

const NOWHERE = { file: 'case', line: 0 };

function vlanOf(port: CasePort): VlanSettings {
  return {
    mode: port.vlan_mode ?? (port.tag === undefined ? 'trunk' : 'access'),
    tag: port.tag ?? null,
    trunks: port.trunks ?? [],
    cvlans: port.cvlans ?? [],
    priorityTags: (port.port_other_config?.['priority-tags'] ??
      'never') as VlanSettings['priorityTags'],
    qinqEthertype: 0x88a8,
  };
}

function address(text: string | undefined): TunnelSettings['remote'] {
  if (text === undefined) return null;
  if (text === 'flow') return 'flow';
  const value = text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
  return { version: 4, address: value };
}

function key(text: string | undefined): bigint | 'flow' | null {
  if (text === undefined) return null;
  return text === 'flow' ? 'flow' : BigInt(text);
}

function tunnelOf(port: CasePort): TunnelSettings | null {
  const type = port.type ?? 'dummy';
  if (!['vxlan', 'gre', 'geneve'].includes(type)) return null;
  const options = port.options ?? {};
  const ports: Record<string, number> = { vxlan: 4789, gre: 0, geneve: 6081 };
  return {
    kind: type as TunnelSettings['kind'],
    local: address(options['local_ip']),
    remote: address(options['remote_ip']),
    inKey: key(options['in_key'] ?? options['key']),
    outKey: key(options['out_key'] ?? options['key']),
    destinationPort: Number(options['dst_port'] ?? ports[type] ?? 0),
    tos: options['tos'] === 'inherit' ? 'inherit' : Number(options['tos'] ?? 0),
    ttl: options['ttl'] === 'inherit' ? 'inherit' : Number(options['ttl'] ?? 64),
    dontFragment: options['df_default'] !== 'false',
    checksum: options['csum'] === 'true',
    extensions: [],
    egressMark: 0,
  };
}

function portOf(port: CasePort, local: boolean, ofport: number): Port {
  return {
    name: port.name,
    ofport: local ? 0xfffe : ofport,
    type: local ? 'internal' : (port.type ?? 'dummy'),
    peer: port.peer ?? port.options?.['peer'] ?? null,
    mac: 0n,
    bundle: port.name,
    vlan: vlanOf(port),
    tunnel: tunnelOf(port),
    bond: null,
    adminUp: true,
    linkUp: true,
    config: [],
    protected: false,
    mtu: null,
    externalIds: {},
    otherConfig: {},
  };
}

function mirrorOf(mirror: NonNullable<CaseBridge['mirrors']>[number]): Mirror {
  return {
    name: mirror.name,
    selectAll: mirror.select_all ?? false,
    selectSrc: mirror.select_src ?? [],
    selectDst: mirror.select_dst ?? [],
    selectVlans: mirror.select_vlan ?? [],
    outputPort: mirror.output_port ?? null,
    outputVlan: mirror.output_vlan ?? null,
    snapLength: 0,
  };
}

/** A flow replaces one with the same table, priority and match. */
function sameMatchKey({ table, priority, tests }: Flow): string {
  const text = tests.map(({ field: of, value, mask }) => `${of.name}=${value}/${mask}`);
  return `${table} ${priority} ${text.sort().join(' ')}`;
}

function flowsOf(
  bridge: CaseBridge,
  rejected: ReadonlySet<string>,
  ports: readonly Port[],
): Flow[] {
  const flows = new Map<string, Flow>();
  const portNumber = (name: string) => ports.find((port) => port.name === name)?.ofport;
  for (const [i, text] of (bridge.flows ?? []).entries()) {
    if (rejected.has(text)) continue;
    const { value, problems } = parseFlowMod(text, 'flows', { portNumber });
    if (problems.some(({ message }) => !message.includes('no OpenFlow version'))) {
      throw new Error(`${text}: ${JSON.stringify(problems)}`);
    }
    const flow = {
      ...value.flow,
      statistics: null,
      origin: { file: bridge.name, line: i + 1 },
    };
    flows.set(sameMatchKey(flow), flow);
  }
  return [...flows.values()];
}

const DEFAULT_FLOW = 'table=0,priority=0 actions=NORMAL';

/**
 * The switch of a case.
 * @param keepsDefault bridges that still have the flow that a standalone bridge starts with.
 */
export function switchOf(
  { bridges, setup_errors }: Pick<OracleCase, 'bridges' | 'setup_errors'>,
  keepsDefault: ReadonlySet<string>,
): Switch {
  return {
    host: 'oracle',
    version: '3.1.0',
    datapath: 'userspace',
    vlanLimit: 1,
    tunnelNeighbours: [],
    tunnelRoutes: [],
    bridges: bridges.map((bridge): Bridge => {
      const rows = bridge.ports ?? [];
      const local = rows.find((port) => port.name === bridge.name) ?? { name: bridge.name };
      const ports = [
        portOf(local, true, 0),
        ...rows
          .filter((port) => port.name !== bridge.name)
          .map((port, i) => portOf(port, false, port.ofport ?? i + 1)),
      ];
      const rejected = new Set(
        (setup_errors ?? []).flatMap((one) =>
          one.bridge === bridge.name && one.flow !== undefined ? [one.flow] : [],
        ),
      );
      const flows = keepsDefault.has(bridge.name)
        ? { ...bridge, flows: [DEFAULT_FLOW, ...(bridge.flows ?? [])] }
        : bridge;
      return {
        name: bridge.name,
        failMode: 'secure',
        datapathType: 'dummy',
        datapathId: '',
        ports,
        flows: flowsOf(flows, rejected, ports),
        groups: (bridge.groups ?? []).flatMap((text) => parseGroup(text).value ?? []),
        meters: parseMeters((bridge.meters ?? []).join('\n'), 'meters').value,
        fdb: [],
        mirrors: (bridge.mirrors ?? []).map(mirrorOf),
        dumpVersion: bridge.of_version === 'OpenFlow10' ? '1.0' : '1.4',
        tlvMap: [],
        otherConfig: bridge.other_config ?? {},
        floodVlans: [],
        multicastSnooping: false,
        origin: NOWHERE,
      };
    }),
  };
}

const VLAN_TCI = field('vlan_tci');
const VLAN_TPID = field('vlan_tpid');
const ETH_TYPE = field('eth_type');

/** Writes tests with their values into a packet. */
export function packetOf(tests: readonly FieldTest[]): Packet {
  const p = blankPacket();
  for (const { field: of, value, mask } of tests) {
    for (const bits of wordBits(of, value, mask)) {
      p.words[bits.word] = (((p.words[bits.word] ?? 0) & ~bits.mask) | bits.value) >>> 0;
    }
  }
  if (((p.words[VLAN_TCI.word] ?? 0) & 0x1000) !== 0) p.words[VLAN_TPID.word] = 0x8100;
  return p;
}

/** The packet a trace asks about. */
export function tracePacket(
  text: string,
  ports: readonly Port[],
  tlvMap: readonly TlvMapping[] = [],
): Packet {
  const portNumber = (name: string) => ports.find((port) => port.name === name)?.ofport;
  const { value, problems } = parseTraceFlow(text, 'trace', { portNumber, tlvMap });
  if (problems.length > 0) throw new Error(`${text}: ${JSON.stringify(problems)}`);
  const p = packetOf(value);
  // Without a type the packet is one of LLC (lib/packets.h FLOW_DL_TYPE_NONE).
  if (!value.some(({ field: of }) => of === ETH_TYPE)) p.words[ETH_TYPE.word] = 0x05ff;
  return p;
}
