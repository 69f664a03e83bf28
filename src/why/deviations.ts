/** In which pieces the hosts that were read are not what their agents would configure. */
import { type Network, ROOT } from '../dataplane/network.ts';
import { type Cloud } from '../model/cloud.ts';
import { withSurroundings } from '../snapshot/read/surroundings.ts';
import { compareNetworks } from '../verify/configuration/compare.ts';
import { type Difference } from '../verify/configuration/types.ts';
import { agentsNetwork } from './agents-network.ts';
import { type Piece, pieceOf, pieceOfNamespace } from './pieces.ts';

const known = new WeakMap<Network, Map<string, ReadonlyMap<string, readonly Difference[]>>>();

/**
 * Differences of a host as it was read, by piece (`HOST PIECE`). The objects are those that the
 * network was read with: what somebody changes in them no agent knows yet.
 */
export function deviationsOf(
  real: Network,
  cloud: Cloud,
  host: string,
): ReadonlyMap<string, readonly Difference[]> {
  const byHost = known.get(real) ?? new Map<string, ReadonlyMap<string, readonly Difference[]>>();
  known.set(real, byHost);
  const before = byHost.get(host);
  if (before !== undefined) return before;
  const wanted = withSurroundings(agentsNetwork(real, cloud), real);
  const found = new Map<string, Difference[]>();
  for (const difference of compareNetworks(wanted, real, [host]).differences) {
    const key = pieceOf(host, pieceOfDevice(difference));
    found.set(key, [...(found.get(key) ?? []), difference]);
  }
  byHost.set(host, found);
  return found;
}

function pieceOfDevice({ device, a, b }: Difference): Piece {
  if (device === ROOT) return 'layer2';
  const named = pieceOfNamespace(device);
  if (named !== null) return named;
  // A namespace that is missing as a whole is told of its host.
  const subject = (a ?? b)?.text ?? '';
  const within = pieceOfNamespace(subject);
  if (within !== null) return within;
  return /dnsmasq|dhcp/.test(device)
    ? 'dhcp'
    : /keepalived|haproxy|radvd/.test(device)
      ? 'layer3'
      : 'layer2';
}
