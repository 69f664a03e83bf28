/** `hopwise check --cloud FILE`: a cloud that is changed first, and changes that are drawn. */

import { type Network } from '../dataplane/network.ts';
import { type Cloud } from '../model/cloud.ts';
import { forTerminal } from '../text/escape.ts';
import { changedCloud } from '../verify/properties/changes.ts';
import { sentenceOf } from '../verify/properties/reports/sentence.ts';
import { type PropertyFile } from '../verify/properties/types.ts';
import { openCloudOption } from './cloud-option.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';
import { pageOf, type Wishes } from './terminal.ts';

/** A cloud after changes in words; throws `UsageError` for words that change nothing. */
export function openChanged(path: string, changes: readonly string[]): Cloud {
  return changes.reduce((cloud: Cloud, text) => {
    const next = changedCloud(cloud, text);
    if (typeof next === 'string') throw new UsageError(next);
    return next;
  }, openCloudOption(path));
}

/** What is drawn, from what. */
interface Drawing {
  readonly file: string;
  readonly cloud: string;
  readonly runs: number;
  /** Undefined: one is taken from the clock, and told. */
  readonly seed: number | undefined;
  /** The output holds a document already: what is found goes to the other stream. */
  readonly aside: boolean;
  /** Changes that were made before. */
  readonly before: readonly string[];
  readonly page: Wishes;
}

/** Draws changes, checks, and tells the shortest sequence that breaks a property. */
export async function fuzzCommand(
  call: Call,
  { file, cloud: path, runs, seed: given, aside, before, page: wishes }: Drawing,
  properties: PropertyFile,
  open: (word: string) => Network | string,
): Promise<void> {
  const { fuzzProperties } = await import('../verify/properties/fuzz.ts');
  const { err } = call.io;
  const out = aside ? err : call.io.out;
  const seed = given ?? Date.now() % 1_000_000_000;
  const {
    runs: tried,
    broken,
    unsure,
  } = fuzzProperties(openChanged(path, before), properties, {
    runs,
    seed,
    kinds: properties.changes,
    check: { open },
    ...(err.isTTY ? { progress: (n) => err.write(`\r${n} sequences of changes`) } : {}),
  });
  if (err.isTTY) err.write('\r\u001b[K');
  const page = pageOf(call.io, wishes);
  const command = `hopwise check ${quoted(file)} --cloud ${quoted(path)}`;
  const changesBefore = before.map((text) => ` --change ${quoted(text)}`).join('');
  const again = `${command}${changesBefore} --property ${runs} --seed ${seed}`;
  if (broken === null) {
    const mark = unsure > 0 ? '?' : '✓';
    const doubt = unsure > 0 ? `, nobody can say after ${unsure}` : '';
    const lines = [
      `${mark} ${tried} sequences of changes${doubt}`,
      `  again  ${forTerminal(again)}`,
    ];
    out.write(page.encode(`${lines.join('\n')}\n`));
    call.exitCode = unsure > 0 ? EXIT.unsure : EXIT.yes;
    return;
  }
  const { changes, failures, shrunk } = broken;
  const words = [...before, ...changes].map((text) => ` --change ${quoted(text)}`).join('');
  const lines = [
    `✗ run ${tried} of ${runs}: ${failures.length} fail after ${changes.length} changes (shortened ${shrunk} times)`,
    ...changes.map((text) => `    ${forTerminal(text)}`),
    ...failures.slice(0, MOST).map((one) => {
      return `  ${page.style('bad', '✗')} ${forTerminal(`${one.property.name}: ${sentenceOf(one)}`)}`;
    }),
    ...(failures.length > MOST ? [`  and ${failures.length - MOST} more`] : []),
    `  replay ${forTerminal(`${command}${words}`)}`,
    `  again  ${forTerminal(again)}`,
  ];
  out.write(page.encode(`${lines.join('\n')}\n`));
  call.exitCode = EXIT.no;
}

const MOST = 5;

/** A word as a POSIX shell reads it back. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
