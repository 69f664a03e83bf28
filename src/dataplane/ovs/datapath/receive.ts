/**
 * A switch receives a packet: on a device, or out of a tunnel that the host's kernel terminates.
 * In front stands the walk, which carries packets over links; behind it both layers of the switch.
 */
import { CONNTRACK_FIELDS, field } from '../../../packet/fields.ts';
import { assignment, together } from '../../../traffic/words.ts';
import { type Outcome } from '../../outcome.ts';
import { writeNumberTo } from '../pipeline/conditions.ts';
import { wipePipelineFields } from '../pipeline/patch.ts';
import { forward } from './execute.ts';
import { tunnelEntry } from './tunnel.ts';
import { type Datapath } from './types.ts';

const IN_PORT = field('in_port');
const CLEARED = together(
  [...CONNTRACK_FIELDS, ...['conj_id', 'recirc_id', 'dp_hash'].map(field)].map((of) =>
    assignment(of, 0n),
  ),
);

/**
 * A frame arrives at the switch on a device.
 * @param device interface name of an OpenFlow port.
 * @returns every fate of it: sent by devices (`tunnel:…` for a tunnel of the kernel), delivered
 *   to a controller, dropped. A device the switch does not have gives a drop.
 */
export function receive<P>(dp: Datapath<P>, device: string, frame: P): Outcome<P>[] {
  const port = dp.sw.ports.get(device);
  if (port === undefined) return [noPort(device, frame)];
  if (!port.source.adminUp || port.source.config.includes('PORT_DOWN')) {
    const drop = {
      reason: 'OF_PORT_DOWN',
      where: `${port.bridge.name} ${device}`,
      evidence: 'the interface is down',
      origin: null,
    } as const;
    return [{ kind: 'dropped', drop, p: frame }];
  }
  const { traffic } = dp.run;
  let p = wipePipelineFields({ t: traffic }, frame);
  p = traffic.setAll(p, CLEARED);
  p = traffic.set(p, writeNumberTo(IN_PORT, port.ofport));
  const bridge = port.bridge.name;
  const step = () => ({ kind: 'bridge', bridge, port: device, way: 'received' }) as const;
  p = traffic.note(p, step);
  dp.state.onStep?.(step());
  return forward(dp, { bridge: port.bridge, inPort: port.ofport, p });
}

/**
 * A tunnel frame that the kernel of the host received for its own address (kernel datapath).
 * @param outer the frame from its outer header on; it carries the inner packet.
 */
export function receiveTunnel<P>(dp: Datapath<P>, outer: P): Outcome<P>[] {
  const { entries, outcomes } = tunnelEntry(dp, outer);
  return [...outcomes, ...entries.flatMap((entry) => forward(dp, entry))];
}

function noPort<P>(device: string, p: P): Outcome<P> {
  return {
    kind: 'dropped',
    drop: {
      reason: 'OF_NO_SUCH_PORT',
      where: device,
      evidence: 'the switch has no such port',
      origin: null,
    },
    p,
  };
}
