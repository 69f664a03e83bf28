/**
 * A planned namespace as iproute2, iptables and sysctl would show it. Routes that the kernel adds
 * for every address (net/ipv4/fib_frontend.c, fib_add_ifaddr) are written out as well.
 */
import { type CloudAddress, type CloudPrefix } from '../../model/neutron.ts';
import { writeIp, writeMac } from '../../text/address-text.ts';
import {
  type AddressPlan,
  type DevicePlan,
  type NamespacePlan,
  type RoutePlan,
  type RulePlan,
} from '../plan.ts';

/** What the text of one namespace needs to know of the others on the host. */
export interface Indexes {
  /** Interface index, unique on the host. */
  of(namespace: string, device: string): number;
  /** `ip netns` id of a namespace as seen from another; undefined for the same. */
  netns(from: string, to: string): number | undefined;
}

/** Files of `hosts/HOST/ns/NAME/`, by name. */
export function namespaceFiles(plan: NamespacePlan, indexes: Indexes): Map<string, () => string> {
  const json = (value: unknown): string => `${JSON.stringify(value)}\n`;
  const files = new Map<string, () => string>([
    ['ip-addr.json', () => json(plan.devices.map((each) => linkOf(plan, each, indexes, true)))],
    ['ip-link.json', () => json(plan.devices.map((each) => linkOf(plan, each, indexes, false)))],
    ['ip-route-v4.json', () => json(routesOf(plan, 4))],
    ['ip-route-v6.json', () => json(routesOf(plan, 6))],
    ['ip-rule-v4.json', () => json(rulesOf(plan, 4))],
    ['ip-rule-v6.json', () => json(rulesOf(plan, 6))],
    ['ip-neigh-v4.json', () => json(neighboursOf(plan, 4))],
    ['ip-neigh-v6.json', () => json(neighboursOf(plan, 6))],
    ['bridge-fdb.json', () => json(fdbOf(plan))],
    ['bridge-link.json', () => json(bridgePortsOf(plan, indexes))],
    ['bridge-vlan.json', () => json([])],
    ['sysctl.txt', () => sysctlText(plan)],
    ['ss-listen.txt', () => socketText(plan)],
  ]);
  const texts = {
    'iptables-save.txt': plan.iptables,
    'ip6tables-save.txt': plan.ip6tables,
    'ipset-save.txt': plan.ipset,
    'ebtables-save.txt': plan.ebtables,
    'arptables-save.txt': plan.arptables,
  };
  for (const [name, text] of Object.entries(texts)) files.set(name, () => text);
  return files;
}

function linkOf(
  plan: NamespacePlan,
  device: DevicePlan,
  indexes: Indexes,
  withAddresses: boolean,
): Record<string, unknown> {
  const loopback = device.kind === 'loopback';
  const flags = loopback ? ['LOOPBACK'] : ['BROADCAST', 'MULTICAST'];
  const { peer } = device;
  const far = peer === null ? undefined : indexes.netns(plan.name, peer.namespace);
  return {
    ifindex: indexes.of(plan.name, device.name),
    ...(peer === null ? {} : { link_index: indexes.of(peer.namespace, peer.device) }),
    ...(device.lower === null ? {} : { link_index: indexes.of(plan.name, device.lower) }),
    ifname: device.name,
    flags: device.up ? [...flags, 'UP', 'LOWER_UP'] : flags,
    mtu: device.mtu,
    ...(device.master === null ? {} : { master: device.master }),
    operstate: device.up ? 'UP' : 'DOWN',
    link_type: loopback ? 'loopback' : 'ether',
    address: writeMac(device.mac),
    ...(far === undefined ? {} : { link_netnsid: far }),
    ...(device.kind === '' || loopback
      ? {}
      : { linkinfo: { info_kind: device.kind, info_data: device.details } }),
    ...(withAddresses ? { addr_info: device.addresses.map(addressOf) } : {}),
  };
}

function addressOf({ address, length, scope }: AddressPlan): Record<string, unknown> {
  return {
    family: address.version === 4 ? 'inet' : 'inet6',
    local: writeIp(address),
    prefixlen: length,
    scope,
  };
}

function routesOf(plan: NamespacePlan, version: 4 | 6): readonly Record<string, unknown>[] {
  const own = plan.routes.filter((route) => route.version === version).map(routeOf);
  const kernel = plan.devices
    .filter((each) => each.up)
    .flatMap((each) => kernelRoutes(each, version));
  return [...own, ...kernel];
}

function routeOf(route: RoutePlan): Record<string, unknown> {
  return {
    ...(route.type === 'unicast' ? {} : { type: route.type }),
    dst: route.prefix === null ? 'default' : prefixText(route.prefix),
    ...(route.others.length > 0 ? {} : hopOf(route)),
    ...(route.table === 254 ? {} : { table: tableText(route.table) }),
    protocol: 'static',
    ...(route.scope === 'link' ? { scope: 'link' } : {}),
    ...(route.source === null ? {} : { prefsrc: writeIp(route.source) }),
    ...(route.metric === 0 ? {} : { metric: route.metric }),
    ...(route.mtu === null ? {} : { metrics: [{ mtu: route.mtu }] }),
    flags: [],
    ...(route.others.length === 0
      ? {}
      : {
          nexthops: [route, ...route.others].map((hop) => ({
            ...hopOf(hop),
            weight: 1,
            flags: [],
          })),
        }),
  };
}

function hopOf({
  gateway,
  device,
}: Pick<RoutePlan, 'gateway' | 'device'>): Record<string, unknown> {
  return {
    ...(gateway === null ? {} : { gateway: writeIp(gateway) }),
    ...(device === null ? {} : { dev: device }),
  };
}

/** Connected, local and broadcast routes of a device's addresses. */
function kernelRoutes(device: DevicePlan, version: 4 | 6): readonly Record<string, unknown>[] {
  const dev = device.name;
  const base = { dev, protocol: 'kernel', flags: [] };
  return device.addresses
    .filter(({ address }) => address.version === version)
    .flatMap(({ address, length, scope }): Record<string, unknown>[] => {
      const local = writeIp(address);
      const connected = prefixText(networkOf({ address, length }));
      if (version === 6) {
        const own = { type: 'local', dst: local, table: 'local', metric: 0, ...base };
        return scope === 'host' ? [own] : [own, { dst: connected, metric: 256, ...base }];
      }
      const own = {
        type: 'local',
        dst: local,
        table: 'local',
        scope: 'host',
        prefsrc: local,
        ...base,
      };
      if (scope === 'host') return [{ ...own, dst: connected }, own];
      if (length === 32) return [own];
      const onLink = { dst: connected, scope: 'link', prefsrc: local, ...base };
      // The two addresses of a /31 are both hosts (RFC 3021).
      if (length === 31) return [own, onLink];
      const last =
        networkOf({ address, length }).address.value | ((1n << BigInt(32 - length)) - 1n);
      return [
        own,
        onLink,
        {
          type: 'broadcast',
          dst: writeIp({ version: 4, value: last }),
          table: 'local',
          scope: 'link',
          prefsrc: local,
          ...base,
        },
      ];
    });
}

function networkOf({ address, length }: CloudPrefix): CloudPrefix {
  const width = address.version === 4 ? 32 : 128;
  const low = (1n << BigInt(width - length)) - 1n;
  return { address: { ...address, value: address.value & ~low }, length };
}

function prefixText({ address, length }: CloudPrefix): string {
  const whole = address.version === 4 ? 32 : 128;
  return length === whole ? writeIp(address) : `${writeIp(address)}/${length}`;
}

function tableText(table: number): string {
  return table === 255 ? 'local' : table === 253 ? 'default' : String(table);
}

function rulesOf(plan: NamespacePlan, version: 4 | 6): readonly Record<string, unknown>[] {
  const usual = [
    { priority: 0, src: 'all', table: 'local' },
    { priority: 32766, src: 'all', table: 'main' },
    ...(version === 4 ? [{ priority: 32767, src: 'all', table: 'default' }] : []),
  ];
  const own = plan.rules.filter((rule) => rule.version === version).map(ruleOf);
  return [...usual, ...own].sort((a, b) => Number(a['priority']) - Number(b['priority']));
}

function ruleOf(rule: RulePlan): Record<string, unknown> {
  const side = (name: string, prefix: CloudPrefix | null): Record<string, unknown> =>
    prefix === null ? {} : { [name]: writeIp(prefix.address), [`${name}len`]: prefix.length };
  return {
    priority: rule.priority,
    ...(rule.from === null ? { src: 'all' } : side('src', rule.from)),
    ...side('dst', rule.to),
    ...(rule.inputDevice === null ? {} : { iif: rule.inputDevice }),
    table: tableText(rule.table),
  };
}

function neighboursOf(plan: NamespacePlan, version: 4 | 6): readonly Record<string, unknown>[] {
  return plan.neighbours
    .filter(({ address }) => address.version === version)
    .map(({ address, device, mac, state }) => ({
      dst: writeIp(address),
      dev: device,
      lladdr: writeMac(mac),
      state: [state.toUpperCase()],
    }));
}

function fdbOf(plan: NamespacePlan): readonly Record<string, unknown>[] {
  return plan.fdb.map(({ device, mac, destination, via, of }) => ({
    mac: writeMac(mac),
    ifname: device,
    ...(destination === null ? {} : { dst: writeIp(destination) }),
    ...(via === undefined ? {} : { viaIf: via }),
    flags: [of],
    state: 'permanent',
  }));
}

function bridgePortsOf(plan: NamespacePlan, indexes: Indexes): readonly Record<string, unknown>[] {
  return plan.devices
    .filter((each) => each.master !== null)
    .map((each) => ({
      ifindex: indexes.of(plan.name, each.name),
      ifname: each.name,
      flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'],
      mtu: each.mtu,
      master: each.master,
      state: each.up ? 'forwarding' : 'disabled',
      priority: 32,
      cost: 2,
      hairpin: false,
      learning: each.details['learning'] !== false,
      flood: true,
    }));
}

function sysctlText(plan: NamespacePlan): string {
  return [...plan.sysctls].map(([name, value]) => `${name} = ${value}\n`).join('');
}

function socketText(plan: NamespacePlan): string {
  const head = 'Netid State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess\n';
  const rows = plan.sockets.map(({ protocol, address, device, port, process }) => {
    const at = address === null ? '*' : bracketed(address);
    const on = device === null ? '' : `%${device}`;
    const state = protocol === 'tcp' ? 'LISTEN' : 'UNCONN';
    return `${protocol}   ${state} 0      0      ${at}${on}:${port} *:*    users:(("${process}",pid=1,fd=3))\n`;
  });
  return head + rows.join('');
}

function bracketed(address: CloudAddress): string {
  return address.version === 4 ? writeIp(address) : `[${writeIp(address)}]`;
}
