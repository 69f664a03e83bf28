/**
 * What the programs of a host are told to do: dnsmasq, keepalived, haproxy, radvd. Order within
 * a file does not count, nor do paths, process ids and the number of a virtual router.
 */
import { writeHost } from '../../dataplane/endpoint/dnsmasq/text/hosts.ts';
import { writeRange } from '../../dataplane/endpoint/dnsmasq/text/ranges.ts';
import { type Dnsmasq } from '../../dataplane/endpoint/dnsmasq/types.ts';
import { type HaproxyFile } from '../../dataplane/endpoint/haproxy/types.ts';
import { printRadvd } from '../../dataplane/endpoint/radvd/text.ts';
import { type Host, type Network } from '../../dataplane/network.ts';
import { printKeepalived } from '../../dataplane/vrrp/text/keepalived.ts';
import { type Keepalived } from '../../dataplane/vrrp/types.ts';
import { type Origin } from '../../text/problem.ts';
import { type CompiledNetwork } from '../../trace/compiled-network.ts';
import { type Daemon } from '../../trace/programs/daemon.ts';
import { daemonsOf } from '../../trace/programs/daemons.ts';
import { namespaceKey } from './devices.ts';
import { aboutNamespace } from './objects.ts';
import { section, statement } from './statement.ts';
import { type Section } from './types.ts';

interface Line {
  readonly text: string;
  /** What counts of it. */
  readonly meaning: string;
  readonly origin: Origin;
}

/** A section for each program of a host. */
export function daemonSections(compiled: CompiledNetwork, host: Host): readonly Section[] {
  const { network } = compiled;
  // keepalived runs as two processes with one command line.
  const unique = new Map(daemonsOf(compiled, host.name).map((one) => [programKey(one), one]));
  const daemons = [...unique.values()];
  return [
    section(
      host.name,
      'host',
      'programs',
      daemons.map((daemon) =>
        statement(programKey(daemon), {
          origin: () => daemon.origin,
          about: () => aboutNamespace(network, daemon.namespace ?? ''),
          needs: daemon.namespace === null ? [] : [namespaceKey(daemon.namespace)],
        }),
      ),
    ),
    ...daemons.map((daemon) => daemonSection(network, host, daemon)),
  ];
}

function programKey({ kind, namespace }: Daemon): string {
  return `${kind} in ${namespace ?? 'an unknown namespace'}`;
}

function daemonSection(network: Network, host: Host, daemon: Daemon): Section {
  const { namespace } = daemon;
  const needs = [programKey(daemon), ...(namespace === null ? [] : [namespaceKey(namespace)])];
  const lines = linesOf(host, daemon);
  return section(
    host.name,
    namespace ?? 'host',
    daemon.kind,
    lines.map(({ text, meaning, origin }) =>
      statement(meaning, {
        text,
        origin: () => origin,
        about: () => aboutNamespace(network, namespace ?? ''),
        needs,
      }),
    ),
  );
}

function linesOf(host: Host, daemon: Daemon): readonly Line[] {
  switch (daemon.kind) {
    case 'dnsmasq':
      return dnsmasqLines(host, daemon.config, daemon.origin);
    case 'keepalived':
      return keepalivedLines(daemon.config, daemon.origin);
    case 'haproxy':
      return haproxyLines(daemon.config as unknown as HaproxyFile);
    case 'radvd':
      return blockLines(
        printRadvd(daemon.config),
        daemon.config.interfaces[0]?.origin ?? daemon.origin,
      );
  }
}

function plain(text: string, origin: Origin): Line {
  return { text, meaning: text, origin };
}

function dnsmasqLines(host: Host, config: Dnsmasq, origin: Origin): readonly Line[] {
  const { ranges, hosts, options, matches, domain, files } = config;
  return [
    ...ranges.map((each) => plain(`dhcp-range=${writeRange(each)}`, each.origin)),
    ...hosts.map((each) => plain(writeHost(each), each.origin)),
    ...options.map((each) => plain(`${each.force ? 'force ' : ''}${each.text}`, each.origin)),
    ...matches.map((each) => plain(`${each.kind} ${each.set} ${each.text}`, each.origin)),
    ...(domain === null ? [] : [plain(`domain=${domain}`, origin)]),
    plain(`dhcp-lease-max=${config.leaseMax}`, origin),
    plain(`port=${config.dnsPort}`, origin),
    ...(config.enableRa ? [plain('enable-ra', origin)] : []),
    ...files.names.flatMap((path) => namesOf(host, path)),
  ];
}

/** Lines of a file of names for DNS; snapshots keep only the end of its path. */
function namesOf(host: Host, path: string): readonly Line[] {
  for (const [name, source] of host.configs) {
    if (!path.endsWith(`/${name}`)) continue;
    const { file, text } = source();
    return text
      .split('\n')
      .map((line, at) => plain(line.replaceAll(/\s+/g, ' ').trim(), { file, line: at + 1 }))
      .filter((line) => line.text !== '');
  }
  return [];
}

function keepalivedLines(config: Keepalived, origin: Origin): readonly Line[] {
  const ids = config.instances.flatMap(({ virtualRouterId }) => virtualRouterId ?? []);
  const lines = blockLines(
    printKeepalived({ ...config, globals: { ...config.globals, others: [] } }),
    config.instances[0]?.origin ?? origin,
  );
  // Neutron makes the instance's name and the address it shows itself by of the number.
  return lines.map((line) => ({
    ...line,
    meaning: ids.reduce(
      (text, id) =>
        text
          .replaceAll(`VR_${id}`, 'VR')
          .replaceAll(`ha_health_check_${id}`, 'ha_health_check')
          .replaceAll(`ha_check_script_${id}.sh`, 'ha_check_script.sh')
          .replaceAll(`virtual_router_id ${id}`, 'virtual_router_id')
          .replaceAll(`169.254.0.${id}/`, 'virtual-address-of-ha/'),
      line.meaning,
    ),
  }));
}

/** Lines of a file with blocks in braces, each with the blocks it stands in. */
function blockLines(text: string, origin: Origin): readonly Line[] {
  const path: string[] = [];
  const lines: Line[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.trim();
    if (line === '' || line === '{') continue;
    if (/^\};?$/.test(line)) path.pop();
    else if (line.endsWith('{')) path.push(line.slice(0, -1).trim());
    else lines.push(plain([...path, line].join(' / '), origin));
  }
  return lines;
}

/** Lines that say how a program runs, not where connections go. */
const HOUSEKEEPING = new Set(['log', 'log-tag', 'timeout', 'retries', 'maxconn', 'stats']);

function haproxyLines({ sections }: HaproxyFile): readonly Line[] {
  return sections
    .filter(({ kind }) => kind !== 'global')
    .flatMap(({ kind, words, lines }) =>
      lines
        .filter((line) => !HOUSEKEEPING.has(line.words[0] ?? ''))
        .map((line) =>
          plain([[kind, ...words].join(' '), line.words.join(' ')].join(' / '), line.origin),
        ),
    );
}
