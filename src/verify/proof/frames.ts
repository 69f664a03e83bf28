/**
 * Every frame that a guest can put on its wire, whatever its own stack would send: all source and
 * destination addresses of both layers, ARP and neighbour discovery, other Ethernet types.
 */
import { type Outcome, type Run } from '../../dataplane/outcome.ts';
import { SILENCE } from '../../dataplane/routing/stack.ts';
import { allBits, field } from '../../packet/fields.ts';
import { type CompiledNetwork } from '../../trace/compiled-network.ts';
import { hooksOf } from '../../trace/filters.ts';
import { type MadeStep } from '../../trace/steps.ts';
import { openSwitchOf } from '../../trace/switch-device.ts';
import { type Ending, enterStep, walk } from '../../trace/walk.ts';
import { openWorld } from '../../trace/world.ts';
import { guard } from '../../traffic/guard.ts';
import { and, type Match, not, or, test } from '../../traffic/match.ts';
import { blankSet, everyPacket, type PacketSet } from '../../traffic/sets/packet-set.ts';
import { packetSets } from '../../traffic/sets/set-traffic.ts';
import { type Space } from '../../traffic/sets/space.ts';
import { type Traffic } from '../../traffic/traffic.ts';
import { assignment } from '../../traffic/words.ts';

export type FrameKind = 'arp' | 'ipv4' | 'ipv6' | 'other';
export const FRAME_KINDS: readonly FrameKind[] = ['arp', 'ipv4', 'ipv6', 'other'];

const ETHER_TYPES: Readonly<Record<Exclude<FrameKind, 'other'>, bigint>> = {
  arp: 0x0806n,
  ipv4: 0x0800n,
  ipv6: 0x86ddn,
};

/** Fields that are open, by kind; all others are as in an ordinary packet. */
const OPEN: Readonly<Record<FrameKind, readonly string[]>> = {
  arp: ['eth_src', 'eth_dst', 'arp_op', 'arp_spa', 'arp_tpa', 'arp_sha', 'arp_tha'],
  ipv4: ['eth_src', 'eth_dst', 'ip_src', 'ip_dst', 'ip_proto', 'tp_src', 'tp_dst'],
  ipv6: ['eth_src', 'eth_dst', 'ipv6_src', 'ipv6_dst', 'ip_proto', 'tp_src', 'tp_dst', 'nd_target'],
  other: ['eth_src', 'eth_dst', 'eth_type'],
};

/** Headers and a little payload, in bytes. */
const IP_LENGTH = 84;

/** All frames of a kind that meet a condition; null for none. */
export function framesOf(space: Space, kind: FrameKind, condition: Match): PacketSet | null {
  const type = field('eth_type');
  const own =
    kind === 'other'
      ? not(or(...Object.values(ETHER_TYPES).map((value) => test(type, value))))
      : test(type, ETHER_TYPES[kind]);
  const every = everyPacket(space);
  const { hit } = packetSets.split(every, guard(and(own, condition)));
  if (hit === null) return null;
  let p = blankSet(hit);
  const open = [...OPEN[kind], ...(kind === 'other' ? [] : ['eth_type'])];
  for (const name of open) p = packetSets.copy(p, allBits(field(name)), hit, allBits(field(name)));
  const constants: readonly (readonly [string, number])[] =
    kind === 'ipv4' || kind === 'ipv6'
      ? [
          ['nw_ttl', 64],
          ['ip_len', IP_LENGTH],
        ]
      : [];
  for (const [name, value] of [...constants, ['frame_len', 14 + IP_LENGTH] as const]) {
    p = packetSets.set(p, assignment(field(name), BigInt(value)));
  }
  return p;
}

const MADE: MadeStep = { kind: 'made', role: 'request' };

/** Puts frames on the wire of a guest's interface and walks until all have ended. */
export function walkFrames(
  compiled: CompiledNetwork,
  traffic: Traffic<PacketSet>,
  {
    host,
    namespace,
    port,
  }: { readonly host: string; readonly namespace: string; readonly port: string },
  frames: readonly PacketSet[],
): readonly Ending<PacketSet>[] | null {
  const run: Run<PacketSet> = { traffic, now_us: 0, sets: true, assume: () => {} };
  const world = openWorld<PacketSet>(compiled, run, {
    applications: () => ({ listensEverywhere: false, answer: () => SILENCE }),
    hooks: hooksOf,
    switches: openSwitchOf,
    borrowed: [],
    unconfigured: null,
  });
  const sender = world.namespace(host, namespace);
  if (sender === null) return null;
  const outcomes = frames.map((p): Outcome<PacketSet> => {
    const made = traffic.note(p, () => MADE);
    return { kind: 'sent', port, p: traffic.note(made, () => enterStep(sender, null)) };
  });
  return walk(run, world, [{ device: sender, outcomes }]);
}
