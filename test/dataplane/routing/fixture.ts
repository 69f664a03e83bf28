/** Small namespaces and packets for tests of the network stack. */
import { type Outcome, type Run } from '../../../src/dataplane/outcome.ts';
import { expire, receive, send } from '../../../src/dataplane/routing/namespace.ts';
import { compileNamespace, makeStack, type Stack } from '../../../src/dataplane/routing/stack.ts';
import {
  type Interface,
  type IpAddress,
  type Namespace,
  type Route,
} from '../../../src/dataplane/routing/types.ts';
import { field } from '../../../src/packet/fields.ts';
import { blankPacket, numberOf, onePacket, type Packet } from '../../../src/traffic/one-packet.ts';
import { assignment } from '../../../src/traffic/words.ts';

export const run: Run<Packet> = { traffic: onePacket, now_us: 0, assume: () => undefined };

/** `10.0.0.1` as an address. */
export function ip4(text: string): IpAddress {
  return {
    version: 4,
    value: text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n),
  };
}

/** An Ethernet interface with addresses written `10.0.0.1/24`. */
export function ethernet(name: string, index: number, addresses: readonly string[]): Interface {
  return {
    name,
    index,
    mac: 0x0200_0000_0000n + BigInt(index),
    mtu: 1500,
    up: true,
    running: true,
    loopback: false,
    promiscuous: false,
    kind: 'veth',
    master: null,
    linkIndex: null,
    linkNamespace: null,
    addresses: addresses.map((text) => {
      const [address = '', length = '32'] = text.split('/');
      return {
        address: ip4(address),
        length: Number(length),
        peer: null,
        scope: 'global' as const,
        secondary: false,
        deprecated: false,
        tentative: false,
      };
    }),
    details: {},
  };
}

export const loopback: Interface = {
  ...ethernet('lo', 1, ['127.0.0.1/8']),
  mac: 0n,
  mtu: 65536,
  loopback: true,
  kind: '',
};

export function namespace(
  name: string,
  interfaces: readonly Interface[],
  more: Partial<Namespace> = {},
): Namespace {
  return {
    host: 'host',
    name,
    interfaces: [loopback, ...interfaces],
    rules: [],
    routes: [],
    neighbours: [],
    proxyNeighbours: [],
    bridgeFdb: [],
    bridgePorts: [],
    bridgeVlans: [],
    sysctls: new Map(),
    sockets: [],
    missing: [],
    ...more,
  };
}

/** `default via 10.0.0.1 dev eth0` and the like. */
export function route(prefix: string | null, via: string | null, device: string): Route {
  const [address = '', length = '32'] = (prefix ?? '').split('/');
  return {
    version: 4,
    prefix: prefix === null ? null : { address: ip4(address), length: Number(length) },
    type: 'unicast',
    table: 254,
    metric: 0,
    source: null,
    scope: 'global',
    hops: [
      { gateway: via === null ? null : ip4(via), device, weight: 1, onLink: false, dead: false },
    ],
    mtu: null,
    origin: { file: 'test', line: 1 },
  };
}

/** A packet with the given fields; everything else is zero. */
export function packet(fields: Readonly<Record<string, number | bigint>>): Packet {
  let made = blankPacket();
  for (const [name, value] of Object.entries(fields)) {
    made = onePacket.set(made, assignment(field(name), BigInt(value)));
  }
  return made;
}

/** An echo request as a program makes it: no Ethernet header, no source address. */
export function ping(to: string, more: Readonly<Record<string, number | bigint>> = {}): Packet {
  return packet({
    eth_type: 0x0800,
    ip_dst: ip4(to).value,
    ip_proto: 1,
    nw_ttl: 64,
    icmp_type: 8,
    icmp_id: 7,
    icmp_seq: 1,
    ip_len: 84,
    ...more,
  });
}

/** Reads a field of at most 32 bits. */
export function get(p: Packet, name: string): number {
  return numberOf(p, field(name));
}

/** One network of stacks whose interfaces are joined by cables `a/eth0` - `b/eth0`. */
export class Lab {
  readonly stacks = new Map<string, Stack<Packet>>();
  readonly ended: { readonly at: string; readonly outcome: Outcome<Packet> }[] = [];
  /** Every frame that crossed a cable: `a/eth0` and the frame. */
  readonly frames: { readonly from: string; readonly p: Packet }[] = [];
  readonly cables = new Map<string, string>();

  constructor(namespaces: readonly Namespace[], cables: readonly (readonly [string, string])[]) {
    for (const one of namespaces) this.stacks.set(one.name, makeStack(compileNamespace(one)));
    for (const [a, b] of cables) {
      this.cables.set(a, b);
      this.cables.set(b, a);
    }
  }

  stack(name: string): Stack<Packet> {
    const found = this.stacks.get(name);
    if (found === undefined) throw new Error(`no namespace ${name}`);
    return found;
  }

  /** Sends from a namespace and follows every frame until the network is quiet. */
  send(from: string, p: Packet): void {
    this.follow(from, send(run, this.stack(from), p));
  }

  /** Lets the time for neighbour answers run out everywhere. */
  expire(): void {
    for (const [name, stack] of this.stacks) this.follow(name, expire(run, stack));
  }

  private follow(start: string, outcomes: readonly Outcome<Packet>[]): void {
    const queue = outcomes.map((outcome) => ({ at: start, outcome }));
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { at, outcome } = next;
      if (outcome.kind !== 'sent') {
        this.ended.push(next);
        continue;
      }
      const from = `${at}/${outcome.port}`;
      this.frames.push({ from, p: onePacket.fork(outcome.p) });
      const [to = '', port = ''] = this.cables.get(from)?.split('/') ?? [];
      if (to === '') continue;
      for (const one of receive(run, this.stack(to), port, outcome.p)) {
        queue.push({ at: to, outcome: one });
      }
    }
  }

  /** What ended, as words: `b delivered icmp echo`, `a dropped NO_ROUTE`. */
  fates(): readonly string[] {
    return this.ended.map(({ at, outcome }) => {
      if (outcome.kind === 'delivered') return `${at} delivered ${outcome.to}`;
      return outcome.kind === 'dropped' ? `${at} dropped ${outcome.drop.reason}` : `${at} sent`;
    });
  }
}
