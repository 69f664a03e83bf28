/**
 * Ends as properties name them: single ones as `hopwise trace` takes them, groups of the file, and
 * selectors of servers by project, network, security group or host.
 */
import { type Endpoint, type Network } from '../../dataplane/network.ts';
import { type NeutronPort } from '../../model/neutron.ts';
import { nearest } from '../../text/suggest.ts';

/** Words in front of a colon that select servers. */
const SELECTORS = ['group', 'project', 'network', 'security-group', 'on'] as const;
type Selector = (typeof SELECTORS)[number];

/** All servers. */
const EVERY_SERVER = '*';

/** Names that `askedQuestion` understands, or what is wrong with the words. */
export interface Ends {
  readonly names: readonly string[];
  readonly wrong: readonly string[];
}

/** The ends behind words; a selector that selects nobody is wrong. */
export function endsOf(
  network: Network,
  groups: ReadonlyMap<string, readonly string[]>,
  words: readonly string[],
): Ends {
  const names = new Set<string>();
  const wrong: string[] = [];
  const open = new Set<string>();
  const add = (word: string): void => {
    const [, selector, value = ''] = /^([a-z-]+):(.*)$/.exec(word) ?? [];
    if (selector === 'group') {
      const list = groups.get(value);
      if (list === undefined || open.has(value)) {
        const hint = didYouMean(value, groups.keys());
        wrong.push(
          list === undefined ? `no group is named ${quoted(value)}${hint}` : `${word} names itself`,
        );
        return;
      }
      open.add(value);
      for (const each of list) add(each);
      open.delete(value);
      return;
    }
    if (word !== EVERY_SERVER && !isSelector(selector)) {
      if (groups.has(word) && network.find(word).length === 0) {
        wrong.push(`nothing is named ${quoted(word)}; did you mean group:${word}?`);
      } else names.add(word);
      return;
    }
    const found = isSelector(selector)
      ? selected(network, selector, value)
      : { servers: serversOf(network), known: [] };
    for (const server of found.servers) names.add(wordOf(network, server));
    if (found.servers.length === 0) {
      wrong.push(`${quoted(word)} selects no server${didYouMean(value, found.known)}`);
    }
  };
  for (const word of words) add(word);
  return { names: [...names], wrong };
}

/** Every server with an address of its own, by the word that names it. */
export function everyServer(network: Network): readonly string[] {
  return [...new Set(serversOf(network).map((server) => wordOf(network, server)))].sort();
}

/** The servers of each project, by its id; servers of which no project is known are left out. */
export function serversByProject(network: Network): ReadonlyMap<string, readonly string[]> {
  const projects = new Map<string, string[]>();
  for (const server of serversOf(network)) {
    const project = server.port?.project ?? '';
    if (project === '') continue;
    const list = projects.get(project) ?? [];
    projects.set(project, list);
    list.push(wordOf(network, server));
  }
  return projects;
}

/** Servers whose port has an address. */
export function serversOf({ endpoints }: Network): readonly Endpoint[] {
  return endpoints.filter(({ role, addresses }) => role === 'vm' && addresses.length > 0);
}

/** Its name; its port's id where several have that name. */
function wordOf({ find }: Network, server: Endpoint): string {
  return find(server.name).length === 1 || server.port === null ? server.name : server.port.id;
}

function isSelector(word: string | undefined): word is Exclude<Selector, 'group'> {
  return word !== 'group' && SELECTORS.some((each) => each === word);
}

function selected(
  network: Network,
  selector: Exclude<Selector, 'group'>,
  value: string,
): { readonly servers: readonly Endpoint[]; readonly known: readonly string[] } {
  const { networks, securityGroups } = network.neutron;
  const servers = serversOf(network);
  const withPort = (of: (port: NeutronPort) => boolean): readonly Endpoint[] =>
    servers.filter(({ port }) => port !== null && of(port));
  switch (selector) {
    case 'project':
      return {
        servers: withPort(({ project }) => isNamed(value, project, project)),
        known: [...new Set(servers.flatMap(({ port }) => port?.project ?? []))],
      };
    case 'network': {
      const ids = idsOf(networks, value);
      return {
        servers: withPort(({ networkId }) => ids.has(networkId)),
        known: networks.map(({ name }) => name),
      };
    }
    case 'security-group': {
      const ids = idsOf(securityGroups, value);
      return {
        servers: withPort((port) => port.securityGroups.some((id) => ids.has(id))),
        known: securityGroups.map(({ name }) => name),
      };
    }
    case 'on':
      return {
        servers: servers.filter(({ host }) => host === value),
        known: [...network.hosts.keys()],
      };
  }
}

function idsOf(
  objects: readonly { readonly id: string; readonly name: string }[],
  value: string,
): ReadonlySet<string> {
  return new Set(objects.filter(({ id, name }) => isNamed(value, id, name)).map(({ id }) => id));
}

function isNamed(value: string, id: string, name: string): boolean {
  return (
    value !== '' && (name === value || id === value || (value.length >= 8 && id.startsWith(value)))
  );
}

function didYouMean(word: string, known: Iterable<string>): string {
  const hint = nearest(word, known);
  return hint === undefined ? '' : `; did you mean ${hint}?`;
}

function quoted(word: string): string {
  return JSON.stringify(word);
}
