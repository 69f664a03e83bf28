/**
 * What is broken on the way: dead hosts, ways between hosts in one direction, packets of a kind
 * that are lost at an interface. Stands between the devices of the walk and its wires.
 */
import { type Reason } from '../../reasons/codes.ts';
import { valueOf } from '../../trace/programs/packets.ts';
import { type Device, type Landing, type Wiring } from '../../trace/walk.ts';
import { type Packet } from '../../traffic/packet.ts';
import { type Random } from '../clock/random.ts';

/** Kinds of packets that a loss may be restricted to. */
export const PACKET_KINDS = {
  any: () => true,
  arp: (p) => valueOf(p, 'eth_type') === 0x0806n,
  icmp: (p) => valueOf(p, 'eth_type') === 0x0800n && valueOf(p, 'ip_proto') === 1n,
  icmp6: (p) => valueOf(p, 'eth_type') === 0x86ddn && valueOf(p, 'ip_proto') === 58n,
  tcp: (p) => valueOf(p, 'ip_proto') === 6n,
  udp: (p) => valueOf(p, 'ip_proto') === 17n,
  vrrp: (p) => valueOf(p, 'ip_proto') === 112n,
} as const satisfies Readonly<Record<string, (p: Packet) => boolean>>;

export type PacketKind = keyof typeof PACKET_KINDS;

/** Packets are lost where they cross an interface. */
export interface Loss {
  readonly host: string;
  readonly interface: string;
  /** As the interface's owner sees it: `in` is received. */
  readonly direction: 'in' | 'out';
  readonly kind: PacketKind;
  /** 0 to 1. */
  readonly share: number;
}

export class Cuts {
  readonly deadHosts = new Set<string>();
  /** Servers that stand still or have left, as `HOST NAMESPACE`. */
  readonly deadGuests = new Set<string>();
  /** Taps that no server is behind at the moment, as `HOST TAP`. */
  readonly vacantTaps = new Set<string>();
  /** Servers without an address, as `HOST NAMESPACE`, and why. */
  readonly leaseless = new Map<string, string>();
  /** Hosts on which no `ovs-vswitchd` runs. */
  readonly deadSwitches = new Set<string>();
  /** `FROM TO`: nothing gets from the first host to the second. */
  readonly deadWays = new Set<string>();
  losses: readonly Loss[] = [];
  /** Devices in which something of the present walk may wait. */
  readonly touched = new Set<Device<Packet>>();
  /** Devices that the last walks came through, as `HOST NAME`; null when nobody wants to know. */
  visited: Set<string> | null = null;
  /** Whether chance decided anything in the last walks. */
  byChance = false;
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  /** What is broken in a way that no file of a host tells. */
  unseen(): readonly string[] {
    return [
      ...[...this.deadWays].map((way) => `nothing gets from ${way.replace(' ', ' to ')}`),
      ...this.losses.map((loss) => `${lossText(loss)} at ${loss.host} ${loss.interface}`),
      ...[...this.leaseless.keys()].map((place) => `${place} has lost its lease`),
    ];
  }

  /** The wires with everything broken that is broken at the moment. */
  across(wiring: Wiring<Packet>['across']): Wiring<Packet>['across'] {
    return (run, from, port, p) => {
      if (this.deadHosts.has(from.host)) return [lost(p, port, 'the host is down')];
      if (this.vacantTaps.size > 0 && this.vacantTaps.has(`${from.host} ${port}`)) {
        return [lost(p, port, 'the server that was here is moved')];
      }
      const landings = wiring(run, from, port, p);
      const out =
        from.stage === 'switch' && landings.some(isInside(port))
          ? null
          : this.lossAt(from.host, port, 'out', p);
      if (out !== null) return [lost(p, port, lossText(out))];
      return landings.map((landing) => this.arriving(from, port, landing));
    };
  }

  private arriving(
    { host: from, stage }: Device<Packet>,
    by: string,
    landing: Landing<Packet>,
  ): Landing<Packet> {
    if (landing.kind === 'lost') return landing;
    const { device, port, p } = landing.arrival;
    this.touched.add(device);
    this.visited?.add(`${device.host} ${device.name}`);
    const at = { device, port };
    if (this.deadHosts.has(device.host)) return lost(p, port, 'the host is down', at);
    if (this.deadGuests.has(`${device.host} ${device.name}`)) {
      return lost(p, port, 'the server is not here', at);
    }
    const leaseless =
      this.leaseless.size === 0 ? undefined : this.leaseless.get(`${device.host} ${device.name}`);
    if (leaseless !== undefined) return lost(p, device.name, leaseless, null, 'NOT_FOR_ME');
    if (device.stage === 'switch' && this.deadSwitches.has(device.host)) {
      return lost(p, port, 'ovs-vswitchd does not run', at);
    }
    if (this.deadWays.has(`${from} ${device.host}`)) {
      return lost(p, port, `nothing gets through from ${from} to ${device.host}`, at);
    }
    // What a kernel hands to its switch by an internal port leaves that port, and enters nothing.
    const internal = stage !== 'switch' && device.stage === 'switch' && isInside(by)(landing);
    const loss = internal ? null : this.lossAt(device.host, port, 'in', p);
    return loss === null ? landing : lost(p, port, lossText(loss), at);
  }

  private lossAt(host: string, port: string, direction: 'in' | 'out', p: Packet): Loss | null {
    for (const loss of this.losses) {
      if (loss.host !== host || loss.interface !== port || loss.direction !== direction) continue;
      if (!PACKET_KINDS[loss.kind](innermost(p))) continue;
      if (loss.share >= 1) return loss;
      this.byChance = true;
      if (this.random.happens(loss.share)) return loss;
    }
    return null;
  }
}

/** An internal port of a switch and the kernel's interface behind it have one name. */
function isInside(port: string): (landing: Landing<Packet>) => boolean {
  return (landing) => landing.kind === 'arrival' && landing.arrival.port === port;
}

/** The frame that tunnels carry. */
function innermost(p: Packet): Packet {
  let inside = p;
  while (inside.inner !== null) inside = inside.inner;
  return inside;
}

function lossText({ kind, share, direction }: Loss): string {
  const what = kind === 'any' ? 'packets' : `${kind} packets`;
  return `${share >= 1 ? 'all' : `${Math.round(share * 100)} % of`} ${what} ${direction} are lost`;
}

/** A copy that does not get further; `at` is the door that it got to. */
function lost(
  p: Packet,
  where: string,
  evidence: string,
  at: Extract<Landing<Packet>, { kind: 'lost' }>['at'] = null,
  reason: Reason = 'INTERFACE_DOWN',
): Landing<Packet> {
  return { kind: 'lost', drop: { reason, where, evidence, origin: null }, p, at };
}
