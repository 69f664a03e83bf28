/**
 * Crashes for applying: a controller that is gone from one moment to the next, an sshd that is
 * killed, a host whose processes all die; and what a host holds afterwards.
 */
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { deviations } from '../../../src/apply/execute/expected.ts';
import { fingerprint } from '../../../src/apply/execute/hash.ts';
import { networkOf, observe, observeHost } from '../../../src/apply/execute/observe.ts';
import { openRecords, type Records } from '../../../src/apply/execute/records.ts';
import { type RunResult, runPlan } from '../../../src/apply/execute/run.ts';
import { makePlan } from '../../../src/apply/plan.ts';
import { asVerified } from '../../../src/apply/prove/verified.ts';
import { type Plan } from '../../../src/apply/types.ts';
import { compileWanted } from '../../../src/apply/wanted.ts';
import { type Connection } from '../../../src/snapshot/collect/connection.ts';
import { type Connections, openConnections } from '../../../src/snapshot/collect/gather.ts';
import { type Inventory, readInventory } from '../../../src/snapshot/collect/inventory.ts';
import { type Fixture, until } from './fixture.ts';
import { parsed } from './lab.ts';

/** A plan for the fixture's hosts, ready to be run any number of times from where they are now. */
export interface Ready {
  readonly plan: Plan;
  readonly tracked: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly inventory: Inventory;
  readonly fixture: Fixture;
}

export async function ready(fixture: Fixture, cloud: string): Promise<Ready> {
  const inventory = readInventory('i', readFileSync(fixture.inventory, 'utf8')).value!;
  const connections = openConnections(inventory);
  try {
    const seen = await observe(inventory.hosts, connections);
    const files = compileWanted(parsed(cloud), seen.network);
    const network = networkOf(new Map([...files].map(([path, text]) => [path, text()])));
    const hosts = inventory.hosts.map(({ name }) => name);
    const wishes = { hosts, order: 'direct', rivals: 'refuse', hash: fingerprint } as const;
    const made = makePlan({ name: 'wanted', network }, seen, wishes);
    if (made.refusals.length > 0) throw new Error(made.refusals.join('; '));
    return { plan: made.plan, tracked: made.tracked, inventory, fixture };
  } finally {
    await connections.close();
  }
}

/** What is done at a moment of a run: the number counts the scripts that were sent to hosts. */
export type Interrupt = (number: number, script: string) => 'go' | 'die' | 'send and die';

/** Connections of a controller that may die: then nothing is sent and nothing is heard any more. */
function mortal(connections: Connections, interrupt: Interrupt): Connections {
  let number = 0;
  let dead = false;
  const never = new Promise<never>(() => undefined);
  const wrap = (of: Connection): Connection => ({
    ...of,
    run: async (script, timeout) => {
      const text = script.toString();
      const fate = dead ? 'die' : interrupt(text.includes(': >begun.') ? ++number : number, text);
      if (fate === 'send and die') void of.run(script, timeout);
      if (fate !== 'go') {
        dead = true;
        return never;
      }
      return of.run(script, timeout);
    },
    runFresh: (script, timeout) => (dead ? never : of.runFresh(script, timeout)),
  });
  return { of: (host) => wrap(connections.of(host)), close: () => connections.close() };
}

export function recordsOf(fixture: Fixture, name = 'state'): Records {
  return openRecords(join(fixture.folder, name));
}

/** Runs a plan; null when the controller died. Its lock is gone with it, as its process would be. */
export async function crash(
  { plan, tracked, inventory, fixture }: Ready,
  interrupt: Interrupt,
  timer_s = 120,
  state = 'state',
): Promise<RunResult | null> {
  const connections = openConnections(inventory);
  let died: (() => void) | undefined;
  const death = new Promise<null>((resolve) => {
    died = () => resolve(null);
  });
  const watched = mortal(connections, (number, script) => {
    const fate = interrupt(number, script);
    if (fate !== 'go') setTimeout(() => died?.(), 50);
    return fate;
  });
  const context = {
    hosts: inventory.hosts,
    connections: watched,
    records: recordsOf(fixture, state),
    tracked,
  };
  const options = { timer_s, recheck_s: [0.1], hold: false };
  const result = await Promise.race([runPlan(asVerified(plan), context, options), death]);
  if (result === null) rmSync(join(fixture.folder, state, 'lock'), { force: true });
  else await connections.close();
  return result;
}

/** Waits until a host has nothing open any more; in a hurry its timer runs out at once. */
export async function settled(fixture: Fixture, host: string, hurry = false): Promise<void> {
  const late = hurry ? '[ ! -d "txn/$x" ] || [ -z "$x" ] || echo 0 >"txn/$x/deadline";' : '';
  const script = `cd /var/lib/hopwise; x=$(cat current 2>/dev/null); ${late} echo "$x"`;
  const open = (): string => fixture.run(host, 'sh', '-c', script).trim();
  await until(() => open() === '', `${host} is held`, 90_000);
}

/** `old`, `new`, or in what a host differs from both. */
export async function stateOf(
  { plan, tracked, inventory }: Ready,
  name: string,
): Promise<'old' | 'new' | string> {
  const connections = openConnections(inventory);
  try {
    const host = inventory.hosts.find((each) => each.name === name)!;
    const state = await observeHost(host, connections);
    if (typeof state === 'string') return state;
    const before = tracked.get(name) ?? new Map<string, string>();
    const after = new Map(before);
    for (const step of plan.steps) {
      if (step.host !== name) continue;
      for (const [id, text] of step.changes) {
        if (text === null) after.delete(id);
        else after.set(id, text);
      }
    }
    const [old, now] = [deviations(before, state, null), deviations(after, state, null)];
    if (old.length === 0) return 'old';
    return now.length === 0
      ? 'new'
      : `between: ${[...old.slice(0, 3), ...now.slice(0, 3)].join('; ')}`;
  } finally {
    await connections.close();
  }
}

/** Things of others that stand on the host; what is read back of them. */
export function plantForeign(fixture: Fixture, host: string): void {
  fixture.run(host, 'sh', '-ec', FOREIGN);
}

const FOREIGN = `
iptables -A INPUT -p tcp --dport 9999 -j DROP
iptables -N others
iptables -A others -s 192.0.2.1 -j RETURN
ipset create others hash:ip
ipset add others 192.0.2.7
ip netns add others
ip link add others0 type bridge
ovs-vsctl add-br br-others -- set bridge br-others datapath_type=netdev fail_mode=secure
ovs-ofctl add-flow br-others cookie=0x7,table=3,priority=9,ip,actions=drop
`;

export function foreignText(fixture: Fixture, host: string): string {
  return fixture.run(
    host,
    'sh',
    '-c',
    `iptables-save | grep -E 'others|9999'; ipset save others; ls /run/netns | grep -x others; ip -br link show others0 | cut -c1-8; ovs-ofctl --no-stats dump-flows br-others 2>/dev/null | grep -v NXST; ovs-vsctl list-br | grep others`,
  );
}

/** The host's own journal of its last transaction. */
export function hostJournal(fixture: Fixture, host: string): readonly string[] {
  const script = 'cd /var/lib/hopwise/txn && cat "$(ls -t | head -1)/journal"';
  return fixture.run(host, 'sh', '-c', script).trim().split('\n');
}

/** Kills processes of a host by their names; without names all but the first one. */
export function killOn(fixture: Fixture, host: string, ...names: readonly string[]): void {
  const chosen = names.length === 0 ? 'true' : `grep -qxE '${names.join('|')}' /proc/$p/comm`;
  const script = `for p in $(ls /proc | grep -xE '[0-9]+'); do [ $p -le 1 ] || [ $p = $$ ] || { ${chosen} && kill -9 $p; } 2>/dev/null; done; true`;
  fixture.run(host, 'sh', '-c', script);
}

/** A host starts anew: its kernel has nothing but its NICs, its disk has what it had. */
export function reboot(fixture: Fixture, host: string): void {
  const address = fixture
    .run(host, 'ip', '-br', '-4', 'addr', 'show', 'eth0')
    .trim()
    .split(/\s+/)[2]!;
  killOn(fixture, host);
  fixture.run(host, 'sh', '-c', FORGET, 'sh', address);
  startSwitch(fixture, host);
  startSshd(fixture, host);
}

const FORGET = `
for n in $(ls /run/netns); do ip netns del $n; done
for d in $(ip -o link | sed 's/^[0-9]*: //; s/[:@].*//' | grep -vxE 'lo|eth[0-9]'); do ip link del $d 2>/dev/null; done
for t in filter nat mangle raw; do iptables -t $t -F; iptables -t $t -X; ip6tables -t $t -F; ip6tables -t $t -X; done 2>/dev/null
ipset destroy
for n in eth0 eth1 eth2; do ip addr flush dev $n; ip link set $n up; done
ip addr add $1 dev eth0
`;

export function startSshd(fixture: Fixture, host: string): void {
  fixture.run(host, 'sh', '/run/sshd.sh');
}

export function startSwitch(fixture: Fixture, host: string): void {
  fixture.run(host, 'sh', '/run/ovs.sh');
}

export function journals(fixture: Fixture, state = 'state'): readonly string[] {
  const top = join(fixture.folder, state, 'transactions');
  if (!existsSync(top)) return [];
  return readdirSync(top).map((name) => readFileSync(join(top, name, 'journal.jsonl'), 'utf8'));
}

/** Counts as words: `20 old, 1 new`. */
export function told(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([word, count]) => `${count} ${word}`)
    .join(', ');
}
