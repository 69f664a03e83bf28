/**
 * `-m addrtype`: what kind of address the routing tables take it for
 * (net/netfilter/xt_addrtype.c).
 */
import { type Field } from '../../packet/fields.ts';
import { ANY, and, type Match, NONE, not, or, test } from '../../traffic/match.ts';
import { F } from './fields.ts';
import { given } from './option-match.ts';
import { type Surroundings } from './surroundings.ts';
import { ALL_ONES, prefixMask } from './text/address.ts';
import { type KnownMatch } from './text/match-rows.ts';

interface Context {
  readonly of: Field;
  /** The interface field that `--limit-iface-in` or `-out` restricts own addresses to. */
  readonly limit: Field | null;
  readonly surroundings: Surroundings;
  readonly opaque: (what: string) => Match;
}

/** The meaning of one `-m addrtype`; `opaque` makes a match for what nobody knows. */
export function addressTypeMatch(
  { options }: Extract<KnownMatch, { kind: 'addrtype' }>,
  version: 4 | 6,
  surroundings: Surroundings,
  opaque: (what: string) => Match,
): Match {
  const limit =
    options.limitIn !== undefined ? F.iif : options.limitOut !== undefined ? F.oif : null;
  const types =
    (of: Field) =>
    (names: readonly string[]): Match => {
      const context: Context = { of, limit, surroundings, opaque };
      return version === 6
        ? types6(names, context)
        : or(...names.map((name) => type4(name, context)));
    };
  return and(
    given(options.source, types(F.source[version])),
    given(options.destination, types(F.destination[version])),
  );
}

/**
 * For IPv4 only table `local` is asked, so an address without a route is UNICAST
 * (net/ipv4/fib_frontend.c __inet_dev_addr_type()).
 */
function type4(name: string, context: Context): Match {
  const { of, surroundings } = context;
  const local = ownAddresses(4, context);
  const multicast = test(of, 0xe000_0000n, 0xf000_0000n);
  const broadcast = broadcasts(of, surroundings);
  switch (name) {
    case 'LOCAL':
      return local;
    case 'MULTICAST':
      return multicast;
    case 'BROADCAST':
      return broadcast;
    case 'UNICAST':
      return not(or(local, multicast, broadcast));
    case 'UNSPEC':
      return test(of, 0n);
    // Only table `local` is asked, which has no routes of these types.
    default:
      return NONE;
  }
}

/**
 * match_type6(): the address itself must be of every kind that is named, an own address is
 * unicast too; what only a route tells is asked last, and one of it suffices.
 */
function types6(names: readonly string[], context: Context): Match {
  const { of } = context;
  const multicast = test(of, 0xffn << 120n, 0xffn << 120n);
  const unset = test(of, 0n);
  const mapped = test(of, 0xffffn << 32n, ALL_ONES[6] ^ 0xffff_ffffn);
  const parts: Match[] = [];
  if (names.includes('MULTICAST')) parts.push(multicast);
  if (names.includes('UNICAST')) parts.push(not(or(multicast, unset, mapped)));
  if (names.includes('UNSPEC')) parts.push(unset);
  const routed = names.filter((name) => ROUTED.has(name));
  if (routed.length > 0) {
    const asked = routed.map((name) =>
      name === 'LOCAL' ? ownAddresses(6, context) : context.opaque(`the address type ${name}`),
    );
    parts.push(or(...asked));
  }
  return parts.length === 0 ? ANY : and(...parts);
}

const ROUTED: ReadonlySet<string> = new Set(['LOCAL', 'ANYCAST', 'UNREACHABLE']);

function ownAddresses(version: 4 | 6, { of, limit, surroundings }: Context): Match {
  const loopback = version === 4 ? test(of, 0x7f00_0000n, 0xff00_0000n) : test(of, 1n);
  const parts = surroundings.interfaces.map((each) => {
    const own = each.addresses.filter((address) => address.version === version);
    const addresses = or(
      ...own.map(({ value }) => test(of, value)),
      each.loopback ? loopback : NONE,
    );
    return limit === null ? addresses : and(addresses, test(limit, BigInt(each.index)));
  });
  return or(...parts);
}

function broadcasts(of: Field, { interfaces }: Surroundings): Match {
  const found = interfaces.flatMap(({ addresses, loopback }) =>
    loopback
      ? []
      : addresses
          .filter(({ version, length }) => version === 4 && length < 31)
          .map(({ value, length }) => test(of, value | (ALL_ONES[4] ^ prefixMask(length, 4)))),
  );
  return or(test(of, ALL_ONES[4]), test(of, 0n), ...found);
}
