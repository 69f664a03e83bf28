/** Traces a second through br-int, beside `ofproto/trace` of the real switch with the same packets. */
import { type Run } from '../src/dataplane/outcome.ts';
import { tracePasses } from '../src/dataplane/ovs/datapath/trace.ts';
import { type PreparedSwitch, prepareSwitch } from '../src/dataplane/ovs/pipeline/prepared.ts';
import { switchState } from '../src/dataplane/ovs/pipeline/state.ts';
import { parseFlows } from '../src/dataplane/ovs/text/flows.ts';
import { type Switch } from '../src/dataplane/ovs/types/switch.ts';
import { field } from '../src/packet/fields.ts';
import { compileTable } from '../src/traffic/compiled.ts';
import { numberOf, onePacket, type Packet } from '../src/traffic/one-packet.ts';
import { switchOf, tracePacket } from '../test/reality/ovs/cases.ts';
import {
  type ComputeHost,
  computeHost,
  dumpedLines,
  packetsOf,
  TO_TUNNELS,
} from './compute-host.ts';
import { figure, type Row, told } from './report.ts';
import { alone, inTurns, rate } from './stopwatch.ts';
import { openUnixctl } from './unixctl.ts';
import { type Vswitchd } from './vswitchd.ts';

const IN_PORT = field('in_port');

/** The host's br-int as a dump of it would be read: flows, ports with their VLANs, addresses. */
export function switchOfHost({ local, remote, flows }: ComputeHost): Switch {
  const ports = [
    { name: 'patch-tun', ofport: TO_TUNNELS },
    ...local.map(({ ofport, vlan }) => ({ name: `tap${ofport}`, ofport, tag: vlan })),
  ];
  const sw = switchOf({ bridges: [{ name: 'br-int', fail_mode: 'secure', ports }] }, new Set());
  const text = `NXST_FLOW reply (xid=0x4):\n${dumpedLines(flows).join('\n')}\n`;
  const { value, problems } = parseFlows(new TextEncoder().encode(text), 'br-int.flows');
  if (problems.length > 0) throw new Error(JSON.stringify(problems[0]));
  const fdb = remote.map(({ vlan, mac }) => ({
    port: TO_TUNNELS,
    vlan,
    mac: BigInt(`0x${mac.replaceAll(':', '')}`),
    age_s: 'static' as const,
  }));
  return { ...sw, bridges: sw.bridges.map((bridge) => ({ ...bridge, flows: value, fdb })) };
}

/** How one packet fares: passes, and what the last one sends. */
export interface Traced {
  readonly passes: number;
  readonly sent: number;
}

/** A tracer of the same questions as `ofproto/trace BRIDGE FLOW`. */
export function tracerOf(source: Switch): (question: Packet) => Traced {
  const sw: PreparedSwitch = prepareSwitch(source, compileTable);
  const bridge = sw.bridges.get('br-int');
  if (bridge === undefined) throw new Error('no br-int');
  const run: Run<Packet> = { traffic: onePacket, now_us: 0, assume: () => undefined };
  const state = switchState<Packet>(sw, 0, { learns: false });
  return (question) => {
    const p = onePacket.fork(question);
    const passes = tracePasses({ run, sw, state }, { bridge, inPort: numberOf(p, IN_PORT), p }, []);
    let sent = 0;
    for (const { result } of passes) {
      for (const { actions } of result.translated) {
        for (const action of actions) if (action.kind === 'output') sent++;
      }
    }
    return { passes: passes.length, sent };
  };
}

/** The packets of questions in the real command's words. */
export function packetsFor(source: Switch, questions: readonly string[]): readonly Packet[] {
  const ports = source.bridges.flatMap((bridge) => bridge.ports);
  return questions.map((question) => tracePacket(question, ports));
}

/** Builds the same bridge in the real switch; returns a way to ask it, and to close the way. */
export async function realTracer(
  daemon: Vswitchd,
  { local, remote, flows }: ComputeHost,
): Promise<{ ask(question: string): Promise<string>; close(): void }> {
  const add = ['--', 'add-port', 'br-int'];
  const kind = (name: string, ofport: number): string[] => [
    ...['--', 'set', 'Interface', name, 'type=dummy', `ofport_request=${ofport}`],
  ];
  daemon.run('ovs-vsctl', ['--if-exists', 'del-br', 'br-int']);
  daemon.run('ovs-vsctl', [
    ...['add-br', 'br-int', '--', 'set', 'bridge', 'br-int'],
    ...['datapath_type=dummy', 'fail_mode=secure'],
    ...[...add, 'patch-tun', ...kind('patch-tun', TO_TUNNELS)],
    ...local.flatMap(({ ofport, vlan }) => [
      ...[...add, `tap${ofport}`, `tag=${vlan}`, ...kind(`tap${ofport}`, ofport)],
    ]),
  ]);
  daemon.run('ovs-ofctl', ['--bundle', 'add-flows', 'br-int', '-'], flows.join('\n'));
  const control = await openUnixctl(daemon.control);
  for (const { vlan, mac } of remote) {
    await control.ask('fdb/add', ['br-int', 'patch-tun', String(vlan), mac]);
  }
  return {
    ask: (question) => control.ask('ofproto/trace', ['br-int', question]),
    close: control.close,
  };
}

/** Rows of one host: our traces and the real ones take turns, with the same packets. */
export async function traceRows(size: number, daemon: Vswitchd | null): Promise<readonly Row[]> {
  const host = computeHost(size);
  const questions = packetsOf(host, QUESTIONS);
  const source = switchOfHost(host);
  const packets = packetsFor(source, questions);
  const start = performance.now();
  const trace = tracerOf(source);
  const [first] = packets;
  if (first !== undefined) trace(first);
  const cold_ms = performance.now() - start;
  const ours = (): number => {
    for (const packet of packets) trace(packet);
    return packets.length;
  };
  const what = `traces a second, br-int of ${figure(host.flows.length)} flows`;
  const cold = told(
    `first trace of a read br-int of ${figure(host.flows.length)} flows`,
    `${figure(cold_ms)} ms`,
  );
  if (daemon === null) return [told(what, figure(rate(await alone(ours)))), cold];
  const real = await realTracer(daemon, host);
  sayDifferences(await differences(questions, packets, trace, real.ask));
  const [mine, theirs] = await inTurns([
    ours,
    async () => {
      for (const question of questions) await real.ask(question);
      return questions.length;
    },
  ]);
  real.close();
  if (mine === undefined || theirs === undefined) return [cold];
  const ratio = rate(mine) / rate(theirs);
  const row: Row = {
    what,
    ours: figure(rate(mine)),
    real: figure(rate(theirs)),
    ratio: `${figure(ratio)} ×`,
    target: '≥ 20 ×',
    met: ratio >= 20,
  };
  return [row, cold];
}

const QUESTIONS = 500;

/** Questions in which the number of passes or of sent packets is not the real one's. */
async function differences(
  questions: readonly string[],
  packets: readonly Packet[],
  trace: (packet: Packet) => Traced,
  ask: (question: string) => Promise<string>,
): Promise<readonly string[]> {
  const found: string[] = [];
  for (const [i, question] of questions.entries()) {
    const answer = await ask(question);
    const passes = [...answer.matchAll(/^Datapath actions: (.*)$/gm)].map(([, text = '']) => text);
    const sent = passes.flatMap((text) => text.split(',').filter((word) => /^\d+$/.test(word)));
    const packet = packets[i];
    if (packet === undefined) continue;
    const mine = trace(packet);
    if (mine.passes !== passes.length || mine.sent !== sent.length) found.push(question);
  }
  return found;
}

function sayDifferences(questions: readonly string[]): void {
  if (questions.length === 0) return;
  throw new Error(`${questions.length} answers differ, the first one for ${questions[0]}`);
}
