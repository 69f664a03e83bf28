/** The manual page, man(7): made from the same tree of commands as the help. */
import { type CommandWords } from '../command-tree.ts';

/** Text of a roff line: a backslash begins an escape, a dot or a quote at its start a request. */
function roff(text: string): string {
  const escaped = text.replaceAll('\\', '\\e').replaceAll('-', '\\-');
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

/** The page hopwise(1). */
export function manualPage(root: CommandWords, version: string): string {
  return `${[
    `.TH HOPWISE 1 "" "hopwise ${roff(version)}" "User Commands"`,
    '.SH NAME',
    `hopwise \\- ${roff(root.description)}`,
    '.SH SYNOPSIS',
    '.B hopwise',
    '.I command',
    '[options]',
    '.SH COMMANDS',
    ...root.commands.flatMap((command) => commandLines(command, '')),
    '.SH EXIT STATUS',
    '0 the asked thing holds, 1 it does not, 2 wrong input, 3 ambiguous or undetermined, 70 a bug.',
    '.SH ENVIRONMENT',
    'Every option may stand in the environment: \\-\\-snapshot as HOPWISE_SNAPSHOT.',
    '.SH FILES',
    'hopwise.config.yaml here or above, then $XDG_CONFIG_HOME/hopwise/config.yaml: usual values of options.',
  ].join('\n')}\n`;
}

function commandLines(command: CommandWords, above: string): readonly string[] {
  const name = `${above}${command.name}`;
  const usage = [name, command.takes].filter((part) => part !== '').join(' ');
  return [
    `.SS ${roff(usage)}`,
    roff(command.description),
    ...command.options.flatMap(({ flags, description, choices }) => [
      '.TP',
      `.B ${roff(flags)}`,
      roff(choices.length === 0 ? description : `${description} (${choices.join(', ')})`),
    ]),
    ...command.commands.flatMap((one) => commandLines(one, `${name} `)),
  ];
}
