/** `hopwise schema NAME`: the JSON Schema of what a command writes. */
import { Argument, type Command } from 'commander';
import { jsonText } from '../text/escape.ts';
import { type Call } from './io.ts';
import { SCHEMAS } from './schemas.ts';

/** Adds the command to the tree. */
export function addSchema(root: Command, call: Call): void {
  const names = Object.keys(SCHEMAS);
  root
    .command('schema')
    .description('print the JSON Schema of what a command writes with --format json')
    .addArgument(new Argument('<command>', names.join(' or ')).choices(names))
    .action((name: keyof typeof SCHEMAS) => {
      call.io.out.write(`${jsonText(SCHEMAS[name])}\n`);
    });
}
