/** Where a stopped packet entered its layer 2 network last: by which port of Neutron's, on which host. */
import { ROOT } from '../../dataplane/network.ts';
import { type NeutronNetwork, type NeutronPort } from '../../model/neutron.ts';
import { type Step } from '../../traffic/traffic.ts';
import { networkById, portOfDevice } from '../objects.ts';
import { type EnterStep } from '../steps.ts';
import { type Case } from './case.ts';

export interface Home {
  readonly host: string;
  /** The interface or switch port it came in by. */
  readonly device: string;
  readonly port: NeutronPort;
  readonly of: NeutronNetwork;
}

/** The last port of a guest, router or server that the steps came through; null without one. */
export function homeOf({ compiled: { network } }: Case, steps: readonly Step[]): Home | null {
  for (const step of steps.toReversed()) {
    if (step.kind !== 'enter') continue;
    const { host, port: device, stage, device: inside } = step as EnterStep;
    if (device === null || (stage !== 'switch' && inside !== ROOT)) continue;
    const port = portOfDevice(network, host, device);
    const of = port === null ? null : networkById(network, port.networkId);
    if (port !== null && of !== null) return { host, device, port, of };
  }
  return null;
}
