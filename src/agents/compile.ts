/**
 * A cloud as every host's state: each host's agents in the order in which one needs what the
 * other has made, then everything as a dump folder.
 */
import { type Cloud } from '../model/cloud.ts';
import { type Numbers, takeNumbers } from './numbers.ts';
import { type DeviceAgent, type Layer2, type Part, type Place } from './part.ts';
import { emptyNamespace, type HostPlan, type NamespacePlan } from './plan.ts';
import { viewCloud, viewOn } from './view.ts';

/** The agents of a cloud; a host runs those that its model names. */
export interface Agents {
  readonly devices: readonly DeviceAgent[];
  readonly layer2: Readonly<Record<'openvswitch' | 'linuxbridge', Layer2>>;
}

export interface CompileOptions {
  /** Numbers per host; each host counts on its own. */
  readonly numbers: (host: string) => Numbers;
  /**
   * A fault: ports that kept the local VLAN of an earlier run of their agent, as when the agent
   * could not read back what it had noted (`_restore_local_vlan_map`). Port id → VLAN.
   */
  readonly staleTags?: ReadonlyMap<string, number>;
}

/** The host's own namespace. */
const ROOT = 'root';

export const USUAL: CompileOptions = { numbers: () => takeNumbers() };

/**
 * Plans of all hosts, in the order of the model. A plan is made when it is asked for and kept by
 * nobody here: those of a big cloud do not fit into memory together.
 */
export function* planCloud(cloud: Cloud, agents: Agents, options = USUAL): Generator<HostPlan> {
  const view = viewCloud(cloud);
  const { staleTags = new Map<string, number>() } = options;
  for (const host of cloud.hosts) {
    const at: Place = {
      view: viewOn(view, host),
      host,
      numbers: options.numbers(host.name),
      staleTags,
    };
    yield planHost(at, agents);
  }
}

function planHost(at: Place, agents: Agents): HostPlan {
  const parts: readonly Part[] = agents.devices.map((agent) => agent(at));
  const plugs = parts.flatMap((part) => part.plugs);
  const { layer2 } = at.host;
  const connected =
    layer2 === null
      ? { switch: null, root: emptyNamespace(ROOT) }
      : agents.layer2[layer2.kind](at, plugs);
  const made = parts.flatMap((part) => part.namespaces);
  return {
    name: at.host.name,
    switch: connected.switch,
    namespaces: [rootWith(connected.root, made), ...made.filter(({ name }) => name !== ROOT)],
    files: new Map(parts.flatMap((part) => [...part.files])),
    commandLines: parts.flatMap((part) => part.commandLines),
  };
}

/** Interfaces and sockets that agents have in the host's own namespace stand beside layer 2's. */
function rootWith(root: NamespacePlan, made: readonly NamespacePlan[]): NamespacePlan {
  const own = made.filter(({ name }) => name === ROOT);
  if (own.length === 0) return root;
  return {
    ...root,
    devices: [...root.devices, ...own.flatMap(({ devices }) => devices)],
    sockets: [...root.sockets, ...own.flatMap(({ sockets }) => sockets)],
  };
}
