/** Processes of a whole host: the switch's daemon and Neutron's agents, killed and started. */
import { type EventRow, type Play, type Understood, understood, unknown, wrong } from './types.ts';

/** How long systemd and ovsdb need until a restarted switch is there again. */
const SWITCH_RESTART_US = 1_000_000;

/** What becomes of a process, by its name. */
interface Daemon {
  readonly name: string;
  /** Whether the host runs it. */
  readonly runs: (play: Play, host: string) => boolean;
  readonly kill: (play: Play, host: string) => void;
  readonly start: (play: Play, host: string) => void;
  readonly restart: (play: Play, host: string) => void;
}

const DAEMONS: readonly Daemon[] = [
  {
    name: 'ovs-vswitchd',
    runs: ({ stage }, host) => (stage.network.hosts.get(host)?.switch ?? null) !== null,
    kill: ({ agents }, host) => agents.killSwitch(host),
    start: ({ agents }, host) => agents.startSwitch(host),
    restart: ({ agents, clock }, host) => {
      agents.killSwitch(host);
      clock.after(SWITCH_RESTART_US, () => agents.startSwitch(host));
    },
  },
  {
    // What it has configured stays when it ends; what it would do from then on waits.
    name: 'neutron-openvswitch-agent',
    runs: ({ stage }, host) => (stage.network.hosts.get(host)?.switch ?? null) !== null,
    kill: ({ agents }, host) => agents.killLayer2(host),
    start: ({ agents }, host) => agents.startLayer2(host),
    restart: ({ agents }, host) => {
      agents.killLayer2(host);
      agents.startLayer2(host);
    },
  },
  {
    // keepalived, dnsmasq and haproxy are no children of the agents: they go on.
    name: 'neutron-l3-agent',
    runs: ({ stage }, host) =>
      [...(stage.network.hosts.get(host)?.namespaces.keys() ?? [])].some((name) =>
        name.startsWith('qrouter-'),
      ),
    kill: ({ vrrp }, host) => void vrrp.deadAgents.add(host),
    start: ({ vrrp }, host) => void vrrp.deadAgents.delete(host),
    restart: ({ vrrp }, host) => void vrrp.deadAgents.delete(host),
  },
  {
    name: 'dnsmasq',
    runs: ({ leases }, host) => leases.serves(host),
    kill: ({ leases }, host) => leases.kill(host),
    start: ({ leases }, host) => leases.start(host),
    restart: ({ leases }, host) => leases.start(host),
  },
  {
    name: 'neutron-dhcp-agent',
    runs: ({ leases }, host) => leases.serves(host),
    kill: ({ leases }, host) => void leases.deadAgents.add(host),
    start: ({ leases }, host) => startDhcpAgent(leases, host),
    restart: ({ leases }, host) => startDhcpAgent(leases, host),
  },
];

/** At its start the agent starts whatever of its processes is missing. */
function startDhcpAgent({ deadAgents, deadServers }: Play['leases'], host: string): void {
  deadAgents.delete(host);
  deadServers.delete(host);
}

export const DAEMON_EVENTS: readonly EventRow[] = [
  {
    begins: ['kill'],
    usage: 'kill PROCESS at HOST',
    read: (words, play) => withDaemon(words, play, (daemon) => daemon.kill),
  },
  {
    begins: ['start'],
    usage: 'start PROCESS at HOST',
    read: (words, play) => withDaemon(words, play, (daemon) => daemon.start),
  },
  {
    begins: ['restart'],
    usage: 'restart PROCESS at HOST',
    read: (words, play) => withDaemon(words, play, (daemon) => daemon.restart),
  },
  {
    begins: ['renumber'],
    usage: 'renumber HOST',
    read: readRenumber,
  },
];

/** The layer 2 agent starts again and draws new local VLANs. */
function readRenumber(
  [host = '', ...more]: readonly string[],
  { stage, agents }: Play,
): Understood {
  if (more.length > 0) return wrong('one host is wanted');
  if ((stage.network.hosts.get(host)?.switch ?? null) === null) {
    return unknown('host with Open vSwitch', host, hostsWith(stage.network));
  }
  if (agents.wanted.cloud === null) {
    return wrong("without Neutron's API nobody knows what agents would do");
  }
  return understood((play) => play.agents.renumber(host));
}

function hostsWith({ hosts }: Play['stage']['network']): readonly string[] {
  return [...hosts.values()].filter((one) => one.switch !== null).map(({ name }) => name);
}

function withDaemon(
  [name = '', at, host = '', ...more]: readonly string[],
  play: Play,
  what: (daemon: Daemon) => Daemon['kill'],
): Understood {
  const daemon = DAEMONS.find((one) => one.name === name);
  if (daemon === undefined) {
    return unknown(
      'process',
      name,
      DAEMONS.map((one) => one.name),
    );
  }
  if (at !== 'at' || more.length > 0) return wrong('`at HOST` is wanted');
  const { hosts } = play.stage.network;
  if (!hosts.has(host)) return unknown('host', host, hosts.keys());
  if (!daemon.runs(play, host)) return wrong(`there is no ${name} at ${host}`);
  return understood((now) => what(daemon)(now, host));
}
