/** `hopwise simulate NETWORK`: lets time go on, things fail, and tells what is lost and why. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Simulated } from '../simulate/simulation.ts';
import { jsonText } from '../text/escape.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';
import { refuseFull } from './new-folder.ts';
import { addPageOptions, pageOf, type Wishes } from './terminal.ts';
import { gathered, timeOf } from './time-options.ts';

interface SimulateFlags extends Wishes {
  readonly event: readonly string[];
  readonly probe: readonly string[];
  readonly until: number;
  readonly seed: number;
  readonly ways: number;
  readonly timeline?: boolean;
  readonly format: 'text' | 'json' | 'html';
  readonly json?: boolean;
  readonly output?: string;
  readonly snapshot?: string;
  readonly cloud?: string;
}

const HELP = `
Events begin with their time: t=5s, t=250ms, t=1min.
  t=5s fail host net1                     t=60s restore host net1
  t=5s isolate host net1                  t=60s heal host net1
  t=5s fail way net1 > net2               nothing gets through in this direction
  t=5s fail link net1:eth1                the carrier of both ends; restore link
  t=5s fail link net1:eth1 in             one direction, the carrier stays; out, as well
  t=5s down net1:ha-0123abcd-ef           ip link set down; up, as well
  t=5s signal KILL keepalived ROUTER@HOST TERM, KILL, KILL-parent, KILL-child, STOP, CONT, HUP
  t=5s lose 100% vrrp in at net1:ha-0123abcd-ef
  t=5s reload ROUTER@HOST priority 150    any statement, as its file would have it
  t=5s reload ROUTER@HOST add virtual_ipaddress_excluded 10.0.0.9/24 dev qr-0123abcd-ef
  t=5s reload ROUTER@HOST with FILE       another keepalived.conf: instances may come and go
  t=5s reload dnsmasq at net1 with DIR    its host and option files there (or of a cloud.yaml);
                                          haproxy, as well; restart dnsmasq reads everything
  t=5s add address 10.0.0.9/24 at net1:eth1   remove address; nobody is told of it
  t=5s script chk fails ROUTER@HOST       t=5s stop agent net1
  t=5s kill PROCESS at net1               ovs-vswitchd, dnsmasq, neutron-openvswitch-agent,
                                          neutron-l3-agent, neutron-dhcp-agent; start, restart
  t=5s renumber net1                      its agent starts anew and draws other local VLANs
  t=5s migrate vm-a to compute2           t=5s move floating-ip 203.0.113.50 to vm-a
A probe is sent again and again: vm-a -> external:8.8.8.8 icmp every 100ms
  It begins anywhere a trace may begin (external:198.51.100.10 -> 203.0.113.50 tcp:22), is icmp,
  tcp:PORT or udp:PORT, and goes by ipv6 where both ends have addresses of both versions.

Times are virtual; the same seed gives the same answer. Where real routers race, every way it may
go is tried out (--ways).

Exit codes: 0 nothing was lost, 1 probes were lost, 2 wrong input, 3 more ways than were tried.`;

/** Adds the command to the tree. */
export function addSimulate(root: Command, call: Call): void {
  const command = root
    .command('simulate')
    .description('let time go on: failures, failovers, what is lost meanwhile and why')
    .argument('[network]', 'a snapshot or a cloud.yaml (default: the bundled demonstration)')
    .option('-s, --snapshot <dir>', 'the same by its name: dump folder, sos report or archive')
    .option('--cloud <file>', 'the same: a cloud.yaml, simulated as its agents would configure it')
    .option('--event <words>', 'what happens, once for every event', gathered, [])
    .option('--probe <words>', 'what is sent all the time, once for every probe', gathered, [])
    .option('--until <time>', 'how long, in virtual time', timeOf, 60_000_000)
    .option('--seed <number>', 'decides the phase of adverts and losses by chance', wholeNumber, 1)
    .option('--ways <number>', 'how many ways of races are tried out', wholeNumber, 16)
    .option('-o, --output <dir>', 'write the state at the end as a snapshot to a new folder')
    .option('--timeline', 'every advert, address and announcement')
    .addOption(
      new Option('--format <format>', 'form of the answer')
        .choices(['text', 'json', 'html'])
        .default('text'),
    )
    .option('--json', 'short for --format json')
    .addHelpText('after', HELP)
    .action((network: string | undefined, flags: SimulateFlags) => run(call, network, flags));
  addPageOptions(command);
}

/** The one network that is named, by whatever option. */
function sourceOf(
  network: string | undefined,
  { snapshot, cloud }: SimulateFlags,
): string | undefined {
  const named = [network, snapshot, cloud].filter((one) => one !== undefined);
  if (named.length > 1) {
    throw new UsageError(`one network is simulated, not ${named.length}: ${named.join(', ')}`);
  }
  if (cloud !== undefined && !/\.ya?ml$/.test(cloud)) {
    throw new UsageError(`--cloud wants a cloud.yaml; ${cloud} goes with --snapshot`);
  }
  return named[0];
}

async function run(call: Call, named: string | undefined, flags: SimulateFlags): Promise<void> {
  const path = sourceOf(named, flags);
  const [{ openSnapshotOption }, { simulate }, { SIMULATION_FILES }] = await Promise.all([
    import('./snapshot-option.ts'),
    import('../simulate/simulation.ts'),
    import('./simulation-files.ts'),
  ]);
  const { network, name, folder } = openSnapshotOption(path);
  const { output } = flags;
  if (output !== undefined) refuseFull(output);
  const { err } = call.io;
  const done = simulate(network, {
    events: flags.event,
    probes: flags.probe,
    until_us: flags.until,
    seed: flags.seed,
    ways: Math.max(1, flags.ways),
    ...SIMULATION_FILES,
    ...(err.isTTY
      ? { progress: (way, now_us) => err.write(`\r  way ${way + 1}, ${now_us / 1e6} s `) }
      : {}),
  });
  if (err.isTTY) err.write('\r\u001b[K');
  if (done.kind === 'wrong') throw new UsageError(...asDetails(done.problems));
  call.io.out.write(await rendered(call, done, name, flags));
  if (output !== undefined && folder !== undefined) {
    const { writeEnds } = await import('./write-ends.ts');
    for (const line of writeEnds(done, { folder, network }, output)) err.write(`${line}\n`);
  }
  call.exitCode = exitCode(done);
}

function asDetails([first = '', ...rest]: readonly string[]): [string, ...string[]] {
  return [first, ...rest];
}

async function rendered(
  call: Call,
  done: Extract<Simulated, { kind: 'simulated' }>,
  name: string,
  flags: SimulateFlags,
): Promise<string> {
  const about = { name, until_us: flags.until, seed: flags.seed };
  if (flags.json === true || flags.format === 'json') {
    const [{ simulationJson }, { VERSION }] = await Promise.all([
      import('../simulate/render/json.ts'),
      import('./version.ts'),
    ]);
    return `${jsonText(simulationJson(done, about, VERSION))}\n`;
  }
  if (flags.format === 'html') {
    const { simulationPage } = await import('../simulate/render/html.ts');
    return simulationPage(done, about);
  }
  const { simulationLines } = await import('../simulate/render/text.ts');
  const page = pageOf(call.io, flags);
  const wishes = { ...about, timeline: flags.timeline ?? false };
  return page.encode(`${simulationLines(done, wishes, page).join('\n')}\n`);
}

function exitCode({ ways, complete }: Extract<Simulated, { kind: 'simulated' }>): number {
  const lost = ways.some(({ probes }) => probes.some(({ sent, received }) => received < sent));
  if (lost) return EXIT.no;
  return complete ? EXIT.yes : EXIT.unsure;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('a whole number is wanted');
  return Number(text);
}
