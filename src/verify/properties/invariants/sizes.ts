/**
 * MTU along the path: large packets that must not be fragmented arrive wherever small ones do.
 * Without a length they are as large as the sender's network allows, and a sender that is told of
 * a smaller MTU on the way (RFC 1191, RFC 8201) has lost nothing.
 */
import { NOWHERE, type Region } from '../../../traffic/sets/regions.ts';
import { groupOf } from '../../proof/prove.ts';
import { ALL_WANTED } from '../../proof/wanted.ts';
import { groupText } from '../kinds/reach.ts';
import { type Checking } from '../kinds/row.ts';
import { type Checked, type InvariantProperty } from '../types.ts';
import { arrivals, type Walked } from '../walks.ts';
import { checkPairs } from './between.ts';

const USUAL_MTU = 1500;

export function* checkSizes(checking: Checking, property: InvariantProperty): Generator<Checked> {
  const { walks } = checking;
  yield* checkPairs(checking, property, (small, { from, to }) => {
    const come = arrivals(small, 'new', 'may');
    // What no small packet can do says nothing about large ones.
    if (come === NOWHERE) return [];
    const length = property.atLeast ?? mtuOf(checking, small);
    const large = walks.walk({ from, to, wanted: ALL_WANTED, version: property.version, length });
    if (large.kind !== 'walked') {
      const why = large.kind === 'wrong' ? large.because : [large.why];
      return [{ holds: 'unsure', because: why, witness: null }];
    }
    // Two spaces of inputs: what arrives small and not large is asked within the second one.
    const { space, asked } = large.followed;
    const fits = arrivals(large, 'new', 'may');
    const told = property.atLeast === null ? toldOf(large) : NOWHERE;
    const missing = space.regions.minus(space.regions.minus(asked, fits), told);
    const tooLarge = large.proof.stopped.filter(({ code }) => code.startsWith('MTU_'));
    const shown = missing === NOWHERE || tooLarge.length === 0 ? null : groupOf(space, missing);
    const [first] = tooLarge;
    if (shown === null || first === undefined) return [];
    const text = `of ${length} bytes ${groupText(first)} do not get through: ${first.code} at ${first.host}, ${first.where}: ${first.evidence}`;
    return [{ because: [text], witness: first.witness, code: first.code, origin: first.origin }];
  });
}

/** The MTU of the sender's network. */
function mtuOf(
  { network }: Checking,
  { followed: { from } }: Extract<Walked, { kind: 'walked' }>,
): number {
  const { ports, networks } = network.neutron;
  const port = ports.find(({ id }) => id === from.port);
  return networks.find(({ id }) => id === port?.networkId)?.mtu ?? USUAL_MTU;
}

/** Packets about which an ICMP error came back to who sent them. */
function toldOf({ followed }: Extract<Walked, { kind: 'walked' }>): Region {
  const { told, from, space } = followed;
  const { regions, places } = space;
  return told
    .filter(
      ({ ending, role }) =>
        role === 'error' &&
        ending.device.host === from.host &&
        ending.device.name === from.namespace,
    )
    .reduce((all, { ending }) => {
      return regions.or(all, regions.shadow(ending.p.where, places.length));
    }, NOWHERE);
}
