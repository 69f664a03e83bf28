/** `hopwise check FILE`: properties of a network, as CI asks for them. */
import { existsSync, readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { jsonText } from '../text/escape.ts';
import { problemLine } from '../text/problem.ts';
import { type Checked } from '../verify/properties/types.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';
import { addPageOptions, pageOf, type Wishes } from './terminal.ts';
import { VERSION } from './version.ts';

interface CheckFlags extends Wishes {
  readonly snapshot?: string;
  readonly cloud?: string;
  readonly format: 'tree' | 'json' | 'junit' | 'sarif' | 'github';
}

const NOTES = `
A file of properties:

  properties:
    - name: the web answers
      from: [a1, a3]
      to: a2
      arrives: all        # all, some, none, or only these and nothing else
      tcp: 443            # 22, 80-90, "22,443" or all; also udp: and icmp: true
    - name: tenants are apart
      from: [a1, a2]
      to: [b1]
      arrives: none       # without a protocol: every packet

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
        .choices(['tree', 'json', 'junit', 'sarif', 'github'])
        .default('tree'),
    )
    .addHelpText('after', NOTES)
    .action((file: string, flags: CheckFlags) => run(call, file, flags));
  addPageOptions(command);
}

async function run(call: Call, file: string, flags: CheckFlags): Promise<void> {
  if (!existsSync(file)) throw new UsageError(`there is no file ${file}`);
  const [{ openSnapshotOption }, { readProperties }, { checkProperties }] = await Promise.all([
    import('./snapshot-option.ts'),
    import('../verify/properties/read.ts'),
    import('../verify/properties/check.ts'),
  ]);
  const { value, problems } = readProperties(file, readFileSync(file, 'utf8'));
  if (problems.length > 0) {
    throw new UsageError(`${file} cannot be read`, ...problems.map(problemLine));
  }
  const { network } = openSnapshotOption(flags.cloud ?? flags.snapshot);
  const checked = [...checkProperties(network, value)];
  call.io.out.write(await written(call, file, checked, flags));
  const some = (holds: Checked['holds']): boolean => checked.some((each) => each.holds === holds);
  call.exitCode = some('fails') ? EXIT.no : some('unsure') ? EXIT.unsure : EXIT.yes;
}

async function written(
  call: Call,
  file: string,
  checked: readonly Checked[],
  flags: CheckFlags,
): Promise<string> {
  const { githubLines, junitText, sarifLog } = await import('../verify/properties/reports.ts');
  switch (flags.format) {
    case 'json':
      return `${jsonText({ version: 1, file, checked: checked.map(dataOf) })}\n`;
    case 'junit':
      return junitText(file, checked);
    case 'sarif':
      return `${jsonText(sarifLog(file, checked, VERSION))}\n`;
    case 'github':
      return githubLines(file, checked)
        .map((line) => `${line}\n`)
        .join('');
    case 'tree':
  }
  const { checkedLines } = await import('../verify/properties/text.ts');
  const page = pageOf(call.io, flags);
  return page.encode(`${checkedLines(file, checked, page).join('\n')}\n`);
}

/** One pair as data. */
function dataOf({ property, from, to, holds, because, witness, proof }: Checked): unknown {
  const { name, line, column, claim } = property;
  return { name, line, column, claim, from, to, holds, because, witness, proof };
}
