/**
 * Packets that a run itself sends: they fare as its proof says, and where the world is not what
 * hopwise believes, the hosts go back.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { observe } from '../../../src/apply/execute/observe.ts';
import { liveProbes, type Probed } from '../../../src/apply/execute/probing.ts';
import { type Chosen } from '../../../src/apply/probes/choose.ts';
import { readyProbes } from '../../../src/apply/probes/probe.ts';
import { openConnections } from '../../../src/snapshot/collect/gather.ts';
import { readInventory } from '../../../src/snapshot/collect/inventory.ts';
import { type Answer } from '../../cli/call.ts';
import { learning } from './clouds.ts';
import { journals } from './crash.ts';
import { OUTSIDE, unavailable } from './fixture.ts';
import { type Lab, startLab, wantedNetwork } from './lab.ts';

const why = unavailable();
if (why !== null) console.log(`probes are not sent here: ${why}`);

/** A whole change takes a minute where the machine is busy. */
const SHORT = process.env['HOPWISE_APPLY_LONG'] === undefined;

let lab: Lab | null = null;
afterEach(() => {
  lab?.stop();
  lab = null;
});

/** What the journals say of probes, without the times. */
function probed({ fixture }: Lab): readonly string[] {
  return journals(fixture)
    .flatMap((text) => text.trim().split('\n'))
    .map((line) => JSON.parse(line) as { readonly what: string; readonly detail?: string })
    .flatMap(({ what, detail }) => (what === 'probed' ? [detail ?? ''] : []));
}

/** Adds a flow of somebody else to a host, as soon as a run has begun to change it. */
function sabotage({ fixture }: Lab, host: string): void {
  const rival = `n=0; while ! grep -q begun /var/lib/hopwise/txn/$(cat /var/lib/hopwise/current 2>/dev/null)/journal 2>/dev/null && [ $n -lt 6000 ]; do n=$((n + 1)); sleep 0.01; done; ${RIVAL}`;
  fixture.run(host, 'sh', '-c', `setsid sh -c '${rival}' </dev/null >/dev/null 2>&1 &`);
}
const RIVAL = 'ovs-ofctl add-flow br-tun cookie=7,priority=999,actions=drop';

/** The wire of a host's underlay, which no host knows of. */
function wire({ fixture }: Lab, port: string, state: 'up' | 'down'): void {
  fixture.run(OUTSIDE, 'ip', 'link', 'set', port, state);
}

/** Plans and runs; the answer is the exit code of the run with what it wrote. */
async function ran(of: Lab, key: number): Promise<Answer> {
  const plan = join(of.fixture.folder, 'plan.json');
  const planned = await of.apply('plan', of.cloud(`key${key}`, learning(key)), '-o', plan);
  expect(planned.code).toBe(2);
  return of.apply('run', plan);
}

/** Keys by which a host's flows take packets from tunnels. */
function keysOf({ fixture }: Lab, host: string): readonly string[] {
  const flows = fixture.run(
    host,
    'sh',
    '-c',
    'ovs-ofctl -O OpenFlow14 dump-flows br-tun table=4 || true',
  );
  return [...flows.matchAll(/tun_id=(0x[0-9a-f]+)/g)].map(([, key]) => key ?? '');
}

/** Probes of a cloud that stands, sent through the switch or from inside the guests. */
async function through(of: Lab, key: number, door: 'switch' | 'inside'): Promise<Probed> {
  const inventory = readInventory('i', readFileSync(of.fixture.inventory, 'utf8')).value!;
  const connections = openConnections(inventory);
  try {
    const { network } = await observe(inventory.hosts, connections);
    const one = { change: 'kept', protocol: 'udp', port: 5000, sourcePort: null } as const;
    const chosen: readonly Chosen[] = [
      { ...one, from: 'a', to: 'b' },
      { ...one, from: 'b', to: 'a', protocol: 'icmp' },
      { ...one, from: 'b', to: 'a', protocol: 'tcp' },
    ];
    const { probes } = readyProbes(chosen, await wantedNetwork(of, learning(key)), network);
    expect(probes.map(({ sender }) => sender.inside !== null && sender.bridge)).toEqual(
      probes.map(() => 'br-int'),
    );
    const through = probes.map((probe) => ({
      ...probe,
      sender: door === 'inside' ? probe.sender : { ...probe.sender, inside: null },
    }));
    return await liveProbes({ probes: through, left: [], steady: true }, connections).end();
  } finally {
    await connections.close();
  }
}

/** A change that nobody disturbs: every packet fares as predicted all the time. */
async function changed(of: Lab): Promise<void> {
  const before = probed(of).length;
  const fine = await ran(of, 202);
  expect([fine.code, fine.out]).toEqual([0, expect.stringContaining('done')]);
  const said = probed(of).slice(before);
  expect(said.some((each) => each.startsWith('before: '))).toBe(true);
  expect(said.some((each) => each.includes(' on h1: '))).toBe(true);
  expect(said.some((each) => each.startsWith('end: '))).toBe(true);
  for (const each of said) {
    const [, right, sent] = /: (\d+) of (\d+) as predicted$/.exec(each) ?? [];
    expect([each, right]).toEqual([each, sent]);
    expect(Number(sent)).toBeGreaterThan(3);
  }
}

describe.skipIf(why !== null)('packets that a run sends by itself', () => {
  it('fare as was proved, or the hosts go back', async () => {
    lab = await startLab(learning(101));
    // A cable that nobody in the model knows of is cut.
    wire(lab, 'unde1', 'down');
    const cut = await ran(lab, 101);
    expect([cut.code, cut.out]).toEqual([
      4,
      expect.stringMatching(/a → b \S+( \d+)? does not arrive/),
    ]);
    expect(keysOf(lab, 'h1')).toEqual([]);
    wire(lab, 'unde1', 'up');
    expect((await ran(lab, 101)).code).toBe(0);
    expect(keysOf(lab, 'h1')).toEqual(['0x65']);

    // Somebody breaks the first host right when it is changed: no other host is touched.
    sabotage(lab, 'h1');
    const before = probed(lab).length;
    const broken = await ran(lab, 202);
    expect([broken.code, broken.out]).toEqual([4, expect.stringContaining('on h1')]);
    expect(probed(lab).slice(before).at(-1)).toMatch(/ on h1: 0 of \d+ as predicted$/);
    const steps =
      journals(lab.fixture)
        .at(-1)
        ?.match(/"what":"step","host":"h\d"/g) ?? [];
    expect([...new Set(steps)]).toEqual(['"what":"step","host":"h1"']);
    expect([keysOf(lab, 'h1'), keysOf(lab, 'h2')]).toEqual([['0x65'], ['0x65']]);
    lab.fixture.run('h1', 'ovs-ofctl', 'del-flows', 'br-tun', 'cookie=7/-1');

    if (!SHORT) await changed(lab);
    for (const door of ['switch', 'inside'] as const) {
      expect(await through(lab, SHORT ? 101 : 202, door)).toEqual({
        sent: 3,
        wrong: [],
        untold: [],
      });
    }
    wire(lab, 'unde1', 'down');
    const { sent, wrong } = await through(lab, SHORT ? 101 : 202, 'switch');
    expect([sent, wrong.length]).toEqual([3, 3]);
  }, 600_000);
});
