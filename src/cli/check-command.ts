/** `hopwise check FILE`: properties of a network, as CI asks for them. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Network } from '../dataplane/network.ts';
import { problemLine } from '../text/problem.ts';
import { type Checked } from '../verify/properties/types.ts';
import { type AtFlags, addAtOptions, isAtTime, networkAt } from './at-option.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';
import { type Reporter, readReporters, writeReports } from './reporters.ts';
import { addPageOptions, type Wishes } from './terminal.ts';
import { gathered } from './time-options.ts';

interface CheckFlags extends Wishes, AtFlags {
  readonly snapshot?: string;
  readonly cloud?: string;
  readonly format: Reporter['form'];
  readonly reporter?: string;
  readonly coverage?: boolean;
  readonly property?: number;
  readonly seed?: number;
  readonly change: readonly string[];
  /** Findings whose packets' blockers are told. */
  readonly blockers: number;
}

const NOTES = `
A file of properties:

  groups:
    web: [a1, a3]
  properties:
    - name: the web answers
      from: group:web
      to: a2
      arrives: all        # all, some, none, or only these and nothing else
      tcp: 443            # 22, 80-90, "22,443" or all; also udp: and icmp: true
    - apart: ["project:blue", "project:green"]
    - invariant: no-forged-sources

--reporter writes several reports at once: tree,junit=FILE,sarif=FILE,json=FILE,markdown=FILE,github.
With github the summary of the step is written as well (GITHUB_STEP_SUMMARY).

--property draws changes of the cloud (a rule removed or added, a port moved or disabled, another
segment, a route or floating IP removed) and tells the shortest sequence that breaks a property, with
the commands that show it again.

Where packets that should arrive do not, all that blocks them is told, with the fewest changes found
that let them pass: made in a copy of the network, and proved again there.

Exit codes: 0 all hold, 1 one fails, 2 wrong input, 3 none fails and one is undetermined.`;

/** Adds the command to the tree. */
export function addCheck(root: Command, call: Call): void {
  const command = root
    .command('check')
    .description('check properties of a network for all packets')
    .argument('<file>', 'YAML file of properties')
    .option('-s, --snapshot <dir>', 'dump folder, sos report or archive')
    .option('--cloud <file>', 'a cloud.yaml: what its agents would configure')
    .addOption(
      new Option('--format <format>', 'for people or for other tools')
        .choices(['tree', 'json', 'junit', 'sarif', 'github', 'markdown'])
        .default('tree'),
    )
    .option('--reporter <list>', 'several reports: FORMAT or FORMAT=FILE, separated by commas')
    .addOption(
      new Option('--blockers <findings>', 'for how many findings to tell what blocks their packets')
        .argParser(wholeNumber)
        .default(10),
    )
    .option('--coverage', 'tell which rules the properties exercised')
    .option('--property <runs>', 'with --cloud: check after so many drawn changes', wholeNumber)
    .option('--seed <number>', 'with --property: what is drawn', wholeNumber)
    .option(
      '--change <words>',
      'with --cloud: change it first, once for every change',
      gathered,
      [],
    )
    .addHelpText('after', NOTES)
    .action((file: string, flags: CheckFlags) => run(call, file, flags));
  addPageOptions(addAtOptions(command, 'check'));
}

async function run(call: Call, file: string, flags: CheckFlags): Promise<void> {
  if (!existsSync(file)) throw new UsageError(`there is no file ${file}`);
  const reporters = readReporters(flags.reporter ?? flags.format);
  const [{ openSnapshotOption }, { openSideWord }, { readProperties }, { checkProperties }] =
    await Promise.all([
      import('./snapshot-option.ts'),
      import('./side-word.ts'),
      import('../verify/properties/read.ts'),
      import('../verify/properties/check.ts'),
    ]);
  const { value, problems } = readProperties(file, readFileSync(file, 'utf8'));
  if (problems.length > 0) {
    throw new UsageError(`${file} cannot be read`, ...problems.map(problemLine));
  }
  const cloud = flags.cloud;
  if (cloud === undefined && (flags.property !== undefined || flags.change.length > 0)) {
    throw new UsageError('changes are made to a cloud: name it with --cloud');
  }
  const changed =
    cloud === undefined || flags.change.length === 0 ? null : await changedBy(cloud, flags);
  const present = changed ?? openSnapshotOption(cloud ?? flags.snapshot).network;
  const network = isAtTime(flags) ? await networkAt(present, flags) : present;
  const { CoverageMeter } = await import('../verify/properties/coverage.ts');
  const measured = flags.coverage === true || value.coverage !== null;
  const meter = measured ? new CoverageMeter() : null;
  const open = (word: string): Network | string => {
    try {
      return openSideWord(besides(file, word)).network;
    } catch (error) {
      if (error instanceof UsageError) return error.message;
      throw error;
    }
  };
  const checked = [
    ...checkProperties(network, value, {
      open,
      ...(meter === null ? {} : { overheard: meter.overheard }),
    }),
  ];
  const most = flags.blockers;
  const { explained } = await import('./check-blockers.ts');
  const { checked: told, blocked } = explained(network, cloud ?? flags.snapshot, checked, most);
  const coverage = meter?.report(network) ?? null;
  const gate = value.coverage;
  const missed =
    gate !== null && coverage !== null && coverage.share_percent < gate.atLeast_percent;
  await writeReports(call, reporters, { file, checked: told, coverage, blocked }, flags);
  if (missed) {
    call.io.err.write(
      `hopwise: coverage is ${coverage.share_percent} %, ${gate.atLeast_percent} % are wanted\n`,
    );
  }
  call.exitCode = missed ? EXIT.no : exitCode(checked);
  if (call.exitCode === EXIT.yes && cloud !== undefined && flags.property !== undefined) {
    const { fuzzCommand } = await import('./check-changes.ts');
    const { property: runs, seed } = flags;
    const aside = reporters.some(({ form, file: to }) => to === null && form !== 'tree');
    await fuzzCommand(
      call,
      { file, cloud, runs, seed, aside, before: flags.change, page: flags },
      value,
      open,
    );
  }
}

/** The network of a cloud with changes made to it. */
async function changedBy(path: string, flags: CheckFlags): Promise<Network> {
  const [{ openChanged }, { compileNetworkOf }] = await Promise.all([
    import('./check-changes.ts'),
    import('../snapshot/read/compiled.ts'),
  ]);
  return compileNetworkOf(openChanged(path, flags.change));
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('a whole number is wanted');
  return Number(text);
}

function exitCode(checked: readonly Checked[]): number {
  const some = (holds: Checked['holds']): boolean => checked.some((each) => each.holds === holds);
  if (some('fails')) return EXIT.no;
  return some('unsure') || checked.length === 0 ? EXIT.unsure : EXIT.yes;
}

/** Paths in a file are relative to it. */
function besides(file: string, word: string): string {
  const [, prefix = '', path = word] = /^(api:)?(.*)$/.exec(word) ?? [];
  return `${prefix}${isAbsolute(path) ? path : join(dirname(file), path)}`;
}
