/** Which states all hosts together may be in while one wave of a plan runs. Before: `stages.ts`. */
import { type Between, type Stage, type Stages } from './stages.ts';

export interface Moment {
  readonly done: readonly string[];
  /** A host between two steps of the wave. */
  readonly middle: (Between & { readonly host: string }) | null;
  /** A host that went back by itself, behind the wave. */
  readonly alone: string | null;
}

/** What every host holds at a moment of a wave. */
export function stagesAt(
  stages: Stages,
  wave: number,
  { done, middle, alone }: Moment,
): readonly Stage[] {
  return stages.hosts.map((host) => {
    if (host === alone) return stages.of(host, 0);
    if (host === middle?.host) return middle.stage;
    return stages.of(host, done.includes(host) ? wave + 1 : wave);
  });
}

/** Every combination of hosts that are done, and each host in its middle with none or all done. */
export function momentsOf(stages: Stages, wave: number): readonly Moment[] {
  const { hosts } = stages;
  const subsets = subsetsOf(stages, wave);
  const [first = [], last = []] = [subsets[0], subsets.at(-1)];
  const middles = hosts.flatMap((host) =>
    stages.between(host, wave).flatMap((one): readonly Moment[] =>
      [first, last].map((done) => ({
        done: done.filter((each) => each !== host),
        middle: { ...one, host },
        alone: null,
      })),
    ),
  );
  // What all have remembered at the end is what the next wave begins with.
  const whole = subsets.map((done): Moment => ({ done, middle: null, alone: null }));
  return [...whole.slice(0, -1), ...middles, ...whole.slice(-1)];
}

/** All hosts behind the wave but one, which has gone back to where it began. */
export function aloneMoments(stages: Stages, wave: number): readonly Moment[] {
  const { hosts } = stages;
  return hosts
    .filter((host) => stages.of(host, 0).key !== stages.of(host, wave + 1).key)
    .map((alone) => ({ done: hosts.filter((host) => host !== alone), middle: null, alone }));
}

/** Hosts that a wave changes, in every combination; of many hosts none, each one, all but one, all. */
function subsetsOf(stages: Stages, wave: number): readonly (readonly string[])[] {
  const { hosts } = stages;
  const changed = hosts.filter(
    (host) => stages.of(host, wave).key !== stages.of(host, wave + 1).key,
  );
  const still = hosts.filter((host) => !changed.includes(host));
  const some: (readonly string[])[] =
    changed.length <= 4
      ? Array.from({ length: 2 ** changed.length }, (_, bits) =>
          changed.filter((_host, i) => (bits >> i) & 1),
        )
      : [
          [],
          ...changed.map((one) => [one]),
          ...changed.map((one) => changed.filter((each) => each !== one)),
          changed,
        ];
  return some.sort((a, b) => a.length - b.length).map((of) => [...still, ...of]);
}
