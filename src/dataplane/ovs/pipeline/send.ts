/**
 * Sending to one port (xlate compose_output_action__()): checks, patch ports into the next
 * bridge, tunnel ports, then the datapath. Behind it stands `datapath/execute.ts`.
 */
import { mirrorSent } from './mirror.ts';
import { emit, type Part, refuse, type SendMode, type Translation, tell } from './part.ts';
import { enterBridge } from './patch.ts';
import { type PreparedPort } from './prepared.ts';
import { sendToTunnel } from './tunnel.ts';
import { ownTunnelGuard } from './tunnel-guards.ts';

/** Sends to the port with that OpenFlow number. */
export function sendTo<P>(
  x: Translation<P>,
  part: Part<P>,
  ofport: number,
  how: SendMode,
): Part<P>[] {
  const port = part.bridge.ports.get(ofport);
  if (port === undefined) {
    return refuse(x, part, 'OF_NO_SUCH_PORT', `the bridge has no port ${ofport}`);
  }
  if (port.noForward) return refuse(x, part, 'OF_PORT_DOWN', `${port.name}: NO_FWD is set`);
  if (part.mirrorSnapLength !== 0 && port.source.peer !== null) return [part];
  if (isProtected(part, port)) {
    return refuse(x, part, 'FLOOD_BLOCKED', `${port.name} and the input port are both protected`);
  }
  if (port.source.type === 'patch') return patch(x, part, port, how);
  return port.source.tunnel === null
    ? toDevice(x, part, port, how)
    : sendToTunnel(x, part, port, how);
}

function isProtected<P>(part: Part<P>, port: PreparedPort): boolean {
  return port.source.protected && (part.bridge.ports.get(part.inPort)?.source.protected ?? false);
}

function toDevice<P>(
  x: Translation<P>,
  part: Part<P>,
  port: PreparedPort,
  how: SendMode,
): Part<P>[] {
  const bridge = part.bridge.name;
  const own = ownTunnelGuard(x.sw, port);
  const { hit: forUs } = own === null ? { hit: null } : x.t.split(x.t.fork(part.p), own);
  if (forUs !== null) {
    tell(x, part, () => ({ kind: 'tunnel', bridge, port: port.name, way: 'in' }));
    emit(part, { kind: 'tunnel-pop', port, p: x.t.fork(part.p) });
  } else {
    const truncate = part.mirrorSnapLength !== 0 ? part.mirrorSnapLength : how.truncate;
    tell(x, part, () => ({ kind: 'openflow-output', bridge, port: port.name }));
    emit(part, { kind: 'output', port, p: x.t.fork(part.p), truncate });
  }
  return mirrorSent(x, part, port);
}

function patch<P>(x: Translation<P>, part: Part<P>, port: PreparedPort, how: SendMode): Part<P>[] {
  const peer = port.peer();
  if (peer === null) return refuse(x, part, 'PATCH_PEER_MISSING', `${port.name} has no peer`);
  return enterBridge(x, part, peer, how.last);
}
