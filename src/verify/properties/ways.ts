/** The ways of packets, as places that properties can name: hosts, namespaces, bridges, ports. */
import { type Network } from '../../dataplane/network.ts';
import { type BridgeStep } from '../../dataplane/ovs/pipeline/steps.ts';
import { namespaceOwner } from '../../model/ids.ts';
import { type EnterStep, type LeaveStep } from '../../trace/steps.ts';
import { type Step } from '../../traffic/traffic.ts';

/** The places of a way in order; a router's namespaces are `router:NAME` as well. */
export function placesOf({ neutron }: Network, steps: readonly Step[]): readonly string[] {
  return steps.flatMap((step): readonly string[] => {
    if (step.kind === 'enter') {
      const { host, device, port } = step as EnterStep;
      const owner = namespaceOwner(device);
      const router = neutron.routers.find(({ id }) => id === owner?.id);
      const named = router === undefined ? [] : [`router:${router.name}`, `router:${router.id}`];
      return [host, `host:${host}`, device, ...named, ...portPlaces(host, port)];
    }
    if (step.kind === 'leave') return [(step as LeaveStep).port];
    if (step.kind === 'bridge') {
      const { bridge, port } = step as BridgeStep;
      return [bridge, ...(port === null ? [] : [port])];
    }
    return [];
  });
}

function portPlaces(host: string, port: string | null): readonly string[] {
  return port === null ? [] : [port, `${host}:${port}`];
}

/** Whether all wanted places are passed in this order, with others between. */
export function passesInOrder(wanted: readonly string[], passed: readonly string[]): boolean {
  let at = 0;
  for (const place of passed) if (place === wanted[at]) at++;
  return at === wanted.length;
}
