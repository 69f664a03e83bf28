#!/usr/bin/env node
/** The command line: reads arguments, calls one command, turns its answer into an exit code. */
import { Command, CommanderError, type Option } from 'commander';
import { addCompile } from './compile-command.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { addExplain } from './explain-command.ts';
import { addReplay } from './replay-command.ts';
import { addScenarios } from './scenarios-command.ts';
import { addTrace } from './trace-command.ts';
import { VERSION } from './version.ts';

/** Builds the command tree; commands load their code only when they run. */
export function program(): Command {
  const root = new Command('hopwise')
    .description(
      "Why can't VM A reach VM B? Traces the real packet path of OpenStack-style clouds.",
    )
    .version(VERSION)
    .showSuggestionAfterError(true)
    .showHelpAfterError('(hopwise --help lists the commands)')
    .exitOverride();
  addTrace(root);
  addReplay(root);
  addCompile(root);
  addExplain(root);
  addScenarios(root);
  for (const command of root.commands) {
    command.exitOverride();
    for (const option of command.options) withEnvironment(option);
  }
  return root;
}

/** Every option may stand in the environment too: `--snapshot` as HOPWISE_SNAPSHOT. */
function withEnvironment(option: Option): void {
  if (option.negate || option.long === undefined) return;
  option.env(`HOPWISE_${option.name().toUpperCase().replaceAll('-', '_')}`);
}

async function main(argv: readonly string[]): Promise<number> {
  try {
    await program().parseAsync([...argv]);
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT.yes;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.yes : EXIT.usage;
    if (error instanceof UsageError) {
      process.stderr.write(`hopwise: ${error.message}\n`);
      return error.exitCode;
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(`hopwise: internal error, please report it with the input:\n${text}\n`);
    return EXIT.bug;
  }
}

// A reader that goes away early (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.yes);
  throw error;
});

/** Settled when the command has answered and the exit code stands. */
export const done: Promise<void> = main(process.argv).then((code) => {
  process.exitCode = code;
});
