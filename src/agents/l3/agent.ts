/** The L3 agent of one host: every router that is scheduled to it. */
import { type DeviceAgent, joinParts, NOTHING, type Part } from '../part.ts';
import { distributedRouter, floatingNamespaces } from './distributed-router.ts';
import { runsHere } from './interfaces.ts';
import { centralRouter } from './router.ts';

export const l3Agent: DeviceAgent = (at) => {
  if (at.host.layer3 === null) return NOTHING;
  const routers = at.view.cloud.neutron.routers.filter(
    (router) => router.adminUp && runsHere(at, router),
  );
  const parts: readonly Part[] = [
    ...routers.map((router) =>
      router.distributed ? distributedRouter(at, router) : centralRouter(at, router),
    ),
    floatingNamespaces(at),
  ];
  return joinParts(parts);
};
