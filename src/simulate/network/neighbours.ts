/**
 * Learned neighbours on the clock (net/core/neighbour.c neigh_timer_handler(), neigh_update();
 * RFC 4861 §7.3): reachable for a while after somebody confirmed them, then stale; a stale one that
 * is used is confirmed within five seconds by answered traffic, or probed three times, or failed.
 *
 * Simplification: a packet that waits for a neighbour is sent or given up within its own moment; the
 * three requests of the kernel, a second apart, and its queue of waiting packets take no time.
 */
import {
  type LearnedNeighbour,
  type NeighbourAges,
  type Stack,
} from '../../dataplane/routing/stack.ts';
import { type IpAddress } from '../../dataplane/routing/types.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';
import { valueOf } from '../../trace/programs/packets.ts';
import { type Packet } from '../../traffic/packet.ts';
import { readField } from '../../traffic/words.ts';
import { type Clock } from '../clock/clock.ts';
import { type Random } from '../clock/random.ts';
import { type NeighbourTimes, neighbourTimes } from './neighbour-times.ts';

type State = 'reachable' | 'stale' | 'delay' | 'probe' | 'failed';

/** One entry, as long as it is the one for its address. */
export interface Age {
  readonly host: string;
  readonly namespace: string;
  readonly device: string;
  readonly address: IpAddress;
  readonly mac: bigint;
  readonly times: NeighbourTimes;
  state: State;
  since_us: number;
  /** Last proof that the neighbour hears us; it counts for `reachable_us`. */
  confirmed_us: number;
  readonly reachable_us: number;
  readonly updated_us: number;
  used_us: number;
  /** Another entry has taken its place. */
  replaced: boolean;
}

/** What the ages need of the world. */
export interface NeighbourWorld {
  /** Asks the neighbour alone, at the MAC that is known. */
  probe(age: Age): void;
  /** A neighbour was given up: packets fare otherwise from now on. */
  failed(age: Age): void;
}

/** ReachableTime is drawn between half and one and a half of the base time (RFC 4861 §6.3.2). */
const LEAST_SHARE = 0.5;
const SHARES = 1_000_000;
const GRATUITOUS_ARP = 1;
/** The solicited flag of a neighbour advertisement, and the one that lets it change a MAC. */
const SOLICITED = 0x4000_0000n;
const OVERRIDE = 0x2000_0000n;

export class Neighbours implements NeighbourAges<Packet> {
  private readonly ages = new WeakMap<LearnedNeighbour<Packet>, Age>();
  private readonly times = new WeakMap<object, Map<string, NeighbourTimes>>();
  private readonly clock: Clock;
  private readonly random: Random;
  private readonly world: NeighbourWorld;
  /** Entries that the walks since the last look have used. */
  private walked: Age[] = [];

  constructor(clock: Clock, random: Random, world: NeighbourWorld) {
    this.clock = clock;
    this.random = random;
    this.world = world;
  }

  believes(stack: Stack<Packet>, learned: LearnedNeighbour<Packet>): boolean {
    const age = this.ages.get(learned);
    if (age === undefined) return true;
    this.grow(age);
    if (age.state === 'failed') return false;
    // neigh_periodic_work(): only a table with many entries is cleared of old ones.
    const { collectedAbove, collectedAfter_us } = age.times;
    return (
      stack.learned.length < collectedAbove ||
      age.state !== 'stale' ||
      this.clock.now_us - Math.max(age.used_us, age.confirmed_us) <= collectedAfter_us
    );
  }

  used(_stack: Stack<Packet>, learned: LearnedNeighbour<Packet>): void {
    const age = this.ages.get(learned);
    if (age === undefined) return;
    this.walked.push(age);
    age.used_us = this.clock.now_us;
    this.grow(age);
    if (age.state !== 'stale') return;
    this.enter(age, 'delay');
    this.clock.after(age.times.delay_us, () => this.delayed(age));
  }

  takes(
    stack: Stack<Packet>,
    known: LearnedNeighbour<Packet> | null,
    heard: LearnedNeighbour<Packet>,
  ): boolean {
    const now_us = this.clock.now_us;
    const { device, version } = heard;
    const address = { version, value: readField(heard.p.words, heard.address.field) };
    const mac = readField(heard.p.words, heard.mac.field);
    const { host, name: namespace } = stack.config.of;
    const times = this.timesOf(stack, device, version);
    const { answers, overrides } = saidBy(heard.p, address.value);
    const before = known === null ? undefined : this.ages.get(known);
    if (before !== undefined) {
      this.grow(before);
      const locked = now_us - before.updated_us <= times.locked_us;
      const valid = before.state !== 'failed';
      if (valid && before.mac !== mac && !(overrides === 'always' || (overrides && !locked))) {
        if (version === 6 && before.state === 'reachable') this.enter(before, 'stale');
        return false;
      }
      if (valid && before.mac === mac && !answers) {
        this.ages.set(heard, before);
        return true;
      }
      before.replaced = true;
    }
    const share = LEAST_SHARE + this.random.below(SHARES) / SHARES;
    this.ages.set(heard, {
      host,
      namespace,
      device,
      address,
      mac,
      times,
      state: answers ? 'reachable' : 'stale',
      since_us: now_us,
      confirmed_us: answers ? now_us : Number.NEGATIVE_INFINITY,
      reachable_us: Math.round(share * times.reachable_us),
      updated_us: before?.mac === mac ? before.updated_us : now_us,
      used_us: before?.used_us ?? now_us,
      replaced: false,
    });
    return true;
  }

  /** What has become of an entry by now; null when nobody knows. */
  stateOf(learned: LearnedNeighbour<Packet>): Readonly<Age> | null {
    const age = this.ages.get(learned);
    if (age === undefined) return null;
    this.grow(age);
    return age;
  }

  /** The entries that were used since this was last asked. */
  usedLately(): readonly Age[] {
    const { walked } = this;
    this.walked = [];
    return walked;
  }

  /** Traffic that went by these entries was answered (dst_confirm(), MSG_CONFIRM). */
  confirm(ages: readonly Age[]): void {
    for (const age of ages) age.confirmed_us = this.clock.now_us;
  }

  /** What becomes of an entry by itself. */
  private grow(age: Age): void {
    const over_us = age.confirmed_us + age.reachable_us;
    if (age.state === 'reachable' && this.clock.now_us > over_us) {
      age.state = 'stale';
      age.since_us = over_us;
    }
  }

  private enter(age: Age, state: State): void {
    age.state = state;
    age.since_us = this.clock.now_us;
  }

  private delayed(age: Age): void {
    if (age.replaced || age.state !== 'delay') return;
    if (age.confirmed_us >= age.since_us) this.enter(age, 'reachable');
    else {
      this.enter(age, 'probe');
      this.probe(age, 1);
    }
  }

  /** Asks the neighbour itself, without telling anybody else. */
  private probe(age: Age, count: number): void {
    if (age.replaced || age.state !== 'probe') return;
    if (count > age.times.probes) {
      this.enter(age, 'failed');
      this.world.failed(age);
      return;
    }
    this.world.probe(age);
    this.clock.after(age.times.retransmit_us, () => this.probe(age, count + 1));
  }

  private timesOf(stack: Stack<Packet>, device: string, version: 4 | 6): NeighbourTimes {
    const known = this.times.get(stack.config) ?? new Map<string, NeighbourTimes>();
    this.times.set(stack.config, known);
    const key = `${version} ${device}`;
    const times = known.get(key) ?? neighbourTimes(stack.config.of.sysctls, version, device);
    known.set(key, times);
    return times;
  }
}

/** An entry in words: the address, its interface and the MAC that is used. */
export function ageText({ address, device, mac }: Age): string {
  return `${writeIp(address)} on ${device} at ${writeMac(mac)}`;
}

export function failedText(age: Age): string {
  const { namespace, times } = age;
  return `${namespace} gives up its neighbour ${ageText(age)}: ${times.probes} probes unanswered`;
}

/**
 * What a message says of a neighbour (arp_process(), ndisc_recv_na()): whether it is an answer, and
 * whether it changes a MAC that is known: always, when that is not new, or not at all.
 */
function saidBy(
  p: Packet,
  address: bigint,
): { readonly answers: boolean; readonly overrides: boolean | 'always' } {
  if (valueOf(p, 'eth_type') === 0x0806n) {
    const gratuitous = valueOf(p, 'arp_tpa') === address;
    if (Number(valueOf(p, 'arp_op')) === GRATUITOUS_ARP) {
      return { answers: false, overrides: 'always' };
    }
    return { answers: !gratuitous, overrides: gratuitous ? 'always' : true };
  }
  // A solicitation tells of its sender and overrides; an advertisement has its flags.
  if (valueOf(p, 'icmp_type') !== 136n) return { answers: false, overrides: 'always' };
  const flags = valueOf(p, 'nd_reserved');
  return {
    answers: (flags & SOLICITED) !== 0n,
    overrides: (flags & OVERRIDE) !== 0n ? 'always' : false,
  };
}
