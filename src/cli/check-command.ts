/** `hopwise check FILE`: properties of a network, as CI asks for them. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { type Command, Option } from 'commander';
import { type Network } from '../dataplane/network.ts';
import { problemLine } from '../text/problem.ts';
import { type Checked } from '../verify/properties/types.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';
import { type Reporter, readReporters, writeReports } from './reporters.ts';
import { addPageOptions, type Wishes } from './terminal.ts';

interface CheckFlags extends Wishes {
  readonly snapshot?: string;
  readonly cloud?: string;
  readonly format: Reporter['form'];
  readonly reporter?: string;
  readonly coverage?: boolean;
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
    .option('--coverage', 'tell which rules the properties exercised')
    .addHelpText('after', NOTES)
    .action((file: string, flags: CheckFlags) => run(call, file, flags));
  addPageOptions(command);
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
  const { network } = openSnapshotOption(flags.cloud ?? flags.snapshot);
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
  const coverage = meter?.report(network) ?? null;
  const gate = value.coverage;
  const missed =
    gate !== null && coverage !== null && coverage.share_percent < gate.atLeast_percent;
  await writeReports(call, reporters, { file, checked, coverage }, flags);
  if (missed) {
    call.io.err.write(
      `hopwise: coverage is ${coverage.share_percent} %, ${gate.atLeast_percent} % are wanted\n`,
    );
  }
  call.exitCode = missed ? EXIT.no : exitCode(checked);
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
