/**
 * What a NAT target asks of the tracker: addresses and ports, some of which depend on the
 * interface (net/netfilter/nf_nat_masquerade.c, nf_nat_redirect.c, xt_nat.c, xt_NETMAP.c).
 */

import { guard } from '../../traffic/guard.ts';
import { and, type Match, not, or, test } from '../../traffic/match.ts';
import { type NatRequest } from '../conntrack/nat.ts';
import { type Run } from '../outcome.ts';
import { F } from './fields.ts';
import { type HookName } from './hooks.ts';
import { type KnownAddress, type KnownInterface, type Surroundings } from './surroundings.ts';
import { prefixMask } from './text/address.ts';
import { type NatTarget } from './walk.ts';

/** Part of the traffic with its request; null where no address can be used: it is dropped. */
export interface Requested<P> {
  readonly p: P;
  readonly request: NatRequest | null;
}

/** HOOK2MANIP: the destination is changed on the way in, the source on the way out. */
export function manipAt(hook: HookName): 'src' | 'dst' {
  return hook === 'prerouting' || hook === 'output' ? 'dst' : 'src';
}

/** The requests of a target for traffic at a hook. */
export function natRequests<P>(
  run: Run<P>,
  around: Surroundings,
  target: NatTarget,
  hook: HookName,
  version: 4 | 6,
  p: P,
): readonly Requested<P>[] {
  const manip = manipAt(hook);
  switch (target.kind) {
    case 'DNAT':
    case 'SNAT': {
      const { to, random } = target.options;
      const fully = target.kind === 'SNAT' && target.options.randomFully !== undefined;
      const ports = to?.value.ports ?? null;
      const addresses = to?.value.addresses ?? null;
      const isRandom = random !== undefined || fully;
      const base = ports === null || ports.base === null ? {} : { base: ports.base };
      const persistent = target.options.persistent !== undefined;
      return [{ p, request: { manip, addresses, ports, random: isRandom, persistent, ...base } }];
    }
    case 'NETMAP': {
      const { value, mask } = target.options.to?.value ?? { value: 0n, mask: 0n };
      const request = { manip, addresses: { from: value, to: value }, mask, ports: null };
      return [{ p, request: { ...request, random: false } }];
    }
    case 'MASQUERADE': {
      const { toPorts, random, randomFully } = target.options;
      const ports = toPorts?.value ?? null;
      const rest = { manip, ports, random: (random ?? randomFully) !== undefined };
      const choose = version === 4 ? towards : towards6;
      return byInterface(run, around, F.oif, p, (device, part) =>
        choose(run, around, device, version, part),
      ).map(({ p: part, address }) => ({ p: part, request: requested(address, rest) }));
    }
    case 'REDIRECT': {
      const { toPorts, random } = target.options;
      const rest = { manip, ports: toPorts?.value ?? null, random: random !== undefined };
      if (hook === 'output') {
        return [{ p, request: requested(version === 4 ? 0x7f00_0001n : 1n, rest) }];
      }
      return byInterface(run, around, F.iif, p, (device, part) => [
        { p: part, address: usable(device, version)[0]?.value ?? null },
      ]).map(({ p: part, address }) => ({ p: part, request: requested(address, rest) }));
    }
  }
}

function requested(address: bigint | null, rest: Omit<NatRequest, 'addresses'>): NatRequest | null {
  return address === null ? null : { ...rest, addresses: { from: address, to: address } };
}

interface Addressed<P> {
  readonly p: P;
  readonly address: bigint | null;
}

/** Link-local addresses of IPv6 translate nobody (ipv6_dev_get_saddr()). */
function usable(device: KnownInterface, version: 4 | 6): readonly KnownAddress[] {
  return device.addresses.filter(
    (each) => each.version === version && (version === 4 || each.value >> 118n !== 0x3fan),
  );
}

/** Each candidate takes what its match takes of what those before it left; the last is the rest. */
function inTurn<P, T>(
  run: Run<P>,
  p: P,
  candidates: readonly T[],
  matchOf: (one: T) => Match,
  take: (one: T, hit: P) => readonly Addressed<P>[],
): readonly [taken: readonly Addressed<P>[], rest: P | null] {
  const taken: Addressed<P>[] = [];
  let rest: P | null = p;
  for (const one of candidates) {
    if (rest === null) break;
    const is = guard(matchOf(one));
    const { hit, miss }: { hit: P | null; miss: P | null } = run.traffic.split(rest, is);
    if (hit !== null) taken.push(...take(one, hit));
    rest = miss;
  }
  return [taken, rest];
}

function byInterface<P>(
  run: Run<P>,
  around: Surroundings,
  of: typeof F.iif,
  p: P,
  choose: (device: KnownInterface, p: P) => readonly Addressed<P>[],
): readonly Addressed<P>[] {
  const is = ({ index }: KnownInterface): Match => test(of, BigInt(index));
  const [taken, rest] = inTurn(run, p, around.interfaces, is, choose);
  return rest === null ? taken : [...taken, { p: rest, address: null }];
}

/**
 * inet_select_addr(): the first primary address whose subnet holds the next hop, else the first
 * one of the interface, else the first one of any. Addresses of scope host do not count.
 */
function towards<P>(
  run: Run<P>,
  around: Surroundings,
  device: KnownInterface,
  version: 4 | 6,
  p: P,
): readonly Addressed<P>[] {
  const global = (one: KnownInterface): readonly KnownAddress[] =>
    usable(one, version).filter(({ scope, secondary }) => scope !== 'host' && !secondary);
  const own = global(device);
  if (own.length < 2) {
    const others = around.interfaces.flatMap(global).filter(({ scope }) => scope !== 'link');
    return [{ p, address: (own[0] ?? others[0])?.value ?? null }];
  }
  const near = ({ value, length }: KnownAddress): Match => {
    const mask = length === 0 ? 0n : prefixMask(length, version);
    return nextHopIn(version, value & mask, mask);
  };
  const [taken, rest] = inTurn(run, p, own, near, ({ value }, hit) => [{ p: hit, address: value }]);
  return rest === null ? taken : [...taken, { p: rest, address: own[0]?.value ?? null }];
}

/**
 * ipv6_dev_get_saddr(): an own address, of whichever interface, is spoken to from itself
 * (RFC 6724 §5 rule 1); then the interface counts (rule 5).
 */
function towards6<P>(
  run: Run<P>,
  around: Surroundings,
  device: KnownInterface,
  version: 4 | 6,
  p: P,
): readonly Addressed<P>[] {
  const own = around.interfaces
    .flatMap((one) => usable(one, version))
    .filter(({ scope }) => scope !== 'host');
  const is = ({ value }: KnownAddress): Match => test(F.destination[version], value);
  const [taken, rest] = inTurn(run, p, own, is, ({ value }, hit) => [{ p: hit, address: value }]);
  return rest === null ? taken : [...taken, ...towards(run, around, device, version, rest)];
}

/** The gateway, or without one the destination itself, lies in the subnet. */
function nextHopIn(version: 4 | 6, value: bigint, mask: bigint): Match {
  const direct = test(F.destination[version], value, mask);
  if (version === 6) return direct;
  const isDirect = test(F.gateway, 0n);
  return or(and(isDirect, direct), and(not(isDirect), test(F.gateway, value, mask)));
}
