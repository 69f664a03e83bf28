/** What every `hopwise apply` command needs: the wanted network, the hosts as they are, a plan. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { type DumpFiles } from '../agents/dump/folder.ts';
import { fingerprint } from '../apply/execute/hash.ts';
import { networkOf, type Observed, observe, Unreadable } from '../apply/execute/observe.ts';
import { makePlan, type Planned } from '../apply/plan.ts';
import { isPassing, type PlanProof, provePlan } from '../apply/prove/prove.ts';
import { MOST_ORDERS, searchOrder, stepsTo, type Tried } from '../apply/prove/search.ts';
import { type FlowOrder } from '../apply/steps/flow-order.ts';
import { type Constraint } from '../apply/types.ts';
import { compileWanted } from '../apply/wanted.ts';
import { openFolder } from '../snapshot/collect/folder.ts';
import { type Connections, openConnections } from '../snapshot/collect/gather.ts';
import { type InventoryHost, readInventory } from '../snapshot/collect/inventory.ts';
import { openCloudOption } from './cloud-option.ts';
import { chosenHosts, openInventory } from './collect-command.ts';
import { UsageError } from './exit-codes.ts';
import { type Io } from './io.ts';

export interface ApplyFlags {
  readonly inventory: string;
  readonly host?: readonly string[];
  readonly coexist?: boolean;
  readonly takeover?: boolean;
  readonly acceptUndecided?: boolean;
  readonly force?: boolean;
  readonly maintenance?: boolean;
  readonly order?: FlowOrder;
  /** Of a plan that was written down. */
  readonly constraints?: readonly Constraint[];
}

/** A plan with its proof, and what is needed to run it. */
export interface Prepared extends Planned {
  readonly proof: PlanProof;
  readonly observed: Observed;
  /** No order is proved, but this plan only loses what its proof says, while it runs. */
  readonly offered: boolean;
  /** How many orders of the steps were proved, and whether no other was left to try. */
  readonly search: { readonly tried: number; readonly complete: boolean };
}

/** Hosts of an inventory with their connections, closed when `work` is done. */
export async function withHosts<T>(
  flags: Pick<ApplyFlags, 'inventory' | 'host'>,
  work: (hosts: readonly InventoryHost[], connections: Connections) => Promise<T>,
): Promise<T> {
  const inventory = openInventory(flags.inventory, readInventory);
  const hosts = chosenHosts(inventory, flags.host);
  const connections = openConnections(inventory);
  try {
    return await work(hosts, connections);
  } catch (error) {
    if (error instanceof Unreadable) throw new UsageError(error.message);
    throw error;
  } finally {
    await connections.close();
  }
}

/** Whoever may only run the helper that reads a host cannot change it. */
export function mustBeChangeable(hosts: readonly InventoryHost[]): void {
  const read = hosts.filter(({ sudo }) => typeof sudo === 'object').map(({ name }) => name);
  if (read.length > 0)
    throw new UsageError(
      `${read.join(', ')}: sudo may only run a helper there, which reads and changes nothing`,
    );
}

/** Reads the hosts, plans, and proves; where the first order loses packets a better one is tried. */
export async function prepare(
  desired: string,
  flags: ApplyFlags,
  hosts: readonly InventoryHost[],
  connections: Connections,
): Promise<Prepared> {
  const observed = await observe(hosts, connections);
  const files = wantedFiles(desired, observed);
  const network = networkOf(new Map([...files].map(([path, text]) => [path, text()])));
  const rivals =
    flags.takeover === true ? 'takeover' : flags.coexist === true ? 'coexist' : 'refuse';
  const named = hosts.map(({ name }) => name).filter((name) => network.hosts.has(name));
  const ends = { old: observed.files, new: files };
  const make = (order: FlowOrder, constraints: readonly Constraint[]): Planned =>
    makePlan({ name: desired, network }, observed, {
      hosts: named,
      order,
      constraints,
      rivals,
      hash: fingerprint,
    });
  const prove = (planned: Planned, maintenance: boolean): PlanProof =>
    provePlan(
      {
        plan: planned.plan,
        ends,
        tracked: planned.tracked,
        network: observed.network,
        operators: observed.operators,
      },
      {
        mostPairs: 60,
        all: false,
        acceptUndecided: flags.acceptUndecided === true,
        force: flags.force === true,
        maintenance,
      },
    );
  const given = flags.constraints;
  const orders: readonly FlowOrder[] =
    flags.order === undefined ? ['direct', 'staged'] : [flags.order];
  const searched = searchOrder({
    make: (order, constraints) => make(order, given ?? constraints),
    prove: (planned) => prove(planned, false),
    ends,
    orders,
    // What was found for a plan that was written down is not looked for again.
    most: given === undefined && flags.force !== true ? MOST_ORDERS : 0,
  });
  const { found, tried, complete } = searched;
  const search = { tried: tried.length, complete };
  if (found !== null)
    return { ...found.planned, proof: found.proof, observed, offered: false, search };
  for (const { planned, proof: failed } of flags.force === true ? [] : tried) {
    if (planned.plan.constraints.length > (given?.length ?? 0)) break;
    if (!failed.checked.bad.every(isPassing)) continue;
    const whole = prove(planned, true);
    if (whole.verified === null) continue;
    const verified = flags.maintenance === true ? whole.verified : null;
    return { ...planned, proof: { ...whole, verified }, observed, offered: true, search };
  }
  const { planned, proof } = shortest(tried);
  return { ...planned, proof, observed, offered: false, search };
}

/** The order that was tried first, with the failure that the fewest steps lead to among all. */
function shortest(tried: readonly Tried[]): Tried {
  const length = ({ planned, proof }: Tried): number =>
    Math.min(...proof.checked.bad.map((bad) => stepsTo(planned.plan, bad).length));
  return tried.reduce((best, one) => (length(one) < length(best) ? one : best));
}

function wantedFiles(desired: string, observed: Observed): DumpFiles {
  if (!existsSync(desired)) throw new UsageError(`there is nothing at ${desired}`);
  if (!statSync(desired).isDirectory())
    return compileWanted(openCloudOption(desired), observed.network);
  const folder = openFolder(desired);
  const decoder = new TextDecoder();
  return new Map(folder.list().map((path) => [path, () => decoder.decode(folder.read(path))]));
}

/** Where the controller keeps journals and the audit log. */
export function stateFolder({ environment }: Io, given: string | undefined): string {
  const base = environment['XDG_STATE_HOME'] ?? join(homedir(), '.local/state');
  return given ?? join(base, 'hopwise');
}

/** The plan that a file holds: which one it is, and for what. */
export function readPlanFile(path: string): {
  readonly id: string;
  readonly desired: string;
  readonly order: FlowOrder;
  readonly constraints: readonly Constraint[];
  readonly hosts: readonly string[];
} {
  if (!existsSync(path)) throw new UsageError(`there is no plan at ${path}`);
  try {
    const { version, id, desired, order, constraints, hosts } = JSON.parse(
      readFileSync(path, 'utf8'),
    ) as Record<string, unknown>;
    if (
      version !== 1 ||
      typeof id !== 'string' ||
      typeof desired !== 'string' ||
      !Array.isArray(hosts)
    ) {
      throw new Error('it has another form');
    }
    const names = hosts.map((host: unknown) => String((host as { readonly name?: unknown }).name));
    const kept = (Array.isArray(constraints) ? constraints : []).flatMap(
      (pair: unknown): readonly Constraint[] => {
        const [first, then] = Array.isArray(pair) ? (pair as readonly unknown[]) : [];
        return typeof first === 'string' && typeof then === 'string' ? [[first, then]] : [];
      },
    );
    const words = { id, desired, constraints: kept, hosts: names };
    return { ...words, order: order === 'staged' ? 'staged' : 'direct' };
  } catch (error) {
    throw new UsageError(`${path} is no plan: ${error instanceof Error ? error.message : error}`);
  }
}
