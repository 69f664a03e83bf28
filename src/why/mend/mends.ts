/** Everything by which a host differs from what its agents would make, as single mends. */
import { type Network } from '../../dataplane/network.ts';
import { type Cloud } from '../../model/cloud.ts';
import { agentsNetwork } from '../agents-network.ts';
import { deviationsOf } from '../deviations.ts';
import { flowMends } from './flows.ts';
import { portMends } from './ports.ts';
import { ruleMends } from './rules.ts';
import { setMends } from './sets.ts';
import { spaceMends } from './spaces.ts';
import { type Mend, type Mender } from './types.ts';

const MENDERS: readonly Mender[] = [portMends, flowMends, ruleMends, setMends, spaceMends];

const known = new WeakMap<Network, Map<string, readonly Mend[]>>();

/** Mends of one piece (`HOST PIECE`) of a host. */
export function mendsOf(real: Network, cloud: Cloud, host: string, piece: string): readonly Mend[] {
  const ofReal = known.get(real) ?? new Map<string, readonly Mend[]>();
  known.set(real, ofReal);
  const before = ofReal.get(piece);
  if (before !== undefined) return before;
  const network = agentsNetwork(real, cloud);
  const [own, made] = [real.hosts.get(host), network.hosts.get(host)];
  const differences = deviationsOf(real, cloud, host).get(piece) ?? [];
  const found =
    own === undefined || made === undefined
      ? []
      : MENDERS.flatMap((mend) =>
          mend({ real: { network: real, host: own }, made: { network, host: made } }, differences),
        );
  ofReal.set(piece, found);
  return found;
}
