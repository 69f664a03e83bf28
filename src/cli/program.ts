/** The tree of commands, and how a call of one becomes an exit code. */
import { Command, CommanderError, InvalidArgumentError, type Option } from 'commander';
import { addSnapshot } from './anonymize-command.ts';
import { addApply } from './apply-command.ts';
import { addCheck } from './check-command.ts';
import { addCollect } from './collect-command.ts';
import { wordsOf } from './command-tree.ts';
import { addCompile } from './compile-command.ts';
import { configFiles, settingsFor } from './config.ts';
import { addDiff } from './diff-command.ts';
import { addDoctor } from './doctor-command.ts';
import { APPLY_EXIT, EXIT, UsageError } from './exit-codes.ts';
import { addExplain } from './explain-command.ts';
import { addInit } from './init-command.ts';
import { type Call, type Io } from './io.ts';
import { addLocate } from './locate-command.ts';
import { addProve } from './prove-command.ts';
import { addReplay } from './replay-command.ts';
import { addScenarios } from './scenarios-command.ts';
import { addSchema } from './schema-command.ts';
import { addServe } from './serve-command.ts';
import { addShellCommands } from './shell-commands.ts';
import { addShow } from './show-command.ts';
import { addSimulate } from './simulate-command.ts';
import { addTrace } from './trace-command.ts';
import { addVerifyCertificate } from './verify-certificate-command.ts';
import { VERSION } from './version.ts';
import { addWhy } from './why-command.ts';

/** Runs one call of the command line; `words` are those behind the program's name. */
export async function run(words: readonly string[], io: Io): Promise<number> {
  const call: Call = { io, exitCode: EXIT.yes };
  // The codes of apply are those of terraform, where 2 tells of changes.
  const usage = words[0] === 'apply' ? APPLY_EXIT.wrong : EXIT.usage;
  try {
    await program(call).parseAsync([...words], { from: 'user' });
    return call.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.yes : usage;
    if (error instanceof UsageError) {
      io.err.write(`hopwise: ${error.message}\n`);
      return usage;
    }
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    io.err.write(`hopwise: internal error, please report it with the input:\n${text}\n`);
    return EXIT.bug;
  }
}

/** Builds the command tree; commands load their code only when they run. */
function program(call: Call): Command {
  const { out, err } = call.io;
  const root = new Command('hopwise')
    .description(
      "Why can't VM A reach VM B? Traces the real packet path of OpenStack-style clouds.",
    )
    .version(VERSION)
    .showSuggestionAfterError(true)
    .showHelpAfterError('(hopwise --help lists the commands)')
    .configureHelp({ optionDescription: described })
    .configureOutput({
      writeOut: (text) => out.write(text),
      writeErr: (text) => err.write(text),
      getOutHelpWidth: () => out.columns ?? HELP_WIDTH,
      getErrHelpWidth: () => err.columns ?? HELP_WIDTH,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText(
      'after',
      '\nEvery option may stand in the environment: --snapshot as HOPWISE_SNAPSHOT.',
    )
    .exitOverride();
  addTrace(root, call);
  addWhy(root, call);
  addLocate(root, call);
  addProve(root, call);
  addVerifyCertificate(root, call);
  addCheck(root, call);
  addReplay(root, call);
  addCollect(root, call);
  addSnapshot(root, call);
  addApply(root, call);
  addCompile(root, call);
  addDiff(root, call);
  addSimulate(root, call);
  addServe(root, call);
  addShow(root, call);
  addExplain(root, call);
  addScenarios(root, call);
  addSchema(root, call);
  for (const command of root.commands) command.exitOverride();
  addShellCommands(root, call);
  addDoctor(root, call);
  addInit(root, call);
  return root.hook('preAction', async (_root, command) => {
    for (const option of command.options) readEnvironment(command, option, call.io);
    const files = configFiles(call.io.environment, process.cwd());
    if (files.length > 0) await readConfig(root, command, files);
  });
}

/** What files say of options that neither the command line nor the environment gives. */
async function readConfig(
  root: Command,
  command: Command,
  files: readonly string[],
): Promise<void> {
  const settings = await settingsFor(files, wordsOf(root), wordsOf(command));
  for (const option of command.options) {
    const setting = settings.get(option.long?.slice(2) ?? '');
    const key = option.attributeName();
    const source = command.getOptionValueSource(key);
    if (setting === undefined || (source !== undefined && source !== 'default')) continue;
    const { value, place } = setting;
    const read = typeof value === 'string' ? valueOf(option, place, value) : value;
    command.setOptionValueWithSource(key, read, 'config');
  }
}

const HELP_WIDTH = 100;

/** A description with its choices and its usual value. */
function described({
  description,
  argChoices,
  defaultValue,
  defaultValueDescription,
}: Option): string {
  const choices = argChoices === undefined ? [] : [argChoices.join(' or ')];
  const usual = defaultValueDescription ?? (typeof defaultValue === 'string' ? defaultValue : null);
  const notes = [...choices, ...(usual === null ? [] : [`default: ${usual}`])];
  return notes.length === 0 ? description : `${description} (${notes.join(', ')})`;
}

/** `--snapshot` may stand in the environment as HOPWISE_SNAPSHOT; the command line wins. */
function readEnvironment(command: Command, option: Option, { environment }: Io): void {
  const key = option.attributeName();
  const source = command.getOptionValueSource(key);
  const name = `HOPWISE_${option.name().toUpperCase().replaceAll('-', '_')}`;
  const text = environment[name] ?? '';
  if (option.negate || text === '' || (source !== undefined && source !== 'default')) return;
  const value = option.required ? valueOf(option, name, text) : !/^(0|false|no|off)$/i.test(text);
  command.setOptionValueWithSource(key, value, 'env');
}

function valueOf({ variadic, parseArg }: Option, name: string, text: string): unknown {
  const words = variadic ? text.split(/\s+/) : [text];
  try {
    const values = words.map((word) => parseArg?.(word, undefined) ?? word);
    return variadic ? values : values[0];
  } catch (error) {
    if (error instanceof InvalidArgumentError) throw new UsageError(`${name}: ${error.message}`);
    throw error;
  }
}
