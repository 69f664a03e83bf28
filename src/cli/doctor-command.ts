/** `hopwise doctor`: what this machine has for hopwise, and which settings count from where. */
import { spawnSync } from 'node:child_process';
import { type Command } from 'commander';
import { forTerminal } from '../text/escape.ts';
import { wordsOf } from './command-tree.ts';
import { configFiles, settingsFor } from './config.ts';
import { EXIT } from './exit-codes.ts';
import { type Call } from './io.ts';
import { addPageOptions, pageOf, type Wishes } from './terminal.ts';

interface DoctorFlags extends Wishes {
  readonly config?: boolean;
}

/** Programs that some commands use, and what for; none is needed to trace a snapshot. */
const PROGRAMS = [
  ['ssh', ['-V'], 'collect and apply reach hosts with it'],
  ['ovs-ofctl', ['--version'], 'collect and apply on this host'],
  ['iptables-save', ['--version'], 'collect and apply on this host'],
  ['ip', ['-V'], 'collect and apply on this host'],
  ['wireshark', ['--version'], 'shows what trace --pcap writes'],
  ['dot', ['-V'], 'draws what trace --format dot writes'],
] as const;

const OLDEST_NODE = [20, 19] as const;

/** Adds the command to the tree. */
export function addDoctor(root: Command, call: Call): void {
  const command = root
    .command('doctor')
    .description('say what this machine has for hopwise, and what is wrong with it')
    .option('--config', 'which options have values from files, and from which');
  addPageOptions(command).action((flags: DoctorFlags) =>
    flags.config === true ? tellConfig(root, call, flags) : examine(call, flags),
  );
}

async function examine(call: Call, flags: DoctorFlags): Promise<void> {
  const page = pageOf(call.io, flags);
  const line = (mark: 'good' | 'bad' | 'dim', sign: string, text: string): void => {
    call.io.out.write(page.encode(`${page.style(mark, sign)} ${forTerminal(text)}\n`));
  };
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const recent = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  line(
    recent ? 'good' : 'bad',
    recent ? '✓' : '✗',
    `Node.js ${process.versions.node}, 20.19 or later is needed`,
  );
  const { openSnapshotOption } = await import('./snapshot-option.ts');
  const { network } = openSnapshotOption(undefined);
  const whole = network.problems.length === 0 && network.hosts.size > 0;
  line(
    whole ? 'good' : 'bad',
    whole ? '✓' : '✗',
    `the bundled demonstration: ${network.hosts.size} hosts, ${network.problems.length} problems`,
  );
  for (const [name, words, what] of PROGRAMS) {
    const found = spawnSync(name, words, { stdio: 'ignore', timeout: 5000 }).error === undefined;
    line(
      found ? 'good' : 'dim',
      found ? '✓' : '·',
      `${name}: ${found ? 'installed' : 'missing'}; ${what}`,
    );
  }
  for (const file of configFiles(call.io.environment, process.cwd()))
    line('good', '✓', `settings from ${file}`);
  call.exitCode = recent && whole ? EXIT.yes : EXIT.no;
}

async function tellConfig(root: Command, call: Call, flags: DoctorFlags): Promise<void> {
  const page = pageOf(call.io, flags);
  const files = configFiles(call.io.environment, process.cwd());
  const tree = wordsOf(root);
  for (const command of tree.commands) {
    for (const [name, { value, place }] of await settingsFor(files, tree, command)) {
      const text = `${command.name} --${name} ${Array.isArray(value) ? value.join(' ') : value}  (${place})`;
      call.io.out.write(page.encode(`${forTerminal(text)}\n`));
    }
  }
  if (files.length === 0)
    call.io.out.write('no settings: neither hopwise.config.yaml nor the user’s file\n');
}
