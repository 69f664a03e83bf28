/**
 * What is between the devices of a walk: veth pairs, internal ports, taps of guests, segments
 * between hosts. A link that is too small for a frame drops it.
 */
import { type CrossingPlace, noteCrossing } from '../dataplane/crossing.ts';
import { guestName, tapOfGuest } from '../dataplane/endpoint/guest.ts';
import { seatBehind, tapOfNic } from '../dataplane/endpoint/guest-nics.ts';
import { type InterfaceId, type Network, ROOT } from '../dataplane/network.ts';
import { type Drop, type Run } from '../dataplane/outcome.ts';
import { type Switch } from '../dataplane/ovs/types/switch.ts';
import { B, F, put } from '../dataplane/routing/headers.ts';
import { type Interface } from '../dataplane/routing/types.ts';
import { guard } from '../traffic/guard.ts';
import { range } from '../traffic/match.ts';
import { type Split } from '../traffic/traffic.ts';
import { type Bond, bondAt, bondOfMember, hears, leavesBy } from './bonds.ts';
import { type CompiledNetwork, ownersOf } from './compiled-network.ts';
import { overMtu, tooLargeToReceive, tooLargeToSend } from './link-mtu.ts';
import { crossSegment, type SegmentMemory } from './segment.ts';
import { isTunnelDevice, TUNNEL_PORT } from './switch-tunnels.ts';
import { type Device, type Landing, type Wiring } from './walk.ts';

type Lost<P> = Extract<Landing<P>, { kind: 'lost' }>;

/** Gives the devices that stand at the ends of wires; null for what the snapshot lacks. */
export interface Ends<P> {
  namespace(host: string, name: string): Device<P> | null;
  switchOf(host: string): Device<P> | null;
}

/** The wires of a network for one walk; segments learn where addresses are. */
export function openWires<P>(
  compiled: CompiledNetwork,
  run: Run<P>,
  ends: Ends<P>,
): Wiring<P>['across'] {
  const { network } = compiled;
  const segments: SegmentMemory<P> = new Map();

  const land = (to: InterfaceId, p: P, segment: string | null): readonly Landing<P>[] => {
    const port = network.switchPortOf(to);
    const device = port === null ? ends.namespace(to.host, to.namespace) : ends.switchOf(to.host);
    if (device === null) return [lost(p, `${to.host} ${to.namespace} ${to.name}`)];
    return [{ kind: 'arrival', arrival: { device, port: to.name, p }, segment }];
  };

  /** A device that receives from another one of the kernel, or off a wire. */
  const receive = (to: InterfaceId, p: P, segment: string | null): readonly Landing<P>[] => {
    const bond = bondOfMember(network, to);
    if (bond !== null) {
      const seen = noteCrossing(run, crossingAt(to), 'in', p);
      return hears(bond, to.name) ? receive(bond.at, seen, segment) : [unheard(seen, to, bond)];
    }
    const device = deviceAt(network, to);
    // A namespace looks at its own devices; of a switch's device only the kernel knows.
    const ofSwitch = network.switchPortOf(to) !== null;
    const owner = ofSwitch ? ends.switchOf(to.host) : ends.namespace(to.host, to.namespace);
    const at = owner === null ? null : { device: owner, port: to.name };
    if (isDead(device) && ofSwitch) return [silent(p, to, device, at)];
    const mtu = device?.mtu ?? null;
    const sized = mtu === null ? [] : tooLargeToReceive(run, mtu, p);
    return limited(run, { place: to, mtu, at }, sized, p, (part) => land(to, part, segment));
  };

  const crossing = (from: InterfaceId, p: P): readonly Landing<P>[] => {
    const wire = network.wire(from);
    if (wire.kind !== 'segment') return [];
    const { name } = wire.segment;
    run.assume('ASSUME_UNDERLAY_DELIVERS', name);
    const owners = ownersOf(compiled, wire.segment);
    const crossings = crossSegment(run, segments, wire.segment, owners, from, p);
    if (crossings.length === 0) return [lost(p, `nobody else is on segment ${name}`)];
    return crossings.flatMap((one) => receive(one.to, one.p, name));
  };

  const transmit = (from: InterfaceId, p: P): readonly Landing<P>[] => {
    const tap = tapOfGuest(from.namespace);
    if (tap !== null) {
      const name = tapOfNic(network.neutron, from.host, tap, from.name);
      return land({ host: from.host, namespace: ROOT, name }, p, null);
    }
    const bond = bondAt(network, from);
    return bond === null ? sendOver(from, p) : sendByBond(bond, p);
  };

  /** By the members of a bond: which one, a hash decides where they lead to different places. */
  const sendByBond = (bond: Bond, p: P): readonly Landing<P>[] => {
    const { at, usable, mode } = bond;
    const [first] = usable;
    if (first === undefined) return [silent(p, at, deviceAt(network, at), null, 'no member is up')];
    const over = (name: string, part: P): readonly Landing<P>[] => {
      const member = { ...at, name };
      const seen = noteCrossing(run, crossingAt(member), 'out', part);
      // Cables of members are known when somebody described them; else the bond is one NIC.
      return isCabled(network, member) ? sendOver(member, seen) : sendOver(at, seen);
    };
    const way = leavesBy(bond);
    if (way === 'all') return usable.flatMap((name) => over(name, run.traffic.fork(p)));
    const cabled = usable.some((name) => isCabled(network, { ...at, name }));
    if (way === 'one' || !cabled) return over(first, p);
    if (run.pick !== undefined) {
      const ends = usable.map((name) => `${at.host} ${name} of ${at.name}`);
      return over(usable[run.pick(`${at.host} bond ${at.name}`, ends)] ?? first, p);
    }
    run.assume('AMBIGUOUS_HASH', `${at.host}: bond ${at.name} (${mode})`);
    return oneOf(run, usable, p).flatMap(({ name, part }) => over(name, part));
  };

  const sendOver = (from: InterfaceId, p: P): readonly Landing<P>[] => {
    const wire = network.wire(from);
    switch (wire.kind) {
      case 'interface':
        return receive(wire.to, p, null);
      case 'switch-port': {
        const device = ends.switchOf(wire.to.host);
        if (device === null) return [lost(p, wire.to.port)];
        return [{ kind: 'arrival', arrival: { device, port: wire.to.port, p }, segment: null }];
      }
      case 'segment':
        return crossing(from, p);
      case 'guest': {
        const seat = seatBehind(network.neutron, from.host, from.name);
        return land({ ...from, namespace: guestName(seat.tap), name: seat.device }, p, null);
      }
      case 'kernel':
        return [lost(p, `${from.name} (${wire.device}) has no cable`)];
      case 'unknown':
        return [lost(p, wire.why)];
    }
  };

  /** The switch sends by a port that is a device of the kernel. */
  const sendBy = (inside: InterfaceId, p: P): readonly Landing<P>[] => {
    const wire = network.wire(inside);
    if (wire.kind === 'switch-port') {
      // An internal port is the kernel's own interface.
      const device = ends.namespace(inside.host, inside.namespace);
      if (device === null) return [lost(p, `${inside.host} ${inside.namespace}`)];
      return [{ kind: 'arrival', arrival: { device, port: inside.name, p }, segment: null }];
    }
    const device = deviceAt(network, inside);
    if (isDead(device)) return [silent(p, inside, device, null)];
    const mtu = device?.mtu ?? null;
    const sized = mtu === null ? [] : tooLargeToSend(run, mtu, p);
    return limited(run, { place: inside, mtu, at: null }, sized, p, (part) =>
      transmit(inside, part),
    );
  };

  return (_run, from, port, p) => {
    if (from.stage === 'switch' && isTunnelDevice(port)) {
      // The host's own stack carries what the kernel's switch has encapsulated.
      const host = ends.namespace(from.host, ROOT);
      if (host === null) return [lost(p, `${from.host} ${ROOT}`)];
      return [{ kind: 'arrival', arrival: { device: host, port, p }, segment: null }];
    }
    if (from.stage !== 'switch') {
      if (port === TUNNEL_PORT) {
        const device = ends.switchOf(from.host);
        if (device === null) return [lost(p, `${from.host} has no switch`)];
        return [{ kind: 'arrival', arrival: { device, port, p }, segment: null }];
      }
      return transmit({ host: from.host, namespace: from.name, name: port }, p);
    }
    const inside = insideOf(network, from.host, port);
    if (inside === null) return [lost(p, `${from.host} has no interface ${port}`)];
    return sendBy(inside, p);
  };
}

/** Ends what is too large, and goes on with the rest. */
function limited<P>(
  run: Run<P>,
  { place, mtu, at }: { place: InterfaceId; mtu: number | null; at: Lost<P>['at'] },
  sized: readonly Split<P>[],
  p: P,
  next: (p: P) => readonly Landing<P>[],
): readonly Landing<P>[] {
  if (mtu === null) return next(p);
  const [only] = sized;
  if (sized.length === 1 && only !== undefined && only.hit === null) {
    return only.miss === null ? [] : next(only.miss);
  }
  return sized.flatMap(({ hit, miss }) => [
    ...(hit === null
      ? []
      : overMtu(run, placeOf(place), mtu, hit).map(
          (end): Landing<P> => ({ kind: 'lost', drop: end.drop, p: end.p, at }),
        )),
    ...(miss === null ? [] : next(miss)),
  ]);
}

function placeOf({ namespace, name }: InterfaceId): string {
  return namespace === ROOT ? name : `${namespace} ${name}`;
}

function deviceAt(network: Network, { host, namespace, name }: InterfaceId): Interface | undefined {
  const interfaces = network.namespace(host, namespace)?.state.interfaces;
  return interfaces === undefined ? undefined : byName(interfaces).get(name);
}

/** Interfaces of one namespace by their names; a changed namespace has another list. */
const named = new WeakMap<readonly Interface[], ReadonlyMap<string, Interface>>();

function byName(interfaces: readonly Interface[]): ReadonlyMap<string, Interface> {
  let known = named.get(interfaces);
  if (known === undefined) {
    known = new Map(interfaces.map((one) => [one.name, one]));
    named.set(interfaces, known);
  }
  return known;
}

/** Down, or without carrier: nothing goes out and nothing comes in (net/core/dev.c). */
function isDead(device: Interface | undefined): boolean {
  return device !== undefined && !(device.up && device.running);
}

function silent<P>(
  p: P,
  where: InterfaceId,
  device: Interface | undefined,
  at: Lost<P>['at'],
  why?: string,
): Landing<P> {
  const evidence = why ?? (device?.up === true ? 'no carrier' : 'the interface is down');
  const drop: Drop = { reason: 'INTERFACE_DOWN', where: placeOf(where), evidence, origin: null };
  return { kind: 'lost', drop, p, at };
}

/** A member of a bond that is not in use drops what it receives. */
function unheard<P>(p: P, { name }: InterfaceId, { mode, usable }: Bond): Landing<P> {
  const used = usable[0] ?? 'no member';
  const drop: Drop = {
    reason: 'BRIDGE_PORT_NOT_FORWARDING',
    where: name,
    evidence: `the bond (${mode}) hears ${used}`,
    origin: null,
  };
  return { kind: 'lost', drop, p, at: null };
}

function crossingAt({ host, namespace, name }: InterfaceId): CrossingPlace {
  return { host, namespace, bridge: null, interface: name };
}

/** Whether somebody says where the interface’s own cable leads. */
function isCabled(network: Network, at: InterfaceId): boolean {
  const wire = network.wire(at);
  if (wire.kind === 'interface') return true;
  return (
    wire.kind === 'segment' &&
    wire.segment.members.length > 1 &&
    wire.segment.members.some(({ host, name }) => host === at.host && name === at.name)
  );
}

/** Parts of traffic by the member that a hash with a random seed gives them to. */
function oneOf<P>(
  run: Run<P>,
  names: readonly string[],
  p: P,
): readonly { readonly name: string; readonly part: P }[] {
  const parts: { readonly name: string; readonly part: P }[] = [];
  let rest: P | null = run.traffic.choose(p, B.hash, 0n, BigInt(names.length - 1));
  for (const [at, name] of names.entries()) {
    if (rest === null) break;
    const { hit, miss }: { hit: P | null; miss: P | null } = run.traffic.split(
      rest,
      guard(range(F.hash, BigInt(at), BigInt(at))),
    );
    if (hit !== null) parts.push({ name, part: run.traffic.set(hit, put(F.hash, 0)) });
    rest = miss;
  }
  return parts;
}

/** The kernel's interface of a switch's port. */
function insideOf(network: Network, host: string, port: string): InterfaceId | null {
  const of = network.hosts.get(host)?.switch ?? null;
  if (of === null) return null;
  let known = insides.get(of);
  if (known === undefined) {
    // The first bridge that has the port is taken.
    known = new Map(
      [...of.bridges]
        .reverse()
        .flatMap(({ name: bridge, ports }) =>
          ports.map(({ name }) => [name, network.interfaceOf({ host, bridge, port: name })]),
        ),
    );
    insides.set(of, known);
  }
  return known.get(port) ?? null;
}

/** The interfaces of switches by the names of their ports. */
const insides = new WeakMap<Switch, ReadonlyMap<string, InterfaceId | null>>();

function lost<P>(p: P, what: string): Landing<P> {
  const drop: Drop = {
    reason: 'SNAPSHOT_INCOMPLETE',
    where: 'wire',
    evidence: `not in the snapshot: ${what}`,
    origin: null,
  };
  return { kind: 'lost', drop, p, at: null };
}
