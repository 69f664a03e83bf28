/** `hopwise serve`: the same questions in a browser, on this machine only. */
import { type Command, InvalidArgumentError } from 'commander';
import { EXIT, UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';

interface ServeFlags {
  readonly snapshot?: string;
  readonly cloud?: string;
  readonly against?: string;
  readonly port: number;
}

/** Adds the command to the tree. */
export function addServe(root: Command, call: Call): void {
  root
    .command('serve')
    .description('ask in a browser: a page on this machine, for whoever has its address')
    .option(
      '-s, --snapshot <dir>',
      'dump folder, sos report or archive (default: the demonstration)',
    )
    .option('--cloud <file>', 'a cloud.yaml: what its agents would configure')
    .option('--against <dir>', 'another snapshot or cloud.yaml to compare with')
    .option('--port <port>', 'where to listen; 0 takes any free port', portNumber, 0)
    .action((flags: ServeFlags) => serve(call, flags));
}

/** Listens until the program is interrupted. */
async function serve(call: Call, flags: ServeFlags): Promise<void> {
  const [{ openSnapshotOption }, { cloudOf }, { prepareServed }, { startPages }] =
    await Promise.all([
      import('./snapshot-option.ts'),
      import('./why-run.ts'),
      import('./serve/served.ts'),
      import('./serve/listen.ts'),
    ]);
  const path = flags.cloud ?? flags.snapshot;
  const opened = openSnapshotOption(path);
  const other = flags.against === undefined ? null : openSnapshotOption(flags.against);
  const served = prepareServed(opened, opened.cloud ?? cloudOf(opened.network, path), other);
  const started = await startPages(served, flags.port);
  if (started.kind === 'failed') throw new UsageError(started.why);
  call.io.out.write(`${started.address}\n`);
  call.io.err.write('hopwise: serving on this machine only; Ctrl-C ends it\n');
  await started.ended;
  call.exitCode = EXIT.yes;
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535) {
    throw new InvalidArgumentError('a port is a number from 0 to 65535');
  }
  return port;
}
