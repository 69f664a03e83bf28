/**
 * Trunks: several networks on one tap. The guest's tap is in a bridge of its own, `tbr-…`, that
 * only switches; one patch pair carries untagged frames (`tpt-`, `tpi-`), and one for every
 * sub-port takes its VLAN off (`spt-`, `spi-`). On br-int each is a port like any other
 * (neutron/services/trunk/drivers/openvswitch/agent/trunk_manager.py, Zed).
 */
import { deviceName, trunkBridge } from '../../model/ids.ts';
import { type NeutronTrunk } from '../../model/neutron.ts';
import { type Place, type Plug } from '../part.ts';
import { type BridgePlan } from '../plan.ts';
import { flow } from './flow-text.ts';
import { externalIdsOf, localPort, patch, plainPort } from './ports.ts';

/** What was plugged in, with the sub-ports of every trunk behind its parent. */
export function withSubPorts({ view, host }: Place, plugs: readonly Plug[]): readonly Plug[] {
  return plugs.flatMap((plug) => {
    const trunk = view.trunks.get(plug.port.id);
    if (trunk === undefined || plug.kind !== 'tap') return [plug];
    const subs = trunk.subPorts.flatMap(({ portId }): readonly Plug[] => {
      const port = view.ports.get(portId);
      if (port === undefined) return [];
      const device = deviceName('tap', portId);
      return [{ ...plug, port: { ...port, host: host.name }, device, kind: 'sub-port' }];
    });
    return [plug, ...subs];
  });
}

/** The patch pair between br-int and the trunk bridge; null for what is plugged into br-int. */
export function trunkPair(
  { view }: Place,
  { port, kind }: Plug,
): { readonly inner: string; readonly outer: string } | null {
  if (kind === 'sub-port') {
    return { inner: deviceName('spi-', port.id), outer: deviceName('spt-', port.id) };
  }
  if (kind !== 'tap' || !view.trunks.has(port.id)) return null;
  return { inner: deviceName('tpi-', port.id), outer: deviceName('tpt-', port.id) };
}

/** The bridges of all trunks; `deviceOf` names what is plugged in for a tap. */
export function trunkBridges(
  at: Place,
  plugs: readonly Plug[],
  deviceOf: (plug: Plug) => string,
): readonly BridgePlan[] {
  return plugs.flatMap((plug) => {
    const trunk = plug.kind === 'tap' ? at.view.trunks.get(plug.port.id) : undefined;
    return trunk === undefined ? [] : [bridgeOf(at, trunk, plug, deviceOf(plug))];
  });
}

function bridgeOf(at: Place, trunk: NeutronTrunk, parent: Plug, device: string): BridgePlan {
  const name = trunkBridge(trunk.id);
  const number = (port: string): number => at.numbers.ofport(name, port);
  const ids = externalIdsOf(parent.port);
  const inner = deviceName('tpi-', trunk.portId);
  const outer = deviceName('tpt-', trunk.portId);
  return {
    name,
    failMode: 'standalone',
    ports: [
      localPort(name),
      { ...plainPort(device, number(device)), mac: parent.port.mac, externalIds: ids },
      { ...patch(outer, number(outer), inner), externalIds: ids },
      ...trunk.subPorts.flatMap(({ portId, segmentationId }) => {
        const port = at.view.ports.get(portId);
        if (port === undefined) return [];
        const end = deviceName('spt-', portId);
        const pair = patch(end, number(end), deviceName('spi-', portId));
        return [{ ...pair, tag: segmentationId, externalIds: externalIdsOf(port) }];
      }),
    ],
    flows: [flow(0, 0, '', 'NORMAL')],
  };
}
