/**
 * Ports by which frames leave a bridge, and the action NORMAL: a learning switch that knows the
 * addresses that were dumped (ofproto-dpif-xlate.c xlate_normal()). Before: `bridge-run.ts`.
 */
import { type Port } from '../../dataplane/ovs/types/switch.ts';
import { copyOf, type Frame, knowsMac, NotCarried, readMac, W } from './frame.ts';
import { type IndexedBridge } from './indexed-bridge.ts';

/** Where a frame leaves the bridge, and the zones in which its connection is now known. */
export interface Leaving {
  /** A port; FLOOD: every port of the frame's VLAN but that by which it came, still tagged. */
  readonly port: number;
  readonly frame: Frame;
  readonly zones: readonly number[];
  /** A dumped address decided: it has to lead to somebody, else it may be stale. */
  readonly dumped: boolean;
}

/** No port number: all ports of a VLAN. */
export const FLOOD = -1;

/** What has left a bridge so far, and the zones that know the connection. */
export interface Outlet {
  readonly bridge: IndexedBridge;
  readonly out: Leaving[];
  readonly zones: readonly number[];
}

/** In vlan_tci: there is a tag. */
export const VLAN_PRESENT = 0x1000;

/** By a port, if it is up. */
export function leave(
  { bridge, out, zones }: Outlet,
  port: number,
  frame: Frame,
  dumped = false,
): void {
  const to = bridge.ports.get(port);
  if (to === undefined || isDown(to)) return;
  out.push({ port, frame, zones, dumped });
}

function isDown({ adminUp, linkUp, config }: Port): boolean {
  if (config.some((word) => word !== 'PORT_DOWN')) {
    throw new NotCarried('a port with settings of its own');
  }
  return config.length > 0 || !adminUp || !linkUp;
}

/** Forwards as a learning switch that knows what was dumped; elsewhere it floods. */
export function normal(walk: Outlet, frame: Frame): void {
  const { bridge } = walk;
  const { words } = frame;
  const inPort = words[W.inPort]!;
  // Where senders go together only what their ports are like is known.
  const from = inPort < 0 ? bridge.likes.get(inPort) : bridge.ports.get(inPort);
  if (from === undefined || words[W.vlan2] !== 0) throw new NotCarried('NORMAL from nowhere');
  const tci = words[W.vlan]!;
  const vid = tci & 0xfff;
  if ((tci & 0xe000) !== 0) throw new NotCarried('a priority tag');
  let vlan = vid;
  if (from.vlan.mode === 'access') {
    if (vid !== 0) return;
    vlan = from.vlan.tag ?? 0;
  } else if (!trunks(from, vid)) return;
  const known = knowsMac(frame, W.ethDst);
  if (!known && bridge.addresses.size > 0) throw new NotCarried('the address decides');
  const dumped =
    known && bridge.addresses.size > 0
      ? bridge.addresses.get(`${vlan} ${readMac(words, W.ethDst)}`)
      : undefined;
  if (dumped === inPort) throw new NotCarried('an address behind the port it came from');
  if (dumped === undefined) {
    words[W.vlan] = vlan;
    walk.out.push({ port: FLOOD, frame, zones: walk.zones, dumped: false });
    return;
  }
  for (const port of floodPorts(bridge, vlan)) {
    if (port.ofport !== dumped) continue;
    leave(walk, dumped, asLeaving(frame, port, vlan), true);
  }
}

/** The ports that carry a VLAN. */
export function floodPorts(bridge: IndexedBridge, vlan: number): readonly Port[] {
  let found = bridge.floods.get(vlan);
  if (found === undefined) {
    found = [...bridge.ports.values()].filter(
      (port) => port.ofport >= 0 && carries(port, vlan) && !isDown(port),
    );
    bridge.floods.set(vlan, found);
  }
  return found;
}

/** The frame as it leaves by one of them. */
export function asLeaving(frame: Frame, port: Port, vlan: number): Frame {
  const copy = copyOf(frame);
  copy.words[W.vlan] = port.vlan.mode === 'access' || vlan === 0 ? 0 : VLAN_PRESENT | vlan;
  return copy;
}

function carries(port: Port, vlan: number): boolean {
  return port.vlan.mode === 'access' ? (port.vlan.tag ?? 0) === vlan : trunks(port, vlan);
}

function trunks({ vlan: { mode, trunks: listed, priorityTags } }: Port, vid: number): boolean {
  if (mode !== 'trunk' && mode !== 'access') throw new NotCarried(`a port in mode ${mode}`);
  if (priorityTags !== 'never') throw new NotCarried('priority tags');
  return listed.length === 0 || listed.includes(vid);
}
