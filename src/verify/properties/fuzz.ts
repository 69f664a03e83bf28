/**
 * Properties under changes: draws sequences of changes of a cloud, checks the properties after
 * each sequence, and makes one that breaks a property as short as it gets. The same seed draws
 * the same sequences.
 */
import fc from 'fast-check';
import { type Cloud } from '../../model/cloud.ts';
import { compileFiles } from '../../snapshot/read/compiled.ts';
import { once } from '../../snapshot/read/folder.ts';
import { memoryFolder } from '../../snapshot/read/memory-folder.ts';
import { openSnapshot } from '../../snapshot/read/open.ts';
import { placesThatDiffer, type ReadNetwork } from '../proof/unchanged.ts';
import { CHANGE_KINDS, type ChangeKind, changedCloud, possibleChanges } from './changes.ts';
import { type CheckOptions, checkProperties } from './check.ts';
import { type Checked, type PropertyFile } from './types.ts';
import { openWalks } from './walks.ts';

export interface FuzzOptions {
  readonly runs: number;
  readonly seed: number;
  /** Kinds of changes that are drawn; all when the file names none. */
  readonly kinds: readonly ChangeKind[] | null;
  readonly check: CheckOptions;
  /** Called before every sequence, also while one is made shorter. */
  readonly progress?: (sequences: number) => void;
}

export interface Fuzzed {
  /** Sequences that were tried before one broke a property, or all of them. */
  readonly runs: number;
  /** The shortest sequence that breaks a property; null when none was found. */
  readonly broken: Broken | null;
  /** Sequences after which nobody can say. */
  readonly unsure: number;
}

export interface Broken {
  readonly changes: readonly string[];
  /** What fails after them. */
  readonly failures: readonly Checked[];
  /** How often the first sequence found was made shorter. */
  readonly shrunk: number;
}

/** Changes of one sequence. */
const LONGEST = 5;
/** One change: which kind and which of its choices, taken modulo what there is. */
type Drawn = readonly [kind: number, choice: number];

/** Checks properties after sequences of changes. Throws for a cloud that cannot be changed at all. */
export function fuzzProperties(cloud: Cloud, file: PropertyFile, options: FuzzOptions): Fuzzed {
  const kinds = options.kinds ?? CHANGE_KINDS;
  let sequences = 0;
  let unsure = 0;
  const drawn = fc.array(fc.tuple(fc.nat(99), fc.nat(9999)), { minLength: 1, maxLength: LONGEST });
  // A property that returns false is an error of its own to fast-check: ours are told apart here.
  const crashes: unknown[] = [];
  const checked = checkerFrom(cloud, file, options.check);
  const holdsAfter = (sequence: readonly Drawn[]): boolean => {
    options.progress?.(++sequences);
    const { after } = changed(cloud, kinds, sequence);
    const found = checked(after);
    if (found.some(({ holds }) => holds === 'fails')) return false;
    if (found.some(({ holds }) => holds === 'unsure')) unsure++;
    return true;
  };
  const asked = fc.property(drawn, (sequence: readonly Drawn[]) => {
    try {
      return holdsAfter(sequence);
    } catch (error) {
      crashes.push(error);
      return false;
    }
  });
  const result = fc.check(asked, { numRuns: options.runs, seed: options.seed, verbose: 0 });
  if (crashes.length > 0) throw crashes[0];
  const [sequence] = result.counterexample ?? [];
  if (!result.failed || sequence === undefined) {
    return { runs: result.numRuns, broken: null, unsure };
  }
  const { after, changes } = changed(cloud, kinds, sequence);
  const failures = checked(after).filter(({ holds }) => holds === 'fails');
  return {
    runs: result.numRuns,
    broken: { changes, failures, shrunk: result.numShrinks },
    unsure,
  };
}

/**
 * Checks properties over clouds that come of one: what packets fare that come to nothing that has
 * changed is known from there.
 */
export function checkerFrom(
  cloud: Cloud,
  file: PropertyFile,
  check: CheckOptions = {},
): (after: Cloud) => readonly Checked[] {
  const before = readOf(cloud);
  const walks = openWalks(before.network);
  return (after) => {
    const now = readOf(after);
    const changed = placesThatDiffer(before, now);
    const known = changed === null ? null : { walks, changed };
    return [...checkProperties(now.network, file, { ...check, known })];
  };
}

function readOf(cloud: Cloud): ReadNetwork {
  const files = [...compileFiles(cloud)].map(([path, text]) => [path, once(text)] as const);
  const folder = memoryFolder(new Map(files));
  return { network: openSnapshot(folder), folder };
}

/** The cloud after a drawn sequence, and the sequence in words; what is not possible is left out. */
function changed(
  cloud: Cloud,
  kinds: readonly ChangeKind[],
  sequence: readonly Drawn[],
): { readonly after: Cloud; readonly changes: readonly string[] } {
  let after = cloud;
  const changes: string[] = [];
  for (const [kind, choice] of sequence) {
    const words = possibleChanges(after, kinds[kind % kinds.length] ?? 'remove-rule');
    const text = words[choice % Math.max(1, words.length)];
    const next = text === undefined ? null : changedCloud(after, text);
    if (text === undefined || next === null || typeof next === 'string') continue;
    after = next;
    changes.push(text);
  }
  return { after, changes };
}
