/**
 * Highly available routers: the interface on the HA network, who is active, and keepalived with
 * everything that only the active one has (neutron/agent/l3/ha_router.py, Zed).
 *
 * Simplification: a router that was active once goes on forwarding IPv6 as standby (ha.py
 * `_configure_ipv6_params` switches it on and never off), and no object of the API tells who was;
 * a compiled standby forwards none, so that a comparison after failovers tells the settings of its
 * interfaces (ovs-ha-router, 2-after-ha-interface-down: three interfaces on net2).
 */
// Simplification: haproxy for metadata and radvd of an HA router run where its L3 agent last saw it
// become active (ha.py `_enqueue_state_change`); compiled ones run where the API says that it is,
// which learns of it seconds later, so that a comparison during an election tells them.
// Simplification: what a namespace or a host learned from advertisements of other routers (`proto ra`,
// an interface accepts them while it does not forward, addrconf.c) depends on who advertised when;
// no such route is compiled for hosts and routers, and a comparison tells them as extra.
import { deviceName } from '../../model/ids.ts';
import { type NeutronPort, type NeutronRouter } from '../../model/neutron.ts';
import { writeIp } from '../../text/address-text.ts';
import { addressesOf, portDevice } from '../namespace-parts.ts';
import { type Part, type Place } from '../part.ts';
import { type AddressPlan, type DevicePlan, type RoutePlan } from '../plan.ts';
import { type CloudView } from '../view.ts';
import { defaultRoutes, gatewayDevice, onLinkRoutes } from './interfaces.ts';
import { type KeepalivedPlan, keepalivedText } from './keepalived-text.ts';

/**
 * Elections decide who is active, and the agents report it; without a report the first one is.
 * More than one is active while they cannot hear each other, and none while all of them report
 * that they stand by, as when their health checks fail.
 */
export function isActive({ agents }: NeutronRouter, host: string): boolean {
  const reported = agents.some(({ haState }) => haState === 'active' || haState === 'standby');
  const active = reported
    ? agents.filter(({ haState }) => haState === 'active')
    : agents.slice(0, 1);
  return active.some((each) => each.host === host);
}

/** A device as a standby router has it: everything that is an address comes with keepalived. */
export function bare(device: DevicePlan): DevicePlan {
  return { ...device, addresses: [] };
}

export function haDevice(
  at: Place,
  router: NeutronRouter,
  port: NeutronPort,
  active: boolean,
): DevicePlan {
  const own = addressesOf(at.view, port.fixedIps).map((each) => ({
    ...each,
    length: at.view.cloud.settings.haNetwork.length,
  }));
  const id = virtualRouterId(at.view, router);
  const virtual: AddressPlan = {
    address: { version: 4, value: 0xa9fe_0000n + BigInt(id) },
    length: 24,
    scope: 'global',
  };
  return portDevice(at, port, deviceName('ha-', port.id), active ? [...own, virtual] : own);
}

/**
 * Unique in the tenant's HA network. The server draws it; where nobody knows what it drew, the
 * lowest that no other router has.
 */
function virtualRouterId(view: CloudView, router: NeutronRouter): number {
  const drawn = view.cloud.settings.virtualRouterIds;
  const own = drawn?.get(router.id);
  if (own !== undefined) return own;
  const peers = view.cloud.neutron.routers.filter(
    (each) => each.ha && each.project === router.project,
  );
  const taken = new Set(peers.flatMap(({ id }) => drawn?.get(id) ?? []));
  const free = Array.from({ length: 254 }, (_, i) => i + 1).filter((id) => !taken.has(id));
  const without = peers.filter(({ id }) => drawn?.has(id) !== true);
  const place = without.findIndex(({ id }) => id === router.id);
  return free[place % Math.max(1, free.length)] ?? 1;
}

/**
 * Routes that come with the master. Extra routes name no device: the kernel finds it by the next
 * hop (ha_router.py `routes_updated`).
 */
function virtualRoutes(
  view: CloudView,
  router: NeutronRouter,
  gateway: NeutronPort | null,
): KeepalivedPlan['routes'] {
  const text = ({ prefix, version }: Pick<RoutePlan, 'prefix' | 'version'>): string => {
    if (prefix === null) return version === 4 ? '0.0.0.0/0' : '::/0';
    const whole = prefix.address.version === 4 ? 32 : 128;
    const address = writeIp(prefix.address);
    return prefix.length === whole ? address : `${address}/${prefix.length}`;
  };
  const outward =
    gateway === null
      ? []
      : [
          ...defaultRoutes(view, gateway, gatewayDevice(gateway)),
          ...onLinkRoutes(view, gateway, gatewayDevice(gateway)),
        ];
  return [
    ...outward.map((each) => ({ to: text(each), via: each.gateway, device: each.device })),
    ...router.routes.map(({ to, via }) => ({
      to: `${writeIp(to.address)}/${to.length}`,
      via,
      device: null,
    })),
  ];
}

/** Asks the gateways of whoever has the first of the addresses (keepalived.py `build_script`). */
function checkScript(plan: KeepalivedPlan, folder: string): readonly (readonly [string, string])[] {
  if (plan.healthCheck?.used !== true) return [];
  const [first] = plan.addresses;
  const asked = plan.routes.flatMap(({ to, via }) =>
    via === null || !DEFAULT_ROUTE.test(to) ? [] : [via],
  );
  const lines = [
    '#!/bin/bash -eu',
    first === undefined ? '' : `ip a | grep ${writeIp(first.address)} || exit 0`,
    ...asked.map((via) => {
      const program = via.version === 4 ? 'ping' : 'ping6';
      return `${program} -c 1 -w 1 ${writeIp(via)} 1>/dev/null || exit 1`;
    }),
  ];
  return [[`${folder}/ha_check_script_${plan.virtualRouterId}.sh`, lines.join('\n')]];
}

const DEFAULT_ROUTE = /^(0\.0\.0\.0|::)\/0$/;

/** keepalived of a router on this host, with the addresses of `devices` as virtual ones. */
export function keepalived(
  at: Place,
  router: NeutronRouter,
  ha: NeutronPort,
  gateway: NeutronPort | null,
  devices: readonly DevicePlan[],
): Pick<Part, 'files' | 'commandLines'> {
  const { settings } = at.view.cloud;
  const id = virtualRouterId(at.view, router);
  const path = `/var/lib/neutron/ha_confs/${router.id}`;
  const routes = virtualRoutes(at.view, router, gateway);
  const addresses = devices.flatMap((device) =>
    device.addresses.map(({ address, length }) => ({ address, length, device: device.name })),
  );
  const plan: KeepalivedPlan = {
    virtualRouterId: id,
    device: deviceName('ha-', ha.id),
    advertInterval_s: settings.haAdvertInterval_s,
    priority: 50,
    authentication: settings.haAuthentication ?? null,
    healthCheck:
      (settings.haHealthCheck_s ?? 0) <= 0
        ? null
        : {
            script: `${path}/ha_check_script_${id}.sh`,
            interval_s: settings.haHealthCheck_s ?? 0,
            used: routes.some(({ to, via }) => via !== null && DEFAULT_ROUTE.test(to)),
          },
    untracked: settings.dialect !== 'pike' && settings.haTracksAddresses !== true,
    addresses,
    routes,
  };
  const state = isActive(router, at.host.name) ? 'primary' : 'backup';
  return {
    files: new Map([
      [`ha_confs/${router.id}/keepalived.conf`, keepalivedText(plan)],
      [`ha_confs/${router.id}/state`, state],
      ...checkScript(plan, `ha_confs/${router.id}`),
    ]),
    commandLines: [
      `keepalived -P -f ${path}/keepalived.conf -p ${path}.pid.keepalived -r ${path}.pid.keepalived-vrrp`,
    ],
  };
}
