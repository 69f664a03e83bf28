/**
 * What packet filters know of their namespace: interfaces, sets, gateways, and answers of the
 * routing tables (net/ipv4/netfilter/ipt_rpfilter.c, net/netfilter/xt_TCPMSS.c).
 */
import { type Guard, guard } from '../../traffic/guard.ts';
import { ANY, and, type Match, NONE, or, test } from '../../traffic/match.ts';
import {
  type ReversePath,
  type RouteQuestions,
  type Surroundings,
} from '../iptables/surroundings.ts';
import { type Run } from '../outcome.ts';
import { hasEthernet } from './device.ts';
import { ADDRESSES, B, F, IS, inPrefix, put } from './headers.ts';
import { type Decision, decide } from './route.ts';
import { type CompiledNamespace } from './stack.ts';
import { type Interface, type Namespace } from './types.ts';

/** The surroundings of a namespace's rules; `config` is asked when a rule asks for routes. */
export function surroundingsOf(
  of: Namespace,
  sets: Surroundings['sets'],
  config: () => CompiledNamespace,
): Surroundings {
  return {
    interfaces: of.interfaces.map((one) => ({
      name: one.name,
      index: one.index,
      loopback: one.loopback,
      ethernet: hasEthernet(one),
      ...(one.group === undefined ? {} : { group: one.group }),
      addresses: one.addresses.map(({ address, length, scope, secondary }) => ({
        ...address,
        length,
        scope,
        secondary,
      })),
    })),
    sets,
    routes: routeQuestions(of.interfaces, config),
  };
}

/** Answers of the routing tables to rules. */
function routeQuestions(
  interfaces: readonly Interface[],
  config: () => CompiledNamespace,
): RouteQuestions {
  const loopbacks = interfaces.filter((one) => one.loopback);
  const loopback = guard(or(...loopbacks.map(({ index }) => test(F.inputDevice, BigInt(index)))));
  return {
    reversePath: (run, version, p, asked) =>
      reversePath(config(), loopback, run, version, p, asked),
    mtu: (run, version, p, end) =>
      end === 'source' ? mtuBack(config(), run, version, p) : mtuOut(config(), run, version, p),
  };
}

type Sized<P> = readonly { readonly p: P; readonly mtu: number | null }[];

/** tcpmss_reverse_mtu(): of the way back to the sender. */
function mtuBack<P>(config: CompiledNamespace, run: Run<P>, version: 4 | 6, p: P): Sized<P> {
  const { traffic } = run;
  const back = traffic.set(wayBack(run, version, p), NO_SOURCE[version]);
  return decide(run, config.fib[version], back).flatMap(({ decision, p: way }) => {
    const part = traffic.within(traffic.fork(p), way);
    return part === null ? [] : [{ p: part, mtu: mtuOf(config, decision) }];
  });
}

/** dst_mtu(): of the interface the packet leaves by, or what its route says; bridges included. */
function mtuOut<P>(config: CompiledNamespace, run: Run<P>, version: 4 | 6, p: P): Sized<P> {
  const { traffic } = run;
  const out: { p: P; mtu: number | null }[] = [];
  let rest: P | null = p;
  for (const device of config.devices.values()) {
    if (rest === null) break;
    const leaves = guard(test(F.outputDevice, BigInt(device.of.index)));
    const split: { hit: P | null; miss: P | null } = traffic.split(rest, leaves);
    rest = split.miss;
    if (split.hit === null) continue;
    for (const { decision, p: part } of decide(run, config.fib[version], split.hit)) {
      const here = decision.kind === 'route' && decision.hop?.device === device.of.name;
      const limit = here ? decision.route.mtu : null;
      out.push({ p: part, mtu: Math.min(device.of.mtu, limit ?? device.of.mtu, LONGEST) });
    }
  }
  return rest === null ? out : [...out, { p: rest, mtu: null }];
}

/** Loopback takes more than an IPv4 packet can have. */
const LONGEST = 65_535;

/** The MTU of a decided way; null where there is none. */
export function mtuOf({ devices }: CompiledNamespace, decision: Decision): number | null {
  if (decision.kind !== 'route') return null;
  const isLocal = decision.route.type === 'local';
  const device = isLocal
    ? [...devices.values()].find(({ of }) => of.loopback)
    : devices.get(decision.hop?.device ?? '');
  if (device === undefined) return null;
  if (isLocal) return Math.min(device.of.mtu, LONGEST);
  return Math.min(device.of.mtu, decision.route.mtu ?? device.of.mtu);
}

const NO_MARK = put(F.mark, 0);
const NO_INPUT = put(F.inputDevice, 0);
const NO_OUTPUT = put(F.outputDevice, 0);
const NO_PROTOCOL = put(F.protocol, 0);

/** A packet of the host itself that goes to the sender of `p`, of no protocol and no mark. */
function wayBack<P>({ traffic }: Run<P>, version: 4 | 6, p: P): P {
  const { source, destination } = ADDRESSES[version];
  let back = traffic.copy(traffic.fork(p), source, p, destination);
  back = traffic.copy(back, destination, p, source);
  for (const write of [NO_INPUT, NO_OUTPUT, NO_MARK, NO_PROTOCOL]) back = traffic.set(back, write);
  return back;
}

/** Nobody to everybody, as DHCP clients start: the way back is not asked. */
const UNSET_TO_GROUP = guard(
  and(
    inPrefix(F.ipSource, 0n, 8),
    or(test(F.ipDestination, 0xffff_ffffn), inPrefix(F.ipDestination, 0xe000_0000n, 24)),
  ),
);
/** Destinations that do not count as the source of the way back (rpfilter_get_saddr()). */
const GROUP_DESTINATION = guard(
  or(IS.multicast.match, IS.limitedBroadcast.match, inPrefix(F.ipDestination, 0n, 8)),
);
const NO_SOURCE = { 4: put(F.ipSource, 0), 6: put(F.ipv6Source, 0) } as const;

type Parts<P> = { readonly hit: P | null; readonly miss: P | null };

function reversePath<P>(
  config: CompiledNamespace,
  loopback: Guard,
  run: Run<P>,
  version: 4 | 6,
  p: P,
  asked: ReversePath,
): Parts<P> {
  const { traffic } = run;
  const looped = traffic.split(p, loopback);
  if (looped.miss === null) return looped;
  const unset =
    version === 4 ? traffic.split(looped.miss, UNSET_TO_GROUP) : { hit: null, miss: looped.miss };
  const hits = [looped.hit, unset.hit].filter((part) => part !== null);
  const misses: P[] = [];
  for (const [isGroup, part] of unset.miss === null ? [] : byGroup(run, version, unset.miss)) {
    let back = wayBack(run, version, part);
    if (isGroup) back = traffic.set(back, NO_SOURCE[version]);
    if (asked.withMark) back = traffic.copy(back, B.mark, part, B.mark);
    for (const { decision, p: way } of decide(run, config.fib[version], back)) {
      const here = traffic.within(traffic.fork(part), way);
      if (here === null) continue;
      const from = guard(cameBy(config, decision, asked));
      const { hit, miss } = traffic.split(here, from);
      if (hit !== null) hits.push(hit);
      if (miss !== null) misses.push(miss);
    }
  }
  return { hit: traffic.join(hits)[0] ?? null, miss: traffic.join(misses)[0] ?? null };
}

function byGroup<P>({ traffic }: Run<P>, version: 4 | 6, p: P): readonly (readonly [boolean, P])[] {
  if (version === 6) return [[false, p]];
  const { hit, miss } = traffic.split(p, GROUP_DESTINATION);
  return [
    ...(hit === null ? [] : [[true, hit] as const]),
    ...(miss === null ? [] : [[false, miss] as const]),
  ];
}

/** The input interfaces from which the decided way back is right. */
function cameBy({ devices }: CompiledNamespace, decision: Decision, asked: ReversePath): Match {
  if (decision.kind !== 'route') return NONE;
  const { type, hops } = decision.route;
  if (type !== 'unicast' && !(type === 'local' && asked.acceptLocal)) return NONE;
  if (asked.loose) return ANY;
  return or(
    ...hops.flatMap(({ device }) => {
      const index = devices.get(device ?? '')?.of.index;
      return index === undefined ? [] : [test(F.inputDevice, BigInt(index))];
    }),
  );
}
