/**
 * A compiled cloud as a network: the same readers read it that read a dump of real hosts.
 *
 * Simplification: what somebody did to hosts behind the API's back is in no object that could be
 * compiled, so probes on the compiled cloud fare as if nothing had been done (ovs-faults: 71 of 81
 * records agree, and 80 on the dumps; nine of the ten others were sent in vni-to-vlan-flow-lost and
 * nat-rules-lost, and the tenth is the one that the dumps do not explain either).
 */
// Simplification: interfaces that an operator set down are up in a compiled cloud, and a comparison
// tells them (ovs-ha-router: the HA interface of net2 in 2-after-ha-interface-down; eth1 and eth3
// of net1, as NICs and as ports of br-vtep and br-ex, in 5-after-node-isolated).
// Simplification: injected faults are differences, and the only ones of ovs-faults (three rules of
// the router's nat table in nat-rules-lost, the MTU of br-vtep in underlay-mtu-small, one flow of
// br-tun's table 4 in vni-to-vlan-flow-lost).
// Simplification: of a namespace without a list of sockets in its dump (ovs-ha-router and
// ovs-vxlan-learn in all phases, ovs-faults, ovs-dvr and ovs-vxlan-ovsfw in their second one) a
// comparison says that sockets were not compared.
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
