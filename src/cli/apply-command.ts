/** `hopwise apply …`: plans changes of live hosts, proves them, and runs them. */
import { writeFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { forTerminal, jsonText } from '../text/escape.ts';
import { type ApplyFlags } from './apply-inputs.ts';
import { exitCode, resultLine } from './apply-result.ts';
import { APPLY_EXIT, UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';

interface PlanFlags extends ApplyFlags {
  readonly output?: string;
  readonly json?: boolean;
}

interface RunFlags extends ApplyFlags {
  readonly state?: string;
  readonly timer: string;
  readonly settle: string;
  readonly hold?: boolean;
  readonly probes: boolean;
}

interface TransactionFlags {
  readonly inventory: string;
  readonly host?: readonly string[];
  readonly state?: string;
  readonly undo?: boolean;
}

const NOTES = `
A plan compares what is wanted (a cloud.yaml, or a dump folder) with the hosts as they are now, and
changes only what is its own: flows with its cookie, ports with its mark, its namespaces and chains.
run reads the hosts again, refuses a plan that is stale, proves every state between, arms a timer on
each host that goes back by itself, looks on for 90 seconds, and confirms over new connections. Before, between and behind the
steps it sends packets between servers, of each class that the plan opens, closes or keeps, and goes
back when one of them fares otherwise than was proved.

Exit codes: 0 nothing to change, or done; 1 wrong input, or a host cannot be read; 2 changes are
planned; 3 refused (stale, in conflict, unsafe); 4 rolled back; 5 needs hands.`;

/** Adds the commands to the tree. */
export function addApply(root: Command, call: Call): void {
  const apply = root
    .command('apply')
    .description('plan, prove and push changes to live hosts')
    .addHelpText('after', NOTES);
  const common = (command: Command): Command =>
    command
      .requiredOption('-i, --inventory <file>', 'how the hosts are reached')
      .option('--host <name...>', 'only these hosts')
      .exitOverride();
  const cautious = (command: Command): Command =>
    common(command)
      .option('--coexist', 'although agents of Neutron run there: only our own regions')
      .option('--takeover', 'also change what somebody else made')
      .option('--accept-undecided', 'although something could not be proved');
  cautious(apply.command('plan'))
    .description('tell what would be changed, and prove it')
    .argument('<desired>', 'a cloud.yaml or a dump folder')
    .option('-o, --output <file>', 'write the plan as JSON')
    .addOption(new Option('--order <order>', 'of flow changes').choices(['direct', 'staged']))
    .option('--json', 'the plan as data')
    .action((desired: string, flags: PlanFlags) => planCommand(call, desired, flags));
  cautious(apply.command('run'))
    .description('run a plan')
    .argument('<plan>', 'what apply plan wrote')
    .option('--state <dir>', 'journals and the audit log')
    .option('--timer <seconds>', 'after which a host goes back by itself', '60')
    .option('--settle <seconds>', 'how long to look on before confirming; others may undo it', '90')
    .option('--hold', 'wait for apply confirm')
    .option('--no-probes', 'send no packets of our own between servers')
    .option('--maintenance', 'although packets are lost while it runs, as the plan said')
    .option('--force', 'although the proof failed')
    .action((path: string, flags: RunFlags) => runCommand(call, path, flags));
  for (const [name, what] of [
    ['confirm', 'keep what a held run did'],
    ['rollback', 'undo a transaction'],
    ['resume', 'bring what was left unfinished to one end'],
    ['status', 'tell what became of transactions'],
  ] as const) {
    common(apply.command(name))
      .description(what)
      .argument('[transaction]', 'the last one if it is left out')
      .option('--state <dir>', 'journals and the audit log')
      .option('--undo', 'with rollback: also behind a confirmation')
      .action(async (id: string | undefined, flags: TransactionFlags) => {
        const { transactionCommand } = await import('./apply-transactions.ts');
        await transactionCommand(call, name, id, flags);
      });
  }
}

async function planCommand(call: Call, desired: string, flags: PlanFlags): Promise<void> {
  const [{ prepare, withHosts }, { changeLines, offerLines, proofLines, searchLines, stepLines }] =
    await Promise.all([import('./apply-inputs.ts'), import('../apply/text.ts')]);
  await withHosts(flags, async (hosts, connections) => {
    const { plan, refusals, problems, proof, offered, search } = await prepare(
      desired,
      flags,
      hosts,
      connections,
    );
    const text = `${jsonText({ ...plan, refusals })}\n`;
    if (flags.output !== undefined) writeFileSync(flags.output, text);
    if (flags.json === true) call.io.out.write(text);
    else {
      const lines = [
        ...changeLines(plan),
        ...stepLines(plan),
        ...refusals.map((why) => forTerminal(`✗ ${why}`)),
        ...problems
          .slice(0, 5)
          .map(({ file, line, message }) => forTerminal(`? ${file}:${line}: ${message}`)),
        ...(plan.changes.length === 0 ? ['✓ nothing to change'] : proofLines(proof, plan)),
        ...(offered ? offerLines(proof.checked) : []),
        ...searchLines(plan, proof, search),
      ];
      call.io.out.write(`${lines.join('\n')}\n`);
    }
    if (refusals.length > 0 || (plan.changes.length > 0 && proof.verified === null)) {
      call.exitCode = APPLY_EXIT.refused;
    } else call.exitCode = plan.changes.length === 0 ? APPLY_EXIT.nothing : APPLY_EXIT.changes;
  });
}

async function runCommand(call: Call, path: string, flags: RunFlags): Promise<void> {
  const [
    { mustBeChangeable, prepare, readPlanFile, stateFolder, withHosts },
    { runPlan },
    { openRecords },
    { proofLines },
    { chosenProbes },
  ] = await Promise.all([
    import('./apply-inputs.ts'),
    import('../apply/execute/run.ts'),
    import('../apply/execute/records.ts'),
    import('../apply/text.ts'),
    import('./apply-probes.ts'),
  ]);
  const file = readPlanFile(path);
  const timer_s = Number(flags.timer);
  if (!(timer_s >= 5 && timer_s <= 3600)) throw new UsageError('--timer is from 5 to 3600 seconds');
  const settle_s = Number(flags.settle);
  if (!(settle_s >= 0 && settle_s <= 3600))
    throw new UsageError('--settle is from 0 to 3600 seconds');
  const refuse = (lines: readonly string[]): void => {
    call.io.out.write(lines.map((line) => `${forTerminal(line)}\n`).join(''));
    call.exitCode = APPLY_EXIT.refused;
  };
  await withHosts({ ...flags, host: flags.host ?? file.hosts }, async (hosts, connections) => {
    mustBeChangeable(hosts);
    const wishes = { ...flags, order: file.order, constraints: file.constraints };
    const prepared = await prepare(file.desired, wishes, hosts, connections);
    const { plan, refusals, proof, tracked } = prepared;
    if (plan.id !== file.id) {
      if (plan.changes.length === 0) {
        call.io.out.write('✓ nothing to change any more\n');
        return;
      }
      return refuse(['✗ the plan is stale: the hosts or what is wanted changed since it was made']);
    }
    if (refusals.length > 0) return refuse(refusals.map((why) => `✗ ${why}`));
    if (proof.verified === null) return refuse(proofLines(proof, plan));
    if (plan.steps.length === 0) {
      call.io.out.write('✓ nothing to change\n');
      return;
    }
    const records = openRecords(stateFolder(call.io, flags.state));
    const result = await runPlan(
      proof.verified,
      { hosts, connections, records, tracked },
      {
        timer_s,
        recheck_s: settle_s <= 1 ? [1] : [1, settle_s],
        hold: flags.hold === true,
        ...(flags.probes ? { probes: chosenProbes(prepared, flags, connections) } : {}),
        progress: (line) => call.io.err.write(`${forTerminal(line)}\n`),
      },
    );
    call.io.out.write(`${resultLine(result)}\n`);
    call.exitCode = exitCode(result);
  });
}
