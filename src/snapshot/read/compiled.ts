/** A compiled cloud as a network: the same readers read it that read a dump of real hosts. */
import { AGENTS } from '../../agents/agents.ts';
import { type CompileOptions, compiledFiles, planCloud, USUAL } from '../../agents/compile.ts';
import { apiFiles } from '../../agents/dump/api-text.ts';
import { type DumpFiles } from '../../agents/dump/folder.ts';
import { underlayFiles } from '../../agents/dump/underlay-text.ts';
import { type Network } from '../../dataplane/network.ts';
import { type Cloud } from '../../model/cloud.ts';
import { memoryFolder } from './memory-folder.ts';
import { openSnapshot } from './open.ts';

/** The dump folder of the cloud: what its hosts and its API would give. */
export function compileFiles(cloud: Cloud, options: CompileOptions = USUAL): DumpFiles {
  const plans = planCloud(cloud, AGENTS, options);
  return new Map([
    ...compiledFiles(plans),
    ...apiFiles(cloud.neutron),
    ...(cloud.underlay === null ? [] : underlayFiles(cloud.underlay)),
  ]);
}

/** The network that the cloud's agents would make. */
export function compileNetworkOf(cloud: Cloud, options: CompileOptions = USUAL): Network {
  return openSnapshot(memoryFolder(compileFiles(cloud, options)));
}
