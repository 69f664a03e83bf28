/**
 * Bridges of Open vSwitch and their ports: the VLAN by its network, tunnels by their ends and
 * options. Numbers of ports do not count.
 */
import { type Network } from '../../dataplane/network.ts';
import {
  type Bridge,
  type Endpoint,
  type Port,
  type Switch,
  type TunnelSettings,
} from '../../dataplane/ovs/types/switch.ts';
import { writeIp } from '../../text/address-text.ts';
import { portKey } from './flows.ts';
import { aboutDevice } from './objects.ts';
import { section, statement } from './statement.ts';
import { type HostSymbols } from './symbols.ts';
import { type Section } from './types.ts';

function bridgeKey(bridge: string): string {
  return `bridge ${bridge}`;
}

/** The bridges of a host, and a section of ports for each. */
export function portSections(
  network: Network,
  of: Switch,
  symbols: HostSymbols,
): readonly Section[] {
  return [
    section(
      of.host,
      'switch',
      'bridges',
      of.bridges.map((bridge) =>
        statement(`${bridge.name} ${bridge.failMode} ${datapathOf(of)}`, {
          subject: bridgeKey(bridge.name),
          origin: () => bridge.origin,
        }),
      ),
    ),
    ...of.bridges.map((bridge) =>
      section(
        of.host,
        bridge.name,
        'ports',
        bridge.ports
          .filter(({ name }) => name !== bridge.name)
          .map((port) =>
            statement(portWords(bridge, port, symbols).join(' '), {
              subject: portKey(bridge.name, port.name),
              text: portWords(bridge, port, null).join(' '),
              origin: () => bridge.origin,
              about: () => aboutDevice(network, of.host, port.name),
              needs: [bridgeKey(bridge.name)],
            }),
          ),
      ),
    ),
  ];
}

function datapathOf({ datapath }: Switch): string {
  return datapath === 'userspace' ? 'userspace datapath' : 'kernel datapath';
}

/** `symbols` names local VLANs by their networks; null leaves their numbers. */
function portWords(bridge: Bridge, port: Port, symbols: HostSymbols | null): readonly string[] {
  const { vlan } = port;
  const local = bridge.name === 'br-int' && symbols !== null;
  const tag =
    vlan.tag === null
      ? []
      : [`tag ${local ? (symbols.networkOfVlan.get(vlan.tag) ?? vlan.tag) : vlan.tag}`];
  const owner = port.externalIds['iface-id'];
  const cabled = port.type === '' || port.type === 'system';
  return [
    port.name,
    port.type === '' || port.type === 'system' ? 'system' : port.type,
    ...tag,
    ...(vlan.trunks.length === 0 ? [] : [`trunks ${[...vlan.trunks].sort().join(',')}`]),
    ...(vlan.mode === (vlan.tag === null ? 'trunk' : 'access') ? [] : [vlan.mode]),
    ...(port.peer === null ? [] : [`peer ${port.peer}`]),
    ...(port.bundle === port.name ? [] : [`of ${port.bundle}`]),
    ...(port.tunnel === null ? [] : tunnelWords(port.tunnel)),
    ...(owner === undefined ? [] : [`iface-id ${owner}`]),
    ...(cabled && !port.adminUp ? ['down'] : []),
    ...(cabled && port.adminUp && !port.linkUp ? ['no carrier'] : []),
    ...port.config.filter((word) => /^(NO_|PORT_DOWN)/.test(word) && word !== 'NO_STP'),
  ];
}

function tunnelWords(of: TunnelSettings): readonly string[] {
  const end = (at: Endpoint | 'flow' | null): string =>
    at === null
      ? 'any'
      : at === 'flow'
        ? 'flow'
        : writeIp({ version: at.version, value: at.address });
  const key = (value: bigint | 'flow' | null): string => (value === null ? 'none' : String(value));
  return [
    `local ${end(of.local)}`,
    `remote ${end(of.remote)}`,
    `key ${key(of.inKey)}/${key(of.outKey)}`,
    `port ${of.destinationPort}`,
    of.dontFragment ? 'df' : 'no df',
    ...(of.checksum ? ['csum'] : []),
    ...(of.ttl === 'inherit' || of.ttl !== 64 ? [`ttl ${of.ttl}`] : []),
    ...(of.tos === 0 ? [] : [`tos ${of.tos}`]),
    ...of.extensions.map((name) => `ext ${name}`),
  ];
}
