/** `hopwise trace FROM TO`: one packet's whole way, and whether its answer comes back. */
import { type Command, Option } from 'commander';
import { type Network } from '../dataplane/network.ts';
import { jsonText } from '../text/escape.ts';
import { type TracingOptions } from '../trace/compiled-network.ts';
import { type Traced } from '../trace/trace.ts';
import { type Question, type Trace } from '../trace/types.ts';
import { type AtFlags, addAtOptions, isAtTime, outcomeAt } from './at-option.ts';
import { UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';
import {
  addQuestionOptions,
  askedWith,
  ENDS,
  must,
  type QuestionFlags,
} from './question-options.ts';
import { addPageOptions, pageOf, type Wishes } from './terminal.ts';
import { momentOf } from './time-options.ts';
import { addVerdictOptions, exitCode, type VerdictFlags } from './verdict-options.ts';

const FORMATS = ['tree', 'json', 'mermaid', 'dot', 'svg', 'html'] as const;

interface TraceFlags extends Wishes, QuestionFlags, VerdictFlags, AtFlags {
  readonly reply?: boolean;
  readonly oneWay?: boolean;
  readonly connections: 'none' | 'dumped';
  readonly format: (typeof FORMATS)[number];
  readonly json?: boolean;
  readonly explain?: boolean;
  readonly allBlockers?: boolean;
  readonly fix?: boolean;
  readonly pcap?: string;
  readonly verbose?: boolean;
  readonly when?: number;
}

const HELP = `${ENDS}

Exit codes: 0 reachable (or as expected), 1 not, 2 wrong input, 3 ambiguous or undetermined.`;

/** Adds the command to the tree. */
export function addTrace(root: Command, call: Call): void {
  const command = addQuestionOptions(
    root.command('trace').description('trace one packet from FROM to TO and its answer back'),
  )
    .option('--reply', 'show the way of the answer too')
    .option('--one-way', 'only the way there: whether somebody answers is not asked')
    .addOption(
      new Option('--connections <state>', 'which connections stand before the first packet')
        .choices(['none', 'dumped'])
        .default('none'),
    )
    .addOption(
      new Option('--format <format>', 'form of the answer').choices(FORMATS).default('tree'),
    )
    .option('--json', 'short for --format json')
    .option('-v, --verbose', 'every table, flow and rule with its source line')
    .option('--explain', 'tell everything that blocks, and what helps: as hopwise why does')
    .option('--all-blockers', 'tell what would stop the packet behind the first blocker')
    .option('--fix', 'try changes that may help, in a copy of the network')
    .option('--pcap <file>', 'write every frame of the trace, at every interface, as pcapng')
    .option('--when <moment>', 'the moment, for rules that ask the time (UTC)', momentOf)
    .addHelpText('after', HELP)
    .action((from: string, to: string, flags: TraceFlags) => run(call, from, to, flags));
  addPageOptions(addVerdictOptions(addAtOptions(command, 'trace')));
}

async function run(call: Call, from: string, to: string, flags: TraceFlags): Promise<void> {
  const started = process.hrtime.bigint();
  const [{ openSnapshotOption }, { prepareTracing }, { askedPacket, askedQuestion }] =
    await Promise.all([
      import('./snapshot-option.ts'),
      import('../trace/tracer.ts'),
      import('../trace/ask.ts'),
    ]);
  const atTime = isAtTime(flags) ? flags : null;
  const { explain, allBlockers, fix } = flags;
  if (explain === true || allBlockers === true || fix === true) {
    if (atTime !== null) throw new UsageError('--at goes with a plain trace only');
    const { format } = flags;
    if (format !== 'tree' && format !== 'json') {
      throw new UsageError(`--format ${format} goes with a plain trace only`);
    }
    const { runWhy } = await import('./why-run.ts');
    const everything = explain === true || allBlockers === true;
    await runWhy(call, from, to, { ...flags, format, first: !everything, effects: 0 });
    return;
  }
  const asked = askedWith(from, to, flags);
  // Slips in the words are told before anything is read.
  must(askedPacket(asked));
  const { network, name } = openSnapshotOption(flags.cloud ?? flags.snapshot, flags);
  const question = must(askedQuestion(network, asked));
  const traced =
    atTime === null
      ? prepareTracing(network, tracingOptions(flags)).trace(question)
      : await tracedAt(network, question, atTime);
  if (traced.kind === 'impossible') throw new UsageError(traced.why);
  if (flags.pcap !== undefined) await writeCapture(flags.pcap, traced.trace);
  const took_ms = Number(process.hrtime.bigint() - started) / 1e6;
  call.io.out.write(await rendered(call, traced.trace, flags, name, took_ms));
  call.exitCode = exitCode(traced.trace, flags);
}

function tracingOptions({ connections, when, oneWay = false }: TraceFlags): TracingOptions {
  return { connections, oneWay, ...(when === undefined ? {} : { epoch_s: when }) };
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
  flags: Parameters<typeof outcomeAt>[1],
): Promise<Traced> {
  const { way } = await outcomeAt(network, flags, question);
  if (way.trace !== null) return { kind: 'traced', trace: way.trace };
  return { kind: 'impossible', why: `${question.from.label} cannot send at this time` };
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
  if (flags.format !== 'tree') return await drawn(trace, flags.format, snapshot);
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

type Drawing = Exclude<(typeof FORMATS)[number], 'tree' | 'json'>;

async function drawn(trace: Trace, format: Drawing, snapshot: string): Promise<string> {
  const { drawTrace } = await import('../trace/picture/draw.ts');
  return drawTrace(trace, format, snapshot);
}
