/** A compiled cloud as a network: the same readers read it that read a dump of real hosts. */
import { AGENTS } from '../../agents/agents.ts';
import { type CompileOptions, planCloud, USUAL } from '../../agents/compile.ts';
import { advertisedFiles, apiFiles } from '../../agents/dump/api-text.ts';
import { type DumpFiles, hostFiles } from '../../agents/dump/folder.ts';
import { underlayFiles } from '../../agents/dump/underlay-text.ts';
import { type Network } from '../../dataplane/network.ts';
import { type Cloud } from '../../model/cloud.ts';
import { memoryFolder } from './memory-folder.ts';
import { openSnapshot } from './open.ts';

/**
 * The dump folder of the cloud in pieces: one for each host, then what its API would give. Who
 * writes a piece and forgets it needs memory for one host only.
 */
export function* compileInPieces(
  cloud: Cloud,
  options: CompileOptions = USUAL,
): Generator<DumpFiles> {
  for (const plan of planCloud(cloud, AGENTS, options)) yield hostFiles(plan);
  yield apiFiles(cloud.neutron);
  yield advertisedFiles(cloud);
  if (cloud.underlay !== null) yield underlayFiles(cloud.underlay);
}

/** The dump folder of the cloud: what its hosts and its API would give. */
export function compileFiles(cloud: Cloud, options: CompileOptions = USUAL): DumpFiles {
  const files = new Map<string, () => string>();
  for (const piece of compileInPieces(cloud, options)) {
    for (const [path, text] of piece) files.set(path, text);
  }
  return files;
}

/** The network that the cloud's agents would make. */
export function compileNetworkOf(cloud: Cloud, options: CompileOptions = USUAL): Network {
  return openSnapshot(memoryFolder(compileFiles(cloud, options)));
}
