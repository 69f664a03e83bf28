/** `hopwise collect INVENTORY -o DIR`: reads live hosts into a dump folder. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { type HostResult } from '../snapshot/collect/gather.ts';
import { type Inventory } from '../snapshot/collect/inventory.ts';
import { forTerminal, jsonText } from '../text/escape.ts';
import { type Parsed, problemLine } from '../text/problem.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';

interface CollectFlags {
  readonly output?: string;
  readonly helper?: boolean;
  readonly host?: readonly string[];
  readonly parallel: number;
  readonly timeout: number;
  readonly json?: boolean;
}

const NOTES = `
An inventory says how each host is reached:
  hosts:
    - {name: compute1, ssh: root@10.0.0.31}
    - {name: compute2, ssh: ops@10.0.0.32, port: 2222, identity: ~/.ssh/ops, sudo: true}
    - {name: compute3, ssh: ops@10.0.0.33, sudo: /usr/libexec/hopwise-collect}
    - {name: lab, netns: lab}
    - {name: here, local: true}
ssh is OpenSSH: its keys, agents, jump hosts and known_hosts count, and unknown host keys are
refused. \`sudo: true\` asks for a root shell; with a path it runs this program alone, which
\`hopwise collect --helper\` prints, and for which sudoers needs one line:
  ops ALL=(root) NOPASSWD: /usr/libexec/hopwise-collect ""
Such a host can be read and not be changed. Nothing is changed on a host. Passwords and keys in files are left out.

Exit codes: 0 all hosts were read, 1 some were not, 2 wrong input.`;

/** Adds the command to the tree. */
export function addCollect(root: Command, call: Call): void {
  root
    .command('collect')
    .description('read live hosts into a dump folder')
    .argument('[inventory]', 'a file that says how the hosts are reached')
    .option('-o, --output <dir>', 'folder to write to; it has to be empty or new')
    .option('--helper', 'print the program that sudoers may list, and read nothing')
    .option('--host <name...>', 'only these hosts')
    .option('--parallel <n>', 'hosts that are read at one time', countOf, 16)
    .option('--timeout <seconds>', 'for one host', countOf, 60)
    .option('--json', 'the result of each host as data')
    .addHelpText('after', NOTES)
    .action((path: string | undefined, flags: CollectFlags) => run(call, path, flags));
}

/** Reads an inventory; any problem ends the command. */
export function openInventory(
  path: string,
  read: (file: string, text: string) => Parsed<Inventory | null>,
): Inventory {
  if (!existsSync(path)) throw new UsageError(`there is no inventory at ${path}`);
  const { value, problems } = read(path, readFileSync(path, 'utf8'));
  if (value !== null) return value;
  throw new UsageError(`${path} is no inventory`, ...problems.slice(0, 20).map(problemLine));
}

/** The hosts of an inventory that were asked for. */
export function chosenHosts(
  { hosts }: Inventory,
  names: readonly string[] | undefined,
): Inventory['hosts'] {
  for (const name of names ?? []) {
    if (!hosts.some((host) => host.name === name)) {
      throw new UsageError(`the inventory has no host ${name}`);
    }
  }
  return names === undefined ? hosts : hosts.filter(({ name }) => names.includes(name));
}

async function run(call: Call, path: string | undefined, flags: CollectFlags): Promise<void> {
  const { io } = call;
  const [{ readInventory }, { gather, openConnections }] = await Promise.all([
    import('../snapshot/collect/inventory.ts'),
    import('../snapshot/collect/gather.ts'),
  ]);
  if (flags.helper === true) {
    const { helperProgram } = await import('../snapshot/collect/host-script.ts');
    io.out.write(helperProgram());
    return;
  }
  const { output } = flags;
  if (path === undefined || output === undefined)
    throw new UsageError('hopwise collect INVENTORY -o DIR, or hopwise collect --helper');
  const inventory = openInventory(path, readInventory);
  const hosts = chosenHosts(inventory, flags.host);
  if (existsSync(output) && readdirSync(output).length > 0) {
    throw new UsageError(`${output} is not empty`);
  }
  const connections = openConnections(inventory);
  try {
    const { files, results } = await gather(hosts, connections, {
      parallel: flags.parallel,
      timeout_ms: flags.timeout * 1000,
      progress: (done, all, last) => {
        if (io.err.isTTY)
          io.err.write(`\r${done} of ${all} hosts, ${forTerminal(last.host)}\u001b[K`);
      },
    });
    if (io.err.isTTY) io.err.write('\n');
    for (const [name, text] of files) {
      const file = join(output, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    mkdirSync(output, { recursive: true });
    const told = { version: 1, hosts: results };
    writeFileSync(join(output, 'collect.json'), `${jsonText(told)}\n`);
    if (flags.json === true) io.out.write(`${jsonText(told)}\n`);
    else io.out.write(results.map(resultLine).join(''));
    if (results.some(({ error }) => error !== null)) call.exitCode = EXIT.no;
  } finally {
    await connections.close();
  }
}

/** Clocks that differ by less than this tell nothing. */
const SKEW_S = 1;

function resultLine({
  host,
  error,
  files,
  bytes,
  took_ms,
  skew_s,
  uncertain_s,
}: HostResult): string {
  const name = forTerminal(host);
  if (error !== null) return `✗ ${name}  ${forTerminal(error)}\n`;
  const off = Math.max(0, Math.abs(skew_s ?? 0) - (uncertain_s ?? 0));
  const skew = off < SKEW_S ? '' : `, its clock is off by ${(skew_s ?? 0).toFixed(1)} s`;
  return `✓ ${name}  ${files} files, ${Math.ceil(bytes / 1024)} KiB, ${took_ms} ms${skew}\n`;
}

function countOf(word: string): number {
  if (/^[1-9]\d{0,5}$/.test(word)) return Number(word);
  throw new InvalidArgumentError(`${JSON.stringify(word)} is no number from 1`);
}
