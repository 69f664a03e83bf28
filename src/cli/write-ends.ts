/** `hopwise simulate -o DIR`: what a simulation ends with, as snapshots. */
import { join } from 'node:path';
import { type Network } from '../dataplane/network.ts';
import { outcomesOf } from '../simulate/render/outcomes.ts';
import { type Simulated } from '../simulate/simulation.ts';
import { type Folder } from '../snapshot/read/folder.ts';
import { snapshotFiles } from '../snapshot/write/snapshot.ts';
import { forTerminal } from '../text/escape.ts';
import { writeFiles } from './new-folder.ts';

/**
 * Writes one snapshot, or one for each outcome in folders `outcome-1`, `outcome-2`…
 * @returns lines that tell where they are, and what no dump shows.
 */
export function writeEnds(
  { ways }: Extract<Simulated, { kind: 'simulated' }>,
  { folder, network }: { readonly folder: Folder; readonly network: Network },
  output: string,
): readonly string[] {
  const outcomes = outcomesOf(ways);
  return outcomes.flatMap(({ way }, i) => {
    const to = outcomes.length === 1 ? output : join(output, `outcome-${i + 1}`);
    writeFiles(to, snapshotFiles(folder, network, way.end));
    const unseen = way.unseen.map((one) => `  not in its files: ${one}`);
    return [`the state at the end is in ${to}`, ...unseen].map(forTerminal);
  });
}
