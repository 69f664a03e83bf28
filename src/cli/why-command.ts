/** `hopwise why FROM TO`: what blocks a packet, everything behind it, and what was found to help. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Call } from './io.ts';
import { addQuestionOptions, ENDS, type QuestionFlags } from './question-options.ts';
import { addPageOptions, type Wishes } from './terminal.ts';
import { addVerdictOptions, type VerdictFlags } from './verdict-options.ts';

export interface WhyFlags extends Wishes, QuestionFlags, VerdictFlags {
  readonly first?: boolean;
  /** False with `--no-fix`. */
  readonly fix?: boolean;
  readonly effects?: number;
  readonly reply?: boolean;
  readonly connections: 'none' | 'dumped';
  readonly format: 'tree' | 'json';
  readonly json?: boolean;
  readonly verbose?: boolean;
}

const HELP = `${ENDS}

Every change that is offered was made in a copy of the network, and the packet was traced again:
agents are asked what they would configure for the changed objects, and a host whose agent starts
again holds what its agent would configure. What else the change lets pass or stops is proved for
the pairs of servers nearest to the question. Nothing touches a host.

Exit codes: 0 reachable (or as expected), 1 not, 2 wrong input, 3 ambiguous or undetermined.`;

/** Pairs of servers whose packets are proved before and after a change. */
const USUAL_EFFECTS = 6;

/** Adds the command to the tree. */
export function addWhy(root: Command, call: Call): void {
  const command = addQuestionOptions(
    root
      .command('why')
      .description('why a packet does not get there: every blocker, and changes that were tried'),
  )
    .option('--first', 'only the first blocker, not those behind it')
    .option('--no-fix', 'try no changes')
    .option(
      '--effects <pairs>',
      'pairs of servers to prove for what a change does to others',
      count,
      USUAL_EFFECTS,
    )
    .option('--reply', 'show the way of the answer too')
    .addOption(
      new Option('--connections <state>', 'which connections stand before the first packet')
        .choices(['none', 'dumped'])
        .default('none'),
    )
    .addOption(
      new Option('--format <format>', 'form of the answer')
        .choices(['tree', 'json'])
        .default('tree'),
    )
    .option('--json', 'short for --format json')
    .option('-v, --verbose', 'every near miss and every file that is missing')
    .addHelpText('after', HELP)
    .action(async (from: string, to: string, flags: WhyFlags) => {
      const { runWhy } = await import('./why-run.ts');
      await runWhy(call, from, to, flags);
    });
  addPageOptions(addVerdictOptions(command));
}

function count(text: string): number {
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('a number of pairs from 0 to 9999');
  return Number(text);
}
