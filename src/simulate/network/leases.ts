/**
 * DHCP leases of servers on the clock (RFC 2131 §4.4.5): renewed at T1 = 1/2 and rebound at
 * T2 = 7/8 of their time, tried again after half of what is left, lost when they run out. A server
 * whose lease is lost has no address, and asks again and again for one.
 *
 * Simplification: a lease whose end no lease file tells begins when the simulation begins.
 */

import { guestName } from '../../dataplane/endpoint/guest.ts';
import { seatBehind } from '../../dataplane/endpoint/guest-nics.ts';
import { type Endpoint } from '../../dataplane/network.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { writeIp } from '../../text/address-text.ts';
import { daemonsOf } from '../../trace/programs/daemons.ts';
import { type Question } from '../../trace/types.ts';
import { type Clock } from '../clock/clock.ts';
import { traceNow } from '../probes.ts';
import { type Offer, offerOf, takeAddress } from './lease-offers.ts';
import { type Stage } from './stage.ts';

/** A client does not ask more often than this. */
const RETRY_US = 60_000_000;
/** `check_child_processes_interval`: the DHCP agent looks for processes that have ended. */
const RESPAWN_US = 60_000_000;

interface Server {
  readonly host: string;
  readonly namespace: string;
  readonly address: IpAddress;
}

interface Lease {
  readonly endpoint: Endpoint;
  address: IpAddress;
  readonly servers: readonly Server[];
  length_us: number;
  granted_us: number;
  held: boolean;
}

export class Leases {
  /** Hosts whose dnsmasq processes have ended, and those without a DHCP agent. */
  readonly deadServers = new Set<string>();
  readonly deadAgents = new Set<string>();
  private readonly clock: Clock;
  private readonly stage: Stage;
  private readonly tell: (host: string, text: string) => void;

  constructor(clock: Clock, stage: Stage, tell: (host: string, text: string) => void) {
    this.clock = clock;
    this.stage = stage;
    this.tell = tell;
    for (const lease of leasesOf(stage)) {
      const { granted_us, length_us } = lease;
      clock.at(granted_us + length_us / 2, () => this.renew(lease));
    }
  }

  /** Whether a host runs dnsmasq for anybody. */
  serves(host: string): boolean {
    return daemonsOf(this.stage.compiled, host).some(({ kind }) => kind === 'dnsmasq');
  }

  /** All dnsmasq processes of a host end; its agent starts them again. */
  kill(host: string): void {
    this.deadServers.add(host);
    this.clock.after(RESPAWN_US, () => {
      if (!this.deadServers.has(host) || this.deadAgents.has(host)) return;
      this.start(host);
      this.tell(host, 'the DHCP agent starts dnsmasq again');
    });
  }

  start(host: string): void {
    this.deadServers.delete(host);
  }

  /** Asks for the lease once more, until it has run out; then for a new one. */
  private renew(lease: Lease): void {
    const { clock } = this;
    const end_us = lease.granted_us + lease.length_us;
    if (lease.held && clock.now_us >= end_us) {
      this.lose(lease, `the DHCP lease of ${writeIp(lease.address)} has run out`);
    }
    const offer = this.asked(lease);
    if (offer?.kind === 'given') {
      this.grant(lease, offer);
      return;
    }
    if (offer?.kind === 'refused' && lease.held) {
      this.lose(lease, `the DHCP server refuses ${writeIp(lease.address)}: its files have changed`);
      // INIT: the client asks for any address at once (RFC 2131 §4.4.5, DHCPNAK).
      this.renew(lease);
      return;
    }
    if (!lease.held) {
      clock.after(RETRY_US, () => this.renew(lease));
      return;
    }
    const second_us = lease.granted_us + (lease.length_us * 7) / 8;
    const left_us = (clock.now_us < second_us ? second_us : end_us) - clock.now_us;
    const next_us = clock.now_us + Math.max(RETRY_US, Math.floor(left_us / 2));
    clock.at(Math.min(next_us, end_us), () => this.renew(lease));
  }

  /** What the first server that is reached says; null when none says anything. */
  private asked(lease: Lease): Offer | null {
    for (const server of lease.servers) {
      if (!this.answers(lease, server)) continue;
      const held = lease.held ? lease.address : null;
      const offer = offerOf(this.stage, server, lease.endpoint.mac, held);
      if (offer !== null) return offer;
    }
    return null;
  }

  private grant(lease: Lease, offer: Extract<Offer, { kind: 'given' }>): void {
    const { clock, stage } = this;
    lease.granted_us = clock.now_us;
    lease.length_us = offer.length_us ?? lease.length_us;
    if (Number.isFinite(lease.length_us)) {
      clock.after(lease.length_us / 2, () => this.renew(lease));
    }
    if (lease.held) return;
    if (offer.address.value !== lease.address.value) {
      takeAddress(stage, lease.endpoint, lease.address, offer.address);
      lease.address = offer.address;
      lease.held = true;
      stage.cuts.leaseless.delete(placeOf(stage, lease.endpoint));
      this.tell(lease.endpoint.host, `${lease.endpoint.name} has ${writeIp(lease.address)} now`);
      return;
    }
    lease.held = true;
    stage.cuts.leaseless.delete(placeOf(stage, lease.endpoint));
    stage.disturbances++;
    this.tell(lease.endpoint.host, `${lease.endpoint.name} has ${writeIp(lease.address)} again`);
  }

  private lose(lease: Lease, text: string): void {
    const { stage } = this;
    lease.held = false;
    stage.cuts.leaseless.set(placeOf(stage, lease.endpoint), text);
    stage.disturbances++;
    this.tell(lease.endpoint.host, `${lease.endpoint.name}: ${text}`);
  }

  private answers(lease: Lease, server: Server): boolean {
    const { stage } = this;
    if (this.deadServers.has(server.host) || stage.cuts.deadHosts.has(server.host)) return false;
    // Who has lost its address asks from 0.0.0.0: the way is looked at as if it still had it.
    const place = placeOf(stage, lease.endpoint);
    const lost = stage.cuts.leaseless.get(place);
    stage.cuts.leaseless.delete(place);
    const visited = new Set<string>();
    stage.cuts.visited = visited;
    traceNow(stage, request(stage, lease.endpoint, server.address));
    stage.cuts.visited = null;
    if (lost !== undefined) stage.cuts.leaseless.set(place, lost);
    return visited.has(`${server.host} ${server.namespace}`);
  }
}

function placeOf({ network }: Stage, { port, host, namespace, tap }: Endpoint): string {
  const now = network.endpoints.find((one) => one.port?.id === port?.id);
  const at = now?.host ?? host;
  return `${at} ${namespace ?? guestName(seatBehind(network.neutron, at, tap ?? '').tap)}`;
}

/** Leases of servers whose MAC a dnsmasq knows. */
function leasesOf(stage: Stage): readonly Lease[] {
  const { network, compiled } = stage;
  const found = new Map<string, Lease & { servers: Server[] }>();
  const guests = network.endpoints.filter(({ role, port }) => role === 'vm' && port !== null);
  const byMac = new Map(guests.map((one) => [one.mac, one]));
  for (const [host, { taken_s }] of network.hosts) {
    for (const daemon of daemonsOf(compiled, host)) {
      if (daemon.kind !== 'dnsmasq' || daemon.namespace === null) continue;
      const { ranges, hosts, leases } = daemon.config;
      const own = network.namespace(host, daemon.namespace)?.state.interfaces ?? [];
      const serving = own.find(({ loopback, addresses }) => !loopback && addresses.length > 0);
      const address = serving?.addresses.find((one) => one.address.version === 4)?.address;
      if (address === undefined) continue;
      for (const known of hosts) {
        const endpoint = known.macs.map((mac) => byMac.get(mac)).find((one) => one !== undefined);
        const given = endpoint?.addresses.find(({ version }) => version === 4);
        const range = ranges.find(({ version }) => version === 4);
        const lease_s = known.lease_s ?? range?.lease_s ?? null;
        if (endpoint === undefined || given === undefined || lease_s === null) continue;
        const server = { host, namespace: daemon.namespace, address };
        const before = found.get(endpoint.port?.id ?? '');
        if (before !== undefined) {
          before.servers.push(server);
          continue;
        }
        const entry = leases.find(({ mac }) => mac === endpoint.mac);
        const left_s =
          entry === undefined || entry.expires_s === 0 || taken_s === null
            ? lease_s
            : Math.max(0, Math.min(lease_s, entry.expires_s - taken_s));
        found.set(endpoint.port?.id ?? '', {
          endpoint,
          address: given,
          servers: [server],
          length_us: lease_s * 1e6,
          granted_us: Math.round((left_s - lease_s) * 1e6),
          held: true,
        });
      }
    }
  }
  return [...found.values()];
}

/** A renewal goes to the server as a datagram (RFC 2131 §4.4.5, RENEWING). */
function request({ network }: Stage, endpoint: Endpoint, to: IpAddress): Question {
  const { host, namespace, tap } = endpoint;
  const inside = namespace ?? guestName(seatBehind(network.neutron, host, tap ?? '').tap);
  const nobody = { kind: 'address', port: null } as const;
  return {
    from: { ...nobody, label: endpoint.name, host, namespace: inside, address: null },
    to: { ...nobody, label: 'dnsmasq', host: null, namespace: null, address: to },
    packet: {
      protocol: 'udp',
      sourcePort: 68,
      destinationPort: 67,
      source: null,
      icmpId: null,
      size: 300,
      dontFragment: false,
      flow: null,
    },
  };
}
