/** The commands and their options as plain data: what completion, the manual and settings go by. */
import { type Command, type Option } from 'commander';

export interface CommandWords {
  readonly name: string;
  readonly description: string;
  /** `<from> <to>`, as the usage line has them. */
  readonly takes: string;
  readonly options: readonly OptionWords[];
  readonly commands: readonly CommandWords[];
}

export interface OptionWords {
  readonly long: string;
  readonly short: string | null;
  /** `--snapshot <dir>` as it is written in the help. */
  readonly flags: string;
  readonly description: string;
  readonly choices: readonly string[];
  /** What stands behind it: a value, a path, or nothing. */
  readonly value: 'none' | 'text' | 'path';
}

/** The tree below a command, in the order of the help. */
export function wordsOf(command: Command): CommandWords {
  const takes = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return {
    name: command.name(),
    description: command.description(),
    takes: takes.join(' '),
    options: command.options.flatMap(optionWords),
    commands: command.commands.map(wordsOf),
  };
}

function optionWords(option: Option): OptionWords[] {
  if (option.long === undefined || option.long === null) return [];
  const takes = option.required || option.optional;
  const isPath = /[<[][^>\]]*(?:dir|file|folder)/.test(option.flags);
  return [
    {
      long: option.long,
      short: option.short ?? null,
      flags: option.flags,
      description: option.description,
      choices: option.argChoices ?? [],
      value: takes ? (isPath ? 'path' : 'text') : 'none',
    },
  ];
}
