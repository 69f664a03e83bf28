/** `hopwise completion SHELL` and `hopwise man`: the tree of commands for shells and readers. */
import { Argument, type Command } from 'commander';
import { wordsOf } from './command-tree.ts';
import { type Call } from './io.ts';
import { VERSION } from './version.ts';

/** Adds both commands to the tree. */
export function addShellCommands(root: Command, call: Call): void {
  root
    .command('completion')
    .description('print a completion script: eval "$(hopwise completion bash)"')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { SHELLS } = await import('./completion/shells.ts');
      call.io.out.write(SHELLS[shell](wordsOf(root)));
    });
  root
    .command('man')
    .description('print the manual page: hopwise man | man -l -')
    .action(async () => {
      const { manualPage } = await import('./completion/manual.ts');
      call.io.out.write(manualPage(wordsOf(root), VERSION));
    });
}
