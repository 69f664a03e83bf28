/** Where a stopped packet entered its layer 2 network last: by which port of Neutron's, on which host. */
import { type Network, ROOT } from '../../dataplane/network.ts';
import { type BridgeStep } from '../../dataplane/ovs/pipeline/steps.ts';
import { type NeutronNetwork, type NeutronPort } from '../../model/neutron.ts';
import { type Step } from '../../traffic/traffic.ts';
import { networkAt, portOfDevice } from '../objects.ts';
import { type EnterStep } from '../steps.ts';
import { type Case } from './case.ts';

export interface Home {
  readonly host: string;
  /** The interface or switch port it came in by. */
  readonly device: string;
  readonly port: NeutronPort;
  readonly of: NeutronNetwork;
}

/** A trunk's bridge hands frames of a sub-port to br-int by a patch port named after it. */
const SUB_PORT = /^spi-([0-9a-f]{8}-[0-9a-f]{2})$/;

/** The sub-port whose frame br-int took from a trunk's bridge; null when it was none. */
export function subPortOf(network: Network, steps: readonly Step[]): NeutronPort | null {
  for (const step of steps.toReversed()) {
    if (step.kind !== 'bridge') continue;
    const prefix = SUB_PORT.exec((step as BridgeStep).port ?? '')?.[1];
    if (prefix === undefined) continue;
    return network.neutron.ports.find(({ id }) => id.startsWith(prefix)) ?? null;
  }
  return null;
}

/** The last port of a guest, router or server that the steps came through; null without one. */
export function homeOf({ compiled: { network } }: Case, steps: readonly Step[]): Home | null {
  for (const [i, step] of [...steps.entries()].toReversed()) {
    if (step.kind !== 'enter') continue;
    const { host, port: device, stage, device: inside } = step as EnterStep;
    if (device === null || (stage !== 'switch' && inside !== ROOT)) continue;
    const port = subPortOf(network, steps.slice(i)) ?? portOfDevice(network, host, device);
    const of = port === null ? null : networkAt(network, port.networkId, host);
    if (port !== null && of !== null) return { host, device, port, of };
  }
  return null;
}
