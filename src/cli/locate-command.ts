/** `hopwise locate CAPTURE…`: real packets in the model, and where both part. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import { type Network } from '../dataplane/network.ts';
import { jsonText } from '../text/escape.ts';
import { nearest } from '../text/suggest.ts';
import { type CaptureFile, type CapturePlace, type Located } from '../why/locate/types.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';
import { type LooseOptions } from './snapshot-option.ts';
import { addPageOptions, pageOf, type Wishes } from './terminal.ts';

interface LocateFlags extends Wishes, LooseOptions {
  readonly snapshot?: string;
  readonly cloud?: string;
  readonly at?: readonly string[];
  readonly format: 'tree' | 'json';
  readonly json?: boolean;
  readonly verbose?: boolean;
}

const HELP = `
Captures are pcap or pcapng files. Where each was taken is told by --at, in the order of the files:
  compute1:tapa185382d-85    an interface of a host, in whichever namespace it is
  net1:qrouter-…:qr-…        the same in a namespace
The interface may be called any: tcpdump -i any, whose LINUX_SLL2 headers tell the interface.
A pcapng file whose interfaces are named like that needs no --at; trace --pcap writes such files.

The first packet of every exchange (an echo request, a SYN, a datagram) is traced in the model, and
every frame that the model expects at a captured place is looked for: with its addresses behind NAT,
its VLAN tag, and what carries it.

Exit codes: 0 all as the model says, 1 they part, 2 wrong input, 3 no packet could be traced.`;

/** Adds the command to the tree. */
export function addLocate(root: Command, call: Call): void {
  const command = root
    .command('locate')
    .description('find the packets of captures in the model, and say where both part')
    .argument('<capture...>', 'pcap or pcapng files')
    .option('--at <place...>', 'where each file was captured, in the order of the files')
    .option(
      '-s, --snapshot <dir>',
      'dump folder, sos report or archive (default: the demonstration)',
    )
    .option('--cloud <file>', 'a cloud.yaml: compare with what its agents would configure')
    .addOption(
      new Option('--format <format>', 'form of the answer')
        .choices(['tree', 'json'])
        .default('tree'),
    )
    .option('--json', 'short for --format json')
    .option('-v, --verbose', 'every place of every exchange')
    .addHelpText('after', HELP)
    .action((captures: readonly string[], flags: LocateFlags) => run(call, captures, flags));
  addPageOptions(command);
}

async function run(call: Call, captures: readonly string[], flags: LocateFlags): Promise<void> {
  const [{ openSnapshotOption }, { locate }, { locatedJson, locatedLines }] = await Promise.all([
    import('./snapshot-option.ts'),
    import('../why/locate/locate.ts'),
    import('../why/render/located.ts'),
  ]);
  const { at = [] } = flags;
  if (at.length > 0 && at.length !== captures.length) {
    throw new UsageError(`${captures.length} captures, but ${at.length} places (--at)`);
  }
  const { network } = openSnapshotOption(flags.cloud ?? flags.snapshot, flags);
  const { readPlace } = await import('../why/locate/frames.ts');
  const files = captures.map((path, i): CaptureFile => {
    const word = at[i];
    const place = word === undefined ? null : placeOf(network, word, readPlace);
    return { name: basename(path), bytes: read(path), place };
  });
  const located = locate(network, files);
  call.exitCode = exitCode(located);
  if (flags.json === true || flags.format === 'json') {
    call.io.out.write(`${jsonText(locatedJson(located))}\n`);
    return;
  }
  const page = pageOf(call.io, flags);
  const lines = locatedLines(located, flags.verbose ?? false, page);
  call.io.out.write(page.encode(`${lines.join('\n')}\n`));
}

function read(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${error instanceof Error ? error.message : error}`);
  }
}

function placeOf(
  network: Network,
  word: string,
  readPlace: (network: Network, word: string) => CapturePlace | null,
): CapturePlace {
  const place = readPlace(network, word);
  if (place !== null) return place;
  const [host = ''] = word.split(':');
  const hosts = [...network.hosts.keys()];
  const near = hosts.includes(host) ? undefined : nearest(host, hosts);
  const hint = near === undefined ? '' : `; did you mean ${near}?`;
  throw new UsageError(
    `--at expects HOST:INTERFACE of the snapshot, not ${JSON.stringify(word)}${hint}`,
  );
}

function exitCode({ packets }: Located): number {
  if (packets.length === 0) return EXIT.unsure;
  return packets.some(({ parts }) => parts.length > 0) ? EXIT.no : EXIT.yes;
}
