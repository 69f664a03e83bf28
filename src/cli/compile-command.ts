/** `hopwise compile CLOUD`: what the agents would configure, as a dump folder. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Command } from 'commander';
import { UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';

interface CompileFlags {
  readonly output?: string;
}

/** Adds the command to the tree. */
export function addCompile(root: Command, call: Call): void {
  root
    .command('compile')
    .description('write what the agents of a cloud would configure, as a dump folder')
    .argument('<cloud>', 'a cloud.yaml, or a snapshot whose API objects are compiled')
    .option('-o, --output <dir>', 'folder to write to; it has to be empty or new')
    .action((path: string, flags: CompileFlags) => run(call, path, flags));
}

async function run({ io }: Call, path: string, flags: CompileFlags): Promise<void> {
  const [{ openCloudOption }, { compileFiles }] = await Promise.all([
    import('./cloud-option.ts'),
    import('../snapshot/read/compiled.ts'),
  ]);
  const cloud = openCloudOption(path);
  const files = compileFiles(cloud);
  const { neutron } = cloud;
  const counts = `${cloud.hosts.length} hosts, ${neutron.networks.length} networks, ${neutron.ports.length} ports`;
  if (flags.output === undefined) {
    io.out.write(`${counts}: ${files.size} files; -o DIR writes them\n`);
    return;
  }
  if (existsSync(flags.output) && readdirSync(flags.output).length > 0) {
    throw new UsageError(`${flags.output} is not empty`);
  }
  for (const [name, text] of files) {
    const file = join(flags.output, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text());
  }
  io.out.write(`${counts}: ${files.size} files in ${flags.output}\n`);
}
