/**
 * What a NAT target asks of the tracker: addresses and ports, some of which depend on the
 * interface (net/netfilter/nf_nat_masquerade.c, nf_nat_redirect.c, xt_nat.c, xt_NETMAP.c).
 */

import { guard } from '../../traffic/guard.ts';
import { test } from '../../traffic/match.ts';
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
      if (ports !== null && ports.base !== null) {
        // Simplification: a port that is shifted by `/base` is taken for any port of the range.
        run.assume('UNSUPPORTED_ACTION', 'DNAT with a shifted port range');
      }
      const addresses = to?.value.addresses ?? null;
      const isRandom = random !== undefined || fully;
      return [{ p, request: { manip, addresses, ports, random: isRandom } }];
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
      return byInterface(run, around, F.oif, version, p, (device, part) =>
        bySubnet(run, around, device, version, part),
      ).map(({ p: part, address }) => ({ p: part, request: requested(address, rest) }));
    }
    case 'REDIRECT': {
      const { toPorts, random } = target.options;
      const rest = { manip, ports: toPorts?.value ?? null, random: random !== undefined };
      if (hook === 'output') {
        return [{ p, request: requested(version === 4 ? 0x7f00_0001n : 1n, rest) }];
      }
      return byInterface(run, around, F.iif, version, p, (device, part) => [
        { p: part, address: ownAddresses(device, version)[0]?.value ?? null },
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

function ownAddresses(device: KnownInterface, version: 4 | 6): readonly KnownAddress[] {
  return device.addresses.filter(
    (each) => each.version === version && (version === 4 || each.value >> 118n !== 0x3fan),
  );
}

function byInterface<P>(
  run: Run<P>,
  around: Surroundings,
  of: typeof F.iif,
  version: 4 | 6,
  p: P,
  choose: (device: KnownInterface, p: P) => readonly Addressed<P>[],
): readonly Addressed<P>[] {
  const out: Addressed<P>[] = [];
  let rest: P | null = p;
  for (const device of around.interfaces) {
    if (rest === null) break;
    if (ownAddresses(device, version).length === 0) continue;
    const is = guard(test(of, BigInt(device.index)));
    const { hit, miss }: { hit: P | null; miss: P | null } = run.traffic.split(rest, is);
    if (hit !== null) out.push(...choose(device, hit));
    rest = miss;
  }
  if (rest !== null) out.push({ p: rest, address: null });
  return out;
}

/**
 * inet_select_addr(): the first address whose subnet holds the next hop, else the first one.
 * Simplification: policy routing may lead to another gateway of the interface than the routes
 * of `gateways` say; with one subnet on the interface it makes no difference.
 */
function bySubnet<P>(
  run: Run<P>,
  around: Surroundings,
  device: KnownInterface,
  version: 4 | 6,
  p: P,
): readonly Addressed<P>[] {
  const own = ownAddresses(device, version);
  const first = own[0]?.value ?? null;
  if (own.length === 1) return [{ p, address: first }];
  const out: Addressed<P>[] = [];
  let rest: P | null = p;
  for (const [value, length, address] of nextHops(around, device, own, version)) {
    if (rest === null) break;
    const mask = length === 0 ? 0n : prefixMask(length, version);
    const inside = guard(test(F.destination[version], value & mask, mask));
    const { hit, miss }: { hit: P | null; miss: P | null } = run.traffic.split(rest, inside);
    if (hit !== null) out.push({ p: hit, address });
    rest = miss;
  }
  if (rest !== null) out.push({ p: rest, address: first });
  return out;
}

type NextHop = readonly [value: bigint, length: number, address: bigint];

/** Destinations with the address to take, the longest prefix first. */
function nextHops(
  { gateways = [] }: Surroundings,
  device: KnownInterface,
  own: readonly KnownAddress[],
  version: 4 | 6,
): readonly NextHop[] {
  const inside = (value: bigint, each: KnownAddress): boolean => {
    const mask = prefixMask(each.length, version);
    return (value & mask) === (each.value & mask);
  };
  const direct = own.map((each): NextHop => [each.value, each.length, each.value]);
  const via = gateways
    .filter((each) => each.version === version && each.index === device.index)
    .flatMap(({ value, length, gateway }): readonly NextHop[] => {
      const address = own.find((each) => inside(gateway, each)) ?? own[0];
      return address === undefined ? [] : [[value, length, address.value]];
    });
  return [...direct, ...via].sort((a, b) => b[1] - a[1]);
}
