/** Dumps in every spelling of ovs-ofctl: read without a problem, and printed back as they were. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseGroups, printGroup } from '../../../../src/dataplane/ovs/text/groups.ts';
import { parseMeters } from '../../../../src/dataplane/ovs/text/meters.ts';
import { printFlow } from '../../../../src/dataplane/ovs/text/print-flow.ts';
import { type Action, type Group } from '../../../../src/dataplane/ovs/types/flow.ts';
import { type Spelling, switchOf, type World } from './world.ts';

const VERSIONS: readonly Spelling['version'][] = ['10', '11', '12', '13', '14', '15'];
export const SPELLINGS: readonly Spelling[] = VERSIONS.flatMap((version) =>
  [true, false].flatMap((names) =>
    [true, false].map((statistics) => ({ version, names, statistics })),
  ),
);

/**
 * What is wrong with the flow dump of br0 in a spelling; null where ovs-ofctl cannot read what
 * the switch tells in that version (instructions in OpenFlow 1.0).
 */
export async function compareFlowDump(world: World, spelling: Spelling): Promise<string[] | null> {
  const { version, names, statistics } = spelling;
  const about = `OpenFlow ${version}${names ? ', names' : ''}${statistics ? ', statistics' : ''}`;
  if (!(await world.canDump('br0', version))) return null;
  const { sw, problems } = switchOf(await world.dumps(spelling));
  const flows = sw.bridges.find(({ name }) => name === 'br0')?.flows ?? [];
  const wrong = problems.map((text) => `${about}: ${text}`);
  const plain = await world.dumpFlows('br0', { ...spelling, names: false });
  const count = plain.split('\n').filter((line) => line.includes('actions=')).length;
  if (flows.length !== count) wrong.push(`${about}: ${flows.length} flows of ${count}`);
  const [theirs, ours] = ['real.txt', 'ours.txt'].map((name) => join(world.live.directory, name));
  writeFileSync(theirs ?? '', plain.replace(/^.*reply.*$/gm, ''));
  writeFileSync(ours ?? '', `${flows.map((flow) => printFlow(flow)).join('\n')}\n`);
  const args = ['-O', 'OpenFlow15', '--no-names', 'diff-flows', theirs ?? '', ours ?? ''];
  const { status, output, errors } = await world.live.ofctl(args);
  const said = `${output}${errors}`.trim();
  // It refuses the dump itself: an action of OpenFlow 1.0 without the match that newer ones ask.
  if (said.includes(`${theirs}:`)) return wrong.length === 0 ? null : wrong;
  if (status !== 0 || said !== '') wrong.push(`${about}: ${status} ${said.slice(0, 600)}`);
  return wrong;
}

/**
 * What a version tells of a group. OpenFlow 1.0 has no push_vlan: the switch leaves it out, as
 * the set_vlan_vid behind it pushes there (lib/ofp-actions.c encode_PUSH_VLAN).
 */
function essence({ id, type, buckets }: Group, version: Spelling['version']): unknown {
  const isTold = ({ kind }: Action): boolean => version !== '10' || kind !== 'push-vlan';
  return {
    id,
    type,
    buckets: buckets.map(({ weight, watchPort, watchGroup, actions }) => ({
      weight,
      watchPort,
      watchGroup,
      // The same action has other names in other versions.
      actions: actions.filter(isTold).length,
    })),
  };
}

/** What is wrong with the group dumps of br0, whose versions must tell the same. */
export async function compareGroupDumps(world: World): Promise<string[]> {
  const wrong: string[] = [];
  let newest: readonly Group[] | null = null;
  for (const version of [...VERSIONS].reverse()) {
    const text = await world.dumpGroups('br0', version);
    const { value, problems } = parseGroups(new TextEncoder().encode(text), version);
    wrong.push(...problems.map(({ message, line }) => `groups ${version}:${line}: ${message}`));
    const printed = value.map((group) => printGroup(group));
    const lines = text.split('\n').map((line) => line.trim());
    const missing = printed.filter((line) => !lines.includes(line));
    wrong.push(...missing.map((line) => `groups ${version}: printed ${line}`));
    const essenceOf = (groups: readonly Group[]) =>
      JSON.stringify(groups.map((group) => essence(group, version)));
    newest ??= value;
    const [told, meant] = [essenceOf(value), essenceOf(newest)];
    if (told !== meant) wrong.push(`groups ${version}: ${told} instead of ${meant}`);
  }
  return wrong;
}

/** What is wrong with the meter dumps of br0. */
export async function compareMeterDumps(world: World): Promise<string[]> {
  const wrong: string[] = [];
  for (const version of VERSIONS.slice(3)) {
    const args = ['-O', `OpenFlow${version}`, 'dump-meters', world.at('br0')];
    const { output } = await world.live.ofctl(args);
    const { value, problems } = parseMeters(output, version);
    wrong.push(...problems.map(({ message, line }) => `meters ${version}:${line}: ${message}`));
    const ids = value.map(({ id }) => id).join();
    if (ids !== '1,2') wrong.push(`meters ${version}: ${ids}`);
  }
  return wrong;
}
