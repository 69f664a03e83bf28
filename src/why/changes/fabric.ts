/**
 * Ports of the switches between the hosts: switched off, or with other VLANs than the port that
 * leads to the same NIC of another host has. No command of ours sets them.
 */
import { FABRIC_BRIDGE } from '../../dataplane/endpoint/physical.ts';
import { type InterfaceId, type Network, ROOT } from '../../dataplane/network.ts';
import { type BridgeVlan, type Interface, type Namespace } from '../../dataplane/routing/types.ts';
import { type Blocker } from '../../trace/types.ts';
import { type Attempt, type Proposal } from '../attempt.ts';
import { withInterface } from './devices.ts';

export const fabricPorts: Proposal = ({ blocker, situation: { network } }) => {
  const cables = cablesOf(network);
  return cables.flatMap((cable): readonly Attempt[] => [
    ...switchedOff(cable),
    ...carriedToo(cable, blocker),
    ...likeOthers(cable, cables),
  ]);
};

/** The VLAN that the blocker says a port of a switch lacks. */
function carriedToo({ fabric, port, nic }: Cable, { host, because }: Blocker): readonly Attempt[] {
  const missing = /(\S+) does not carry VLAN (\d+) tagged/.exec(because.join(' '));
  if (host !== fabric || missing?.[1] !== port.name) return [];
  const vlan = Number(missing[2]);
  const summary = `let ${port.name} of ${fabric}, which leads to ${nic.name} of ${nic.host}, carry VLAN ${vlan} tagged`;
  const more: BridgeVlan = {
    device: port.name,
    from: vlan,
    to: vlan,
    pvid: false,
    untagged: false,
  };
  return [
    onSwitch(fabric, summary, (before) => ({
      ...before,
      bridgeVlans: [...before.bridgeVlans, more],
    })),
  ];
}

/** A setting of a switch between the hosts. */
function onSwitch(
  fabric: string,
  summary: string,
  change: (before: Namespace) => Namespace,
): Attempt {
  return {
    change: { kind: 'fabric', summary, commands: [] },
    makes: { edits: [{ of: 'namespace', host: fabric, namespace: ROOT, change }] },
  };
}

/** A port of a switch and the NIC at its other end. */
interface Cable {
  readonly fabric: string;
  readonly port: Interface;
  readonly vlans: readonly BridgeVlan[];
  readonly nic: InterfaceId;
}

function cablesOf(network: Network): readonly Cable[] {
  return [...network.hosts.keys()].flatMap((fabric) => {
    const state = network.namespace(fabric, ROOT)?.state;
    if (state === undefined || !isFabric(state)) return [];
    return state.interfaces.flatMap((port): readonly Cable[] => {
      if (port.master !== FABRIC_BRIDGE) return [];
      const wire = network.wire({ host: fabric, namespace: ROOT, name: port.name });
      if (wire.kind !== 'interface') return [];
      const vlans = state.bridgeVlans.filter(({ device }) => device === port.name);
      return [{ fabric, port, vlans, nic: wire.to }];
    });
  });
}

export function isFabric({ interfaces }: Namespace): boolean {
  return interfaces.some(({ name, kind }) => name === FABRIC_BRIDGE && kind === 'bridge');
}

function switchedOff({ fabric, port, nic }: Cable): readonly Attempt[] {
  if (port.up && port.running) return [];
  const summary = `enable ${port.name} of ${fabric}, which leads to ${nic.name} of ${nic.host}`;
  return [
    onSwitch(fabric, summary, (before) =>
      withInterface(before, port.name, (each) => ({ ...each, up: true, running: true })),
    ),
  ];
}

/** NICs of one name are usually for one purpose: what most of their ports carry is tried. */
function likeOthers(cable: Cable, cables: readonly Cable[]): readonly Attempt[] {
  const { fabric, port, nic, vlans } = cable;
  const others = cables.filter((one) => one !== cable && one.nic.name === nic.name);
  const known = new Set([textOf(vlans)]);
  return others.flatMap((other): readonly Attempt[] => {
    const text = textOf(other.vlans);
    if (known.has(text)) return [];
    known.add(text);
    const wanted = other.vlans.map((vlan) => ({ ...vlan, device: port.name }));
    const summary = `give ${port.name} of ${fabric} the VLANs of ${other.port.name}: ${text}`;
    return [
      onSwitch(fabric, summary, (before) => ({
        ...before,
        bridgeVlans: [
          ...before.bridgeVlans.filter(({ device }) => device !== port.name),
          ...wanted,
        ],
      })),
    ];
  });
}

/** A bond of a host, with the ports of switches to which its members lead. */
export interface BondCables {
  readonly host: string;
  readonly bond: string;
  readonly cables: readonly {
    readonly fabric: string;
    readonly port: string;
    readonly vlans: string;
  }[];
}

/** Bonds whose members lead to known switches. */
export function bondsOf(network: Network): readonly BondCables[] {
  const groups = new Map<string, Cable[]>();
  for (const cable of cablesOf(network)) {
    const bond = bondOf(network, cable.nic);
    const key = bond === null ? '' : `${cable.nic.host} ${bond}`;
    groups.set(key, [...(groups.get(key) ?? []), cable]);
  }
  return [...groups].flatMap(([key, cables]): readonly BondCables[] => {
    const [host = '', bond = ''] = key.split(' ');
    if (bond === '') return [];
    const told = cables.map(({ fabric, port, vlans }) => ({
      fabric,
      port: port.name,
      vlans: textOf(vlans),
    }));
    return [{ host, bond, cables: told }];
  });
}

/** The kernel’s bond that a NIC is in, or the bonded port of a switch. */
function bondOf(network: Network, { host, name }: InterfaceId): string | null {
  const interfaces = network.namespace(host, ROOT)?.state.interfaces ?? [];
  const master = interfaces.find((each) => each.name === name)?.master ?? null;
  const kernel = interfaces.find((each) => each.name === master);
  if (kernel?.kind === 'bond') return kernel.name;
  const ports = network.hosts.get(host)?.switch?.bridges.flatMap((bridge) => bridge.ports) ?? [];
  const bundle = ports.find((port) => port.name === name)?.bundle;
  return bundle === undefined || bundle === name ? null : bundle;
}

function textOf(vlans: readonly BridgeVlan[]): string {
  const texts = vlans.map(({ from, to, pvid, untagged }) => {
    const range = from === to ? `${from}` : `${from}-${to}`;
    return untagged || pvid ? `${range} untagged` : range;
  });
  return texts.length === 0 ? 'none' : texts.sort().join(', ');
}
