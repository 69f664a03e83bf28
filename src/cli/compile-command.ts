/** `hopwise compile CLOUD`: what the agents would configure, as a dump folder. */
import { type Command } from 'commander';
import { type Call } from './io.ts';
import { refuseFull, writeFiles } from './new-folder.ts';

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
  const [{ openCloudOption }, { compileInPieces }] = await Promise.all([
    import('./cloud-option.ts'),
    import('../snapshot/read/compiled.ts'),
  ]);
  const cloud = openCloudOption(path);
  const { neutron } = cloud;
  const counts = `${cloud.hosts.length} hosts, ${neutron.networks.length} networks, ${neutron.ports.length} ports`;
  const { output } = flags;
  if (output !== undefined) refuseFull(output);
  let written = 0;
  for (const files of compileInPieces(cloud)) {
    written += files.size;
    if (output !== undefined) writeFiles(output, files);
  }
  const where = output === undefined ? 'files; -o DIR writes them' : `files in ${output}`;
  io.out.write(`${counts}: ${written} ${where}\n`);
}
