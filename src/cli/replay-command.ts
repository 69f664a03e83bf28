/** `hopwise replay FOLDER`: traces recorded probes and compares them with what really happened. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { type Network } from '../dataplane/network.ts';
import { forTerminal, jsonText } from '../text/escape.ts';
import { problemLine } from '../text/problem.ts';
import { type ProbeRecord } from '../trace/probe-record.ts';
import { type ReplayRun } from '../trace/replay-run.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { type Call, type TextStream } from './io.ts';
import { addPageOptions, pageOf, type Wishes } from './terminal.ts';

interface ReplayFlags extends Wishes {
  readonly probes?: string;
  readonly only?: string;
  readonly cloud?: string | true;
  readonly format: 'tree' | 'json';
  readonly json?: boolean;
  readonly traces?: boolean;
}

/** Adds the command to the tree. */
export function addReplay(root: Command, call: Call): void {
  const command = root
    .command('replay')
    .description('trace recorded probes and compare each with its real fate')
    .argument('<folder>', 'a snapshot with truth.json, or a capture with phases.json')
    .option('--probes <file>', 'the recorded probes (default: FOLDER/truth.json)')
    .option('--only <filter>', 'kind=probe,phase=NAME: only these records')
    .option(
      '--cloud [file]',
      'a cloud.yaml: walk what its agents would configure, among the guests of the snapshot; ' +
        'without a file the API objects of each snapshot',
    )
    .addOption(
      new Option('--format <format>', 'form of the answer')
        .choices(['tree', 'json'])
        .default('tree'),
    )
    .option('--json', 'short for --format json')
    .option('--no-traces', 'list disagreements without their traces')
    .addHelpText(
      'after',
      '\nExit codes: 0 all agree, 1 some do not, 2 wrong input, 3 none was asked.',
    )
    .action((folder: string, flags: ReplayFlags) => run(call, folder, flags));
  addPageOptions(command);
}

async function run(call: Call, folder: string, flags: ReplayFlags): Promise<void> {
  const [{ parseProbeRecords }, { replay }] = await Promise.all([
    import('../trace/probe-record.ts'),
    import('../trace/replay-run.ts'),
  ]);
  if (!existsSync(folder)) throw new UsageError(`there is no folder ${folder}`);
  const file = flags.probes ?? join(folder, 'truth.json');
  const read = parseProbeRecords(textOf(file), file);
  const { value: records, problems, isList } = read;
  if (!isList) throw new UsageError(problems.map(problemLine).join('\n'));
  for (const problem of problems) call.io.err.write(`${forTerminal(problemLine(problem))}\n`);
  const wanted = filtered(records, flags.only);
  if (wanted.length === 0 && records.length > 0) {
    call.io.err.write(`${forTerminal(nothingLeft(records, flags.only ?? ''))}\n`);
  }
  const networks = await networksOf(folder, flags);
  const result = replay(wanted, networks, progressOn(call.io.err), read);
  call.io.out.write(await rendered(call, result, flags));
  // What was never asked is no pass.
  const agreed = result.totals.probes === 0 ? EXIT.unsure : EXIT.yes;
  call.exitCode = result.totals.disagree === 0 ? agreed : EXIT.no;
}

async function rendered(call: Call, result: ReplayRun, flags: ReplayFlags): Promise<string> {
  if (flags.json === true || flags.format === 'json') return json(result);
  const { replayLines } = await import('../trace/render/replay.ts');
  const page = pageOf(call.io, flags);
  const lines = replayLines(result, { withTraces: flags.traces !== false }, page);
  return page.encode(`${lines.join('\n')}\n`);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${error instanceof Error ? error.message : error}`);
  }
}

/** `kind=probe,phase=x`: every named key must have one of the values given for it. */
function filtered(
  records: readonly ProbeRecord[],
  filter: string | undefined,
): readonly ProbeRecord[] {
  if (filter === undefined) return records;
  const wanted = new Map<string, Set<string>>();
  for (const part of filter.split(',')) {
    const at = part.indexOf('=');
    const key = part.slice(0, at);
    if (at < 0 || (key !== 'kind' && key !== 'phase')) {
      throw new UsageError(`--only expects kind=… or phase=…, not ${JSON.stringify(part)}`);
    }
    wanted.set(key, (wanted.get(key) ?? new Set()).add(part.slice(at + 1)));
  }
  const kinds = wanted.get('kind');
  const phases = wanted.get('phase');
  return records.filter(
    ({ kind, phase }) => (kinds?.has(kind) ?? true) && (phases?.has(phase) ?? true),
  );
}

/** What could have been asked for, where nothing was. */
function nothingLeft(records: readonly ProbeRecord[], filter: string): string {
  const list = (of: (record: ProbeRecord) => string): string => {
    const all = [...new Set(records.map(of))].map((word) => JSON.stringify(word));
    return all.length > 20
      ? `${all.slice(0, 20).join(', ')} and ${all.length - 20} more`
      : all.join(', ');
  };
  const kinds = list(({ kind }) => kind);
  return `--only ${filter} leaves no record; kinds: ${kinds}; phases: ${list(({ phase }) => phase)}`;
}

/** A capture with phases has one snapshot per phase; any other folder has one for all. */
async function networksOf(
  folder: string,
  flags: ReplayFlags,
): Promise<(phase: string) => Network | null> {
  const { openSnapshotOption } = await import('./snapshot-option.ts');
  const walked = await walkedNetwork(flags);
  const opened = new Map<string, Network>();
  const open = (path: string): Network => {
    const known = opened.get(path) ?? walked(openSnapshotOption(path).network);
    opened.set(path, known);
    return known;
  };
  const file = join(folder, 'phases.json');
  if (!existsSync(file)) return () => open(folder);
  const phases = phasesOf(file);
  return (phase) => {
    const path = phases[phase];
    return typeof path === 'string' ? open(join(folder, path)) : null;
  };
}

/** What of a snapshot is walked: itself, or what agents would make in its place. */
async function walkedNetwork({ cloud }: ReplayFlags): Promise<(real: Network) => Network> {
  if (cloud === undefined) return (real) => real;
  const [{ compileBehind }, { openCloudOption }] = await Promise.all([
    import('../snapshot/read/surroundings.ts'),
    import('./cloud-option.ts'),
  ]);
  const wanted = cloud === true ? undefined : openCloudOption(cloud);
  return (real) => compileBehind(real, wanted);
}

/** Phase → folder below the capture; null where no dump of that moment exists. */
function phasesOf(file: string): Readonly<Record<string, unknown>> {
  let data: unknown;
  const text = textOf(file);
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof data === 'object' && data !== null && !Array.isArray(data)) return { ...data };
  throw new UsageError(`${file} has to be an object of phases and their folders`);
}

/** How far it is, on a terminal only; the line is gone when the answer comes. */
function progressOn(stream: TextStream): (done: number, all: number) => void {
  if (!stream.isTTY) return () => {};
  const started = process.hrtime.bigint();
  let shown = 0;
  return (done, all) => {
    const passed_s = Number(process.hrtime.bigint() - started) / 1e9;
    const last = done + 1 >= all;
    if (!last && (passed_s < 0.3 || passed_s - shown < 0.1)) return;
    shown = passed_s;
    const left_s = done === 0 ? 0 : Math.ceil((passed_s / done) * (all - done));
    stream.write(last ? '\r\u001b[K' : `\r\u001b[K${done}/${all} probes, ${left_s} s left`);
  };
}

function json({ probes, totals, notAsked }: ReplayRun): string {
  const list = probes.map(({ index, predicted, agrees, differs }) => ({
    index,
    predicted,
    agrees,
    differs,
  }));
  return `${jsonText({ probes: list, totals, notAsked })}\n`;
}
