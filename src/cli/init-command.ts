/** `hopwise init`: a folder's first settings and properties, to be changed by hand. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command } from 'commander';
import { UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';

const CONFIG = `# Usual values of options, for hopwise in this folder and below; hopwise doctor --config tells them.
# snapshot: ./dump
check:
  format: tree
`;

const PROPERTIES = `# What has to hold, whatever else changes: hopwise check properties.yaml
properties:
  - name: the application answers the web tier
    from: a1
    to: a2
    arrives: all
    tcp: 5000
`;

/** Adds the command to the tree. */
export function addInit(root: Command, call: Call): void {
  root
    .command('init')
    .description('write hopwise.config.yaml and properties.yaml to begin with')
    .argument('[folder]', 'where', '.')
    .action((folder: string) => {
      const files = [
        [join(folder, 'hopwise.config.yaml'), CONFIG],
        [join(folder, 'properties.yaml'), PROPERTIES],
      ] as const;
      const there = files.find(([file]) => existsSync(file));
      if (there !== undefined) throw new UsageError(`${there[0]} is there already`);
      try {
        mkdirSync(folder, { recursive: true });
        for (const [file, text] of files) writeFileSync(file, text, { flag: 'wx' });
      } catch (error) {
        throw new UsageError(`cannot write: ${error instanceof Error ? error.message : error}`);
      }
      for (const [file] of files) call.io.out.write(`${file}\n`);
    });
}
