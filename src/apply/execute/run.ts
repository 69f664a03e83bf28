/**
 * Runs a proved plan: locks, timers, steps with reading back, checks, and one decision for all
 * hosts. Whatever goes wrong before the decision sends every host back.
 */
import { randomBytes } from 'node:crypto';
import { type Connections } from '../../snapshot/collect/gather.ts';
import { type InventoryHost } from '../../snapshot/collect/inventory.ts';
import { type Verified } from '../prove/verified.ts';
import { type Plan, type Step, wavesOf } from '../types.ts';
import { batchesOf } from './batches.ts';
import { after, besideOf, deviations, type Texts } from './expected.ts';
import {
  armScript,
  CURRENT_SCRIPT,
  confirmScript,
  HOST_EXIT,
  rollbackScript,
  stepScript,
  waitScript,
} from './host-scripts.ts';
import { observeHost } from './observe.ts';
import { type LiveProbes, type Probed } from './probing.ts';
import { type Journal, type Records } from './records.ts';

export interface RunOptions {
  /** How long a host waits for the next step or the confirmation before it goes back by itself. */
  readonly timer_s: number;
  /** Read back once more so many seconds behind the steps, as other programs may undo them. */
  readonly recheck_s: readonly number[];
  /** Leaves the timers armed and lets a person confirm. */
  readonly hold: boolean;
  /** Packets that are really sent before, between and behind the steps. */
  readonly probes?: LiveProbes;
  readonly progress?: (line: string) => void;
}

const USUAL_RUN: RunOptions = { timer_s: 60, recheck_s: [1, 90], hold: false };

export interface RunContext {
  readonly hosts: readonly InventoryHost[];
  readonly connections: Connections;
  readonly records: Records;
  /** Texts that each host had when the plan was made. */
  readonly tracked: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export type RunResult =
  | { readonly kind: 'done'; readonly transaction: string }
  /** Everything stands and waits for `apply confirm`. */
  | { readonly kind: 'held'; readonly transaction: string }
  /** Nothing was done. */
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'rolled-back'; readonly transaction: string; readonly why: string }
  /** Some host is neither as before nor as wanted, or nobody can say. */
  | { readonly kind: 'needs-hands'; readonly transaction: string; readonly why: string };

const COMMAND_MS = 60_000;

class Failed extends Error {}

export async function runPlan(
  plan: Verified<Plan>,
  context: RunContext,
  options: RunOptions = USUAL_RUN,
): Promise<RunResult> {
  const unlock = context.records.lock();
  if (unlock === null) return { kind: 'refused', why: 'another run of hopwise has the lock' };
  try {
    const hosts = context.hosts.filter(({ name }) => plan.steps.some((step) => step.host === name));
    const open = await unfinished(hosts, context);
    if (open !== null) return { kind: 'refused', why: open };
    const transaction = `t${Date.now().toString(36)}-${randomBytes(4).toString('hex')}`;
    const journal = context.records.begin(transaction, JSON.stringify(plan));
    journal.write({ what: 'begin', detail: `plan ${plan.id}` });
    return await new Run(plan, { ...context, hosts }, options, journal).go();
  } finally {
    unlock();
  }
}

/** Why a host is not free; what an earlier run left undone is undone first. */
async function unfinished(
  hosts: readonly InventoryHost[],
  { connections }: RunContext,
): Promise<string | null> {
  for (const { name } of hosts) {
    const ran = await connections.of(name).run(CURRENT_SCRIPT, COMMAND_MS);
    if (ran.code !== 0) return `${name} does not answer: ${ran.err}`;
    const [transaction = '', armed = ''] = ran.out.toString().trim().split(' ');
    if (transaction === '') continue;
    if (armed === 'armed') return `${name} is held by transaction ${transaction}, whose timer runs`;
    const back = await connections.of(name).run(rollbackScript(transaction, 'hand'), COMMAND_MS);
    if (back.code !== 0) return `${name} could not undo transaction ${transaction}: ${back.err}`;
  }
  return null;
}

class Run {
  readonly plan: Plan;
  readonly context: RunContext;
  readonly options: RunOptions;
  readonly journal: Journal;
  readonly #texts: Map<string, Texts>;

  constructor(plan: Plan, context: RunContext, options: RunOptions, journal: Journal) {
    this.plan = plan;
    this.context = context;
    this.options = options;
    this.journal = journal;
    this.#texts = new Map([...context.tracked].map(([host, texts]) => [host, new Map(texts)]));
  }

  async go(): Promise<RunResult> {
    const { transaction } = this.journal;
    this.#probed('before', await this.options.probes?.before());
    try {
      await this.#arm();
      // Until the hosts were taken somebody else may have changed them.
      await this.#each(this.context.hosts, (host) => this.#readBack(host, null, 'stale'));
    } catch (error) {
      await this.#rollback();
      return { kind: 'refused', why: messageOf(error) };
    }
    try {
      for (const wave of wavesOf(this.plan)) await this.#wave(wave);
      await this.#check();
    } catch (error) {
      this.journal.write({ what: 'failed', detail: messageOf(error) });
      return this.#backFrom(messageOf(error));
    }
    if (this.options.hold) return { kind: 'held', transaction };
    return confirmAll(this.context, this.journal);
  }

  async #arm(): Promise<void> {
    await this.#each(this.context.hosts, async ({ name }) => {
      const steps = this.#stepsOf(name);
      const script = armScript(this.journal.transaction, steps, this.options.timer_s);
      const ran = await this.context.connections.of(name).run(script, COMMAND_MS);
      if (ran.code !== 0)
        throw new Failed(`${name}: ${armError(ran.code, ran.out.toString(), ran.err)}`);
      this.journal.write({ what: 'armed', host: name, detail: ran.out.toString().trim() });
    });
  }

  #stepsOf(host: string): readonly Step[] {
    return this.plan.steps.filter((step) => step.host === host);
  }

  async #wave(steps: readonly Step[]): Promise<void> {
    const names = new Set(steps.map(({ host }) => host));
    const hosts = this.context.hosts.filter(({ name }) => names.has(name));
    const batches = batchesOf(hosts);
    const phase = steps[0]?.phase ?? '';
    for (const [i, batch] of batches.entries()) {
      await this.#each(batch, async (host) => {
        for (const step of steps) if (step.host === host.name) await this.#step(host, step);
      });
      // Where one host alone breaks what passes, no other follows.
      if (i > 0 && i < batches.length - 1) continue;
      const where = batches.length === 1 || i > 0 ? 'everywhere' : `on ${batch[0]?.name}`;
      this.#probed(`${phase} ${where}`, await this.options.probes?.between());
    }
  }

  /** Notes what became of probes; throws when it is not what was predicted. */
  #probed(when: string, probed: Probed | undefined): void {
    if (probed === undefined || probed.sent + probed.untold.length === 0) return;
    const { sent, wrong, untold } = probed;
    const more = untold.length === 0 ? '' : `; not judged: ${untold.slice(0, 5).join('; ')}`;
    const detail = `${when}: ${sent - wrong.length} of ${sent} as predicted${more}`;
    this.journal.write({ what: 'probed', detail });
    this.options.progress?.(`probes  ${detail}`);
    if (wrong.length > 0) throw new Failed(`probes (${when}): ${wrong.slice(0, 5).join('; ')}`);
  }

  async #step(host: InventoryHost, step: Step): Promise<void> {
    const { connections } = this.context;
    const texts = this.#texts.get(host.name) ?? new Map<string, string>();
    this.journal.write({ what: 'step', host: host.name, step: step.id, detail: step.title });
    this.options.progress?.(`${step.id}  ${step.title}`);
    const script = stepScript(this.journal.transaction, step, this.options.timer_s);
    const ran = await connections.of(host.name).run(script, COMMAND_MS);
    if (ran.code !== 0)
      throw new Failed(`${step.id} (${step.title}): ${stepError(ran.code, ran.err)}`);
    after(texts, step);
    this.#texts.set(host.name, texts);
    const regions = new Set(step.regions.map(({ region }) => region));
    if (regions.size > 0) await this.#readBack(host, regions, step.id);
    this.journal.write({ what: 'done', host: host.name, step: step.id });
  }

  /** Reads a host until it is as expected, or the time is up: ports come up with a delay. */
  async #readBack(
    host: InventoryHost,
    regions: ReadonlySet<string> | null,
    where: string,
  ): Promise<void> {
    const expected = this.#texts.get(host.name) ?? new Map<string, string>();
    const end = Date.now() + 3000;
    for (;;) {
      const sight = regions === null ? null : { regions, beside: besideOf(expected, regions) };
      const state = await observeHost(host, this.context.connections, sight);
      if (typeof state === 'string')
        throw new Failed(`${where}: ${host.name} could not be read: ${state}`);
      const found = deviations(expected, state, regions);
      if (found.length === 0) return;
      if (Date.now() > end) {
        const more = found.length > 3 ? ` and ${found.length - 3} more` : '';
        throw new Failed(`${where}: not as expected: ${found.slice(0, 3).join('; ')}${more}`);
      }
      await sleep(100);
    }
  }

  /**
   * Reads back after each of the times that were asked for, and now and then in between, so that
   * whoever undoes what was done is seen soon; the hosts' own timers are moved on meanwhile.
   */
  async #check(): Promise<void> {
    const start = Date.now();
    const often_s = Math.max(1, this.options.timer_s / 3);
    for (const seconds of this.options.recheck_s) {
      for (;;) {
        const left_s = seconds - (Date.now() - start) / 1000;
        if (left_s > 0) await sleep(Math.min(left_s, often_s) * 1000);
        await this.#each(this.context.hosts, async (host) => {
          await this.#moveOn(host);
          await this.#readBack(host, null, `after ${seconds} s`);
        });
        if (left_s <= often_s) break;
      }
    }
    this.#probed('end', await this.options.probes?.end());
    this.journal.write({ what: 'verified' });
  }

  /** Nobody may have decided, and the timer has to run, as long as the controller looks on. */
  async #moveOn({ name }: InventoryHost): Promise<void> {
    const { transaction } = this.journal;
    const script = waitScript(transaction, this.options.timer_s);
    const ran = await this.context.connections.of(name).run(script, COMMAND_MS);
    if (ran.code !== 0) throw new Failed(`the timer of ${name} could not be moved: ${ran.code}`);
  }

  async #backFrom(why: string): Promise<RunResult> {
    const { transaction } = this.journal;
    const left = [...(await this.#rollback())];
    for (const host of left.length === 0 ? this.context.hosts : []) {
      const before = this.context.tracked.get(host.name) ?? new Map<string, string>();
      const state = await observeHost(host, this.context.connections);
      const found = typeof state === 'string' ? [state] : deviations(before, state, null);
      left.push(...found.slice(0, 3).map((each) => `${host.name} is not as before: ${each}`));
    }
    if (left.length > 0)
      return { kind: 'needs-hands', transaction, why: `${why}; ${left.join('; ')}` };
    return { kind: 'rolled-back', transaction, why };
  }

  #rollback(): Promise<readonly string[]> {
    return rollbackAll(this.context, this.journal, 'hand');
  }

  /** All at one time; the first that fails is told when the others have ended. */
  async #each<T>(list: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
    const results = await Promise.allSettled(list.map(work));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }
}

/**
 * Confirms on all hosts. Every host has to be reached by a new connection first; then the decision
 * is written down, and after it there is no way but forward.
 */
export async function confirmAll(
  { hosts, connections }: Pick<RunContext, 'hosts' | 'connections'> & RunContext,
  journal: Journal,
): Promise<RunResult> {
  const { transaction } = journal;
  const reached = await Promise.all(
    hosts.map(async ({ name }) => ({
      name,
      ran: await connections.of(name).runFresh('true', 15_000),
    })),
  );
  const lost = reached.filter(({ ran }) => ran.code !== 0);
  if (lost.length > 0) {
    const why = lost
      .map(({ name, ran }) => `${name} lets no new connection in: ${ran.err.trim()}`)
      .join('; ');
    journal.write({ what: 'failed', detail: why });
    const context = { hosts, connections } as RunContext;
    const left = await rollbackAll(context, journal, 'hand');
    return left.length > 0
      ? { kind: 'needs-hands', transaction, why: `${why}; ${left.join('; ')}` }
      : { kind: 'rolled-back', transaction, why };
  }
  journal.write({ what: 'commit' });
  const failed: string[] = [];
  await Promise.all(
    hosts.map(async ({ name }) => {
      const ran = await connections.of(name).runFresh(confirmScript(transaction), COMMAND_MS);
      if (ran.code === 0) journal.write({ what: 'confirmed', host: name });
      else failed.push(`${name}: ${stepError(ran.code, ran.err)}`);
    }),
  );
  if (failed.length > 0) {
    // One host went back by itself in the very last moment: none may stay.
    const left = await rollbackAll({ hosts, connections } as RunContext, journal, 'undo');
    const why = failed.join('; ');
    return left.length > 0
      ? { kind: 'needs-hands', transaction, why: `${why}; ${left.join('; ')}` }
      : { kind: 'rolled-back', transaction, why };
  }
  journal.write({ what: 'end', detail: 'confirmed' });
  return { kind: 'done', transaction };
}

/** Sends every host back; the answer says what could not be done. */
export async function rollbackAll(
  { hosts, connections }: Pick<RunContext, 'hosts' | 'connections'>,
  journal: Journal,
  why: 'hand' | 'undo',
): Promise<readonly string[]> {
  journal.write({ what: 'rollback' });
  const left: string[] = [];
  await Promise.all(
    hosts.map(async ({ name }) => {
      const script = rollbackScript(journal.transaction, why);
      let ran = await connections.of(name).run(script, COMMAND_MS);
      // Where the way is cut the host goes back by itself, and is there again afterwards.
      for (let tries = 0; ran.code !== 0 && ran.code !== HOST_EXIT.unknown && tries < 30; tries++) {
        await sleep(3000);
        ran = await connections.of(name).runFresh(script, COMMAND_MS);
      }
      const nothing = ran.code === HOST_EXIT.unknown;
      if (ran.code === 0 || nothing) journal.write({ what: 'rolled-back', host: name });
      else left.push(`${name} could not go back: ${ran.err.trim()}`);
    }),
  );
  if (left.length === 0) journal.write({ what: 'end', detail: 'rolled back' });
  return left;
}

function armError(code: number | null, out: string, err: string): string {
  switch (code) {
    case HOST_EXIT.busy:
      return `held by transaction ${out.trim()}`;
    case HOST_EXIT.locked:
      return 'locked by somebody else';
    case HOST_EXIT.notArmed:
      return 'the timer did not start';
    default:
      return err.trim() === '' ? `ended with ${code}` : err.trim();
  }
}

function stepError(code: number | null, err: string): string {
  if (code === HOST_EXIT.decided) return 'the host has gone back by itself';
  if (code === HOST_EXIT.notArmed) return 'the timer runs no more';
  return err.trim() === '' ? `ended with ${code}` : err.trim().slice(0, 500);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
