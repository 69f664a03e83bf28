/**
 * What one agent adds to a host. The agents that make devices (compute, L3, DHCP, load balancer)
 * come first and say what they plug in; the layer 2 agent comes last and connects it.
 */
import { type CloudHost } from '../model/cloud.ts';
import { type NeutronPort } from '../model/neutron.ts';
import { type Numbers } from './numbers.ts';
import { type NamespacePlan, type SwitchPlan } from './plan.ts';
import { type CloudView } from './view.ts';

/** A device that waits to be connected to its port's network. */
export interface Plug {
  readonly port: NeutronPort;
  /** As layer 2 sees it in the host's own namespace: `tap…`, `qr-…`. */
  readonly device: string;
  /**
   * `tap`: a guest's; `internal`: an interface of the switch moved into `namespace`; `sub-port`:
   * another network on the tap of a trunk.
   */
  readonly kind: 'tap' | 'internal' | 'veth' | 'sub-port';
  /** Where the other end is: a guest `vm-NAME`, a router, a DHCP server. */
  readonly namespace: string;
  /** A device of the integration bridge, or of the external bridge (`qg-` of older clouds). */
  readonly bridge: string | null;
  /** The guest's own device at the other end of the tap, where its inside is described. */
  readonly inside?: string;
}

export interface Part {
  readonly plugs: readonly Plug[];
  readonly namespaces: readonly NamespacePlan[];
  readonly files: ReadonlyMap<string, string>;
  readonly commandLines: readonly string[];
}

export const NOTHING: Part = {
  plugs: [],
  namespaces: [],
  files: new Map(),
  commandLines: [],
};

export function joinParts(parts: readonly Part[]): Part {
  return {
    plugs: parts.flatMap((part) => part.plugs),
    namespaces: parts.flatMap((part) => part.namespaces),
    files: new Map(parts.flatMap((part) => [...part.files])),
    commandLines: parts.flatMap((part) => part.commandLines),
  };
}

/** An agent that makes devices. */
export type DeviceAgent = (at: Place) => Part;

/** The layer 2 agent: connects what the others plugged in, and guards it. */
export type Layer2 = (
  at: Place,
  plugs: readonly Plug[],
) => { readonly switch: SwitchPlan | null; readonly root: NamespacePlan };

/** Where an agent works. */
export interface Place {
  readonly view: CloudView;
  readonly host: CloudHost;
  readonly numbers: Numbers;
  /** Faults: port id → the VLAN that its device kept although the agent counts anew. */
  readonly staleTags: ReadonlyMap<string, number>;
}
