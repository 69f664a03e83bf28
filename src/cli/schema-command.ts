/** `hopwise schema NAME`: the JSON Schema of what a command writes, or of what it reads. */
import { Argument, type Command } from 'commander';
import { jsonText } from '../text/escape.ts';
import { type INPUT_SCHEMAS } from './input-schemas.ts';
import { type Call } from './io.ts';
import { type SCHEMAS } from './schemas.ts';

/** The names alone: the schemas stand beside the code of their commands, which `--help` needs not. */
const NAMES: Readonly<Record<keyof typeof SCHEMAS | keyof typeof INPUT_SCHEMAS, true>> = {
  trace: true,
  replay: true,
  why: true,
  locate: true,
  diff: true,
  topology: true,
  simulate: true,
  prove: true,
  'prove-all': true,
  check: true,
  reachability: true,
  'apply-plan': true,
  cloud: true,
  scenario: true,
  properties: true,
};

/** Adds the command to the tree. */
export function addSchema(root: Command, call: Call): void {
  const names = Object.keys(NAMES);
  root
    .command('schema')
    .description(
      'print the JSON Schema of what a command writes with --format json, of cloud.yaml, expect.yaml or a file of properties',
    )
    .addArgument(new Argument('<name>', names.join(' or ')).choices(names))
    .action(async (name: string) => {
      const [{ SCHEMAS }, { INPUT_SCHEMAS }] = await Promise.all([
        import('./schemas.ts'),
        import('./input-schemas.ts'),
      ]);
      const schema = Object.entries({ ...SCHEMAS, ...INPUT_SCHEMAS }).find(
        ([each]) => each === name,
      );
      call.io.out.write(`${jsonText(schema?.[1])}\n`);
    });
}
