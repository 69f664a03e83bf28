/**
 * What rules need to know about their namespace: the numbers and addresses of interfaces, and
 * the sets. Rules name interfaces; packets carry numbers (`meta_iif`, as `ip link` counts them).
 */
import { type Split } from '../../traffic/traffic.ts';
import { type Run } from '../outcome.ts';
import { type IpSet } from './ipset/types.ts';
import { type InterfaceName } from './text/codec.ts';

export interface KnownInterface {
  readonly name: string;
  /** Its index in the namespace, from 1. */
  readonly index: number;
  readonly loopback: boolean;
  /** Its frames have MAC addresses: not so loopback and tunnels that carry bare IP. */
  readonly ethernet: boolean;
  /** `ip link`'s group by number; absent where its number is not told. */
  readonly group?: number;
  /** In the order of `ip addr`: the first of a subnet is the primary one. */
  readonly addresses: readonly KnownAddress[];
}

export interface KnownAddress {
  readonly version: 4 | 6;
  readonly value: bigint;
  /** Prefix length. */
  readonly length: number;
  readonly scope: 'global' | 'link' | 'host' | 'site';
  /** A later address of the same subnet. */
  readonly secondary: boolean;
}

/** What rules ask the routing tables of their namespace; none of them consumes the packet. */
export interface RouteQuestions {
  /** xt_rpfilter: whether the way back to the source leads where the packet came from. */
  reversePath<P>(run: Run<P>, version: 4 | 6, p: P, asked: ReversePath): Split<P>;
  /** The MTU of the way to the destination, or back to the source; null without a way. */
  mtu<P>(
    run: Run<P>,
    version: 4 | 6,
    p: P,
    end: 'source' | 'destination',
  ): readonly { readonly p: P; readonly mtu: number | null }[];
}

export interface ReversePath {
  /** Any interface will do. */
  readonly loose: boolean;
  readonly withMark: boolean;
  /** Own addresses are accepted as sources. */
  readonly acceptLocal: boolean;
}

export interface Surroundings {
  readonly interfaces: readonly KnownInterface[];
  readonly sets: ReadonlyMap<string, IpSet>;
  /** Absent where nothing is known about routes: then rules that ask them are not understood. */
  readonly routes?: RouteQuestions;
  /** Fragments come to the rules one by one, and nf_tables reads ports of later ones as well. */
  readonly portsOfFragments?: boolean;
}

/** The numbers of the interfaces that a rule means; none when there is no such interface. */
export function interfacesNamed(
  { interfaces }: Surroundings,
  { name, wildcard }: InterfaceName,
): readonly number[] {
  const meant = interfaces.filter((each) =>
    wildcard ? each.name.startsWith(name) : each.name === name,
  );
  return meant.map((each) => each.index);
}
