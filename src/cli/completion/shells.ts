/**
 * Completion scripts made from the tree of commands: no shell asks the program while one types.
 * The words are our own (names of commands and options), never a tenant's.
 */
import { type CommandWords, type OptionWords } from '../command-tree.ts';

/** A script that a shell reads. */
export type ShellScript = (root: CommandWords) => string;

function wordsOf(options: readonly OptionWords[]): string {
  return options.flatMap(({ long, short }) => [long, ...(short === null ? [] : [short])]).join(' ');
}

/** The commands below a command as paths of names: `apply run`. */
function paths(root: CommandWords, above = ''): readonly (readonly [string, CommandWords])[] {
  return root.commands.flatMap((command) => {
    const path = `${above}${command.name}`;
    return [[path, command] as const, ...paths(command, `${path} `)];
  });
}

const BASH: ShellScript = (root) => {
  const cases = paths(root).map(([path, { options, commands }]) => {
    const below = commands.map(({ name }) => name).join(' ');
    return `    '${path}') words='${`${below} ${wordsOf(options)}`.trim()}' ;;`;
  });
  const values = new Map<string, string>();
  for (const [path, { options }] of paths(root)) {
    for (const { long, choices, value } of options) {
      if (choices.length > 0)
        values.set(
          `${path} ${long}`,
          `COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$word"))`,
        );
      else if (value === 'path')
        values.set(`${path} ${long}`, 'COMPREPLY=($(compgen -f -- "$word"))');
      else if (value === 'text') values.set(`${path} ${long}`, 'COMPREPLY=()');
    }
  }
  const ends = [...values].map(([place, reply]) => `    '${place}') ${reply}; return ;;`);
  return `# hopwise completion for bash: eval "$(hopwise completion bash)"
_hopwise() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command='' words='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in
      -*) ;;
      *) case "$command \${COMP_WORDS[i]}" in
${paths(root)
  .map(([path]) => `        ' ${path}'|'${path}') command='${path}' ;;`)
  .join('\n')}
      esac ;;
    esac
  done
  case "$command $before" in
${ends.join('\n')}
  esac
  case "$command" in
    '') words='${root.commands.map(({ name }) => name).join(' ')} ${wordsOf(root.options)}' ;;
${cases.join('\n')}
  esac
  if [[ "$word" == -* || -z "$command" ]]; then COMPREPLY=($(compgen -W "$words" -- "$word"))
  else COMPREPLY=($(compgen -W "$words" -- "$word") $(compgen -f -- "$word")); fi
}
complete -o filenames -F _hopwise hopwise
`;
};

/** Text between single quotes of zsh and fish. */
function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "'\\''")}'`;
}

const ZSH: ShellScript = (root) => {
  const listed = (command: CommandWords): string =>
    command.commands
      .map(({ name, description }) => quoted(`${name.replaceAll(':', '\\:')}:${description}`))
      .join(' ');
  const cases = root.commands.map((command) => {
    const options = command.options.map(({ long, description, choices, value }) => {
      const told = description.replaceAll(/[[\]:]/g, ' ');
      const behind =
        choices.length > 0
          ? `:value:(${choices.join(' ')})`
          : value === 'path'
            ? ':file:_files'
            : value === 'text'
              ? ':value: '
              : '';
      return quoted(`${long}[${told}]${behind}`);
    });
    const below =
      command.commands.length === 0
        ? "'*:file:_files'"
        : `"1:command:((${command.commands.map(({ name }) => name).join(' ')}))"`;
    return `    ${command.name}) _arguments ${[...options, below].join(' ')} ;;`;
  });
  return `#compdef hopwise
# hopwise completion for zsh: hopwise completion zsh > "\${fpath[1]}/_hopwise"
_hopwise() {
  local -a commands=(${listed(root)})
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  local command="\${words[2]}"
  shift words; (( CURRENT-- ))
  case "$command" in
${cases.join('\n')}
  esac
}
if [ "$funcstack[1]" = _hopwise ]; then _hopwise; else compdef _hopwise hopwise; fi
`;
};

const FISH: ShellScript = (root) => {
  const lines = paths(root).flatMap(([path, { name, description, options }]) => {
    const above = path.split(' ').slice(0, -1);
    const when =
      above.length === 0
        ? '__fish_use_subcommand'
        : `__fish_seen_subcommand_from ${above.join(' ')}`;
    const own = `__fish_seen_subcommand_from ${name}`;
    return [
      `complete -c hopwise -f -n '${when}' -a ${name} -d ${quoted(description)}`,
      ...options.map(({ long, short, description: told, choices, value }) => {
        const parts = [`complete -c hopwise -n '${own}' -l ${long.slice(2)}`];
        if (short !== null) parts.push(`-s ${short.slice(1)}`);
        if (choices.length > 0) parts.push(`-x -a '${choices.join(' ')}'`);
        else if (value === 'path') parts.push('-r -F');
        else if (value === 'text') parts.push('-x');
        return `${parts.join(' ')} -d ${quoted(told)}`;
      }),
    ];
  });
  return `# hopwise completion for fish: hopwise completion fish > ~/.config/fish/completions/hopwise.fish\n${lines.join('\n')}\n`;
};

/** The shells by their names. */
export const SHELLS = { bash: BASH, zsh: ZSH, fish: FISH } as const;
