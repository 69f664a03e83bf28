/** The probes of one run of a plan: chosen by its proof, sent over the connections of the run. */
import { type LiveProbes, liveProbes } from '../apply/execute/probing.ts';
import { choose } from '../apply/probes/choose.ts';
import { readyProbes } from '../apply/probes/probe.ts';
import { type Connections } from '../snapshot/collect/gather.ts';
import { type ApplyFlags, type Prepared } from './apply-inputs.ts';

/** Packets of one run at most. */
const MOST = 48;

export function chosenProbes(
  { proof, observed }: Prepared,
  { force, maintenance }: ApplyFlags,
  connections: Connections,
): LiveProbes {
  const { probes, left } = readyProbes(
    choose(proof.checked.pairs, MOST),
    proof.end(),
    observed.network,
  );
  // While a plan runs that loses packets, nobody knows which of them a probe would be.
  const steady = force !== true && maintenance !== true;
  return liveProbes({ probes, left, steady }, connections);
}
