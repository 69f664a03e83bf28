/** `hopwise diff A B --reachability`: which packets arrive in one network and not in the other. */
import { type Network } from '../dataplane/network.ts';
import { forTerminal, jsonText } from '../text/escape.ts';
import { classText } from '../verify/proof/classes.ts';
import { commonServers, compareReach, type ReachChange } from '../verify/proof/compare.ts';
import { type Group } from '../verify/proof/prove.ts';
import { witnessText } from '../verify/proof/text.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';
import { pageOf, type Wishes } from './terminal.ts';

/** Proves all pairs of servers in both networks, and writes in what they differ. */
export function diffReach(
  call: Call,
  a: Network,
  b: Network,
  flags: Wishes & { readonly json: boolean; readonly server?: readonly string[] },
): void {
  const changes: ReachChange[] = [];
  const common = commonServers(a, b);
  const servers = flags.server ?? common;
  for (const name of servers) {
    if (!common.includes(name)) {
      throw new UsageError(`no server of both sides is named ${JSON.stringify(name)}`);
    }
  }
  for (const change of compareReach(a, b, servers)) {
    changes.push(change);
    if (call.io.err.isTTY) call.io.err.write(`\r${changes.length} pairs proved`);
  }
  if (call.io.err.isTTY && changes.length > 0) call.io.err.write('\n');
  const changed = changes.filter(({ lost, gained }) => lost !== null || gained !== null);
  const unsure = changes.filter(({ unknown }) => unknown.length > 0);
  if (flags.json) {
    const shown = changes.filter((one) => changed.includes(one) || unsure.includes(one));
    call.io.out.write(`${jsonText({ version: 1, pairs: changes.length, changes: shown })}\n`);
  } else {
    const page = pageOf(call.io, flags);
    const mark = changed.length > 0 ? '✗' : unsure.length > 0 || changes.length === 0 ? '?' : '✓';
    const lines = [`${mark} ${changed.length} of ${changes.length} pairs of servers changed`];
    for (const { from, to, lost, gained } of changed) {
      const pair = forTerminal(`${from} → ${to}`);
      if (lost !== null)
        lines.push(`  ${page.style('bad', 'lost')}    ${pair}  ${groupText(lost)}`);
      if (gained !== null) {
        lines.push(`  ${page.style('unsure', 'gained')}  ${pair}  ${groupText(gained)}`);
      }
    }
    for (const { from, to, unknown } of unsure) {
      lines.push(`  unknown ${forTerminal(`${from} → ${to}  ${unknown.join('; ')}`)}`);
    }
    call.io.out.write(page.encode(`${lines.join('\n')}\n`));
  }
  const complete = unsure.length === 0 && changes.length > 0;
  call.exitCode = changed.length > 0 ? EXIT.no : complete ? EXIT.yes : EXIT.unsure;
}

function groupText({ classes, witness }: Group): string {
  return `${classes.map(classText).join('; ')} (for example ${witnessText(witness)})`;
}
