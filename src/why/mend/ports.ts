/**
 * Ports of a host's bridges: one in another VLAN than its network's, a tunnel with other ends, and
 * one that is missing as a whole, with the flows that stand for it.
 */
import { printFlow } from '../../dataplane/ovs/text/print-flow.ts';
import {
  type Bridge,
  type Endpoint,
  type Port,
  type TunnelSettings,
} from '../../dataplane/ovs/types/switch.ts';
import { writeIp } from '../../text/address-text.ts';
import { word } from '../../trace/diagnosis/commands.ts';
import { type Edit } from '../edits.ts';
import { flowMend } from './flows.ts';
import { type Mend, type Mender, type Sides } from './types.ts';

export const portMends: Mender = (sides, differences) =>
  differences.flatMap(({ kind, device, part, a, b }): readonly Mend[] => {
    const real = bridgeIn(sides.real, device);
    const made = bridgeIn(sides.made, device);
    if (real === undefined || made === undefined || part !== 'ports') return [];
    const text = [a, b].flatMap((side) => side?.text ?? []).join('\n');
    const [name = ''] = text.split(' ', 1);
    const [to, from] = [made, real].map(({ ports }) => ports.find((one) => one.name === name));
    const host = sides.real.host.name;
    const mend = (lines: readonly string[], edits: readonly Edit[]): readonly Mend[] =>
      lines.length === 0 ? [] : [{ host, device, part, text, lines, edits }];
    if (kind === 'missing' && to !== undefined) {
      const flows = flowsFor(sides, real, made, to);
      return mend(
        [addLine(device, to), ...flows.flatMap(({ lines }) => lines)],
        [portEdit(host, device, name, () => to), ...flows.flatMap(({ edits }) => edits)],
      );
    }
    if (kind === 'extra' && from !== undefined) {
      return mend(
        [`ovs-vsctl del-port ${word(device)} ${word(name)}`],
        [portEdit(host, device, name, () => null)],
      );
    }
    if (kind !== 'different' || to === undefined || from === undefined) return [];
    return mend(changeLines(to, from), [
      portEdit(host, device, name, (old) => liken(old ?? to, to)),
    ]);
  });

function bridgeIn({ host }: Sides['real'], name: string): Bridge | undefined {
  return host.switch?.bridges.find((bridge) => bridge.name === name);
}

/** What an agent sets of a port: its VLANs, and the ends of a tunnel. */
function liken(old: Port, { vlan, tunnel, adminUp, linkUp, config }: Port): Port {
  return { ...old, vlan, tunnel, adminUp, linkUp, config };
}

function changeLines(to: Port, from: Port): readonly string[] {
  const name = word(to.name);
  const tag = to.vlan.tag === from.vlan.tag ? [] : vlanLines(name, to);
  const trunks = to.vlan.trunks.join(',');
  const options = optionWords(to.tunnel).filter((each) => !optionWords(from.tunnel).includes(each));
  return [
    ...tag,
    ...(trunks === from.vlan.trunks.join(',')
      ? []
      : [
          trunks === ''
            ? `ovs-vsctl clear port ${name} trunks`
            : `ovs-vsctl set port ${name} trunks=${trunks}`,
        ]),
    ...(options.length === 0 ? [] : [`ovs-vsctl set interface ${name} ${options.join(' ')}`]),
    ...(to.adminUp && !from.adminUp ? [`ip link set dev ${name} up`] : []),
  ];
}

function vlanLines(name: string, { vlan: { tag } }: Port): readonly string[] {
  return [
    tag === null ? `ovs-vsctl clear port ${name} tag` : `ovs-vsctl set port ${name} tag=${tag}`,
  ];
}

function addLine(bridge: string, port: Port): string {
  const { name, ofport, type, vlan, peer, tunnel, externalIds } = port;
  const row = [
    ...(vlan.tag === null ? [] : [`tag=${vlan.tag}`]),
    ...(vlan.trunks.length === 0 ? [] : [`trunks=${vlan.trunks.join(',')}`]),
  ];
  const face = [
    ...(type === '' ? [] : [`type=${type}`]),
    `ofport_request=${ofport}`,
    ...(peer === null ? [] : [`options:peer=${word(peer)}`]),
    ...optionWords(tunnel),
    ...Object.entries(externalIds).map(([key, value]) => word(`external_ids:${key}=${value}`)),
  ];
  return [
    `ovs-vsctl add-port ${word(bridge)} ${word(name)}`,
    ...row,
    `-- set interface ${word(name)} ${face.join(' ')}`,
  ].join(' ');
}

/** Options of a tunnel as `ovs-vsctl` takes them (ovs-vswitchd.conf.db(5) Interface). */
function optionWords(tunnel: TunnelSettings | null): readonly string[] {
  if (tunnel === null) return [];
  const end = (key: string, at: Endpoint | 'flow' | null): readonly string[] => {
    if (at === null) return [];
    return [
      `options:${key}=${at === 'flow' ? at : writeIp({ version: at.version, value: at.address })}`,
    ];
  };
  const key = (name: string, value: bigint | 'flow' | null): readonly string[] =>
    value === null ? [] : [`options:${name}=${value}`];
  return [
    ...end('local_ip', tunnel.local),
    ...end('remote_ip', tunnel.remote),
    ...key('in_key', tunnel.inKey),
    ...key('out_key', tunnel.outKey),
    `options:dst_port=${tunnel.destinationPort}`,
    `options:df_default=${tunnel.dontFragment}`,
  ];
}

/** Flows of the new port: those that name its number, and that the host does not have. */
function flowsFor(
  sides: Sides,
  real: Bridge,
  made: Bridge,
  { ofport }: Port,
): readonly Pick<Mend, 'lines' | 'edits'>[] {
  const number = `(?:${ofport}|0x${ofport.toString(16)})`;
  const names = new RegExp(`(?:in_port=|reg5=|output:|set_field:|load:)${number}(?![0-9a-fx])`);
  const there = new Set(real.flows.map((flow) => printFlow({ ...flow, cookie: 0n })));
  return made.flows.flatMap((flow) => {
    const text = printFlow({ ...flow, cookie: 0n });
    if (!names.test(text) || there.has(text)) return [];
    return [flowMend(sides, real, flow, null)];
  });
}

function portEdit(
  host: string,
  bridgeName: string,
  name: string,
  change: (old: Port | null) => Port | null,
): Edit {
  return {
    of: 'switch',
    host,
    change: (before) => ({
      ...before,
      bridges: before.bridges.map((bridge) => {
        if (bridge.name !== bridgeName) return bridge;
        const old = bridge.ports.find((port) => port.name === name) ?? null;
        const next = change(old);
        const others = bridge.ports.filter((port) => port.name !== name);
        return { ...bridge, ports: next === null ? others : [...others, next] };
      }),
    }),
  };
}
