/** `hopwise snapshot anonymize DIR -o OUT`: a snapshot that can be shown to others. */
import { createHmac, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Command } from 'commander';
import { forTerminal } from '../text/escape.ts';
import { UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';

interface Flags {
  readonly output: string;
  readonly secret?: string;
}

const NOTES = `
Names, MACs, IP addresses and ids get pseudonyms, the same ones in all files, in paths and in names
of devices and chains; prefixes hold what they held before, and traces answer as before. Passwords
and keys are left out. Names of physical networks, bridges and NICs stay, and so do settings.

Without --secret the pseudonyms are new each time, and nobody can tell who is who. With the same
secret they are the same again; who has it and the addresses can find them out.

Exit codes: 0 written, 2 wrong input.`;

/** Adds the command to the tree. */
export function addSnapshot(root: Command, call: Call): void {
  const snapshot = root.command('snapshot').description('work on dump folders');
  snapshot
    .command('anonymize')
    .description('write a copy of a dump folder with pseudonyms')
    .argument('<snapshot>', 'a dump folder or an archive of one')
    .requiredOption('-o, --output <dir>', 'folder to write to; it has to be empty or new')
    .option('--secret <file>', 'the pseudonyms follow from what this file holds')
    .addHelpText('after', NOTES)
    .exitOverride()
    .action((path: string, flags: Flags) => run(call, path, flags));
}

async function run(call: Call, path: string, { output, secret }: Flags): Promise<void> {
  const [{ openFolder }, { anonymized }] = await Promise.all([
    import('../snapshot/collect/folder.ts'),
    import('../snapshot/anonymize/anonymize.ts'),
  ]);
  if (!existsSync(path)) throw new UsageError(`there is no snapshot at ${path}`);
  if (existsSync(output) && readdirSync(output).length > 0)
    throw new UsageError(`${output} is not empty`);
  if (secret !== undefined && !existsSync(secret))
    throw new UsageError(`there is no file ${secret}`);
  const key = secret === undefined ? randomBytes(32) : readFileSync(secret);
  if (key.length < 8) throw new UsageError('a secret has at least eight bytes');
  const folder = openFolder(path);
  const decoder = new TextDecoder();
  const files = new Map(folder.list().map((name) => [name, decoder.decode(folder.read(name))]));
  const made = anonymized(files, (text) => createHmac('sha256', key).update(text).digest('hex'));
  mkdirSync(output, { recursive: true });
  for (const [name, text] of made.files) {
    // Paths come from the snapshot itself; none leads out of the folder.
    if (name.split('/').includes('..') || name.startsWith('/')) continue;
    const file = join(output, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  for (const name of made.left)
    call.io.err.write(`left out, as it is no text: ${forTerminal(name)}\n`);
  call.io.out.write(`${made.files.size} files written\n`);
}
