/** `hopwise schema NAME`: the JSON Schema of what a command writes, or of what it reads. */
import { Argument, type Command } from 'commander';
import { jsonText } from '../text/escape.ts';
import { type Call } from './io.ts';
import { SCHEMAS } from './schemas.ts';

/** Adds the command to the tree. */
export function addSchema(root: Command, call: Call): void {
  const names = [...Object.keys(SCHEMAS), 'cloud', 'scenario', 'properties'];
  root
    .command('schema')
    .description(
      'print the JSON Schema of what a command writes with --format json, of cloud.yaml, expect.yaml or a file of properties',
    )
    .addArgument(new Argument('<name>', names.join(' or ')).choices(names))
    .action(async (name: string) => {
      const { INPUT_SCHEMAS } = await import('./input-schemas.ts');
      const schema = Object.entries({ ...SCHEMAS, ...INPUT_SCHEMAS }).find(
        ([each]) => each === name,
      );
      call.io.out.write(`${jsonText(schema?.[1])}\n`);
    });
}
