/** The packet of a witness as a question that `trace` answers. */
import { type Network } from '../../../dataplane/network.ts';
import { askedQuestion } from '../../../trace/ask.ts';
import { type Question } from '../../../trace/types.ts';
import { type Witness } from '../../proof/prove.ts';

/** Null when the ends are no ends. */
export function questionOf(
  network: Network,
  pair: { readonly from: string; readonly to: string },
  { protocol, port, sourcePort }: Witness,
  version: 4 | 6,
): Question | null {
  const named = NAMES.get(protocol);
  const packet =
    named === undefined
      ? { flow: `${version === 6 ? 'ipv6' : 'ip'},nw_proto=${protocol}` }
      : named === 'icmp'
        ? { protocol: named }
        : { protocol: named, port, sourcePort };
  const asked = askedQuestion(network, { ...pair, version, ...packet });
  return asked.kind === 'wrong' ? null : asked.value;
}

const NAMES: ReadonlyMap<number, 'icmp' | 'tcp' | 'udp'> = new Map([
  [1, 'icmp'],
  [58, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
]);
