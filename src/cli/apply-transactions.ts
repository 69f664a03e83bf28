/** `hopwise apply confirm|rollback|resume|status`: transactions that a run left behind. */
import { statusScript } from '../apply/execute/host-scripts.ts';
import { journalLines, openRecords, type Recorded } from '../apply/execute/records.ts';
import { confirmAll, type RunResult, rollbackAll } from '../apply/execute/run.ts';
import { type Connections } from '../snapshot/collect/gather.ts';
import { type InventoryHost } from '../snapshot/collect/inventory.ts';
import { forTerminal } from '../text/escape.ts';
import { mustBeChangeable, stateFolder, withHosts } from './apply-inputs.ts';
import { exitCode, resultLine } from './apply-result.ts';
import { APPLY_EXIT, UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';

interface Flags {
  readonly inventory: string;
  readonly host?: readonly string[];
  readonly state?: string;
  readonly undo?: boolean;
}

type Name = 'confirm' | 'rollback' | 'resume' | 'status';

export async function transactionCommand(
  call: Call,
  name: Name,
  id: string | undefined,
  flags: Flags,
): Promise<void> {
  const records = openRecords(stateFolder(call.io, flags.state));
  const all = records.all();
  const chosen = id === undefined ? all.at(-1) : records.read(id);
  if (chosen == null)
    throw new UsageError(
      id === undefined ? 'nothing was ever run' : `there is no transaction ${id}`,
    );
  await withHosts(flags, async (listed, connections) => {
    const hosts = listed.filter(({ name: host }) => hostsOf(chosen).has(host));
    mustBeChangeable(hosts);
    if (name === 'status') {
      call.io.out.write(`${journalLines(chosen).join('\n')}\n`);
      call.io.out.write(await hostStatus(chosen, hosts, connections));
      const { whole, text } = records.audit();
      call.io.out.write(`${forTerminal(text)}\n`);
      if (!whole) call.exitCode = APPLY_EXIT.wrong;
      return;
    }
    const unlock = records.lock();
    if (unlock === null) throw new UsageError('another run of hopwise has the lock');
    try {
      const journal = records.open(chosen.transaction);
      const context = { hosts, connections, records, tracked: new Map() };
      const result = await ended(
        name,
        chosen,
        flags.undo === true,
        () => confirmAll(context, journal),
        async (why) => {
          const left = await rollbackAll(context, journal, why);
          const { transaction } = chosen;
          return left.length === 0
            ? { kind: 'rolled-back', transaction, why: 'as was asked' }
            : { kind: 'needs-hands', transaction, why: left.join('; ') };
        },
      );
      call.io.out.write(`${resultLine(result)}\n`);
      call.exitCode = exitCode(result);
    } finally {
      unlock();
    }
  });
}

function hostsOf({ entries }: Recorded): ReadonlySet<string> {
  return new Set(entries.flatMap(({ host }) => (host === undefined ? [] : [host])));
}

/**
 * An unfinished transaction has one end: where the decision to keep it was written down, every
 * host keeps it (or, where one went back already, none does); else every host goes back.
 */
function ended(
  name: Exclude<Name, 'status'>,
  { transaction, entries }: Recorded,
  undo: boolean,
  confirm: () => Promise<RunResult>,
  rollback: (why: 'hand' | 'undo') => Promise<RunResult>,
): Promise<RunResult> {
  const decided = entries.some(({ what }) => what === 'commit');
  const over = entries.find(({ what }) => what === 'end');
  if (over !== undefined && !undo) {
    return Promise.resolve({
      kind: 'refused',
      why: `transaction ${transaction} has ended: ${over.detail ?? ''}`,
    });
  }
  if (name === 'confirm' || (name === 'resume' && decided)) return confirm();
  return rollback(undo || decided ? 'undo' : 'hand');
}

async function hostStatus(
  { transaction }: Recorded,
  hosts: readonly InventoryHost[],
  connections: Connections,
): Promise<string> {
  const lines = await Promise.all(
    hosts.map(async ({ name }) => {
      const ran = await connections.of(name).run(statusScript(transaction), 15_000);
      if (ran.code !== 0) return `${name}: no answer: ${ran.err.trim()}`;
      const [first = '', ...journal] = ran.out.toString().trim().split('\n');
      const [outcome = '', armed = '', seconds = ''] = first.split(' ');
      const timer = armed === 'armed' ? `, goes back by itself in ${seconds} s` : '';
      return [`${name}: ${outcome}${timer}`, ...journal.map((line) => `    ${line}`)].join('\n');
    }),
  );
  return lines.map((text) => `${text.split('\n').map(forTerminal).join('\n')}\n`).join('');
}
