/** `hopwise show topology NAME…`: what lies around networks, routers and servers, drawn. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { jsonText } from '../text/escape.ts';
import { type CloudMap } from '../trace/map/cloud-map.ts';
import { type Call } from './io.ts';
import { must } from './question-options.ts';
import { addPageOptions, pageOf, type Wishes } from './terminal.ts';

const FORMATS = ['tree', 'json', 'mermaid', 'dot', 'svg'] as const;

interface ShowFlags extends Wishes {
  readonly snapshot?: string;
  readonly cloud?: string;
  readonly around: number;
  readonly format: (typeof FORMATS)[number];
}

const NOTES = `
NAME is a network, a router, a server, a port or an address. What lies at most --around connections
away is drawn; servers that were not named share one box per network.`;

/** Adds the command to the tree. */
export function addShow(root: Command, call: Call): void {
  const command = root
    .command('show')
    .description('show parts of a cloud')
    .command('topology')
    .description('networks, routers and servers around what is named')
    .argument('<name...>', 'networks, routers, servers, ports, addresses')
    .option('-s, --snapshot <dir>', 'dump folder, sos report or archive')
    .option('--cloud <file>', 'a cloud.yaml')
    .addOption(
      new Option('--around <n>', 'how many connections away').argParser(stepsOf).default(4),
    )
    .addOption(new Option('--format <format>', 'form of the map').choices(FORMATS).default('tree'))
    .addHelpText('after', NOTES)
    .action((names: readonly string[], flags: ShowFlags) => run(call, names, flags));
  addPageOptions(command);
}

function stepsOf(text: string): number {
  if (!/^\d{1,2}$/.test(text)) throw new InvalidArgumentError('a number from 0 to 99');
  return Number(text);
}

async function run(call: Call, names: readonly string[], flags: ShowFlags): Promise<void> {
  const [{ openSnapshotOption }, { mapOf }] = await Promise.all([
    import('./snapshot-option.ts'),
    import('../trace/map/named.ts'),
  ]);
  const { network } = openSnapshotOption(flags.cloud ?? flags.snapshot);
  const map = must(mapOf(network, names, flags.around));
  const page = pageOf(call.io, flags);
  const label = `around ${names.join(', ')}`;
  call.io.out.write(await drawn(map, flags.format, label, (line) => page.encode(line), page));
}

async function drawn(
  map: CloudMap,
  format: ShowFlags['format'],
  label: string,
  encode: (line: string) => string,
  page: ReturnType<typeof pageOf>,
): Promise<string> {
  switch (format) {
    case 'json':
      return `${jsonText((await import('../trace/map/json.ts')).mapJson(map))}\n`;
    case 'mermaid':
      return (await import('../trace/map/mermaid.ts')).mapMermaid(map);
    case 'dot':
      return (await import('../trace/map/dot.ts')).mapDot(map);
    case 'svg':
      return (await import('../trace/map/svg.ts')).mapSvg(map, label);
    case 'tree': {
      const { mapLines } = await import('../trace/map/text.ts');
      return mapLines(map, page)
        .map((line) => `${encode(line)}\n`)
        .join('');
    }
  }
}
