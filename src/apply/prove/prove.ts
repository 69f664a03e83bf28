/**
 * Everything that is proved of a plan before anything is touched. Only here plans become
 * `Verified`; one that cannot be proved comes back with the state in which it would go wrong.
 */
import { type Network } from '../../dataplane/network.ts';
import { type Plan } from '../types.ts';
import { type Bad, type Checked, type CheckOptions, checkStages, USUAL_CHECK } from './check.ts';
import { outliving } from './established.ts';
import { type Operator } from './input.ts';
import { operatorCut } from './operator.ts';
import { type Ends, networkOfStages, stagesOf } from './stages.ts';
import { asVerified, type Verified } from './verified.ts';

export interface ProofInput {
  readonly plan: Plan;
  readonly ends: Ends;
  readonly tracked: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** As it was read. */
  readonly network: Network;
  readonly operators: ReadonlyMap<string, Operator>;
}

export interface ProofOptions extends CheckOptions {
  /** Runs a plan of which something could not be decided. */
  readonly acceptUndecided: boolean;
  /** Runs a plan although it is known to lose packets or to cut the operator off. */
  readonly force: boolean;
  /** Runs a plan that loses packets for as long as a phase lasts, and does nothing worse. */
  readonly maintenance: boolean;
}

export const USUAL_PROOF: ProofOptions = {
  ...USUAL_CHECK,
  acceptUndecided: false,
  force: false,
  maintenance: false,
};

export interface PlanProof {
  /** null: it is not proved. */
  readonly verified: Verified<Plan> | null;
  readonly checked: Checked;
  /** Why the operator would be cut off. */
  readonly cut: readonly string[];
  /** All hosts behind the last phase, as they were proved. */
  end(): Network;
}

export function provePlan(input: ProofInput, options: ProofOptions = USUAL_PROOF): PlanProof {
  const { plan, ends, tracked, network, operators } = input;
  const cut = [...operators].flatMap(([name, operator]) => {
    const host = network.hosts.get(name);
    return host === undefined ? [] : operatorCut(plan, host, operator);
  });
  // What a maintenance costs is known only when every state was looked at.
  const all = options.all || options.maintenance;
  const stages = stagesOf(plan, ends, tracked);
  const steps = checkStages(stages, ends, { ...options, all });
  const last = stages.hosts.map((host) => stages.of(host, stages.waves.length));
  const end = (): Network => networkOfStages(last, ends, new Map());
  const outlives = options.all || steps.bad.length === 0 ? outliving(plan, end(), steps.pairs) : [];
  const checked = { ...steps, bad: [...steps.bad, ...outlives] };
  const held = options.maintenance ? checked.bad.every(isPassing) : checked.bad.length === 0;
  const proved = held && cut.length === 0;
  const decided = checked.undecided.length === 0 || options.acceptUndecided;
  const verified = options.force || (proved && decided) ? asVerified(plan) : null;
  return { verified, checked, cut, end };
}

/** Whether packets are lost for a while, and no more when the plan is done. */
export function isPassing({ kind, lasts }: Bad): boolean {
  return kind === 'lost' && lasts !== 'blackhole';
}
