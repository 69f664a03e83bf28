/** `hopwise replay FOLDER`: traces recorded probes and compares them with what really happened. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command } from 'commander';
import { type Network } from '../dataplane/network.ts';
import { forTerminal } from '../text/escape.ts';
import { problemLine } from '../text/problem.ts';
import { type ProbeRecord } from '../trace/probe-record.ts';
import { type ReplayRun } from '../trace/replay-run.ts';
import { EXIT, UsageError } from './exit-codes.ts';

interface ReplayFlags {
  readonly probes?: string;
  readonly only?: string;
  readonly format: string;
  readonly traces?: boolean;
}

/** Adds the command to the tree. */
export function addReplay(root: Command): void {
  root
    .command('replay')
    .description('trace recorded probes and compare each with its real fate')
    .argument('<folder>', 'a snapshot with truth.json, or a capture with phases.json')
    .option('--probes <file>', 'the recorded probes (default: FOLDER/truth.json)')
    .option('--only <filter>', 'kind=probe,phase=NAME: only these records')
    .option('--format <format>', 'tree or json', 'tree')
    .option('--no-traces', 'list disagreements without their traces')
    .action(run);
}

async function run(folder: string, flags: ReplayFlags): Promise<void> {
  const [{ parseProbeRecords }, { replay }] = await Promise.all([
    import('../trace/probe-record.ts'),
    import('../trace/replay-run.ts'),
  ]);
  if (flags.format !== 'tree' && flags.format !== 'json') {
    throw new UsageError('--format is tree or json');
  }
  const file = flags.probes ?? join(folder, 'truth.json');
  if (!existsSync(file)) throw new UsageError(`there is no probe file ${file}`);
  const { value: records, problems } = parseProbeRecords(readFileSync(file, 'utf8'), file);
  for (const problem of problems) process.stderr.write(`${forTerminal(problemLine(problem))}\n`);
  const wanted = filtered(records, flags.only);
  const result = replay(wanted, await networksOf(folder), progress);
  process.stdout.write(
    flags.format === 'json' ? json(result) : await tree(result, flags.traces !== false),
  );
  process.exitCode = result.totals.disagree === 0 ? EXIT.yes : EXIT.no;
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

/** A capture with phases has one snapshot per phase; any other folder has one for all. */
async function networksOf(folder: string): Promise<(phase: string) => Network | null> {
  const { openSnapshotOption } = await import('./snapshot-option.ts');
  const opened = new Map<string, Network>();
  const open = (path: string): Network => {
    const known = opened.get(path) ?? openSnapshotOption(path).network;
    opened.set(path, known);
    return known;
  };
  const file = join(folder, 'phases.json');
  if (!existsSync(file)) return () => open(folder);
  const phases: unknown = JSON.parse(readFileSync(file, 'utf8'));
  return (phase) => {
    const path = (phases as Readonly<Record<string, unknown>>)[phase];
    return typeof path === 'string' ? open(join(folder, path)) : null;
  };
}

function progress(done: number, all: number): void {
  if (process.stderr.isTTY === true && done % 20 === 0) {
    process.stderr.write(`\r${done}/${all} probes${done + 20 >= all ? '\r\u001b[K' : ''}`);
  }
}

function json({ probes, totals, notAsked }: ReplayRun): string {
  const list = probes.map(({ index, predicted, agrees, differs }) => ({
    index,
    predicted,
    agrees,
    differs,
  }));
  return `${JSON.stringify({ probes: list, totals, notAsked }, null, 1)}\n`;
}

async function tree({ probes, totals, notAsked }: ReplayRun, traces: boolean): Promise<string> {
  const [{ shortLines, packetText }, { PLAIN_PAGE }] = await Promise.all([
    import('../trace/render/short.ts'),
    import('../trace/render/style.ts'),
  ]);
  const lines: string[] = [];
  for (const { index, differs, record, trace } of probes.filter((probe) => !probe.agrees)) {
    const packet = trace === null ? record.protocol : packetText(trace.question.packet);
    lines.push(
      `✗ ${index} [${forTerminal(record.phase)}] ${forTerminal(record.from)} → ${forTerminal(record.to)} ${packet}: differs in ${differs.join(', ')}`,
      `    recorded ${JSON.stringify(record.fate)}`,
    );
    if (traces && trace !== null) {
      const context = { snapshot: '', took_ms: null, withReply: true, everything: false };
      lines.push(...shortLines(trace, context, PLAIN_PAGE).map((line) => `    ${line}`));
    }
  }
  const reasons = new Map<string, number>();
  for (const { why } of notAsked) reasons.set(why, (reasons.get(why) ?? 0) + 1);
  for (const [why, count] of reasons) lines.push(`${count} not asked: ${forTerminal(why)}`);
  lines.push(
    `probes: ${totals.agree} agree, ${totals.disagree} disagree, ${totals.skipped} not asked`,
  );
  return `${lines.join('\n')}\n`;
}
