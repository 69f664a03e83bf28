/** `hopwise diff A B`: in what two networks are configured differently, host by host. */
import { type Command, Option } from 'commander';
import { jsonText } from '../text/escape.ts';
import { type Comparison } from '../verify/configuration/types.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';
import { addPageOptions, pageOf, type Wishes } from './terminal.ts';

interface DiffFlags extends Wishes {
  readonly host?: readonly string[];
  readonly format: 'tree' | 'json';
  readonly json?: boolean;
  readonly reachability?: boolean;
  readonly frames?: boolean;
  readonly server?: readonly string[];
}

const HELP = `
A and B are one of
  DIR          a snapshot: what the hosts really do
  api:DIR      what the agents would configure for the API objects of that snapshot; its
               guests, hosts outside of the cloud and wires stay as captured
  cloud.yaml   what the agents would configure for that cloud

missing: A has it, B lacks it. extra: B has it, A lacks it. different: both have it, with another
meaning. order: both have it, at places that matter. Counters, cookies, port numbers, local VLANs,
zone and interface numbers, drawn MACs and addresses, and what was learned from traffic do not
count.

With --reachability all packets between all servers of one name, and between them and somebody
outside, are proved in both networks: lost arrives in A only, gained in B only, changed fares
otherwise (its answers, its addresses, who else receives it). With --frames the same is asked of
every frame that a server can put on its wire: forged ones, ARP and neighbour discovery.

Exit codes: 0 no difference, 1 differences, 2 wrong input, 3 none found but not all was compared.`;

/** Adds the command to the tree. */
export function addDiff(root: Command, call: Call): void {
  const command = root
    .command('diff')
    .description('tell in what two networks are configured differently')
    .argument('<a>', 'what is wanted, or was before')
    .argument('<b>', 'what is there, or is now')
    .option('--host <name...>', 'only these hosts')
    .addOption(
      new Option('--format <format>', 'form of the answer')
        .choices(['tree', 'json'])
        .default('tree'),
    )
    .option('--json', 'short for --format json')
    .option('--reachability', 'tell which packets between servers arrive in one only')
    .option('--frames', 'with --reachability: every frame of servers as well, forged ones too')
    .option('--server <name...>', 'with --reachability: only between these servers')
    .addHelpText('after', HELP)
    .action((a: string, b: string, flags: DiffFlags) => run(call, a, b, flags));
  addPageOptions(command);
}

async function run(call: Call, a: string, b: string, flags: DiffFlags): Promise<void> {
  const [{ openSideWord }, { compareNetworks }] = await Promise.all([
    import('./side-word.ts'),
    import('../verify/configuration/compare.ts'),
  ]);
  if (flags.reachability !== true && (flags.frames === true || flags.server !== undefined)) {
    throw new UsageError('--frames and --server go with --reachability');
  }
  const [left, right] = [openSideWord(a), openSideWord(b)];
  if (flags.reachability === true) {
    const { diffReach } = await import('./diff-reach.ts');
    const json = flags.json === true || flags.format === 'json';
    diffReach(call, [left, right], { ...flags, json });
    return;
  }
  for (const host of flags.host ?? []) {
    if (!left.network.hosts.has(host) && !right.network.hosts.has(host)) {
      throw new UsageError(`neither side has a host ${host}`);
    }
  }
  const comparison = compareNetworks(left.network, right.network, flags.host);
  const names = { a: left.name, b: right.name };
  call.io.out.write(await rendered(call, comparison, names, flags));
  call.exitCode = exitCode(comparison);
}

async function rendered(
  call: Call,
  comparison: Comparison,
  names: { readonly a: string; readonly b: string },
  flags: DiffFlags,
): Promise<string> {
  if (flags.json === true || flags.format === 'json') {
    const [{ comparisonJson }, { VERSION }] = await Promise.all([
      import('../verify/configuration/json.ts'),
      import('./version.ts'),
    ]);
    return `${jsonText(comparisonJson(comparison, names, VERSION))}\n`;
  }
  const { comparisonLines } = await import('../verify/configuration/text.ts');
  const page = pageOf(call.io, flags);
  return page.encode(`${comparisonLines(comparison, names, page).join('\n')}\n`);
}

/** What was not compared is no pass. */
function exitCode({ differences, unknown, problems, statements }: Comparison): number {
  if (differences.length > 0) return EXIT.no;
  const complete = unknown.length === 0 && problems.length === 0 && statements > 0;
  return complete ? EXIT.yes : EXIT.unsure;
}
