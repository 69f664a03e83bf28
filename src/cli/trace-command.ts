/** `hopwise trace FROM TO`: one packet's whole way, and whether its answer comes back. */
import { type Command, InvalidArgumentError } from 'commander';
import { type Network } from '../dataplane/network.ts';
import { type ResolvedEnd } from '../trace/ends.ts';
import { type PacketQuestion, type Trace } from '../trace/types.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { pageOf } from './terminal.ts';

interface TraceFlags {
  readonly snapshot?: string;
  readonly ovs?: readonly string[];
  readonly icmp?: boolean;
  readonly tcp?: number;
  readonly udp?: number;
  readonly flow?: string;
  readonly size?: number;
  readonly df?: boolean;
  readonly reply?: boolean;
  readonly format: 'tree' | 'json';
  readonly verbose?: boolean;
  readonly expect?: 'reachable' | 'unreachable';
  readonly color?: boolean;
  readonly ascii?: boolean;
}

/** Adds the command to the tree. */
export function addTrace(root: Command): void {
  root
    .command('trace')
    .description('trace one packet from FROM to TO and its answer back')
    .argument(
      '<from>',
      'VM name, port id or its first characters, tap, address[@network], HOST:INTERFACE',
    )
    .argument('<to>', 'the same, or router:NAME, or external:ADDRESS')
    .option(
      '-s, --snapshot <dir>',
      'dump folder, sos report or archive (default: the bundled demonstration)',
    )
    .option('--ovs <host:bridge=file...>', 'single dump files instead of a snapshot')
    .option('--icmp', 'an ICMP echo request (default)')
    .option('--tcp <port>', 'a TCP connection to this port', portNumber)
    .option('--udp <port>', 'a UDP datagram to this port', portNumber)
    .option('--flow <fields>', 'set header fields, in ovs-ofctl flow syntax')
    .option('--size <bytes>', 'payload bytes', byteCount)
    .option('--df', "don't fragment")
    .option('--reply', 'show the way of the answer too')
    .option('--format <format>', 'tree or json', oneOf('tree', 'json'), 'tree')
    .option('-v, --verbose', 'every table, flow and rule with its source line')
    .option(
      '--expect <verdict>',
      'reachable or unreachable: exit 0 when it is so',
      oneOf('reachable', 'unreachable'),
    )
    .option('--color', 'colours even when the output is no terminal')
    .option('--no-color', 'no colours')
    .option('--ascii', 'only ASCII characters')
    .action(run);
}

async function run(from: string, to: string, flags: TraceFlags): Promise<void> {
  const started = process.hrtime.bigint();
  const [{ openSnapshotOption }, { prepareTracing }] = await Promise.all([
    import('./snapshot-option.ts'),
    import('../trace/tracer.ts'),
  ]);
  const { network, name } = openSnapshotOption(flags.snapshot, flags.ovs);
  const source = await resolved(network, from);
  const target = await resolved(network, to);
  const packet = packetQuestion(flags);
  const traced = prepareTracing(network).trace({ from: source.end, to: target.end, packet });
  if (traced.kind === 'impossible') throw new UsageError(traced.why);
  const took_ms = Number(process.hrtime.bigint() - started) / 1e6;
  process.stdout.write(await rendered(traced.trace, flags, name, took_ms));
  process.exitCode = exitCode(traced.trace, flags.expect);
}

async function resolved(network: Network, word: string): Promise<ResolvedEnd> {
  const { resolveEnd } = await import('../trace/ends.ts');
  const resolution = resolveEnd(network, word);
  if (resolution.kind === 'found') return resolution.resolved;
  if (resolution.kind === 'unknown') throw new UsageError(resolution.message);
  const list = resolution.candidates.map((one) => `  ${one}`).join('\n');
  throw new UsageError(`${word} may be one of\n${list}\nuse an id, or ADDRESS@NETWORK`);
}

/** The packet the flags describe. */
export function packetQuestion(flags: Partial<TraceFlags>): PacketQuestion {
  const asked = [flags.icmp === true, flags.tcp !== undefined, flags.udp !== undefined];
  if (asked.filter(Boolean).length > 1) throw new UsageError('give one of --icmp, --tcp, --udp');
  const protocol = flags.tcp !== undefined ? 'tcp' : flags.udp !== undefined ? 'udp' : 'icmp';
  return {
    protocol,
    sourcePort: null,
    destinationPort: flags.tcp ?? flags.udp ?? null,
    source: null,
    icmpId: null,
    size: flags.size ?? (protocol === 'icmp' ? 56 : 16),
    dontFragment: flags.df ?? false,
    flow: flags.flow ?? null,
  };
}

async function rendered(
  trace: Trace,
  flags: TraceFlags,
  snapshot: string,
  took_ms: number,
): Promise<string> {
  if (flags.format === 'json') {
    const [{ traceJson }, { VERSION }] = await Promise.all([
      import('../trace/render/json.ts'),
      import('./version.ts'),
    ]);
    return `${JSON.stringify(traceJson(trace, snapshot, VERSION), null, 1)}\n`;
  }
  const [{ shortLines }, { verboseLines }] = await Promise.all([
    import('../trace/render/short.ts'),
    import('../trace/render/verbose.ts'),
  ]);
  const page = pageOf(process.stdout, process.env, flags);
  const everything = flags.verbose === true;
  const withReply = flags.reply ?? false;
  const lines = [...shortLines(trace, { snapshot, took_ms, withReply, everything }, page)];
  if (everything) lines.push(...verboseLines(trace, page));
  return page.encode(`${lines.join('\n')}\n`);
}

function exitCode({ verdict }: Trace, expect: TraceFlags['expect']): number {
  if (verdict === 'AMBIGUOUS' || verdict === 'UNDETERMINED') return EXIT.unsure;
  const wanted = expect === 'unreachable' ? 'UNREACHABLE' : 'REACHABLE';
  return verdict === wanted ? EXIT.yes : EXIT.no;
}

function portNumber(text: string): number {
  return numberBelow(text, 65536, 'a port is a number from 0 to 65535');
}

function byteCount(text: string): number {
  return numberBelow(text, 65508, 'a size is a number of bytes from 0 to 65507');
}

function numberBelow(text: string, limit: number, sentence: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value >= limit) throw new InvalidArgumentError(sentence);
  return value;
}

function oneOf(...words: readonly string[]): (text: string) => string {
  return (text) => {
    if (!words.includes(text)) throw new InvalidArgumentError(`expected ${words.join(' or ')}`);
    return text;
  };
}
