/** `hopwise trace FROM TO`: one packet's whole way, and whether its answer comes back. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Network } from '../dataplane/network.ts';
import { jsonText } from '../text/escape.ts';
import { type Asked, type Understood } from '../trace/ask.ts';
import { type Traced } from '../trace/trace.ts';
import { type Question, type Trace } from '../trace/types.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';
import { addPageOptions, pageOf, type Wishes } from './terminal.ts';
import { gathered, timeOf } from './time-options.ts';

interface TraceFlags extends Wishes {
  readonly icmp?: boolean;
  readonly tcp?: number;
  readonly udp?: number;
  readonly flow?: string;
  readonly ipv6?: boolean;
  readonly size?: number;
  readonly df?: boolean;
  readonly snapshot?: string;
  readonly cloud?: string;
  readonly ovs?: readonly string[];
  readonly ns?: readonly string[];
  readonly api?: readonly string[];
  readonly conf?: readonly string[];
  readonly reply?: boolean;
  readonly connections: 'none' | 'dumped';
  readonly format: 'tree' | 'json';
  readonly json?: boolean;
  readonly pcap?: string;
  readonly verbose?: boolean;
  readonly expect?: 'reachable' | 'unreachable';
  readonly allowUndetermined?: readonly string[];
  readonly at?: number;
  readonly event: readonly string[];
}

const ENDS = `
FROM and TO are one of
  a1                     the name of a server, a port or a host
  3f2a19c0               a port's or server's id, of a port also its first eight characters
  tap3f2a19c0-7e         a device of a port
  10.0.0.5               an address; as FROM it has to belong to one port only
  a1@net-a, 10.0.0.5@net-a   the same on one network
  compute1:eth1          an interface of a host, in any of its namespaces
  router:edge            a router, by name or id
  external:198.51.100.1  somebody outside of the cloud
TO may also be
  dhcp, dhcp6, slaac     FROM asks for an address
  metadata               FROM asks the metadata service
  arp:10.0.0.1           FROM asks who has the address

Exit codes: 0 reachable (or as expected), 1 not, 2 wrong input, 3 ambiguous or undetermined.`;

/** Adds the command to the tree. */
export function addTrace(root: Command, call: Call): void {
  const command = root
    .command('trace')
    .description('trace one packet from FROM to TO and its answer back')
    .argument('<from>', 'who sends')
    .argument('<to>', 'who shall receive')
    .option(
      '-s, --snapshot <dir>',
      'dump folder, sos report or archive (default: the bundled demonstration)',
    )
    .option('--cloud <file>', 'a cloud.yaml: the packet walks what its agents would configure')
    .option('--ovs <host:bridge=file...>', 'single dumps of Open vSwitch instead of a snapshot')
    .option('--ns <host:namespace=file...>', 'single outputs of ip, iptables-save… in a namespace')
    .option('--api <file...>', 'answers of the Neutron API, beside single dumps')
    .option('--conf <host=file...>', 'configuration of an agent, beside single dumps')
    .option('--icmp', 'an ICMP echo request (default)')
    .option('--tcp <port>', 'a TCP connection to this port', portNumber)
    .option('--udp <port>', 'a UDP datagram to this port', portNumber)
    .option('--flow <fields>', 'set header fields, in the flow syntax of ovs-appctl ofproto/trace')
    .option('-6, --ipv6', 'use the IPv6 addresses of FROM and TO')
    .option('--size <bytes>', 'payload bytes', byteCount)
    .option('--df', "don't fragment")
    .option('--reply', 'show the way of the answer too')
    .addOption(
      new Option('--connections <state>', 'which connections stand before the first packet')
        .choices(['none', 'dumped'])
        .default('none'),
    )
    .addOption(
      new Option('--format <format>', 'form of the answer')
        .choices(['tree', 'json'])
        .default('tree'),
    )
    .option('--json', 'short for --format json')
    .option('-v, --verbose', 'every table, flow and rule with its source line')
    .addOption(
      new Option('--expect <verdict>', 'exit 0 when it is so').choices([
        'reachable',
        'unreachable',
      ]),
    )
    .option(
      '--allow-undetermined <codes...>',
      'exit 0 although unsure, when only these reasons make it so',
    )
    .option('--pcap <file>', 'write every frame of the trace, at every interface, as pcapng')
    .option('--at <time>', 'trace at this virtual time, after the events until then', timeOf)
    .option(
      '--event <words>',
      'with --at: what has happened (hopwise simulate --help), once for every event',
      gathered,
      [],
    )
    .addHelpText('after', ENDS)
    .action((from: string, to: string, flags: TraceFlags) => run(call, from, to, flags));
  addPageOptions(command);
}

async function run(call: Call, from: string, to: string, flags: TraceFlags): Promise<void> {
  const started = process.hrtime.bigint();
  const [{ openSnapshotOption }, { prepareTracing }, { askedPacket, askedQuestion }] =
    await Promise.all([
      import('./snapshot-option.ts'),
      import('../trace/tracer.ts'),
      import('../trace/ask.ts'),
    ]);
  if (flags.at === undefined && flags.event.length > 0) {
    throw new UsageError('--event needs --at: at which time shall the packet be sent?');
  }
  const asked = askedWith(from, to, flags);
  // Slips in the words are told before anything is read.
  must(askedPacket(asked));
  const { network, name } = openSnapshotOption(flags.cloud ?? flags.snapshot, flags);
  const question = must(askedQuestion(network, asked));
  const traced =
    flags.at === undefined
      ? prepareTracing(network, { connections: flags.connections }).trace(question)
      : await tracedAt(network, question, flags.at, flags.event);
  if (traced.kind === 'impossible') throw new UsageError(traced.why);
  if (flags.pcap !== undefined) await writeCapture(flags.pcap, traced.trace);
  const took_ms = Number(process.hrtime.bigint() - started) / 1e6;
  call.io.out.write(await rendered(call, traced.trace, flags, name, took_ms));
  call.exitCode = exitCode(traced.trace, flags);
}

async function writeCapture(file: string, trace: Trace): Promise<void> {
  const [{ captureOf }, { writeFileSync }] = await Promise.all([
    import('../trace/capture.ts'),
    import('node:fs'),
  ]);
  try {
    writeFileSync(file, captureOf(trace));
  } catch (error) {
    throw new UsageError(`cannot write ${file}: ${error instanceof Error ? error.message : error}`);
  }
}

/** The question in the state that the network has at a moment of virtual time. */
async function tracedAt(
  network: Network,
  question: Question,
  until_us: number,
  events: readonly string[],
): Promise<Traced> {
  const { simulate } = await import('../simulate/simulation.ts');
  const done = simulate(network, { events, probes: [], until_us, seed: 1, ways: 1, question });
  if (done.kind === 'wrong') {
    const [first = '', ...rest] = done.problems;
    throw new UsageError(first, ...rest);
  }
  const trace = done.ways[0]?.trace ?? null;
  if (trace !== null) return { kind: 'traced', trace };
  return { kind: 'impossible', why: `${question.from.label} cannot send at this time` };
}

function must<T>(understood: Understood<T>): T {
  if (understood.kind === 'understood') return understood.value;
  throw new UsageError(understood.message, ...understood.details);
}

const PROTOCOLS = ['icmp', 'tcp', 'udp'] as const;

/** The flags as the words of a question. */
function askedWith(from: string, to: string, flags: TraceFlags): Asked {
  const named = PROTOCOLS.filter((name) => flags[name] !== undefined && flags[name] !== false);
  const [protocol] = named;
  if (named.length > 1) {
    throw new UsageError(`give one of ${named.map((name) => `--${name}`).join(', ')}`);
  }
  const port = flags.tcp ?? flags.udp;
  return {
    from,
    to,
    ...(protocol === undefined ? {} : { protocol }),
    ...(port === undefined ? {} : { port }),
    ...(flags.size === undefined ? {} : { size: flags.size }),
    ...(flags.df === undefined ? {} : { dontFragment: flags.df }),
    ...(flags.flow === undefined ? {} : { flow: flags.flow }),
    ...(flags.ipv6 === true ? { version: 6 as const } : {}),
  };
}

async function rendered(
  call: Call,
  trace: Trace,
  flags: TraceFlags,
  snapshot: string,
  took_ms: number,
): Promise<string> {
  if (flags.json === true || flags.format === 'json') {
    const [{ traceJson }, { VERSION }] = await Promise.all([
      import('../trace/render/json.ts'),
      import('./version.ts'),
    ]);
    return `${jsonText(traceJson(trace, snapshot, VERSION))}\n`;
  }
  const [{ shortLines }, { verboseLines }] = await Promise.all([
    import('../trace/render/short.ts'),
    import('../trace/render/verbose.ts'),
  ]);
  const page = pageOf(call.io, flags);
  const everything = flags.verbose === true;
  const withReply = flags.reply ?? false;
  const lines = [...shortLines(trace, { snapshot, took_ms, withReply, everything }, page)];
  if (everything) lines.push(...verboseLines(trace, page));
  return page.encode(`${lines.join('\n')}\n`);
}

/** Unsure is a failure unless every reason for it was allowed by name. */
function exitCode(trace: Trace, { expect, allowUndetermined = [] }: TraceFlags): number {
  const { verdict, blockers, unmodelled } = trace;
  if (verdict === 'AMBIGUOUS' || verdict === 'UNDETERMINED') {
    const codes = [...blockers, ...unmodelled].map(({ code }) => code);
    const allowed = codes.length > 0 && codes.every((code) => allowUndetermined.includes(code));
    return allowed ? EXIT.yes : EXIT.unsure;
  }
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
