/**
 * Daemons of agents and the files that configure them, as items; and what keepalived gives and
 * takes by itself, which is therefore no item.
 */
import { type Host, type SourceText } from '../../dataplane/network.ts';
import { parseKeepalived } from '../../dataplane/vrrp/text/keepalived.ts';
import { namespaceOwner } from '../../model/ids.ts';
import { redacted } from '../../snapshot/collect/redact.ts';
import { namespacesByOwner } from '../../snapshot/read/owned-namespaces.ts';
import { writeIp } from '../../text/address-text.ts';
import { type Item, type ItemOf } from '../types.ts';

/** Where agents keep their files. */
const AGENT_FOLDER = '/var/lib/neutron/';

/** Files that agents write and daemons read; leases, states and process ids are none. */
const CONFIGURATION =
  /^(ha_confs\/[^/]+\/keepalived\.conf|dhcp\/[^/]+\/(host|addn_hosts|opts)|ns-metadata-proxy\/[^/]+\.conf|ra\/[^/]+\.radvd\.conf|lbaas\/v2\/[^/]+\/haproxy\.conf)$/;

/** The router, network or balancer that a path below the agents' folder is for. */
const ID = /(?:ha_confs|dhcp|ns-metadata-proxy|ra|lbaas\/v2)\/([0-9a-zA-Z-]+)/;

const PROGRAMS = ['dnsmasq', 'haproxy', 'keepalived', 'radvd'] as const;
export type Program = (typeof PROGRAMS)[number];

/** Daemons in namespaces of agents, and all files of a host that such daemons read. */
export function daemonItems(host: Host): readonly (ItemOf<'file'> | ItemOf<'daemon'>)[] {
  const files = [...host.configs].flatMap(([path, source]): readonly ItemOf<'file'>[] => {
    const namespace = CONFIGURATION.test(path) ? namespaceOf(host, path) : null;
    if (namespace === null) return [];
    const full = `${AGENT_FOLDER}${path}`;
    const { text } = source();
    const data = { path: full, text, namespace };
    // Secrets are never read from hosts, so they are left out of what is compared.
    return [{ kind: 'file', place: '', key: full, text: fileText(text), data }];
  });
  const daemons = host.commandLines.flatMap((line): readonly ItemOf<'daemon'>[] => {
    const [path = '', ...rest] = line.trim().split(/\s+/);
    const name = path.split('/').at(-1) ?? '';
    const program = PROGRAMS.find((each) => each === name);
    const namespace = program === undefined ? null : namespaceOf(host, rest.join(' '));
    if (program === undefined || namespace === null) return [];
    const words = [program, ...rest];
    const text = words.join(' ');
    return [{ kind: 'daemon', place: namespace, key: program, text, data: { program, words } }];
  });
  return [...files, ...new Map(daemons.map((one) => [`${one.place} ${one.key}`, one])).values()];
}

/** A file without what nobody reads from a host: secrets, and blank ends of lines and files. */
function fileText(text: string): string {
  return redacted(text)
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
    .trimEnd();
}

/** The namespace of agents in which the daemon of a path runs. */
function namespaceOf(host: Host, path: string): string | null {
  const id = ID.exec(path)?.[1];
  const names = (namespacesByOwner(host).get(id ?? '') ?? []).map(({ name }) => name);
  const order = ['router', 'dhcp', 'balancer'];
  const rank = (name: string): number => order.indexOf(namespaceOwner(name)?.kind ?? '');
  return names.filter((name) => rank(name) >= 0).sort((a, b) => rank(a) - rank(b))[0] ?? null;
}

/** Whether keepalived gives or takes an item, as the routers of a host elect who has it. */
export function electedItems(host: Host): (item: Item) => boolean {
  const found = new Map<string, { addresses: Set<string>; routes: readonly string[] }>();
  for (const [path, source] of host.configs) {
    if (!path.startsWith('ha_confs/') || !CONFIGURATION.test(path)) continue;
    const namespace = namespaceOf(host, path);
    if (namespace !== null) found.set(namespace, virtualOf(source()));
  }
  return (item) => {
    const virtual = found.get(item.place);
    if (virtual === undefined) return false;
    if (item.kind === 'address') return virtual.addresses.has(item.key);
    return item.kind === 'route' && virtual.routes.some((each) => isRoute(item.data.words, each));
  };
}

function virtualOf({ text, file }: SourceText) {
  const addresses = new Set<string>();
  const routes: string[] = [];
  for (const instance of parseKeepalived(text, file).value.instances) {
    for (const each of [...instance.addresses, ...instance.excludedAddresses]) {
      addresses.add(`${each.device ?? instance.interface} ${writeIp(each.address)}/${each.length}`);
    }
    for (const { to } of instance.routes) {
      const whole = to?.address.version === 4 ? 32 : 128;
      if (to === null || to.length === 0) routes.push('default');
      else routes.push(`${writeIp(to.address)}${to.length === whole ? '' : `/${to.length}`}`);
    }
  }
  return { addresses, routes };
}

function isRoute(words: string, to: string): boolean {
  return words === to || words.startsWith(`${to} `);
}
