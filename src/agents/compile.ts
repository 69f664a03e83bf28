/**
 * A cloud as every host's state: each host's agents in the order in which one needs what the
 * other has made, then everything as a dump folder.
 */
import { type Cloud } from '../model/cloud.ts';
import { type DumpFiles, hostFiles } from './dump/folder.ts';
import { type Numbers, takeNumbers } from './numbers.ts';
import { type DeviceAgent, type Layer2, type Part, type Place } from './part.ts';
import { emptyNamespace, type HostPlan } from './plan.ts';
import { viewCloud } from './view.ts';

/** The agents of a cloud; a host runs those that its model names. */
export interface Agents {
  readonly devices: readonly DeviceAgent[];
  readonly layer2: Readonly<Record<'openvswitch' | 'linuxbridge', Layer2>>;
}

export interface CompileOptions {
  /** Numbers per host; each host counts on its own. */
  readonly numbers: (host: string) => Numbers;
}

export const USUAL: CompileOptions = { numbers: () => takeNumbers() };

/** Plans of all hosts, in the order of the model. */
export function planCloud(cloud: Cloud, agents: Agents, options = USUAL): readonly HostPlan[] {
  const view = viewCloud(cloud);
  return cloud.hosts.map((host) => {
    const at: Place = { view, host, numbers: options.numbers(host.name) };
    return planHost(at, agents);
  });
}

function planHost(at: Place, agents: Agents): HostPlan {
  const parts: readonly Part[] = agents.devices.map((agent) => agent(at));
  const plugs = parts.flatMap((part) => part.plugs);
  const { layer2 } = at.host;
  const connected =
    layer2 === null
      ? { switch: null, root: emptyNamespace('root') }
      : agents.layer2[layer2.kind](at, plugs);
  return {
    name: at.host.name,
    switch: connected.switch,
    namespaces: [connected.root, ...parts.flatMap((part) => part.namespaces)],
    files: new Map(parts.flatMap((part) => [...part.files])),
    commandLines: parts.flatMap((part) => part.commandLines),
  };
}

/** The dump folder that the cloud's hosts would give. */
export function compiledFiles(plans: readonly HostPlan[]): DumpFiles {
  return new Map(plans.flatMap((plan) => [...hostFiles(plan)]));
}
