/** What `-m conntrack`, `state` and `connmark` mean (net/netfilter/xt_conntrack.c, xt_state.c). */
import { CT_STATE } from '../../packet/fields.ts';
import { and, type Match, NONE, not, or, test } from '../../traffic/match.ts';
import { bit, F, HAS_CONNECTION } from './fields.ts';
import { given, masked, networkMatch, within } from './option-match.ts';
import { type ConnectionTest } from './tests/types.ts';
import { type KnownMatch } from './text/match-rows.ts';

type Of<K extends KnownMatch['kind']> = Extract<KnownMatch, { kind: K }>;

const STATE_MATCHES: Readonly<Record<string, Match>> = {
  NEW: bit(F.ctState, CT_STATE.new),
  ESTABLISHED: bit(F.ctState, CT_STATE.est),
  RELATED: bit(F.ctState, CT_STATE.rel),
  INVALID: bit(F.ctState, CT_STATE.inv),
  // Simplification: in the raw table, before tracking, the kernel takes a packet that is not
  // marked NOTRACK for INVALID; here it is UNTRACKED. Nobody asks the state there.
  UNTRACKED: not(bit(F.ctState, CT_STATE.trk)),
  SNAT: bit(F.ctState, CT_STATE.snat),
  DNAT: bit(F.ctState, CT_STATE.dnat),
};
/** enum ip_conntrack_status, include/uapi/linux/netfilter/nf_conntrack_common.h. */
const STATUS_BITS: Readonly<Record<string, number>> = {
  EXPECTED: 1,
  SEEN_REPLY: 2,
  ASSURED: 4,
  CONFIRMED: 8,
};

function stateMatch(names: readonly string[]): Match {
  return or(...names.map((name) => STATE_MATCHES[name] ?? NONE));
}

/** net/netfilter/xt_conntrack.c conntrack_mt(): without a connection only the state counts. */
export function trackingMatch(
  match: Of<'conntrack' | 'state' | 'connmark'>,
  version: 4 | 6,
  opaque: (what: string) => Match,
): Match {
  if (match.kind === 'state') return given(match.options.state, stateMatch);
  if (match.kind === 'connmark') {
    return and(
      HAS_CONNECTION,
      given(match.options.mark, (value) => masked(F.ctMark, value)),
    );
  }
  const o = match.options;
  const rest: Match[] = [
    given(o.protocol, (value) => test(F.ctProto, BigInt(value))),
    given(o.originalSource, (value) => networkMatch(F.ctSource[version], value)),
    given(o.originalDestination, (value) => networkMatch(F.ctDestination[version], value)),
    given(o.originalSourcePort, (value) => within(F.ctSourcePort, value)),
    given(o.originalDestinationPort, (value) => within(F.ctDestinationPort, value)),
    given(o.status, (names) =>
      or(
        ...names.map((name) =>
          name === 'NONE' ? test(F.ctStatus, 0n) : bit(F.ctStatus, STATUS_BITS[name] ?? 0),
        ),
      ),
    ),
    given(o.direction, (way) => {
      const reply = bit(F.ctState, CT_STATE.rpl);
      return way === 'REPLY' ? reply : not(reply);
    }),
  ];
  // Simplification: `--ctexpire` asks for the seconds that are left, which a dump shows only
  // roughly; it is not judged.
  if (o.expire !== undefined) rest.push(opaque('--ctexpire'));
  const asked = and(...rest);
  const state = given(o.state, stateMatch);
  return asked.kind === 'any' ? state : and(state, HAS_CONNECTION, asked);
}

/** The reply comes from where the translated packet went: its source is our destination. */
export function connectionTests(match: KnownMatch, version: 4 | 6): readonly ConnectionTest[] {
  if (match.kind === 'helper') {
    const { helper } = match.options;
    return [{ kind: 'helper', name: helper?.value ?? '', not: helper?.not === true }];
  }
  if (match.kind !== 'conntrack') return [];
  const o = match.options;
  const translated = and(
    given(o.replySource, (value) => networkMatch(F.destination[version], value)),
    given(o.replyDestination, (value) => networkMatch(F.source[version], value)),
    given(o.replySourcePort, (value) => within(F.destinationPort, value)),
    given(o.replyDestinationPort, (value) => within(F.sourcePort, value)),
  );
  return translated.kind === 'any' ? [] : [{ kind: 'translated', match: translated }];
}
