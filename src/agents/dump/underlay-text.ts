/** The network between the hosts as the `underlay.yaml` that people write beside a dump. */
import { type PhysicalPort, type PhysicalRouter, type Underlay } from '../../model/cloud.ts';
import { writeIp } from '../../text/address-text.ts';
import { type DumpFiles } from './folder.ts';

/** JSON is YAML, so the reader of hand-written files reads it. */
export function underlayFiles(underlay: Underlay): DumpFiles {
  return new Map([['underlay.yaml', () => `${JSON.stringify(underlayData(underlay), null, 1)}\n`]]);
}

function underlayData({ switches, routers, segments }: Underlay): Record<string, unknown> {
  const nic = ({ host, port }: { readonly host: string; readonly port: string }): string =>
    `${host}:${port}`;
  return {
    switches: switches.map(({ name, ports }) => ({ name, ports: ports.map(portData) })),
    routers: routers.map(({ name, interfaces }) => ({
      name,
      interfaces: interfaces.map(interfaceData),
    })),
    segments: segments.map(({ name, nics }) => ({ name, nics: nics.map(nic) })),
  };
}

function portData(port: PhysicalPort): Record<string, unknown> {
  const { name, connectedTo, mode, untagged, allowed, mtu, enabled } = port;
  return {
    name,
    ...(connectedTo === null ? {} : { to: `${connectedTo.host}:${connectedTo.port}` }),
    mode,
    ...(untagged === null ? {} : { [mode === 'access' ? 'vlan' : 'native']: untagged }),
    allowed: allowed.map(([from, to]) => `${from}-${to}`),
    mtu,
    enabled,
  };
}

function interfaceData(of: PhysicalRouter['interfaces'][number]): Record<string, unknown> {
  return {
    name: of.name,
    ...(of.vlan === null ? {} : { vlan: of.vlan }),
    mtu: of.mtu,
    addresses: of.addresses.map(({ address, length }) => `${writeIp(address)}/${length}`),
  };
}
