/**
 * `hopwise diff A B --reachability`: which packets arrive in one network and not in the other, and
 * which fare otherwise; with `--frames` also which frames of servers somebody else receives.
 */
import { forTerminal, jsonText } from '../text/escape.ts';
import { type Page } from '../trace/render/style.ts';
import { classText } from '../verify/proof/classes.ts';
import { comparePairs, type Faring, type ReachChange } from '../verify/proof/compare.ts';
import { compareFrames, type FrameChange } from '../verify/proof/compare-frames.ts';
import { SOMEBODY_OUTSIDE } from '../verify/proof/outside-ends.ts';
import {
  commonServers,
  outsidePairs,
  type Pair,
  serverPairs,
  servicePairs,
} from '../verify/proof/pairs.ts';
import { type Group } from '../verify/proof/prove.ts';
import { witnessText } from '../verify/proof/text.ts';
import { placesThatDiffer } from '../verify/proof/unchanged.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';
import { type OpenedSnapshot } from './snapshot-option.ts';
import { pageOf, type Wishes } from './terminal.ts';

/** Pairs that change in one way and are told in one line; the others are counted. */
const MOST_IN_A_LINE = 6;

interface ReachFlags extends Wishes {
  readonly json: boolean;
  readonly frames?: boolean;
  readonly server?: readonly string[];
}

/** Proves all pairs of servers in both networks, and writes in what they differ. */
export function diffReach(
  call: Call,
  [left, right]: readonly [OpenedSnapshot, OpenedSnapshot],
  flags: ReachFlags,
): void {
  const [a, b] = [left.network, right.network];
  const places = bothRead(left, right);
  const common = commonServers(a, b);
  const servers = flags.server ?? common;
  for (const name of servers) {
    if (!common.includes(name)) {
      throw new UsageError(`no server of both sides is named ${JSON.stringify(name)}`);
    }
  }
  const pairs = [serverPairs, outsidePairs, servicePairs].flatMap((of) => of([a, b], servers));
  const changes = [...counted(call, comparePairs(a, b, pairs, places), 'pairs')];
  const frames =
    flags.frames === true
      ? [...counted(call, compareFrames(a, b, servers), 'kinds of frames')]
      : [];
  const changed = changes.filter((one) => one.lost ?? one.gained ?? one.changed);
  const unsure = changes.filter(({ unknown }) => unknown.length > 0);
  const otherFrames = frames.filter(({ differences }) => differences.length > 0);
  const unsureFrames = frames.filter(({ unknown }) => unknown.length > 0);
  if (flags.json) {
    const shown = changes.filter((one) => changed.includes(one) || unsure.includes(one));
    const framesShown = frames.filter(
      (one) => otherFrames.includes(one) || unsureFrames.includes(one),
    );
    const whole = { version: 1, pairs: changes.length, changes: shown.map(inJson) };
    call.io.out.write(`${jsonText({ ...whole, frames: framesShown })}\n`);
  } else {
    const page = pageOf(call.io, flags);
    const some = changed.length + otherFrames.length > 0;
    const open = unsure.length + unsureFrames.length > 0 || changes.length === 0;
    const mark = some ? '✗' : open ? '?' : '✓';
    const lines = [
      `${mark} ${changed.length} of ${changes.length} pairs of ends changed`,
      ...reachLines(page, changed),
      ...otherFrames.flatMap((one) => frameLines(page, one)),
      ...unsure.map(
        (one) => `  unknown ${forTerminal(`${pairText(one)}  ${one.unknown.join('; ')}`)}`,
      ),
      ...unsureFrames.map(
        ({ server, kind, unknown }) =>
          `  unknown ${forTerminal(`${kind} frames of ${server}  ${unknown.join('; ')}`)}`,
      ),
    ];
    call.io.out.write(page.encode(`${lines.join('\n')}\n`));
  }
  const complete = unsure.length + unsureFrames.length === 0 && changes.length > 0;
  const same = changed.length + otherFrames.length === 0;
  call.exitCode = same ? (complete ? EXIT.yes : EXIT.unsure) : EXIT.no;
}

/** What differs where both are files of one cloud; null where all is asked of both. */
function bothRead(left: OpenedSnapshot, right: OpenedSnapshot): ReadonlySet<string> | null {
  if (left.folder === undefined || right.folder === undefined) return null;
  return placesThatDiffer(
    { network: left.network, folder: left.folder },
    { network: right.network, folder: right.folder },
  );
}

/** Tells on a terminal how far it has come. */
function* counted<T>({ io }: Call, all: Iterable<T>, what: string): Generator<T> {
  let done = 0;
  for (const one of all) {
    done++;
    if (io.err.isTTY) io.err.write(`\r${done} ${what} proved`);
    yield one;
  }
  if (io.err.isTTY && done > 0) io.err.write('\n');
}

function inJson({ version, ...change }: ReachChange): object {
  return { ...change, version: version ?? null };
}

/** Pairs to which the same happened stand in one line. */
function reachLines(page: Page, changed: readonly ReachChange[]): readonly string[] {
  const groups = new Map<string, { readonly group: Group; readonly pairs: string[] }>();
  for (const change of changed) {
    for (const word of ['lost', 'gained', 'changed'] as const) {
      const group = change[word];
      if (group === null) continue;
      const how = word === 'changed' ? howText(change.changed) : '';
      const key = `${word} ${group.classes.map(classText).join('; ')}${how}`;
      const known = groups.get(key) ?? { group, pairs: [] };
      groups.set(key, known);
      known.pairs.push(pairText(change));
    }
  }
  return [...groups].map(([key, { group, pairs }]) => {
    const [word = '', ...rest] = key.split(' ');
    const style = word === 'lost' ? 'bad' : 'unsure';
    const left = pairs.length - MOST_IN_A_LINE;
    const more = left > 0 ? ` and ${left} more` : '';
    const ends = `${pairs.slice(0, MOST_IN_A_LINE).join(', ')}${more}`;
    const what = `${rest.join(' ')} (for example ${witnessText(group.witness)})`;
    return `  ${page.style(style, word.padEnd(7))}  ${forTerminal(ends)}  ${forTerminal(what)}`;
  });
}

function howText(changed: Faring | null): string {
  return changed === null ? '' : `: ${changed.how.join(', ')}`;
}

function pairText({ from, to, version }: Pair): string {
  const word = (end: string): string => (end === SOMEBODY_OUTSIDE ? 'outside' : end);
  return `${word(from)} → ${word(to)}${version === 6 ? ' (IPv6)' : ''}`;
}

function frameLines(page: Page, { server, differences }: FrameChange): readonly string[] {
  return differences.flatMap(({ place, ...how }) =>
    (['lost', 'gained', 'changed'] as const).flatMap((word) => {
      const frame = how[word];
      if (frame === null) return [];
      const style = word === 'lost' ? 'bad' : 'unsure';
      const text = `${server} → ${place}  frames such as ${frame}`;
      return [`  ${page.style(style, word.padEnd(7))}  ${forTerminal(text)}`];
    }),
  );
}
