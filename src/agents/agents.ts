/** The agents of a cloud, in the order in which they work on a host. */
import { type Agents } from './compile.ts';
import { compute } from './compute.ts';
import { dhcpAgent } from './dhcp/agent.ts';
import { l3Agent } from './l3/agent.ts';
import { lbaasAgent } from './lbaas/agent.ts';
import { amphorae } from './lbaas/amphora.ts';
import { linuxbridge } from './linuxbridge/layer2.ts';
import { novaNetwork } from './nova-network.ts';
import { openvswitch } from './ovs/layer2.ts';

export const AGENTS: Agents = {
  devices: [compute, dhcpAgent, l3Agent, lbaasAgent, amphorae, novaNetwork],
  layer2: { openvswitch, linuxbridge },
};
