/** One host's Open vSwitch as a device of a walk: prepared once per snapshot, remembering per walk. */
import { createTracker } from '../dataplane/conntrack/tracker.ts';
import { type ConnectionEntry } from '../dataplane/conntrack/types.ts';
import { type CrossingPlace, noteCrossing } from '../dataplane/crossing.ts';
import { ROOT } from '../dataplane/network.ts';
import { type Outcome, type Run } from '../dataplane/outcome.ts';
import { conntrackOf } from '../dataplane/ovs/datapath/conntrack.ts';
import { receive, receiveTunnel } from '../dataplane/ovs/datapath/receive.ts';
import { type Datapath } from '../dataplane/ovs/datapath/types.ts';
import { type PreparedSwitch, prepareSwitch } from '../dataplane/ovs/pipeline/prepared.ts';
import { goingOn, switchState } from '../dataplane/ovs/pipeline/state.ts';
import { compileTable } from '../traffic/compiled.ts';
import { type CompiledNetwork } from './compiled-network.ts';
import { withFarEnds } from './far-ends.ts';
import { settingsOf, startOf } from './filters.ts';
import { TUNNEL_PORT } from './switch-tunnels.ts';
import { type Device } from './walk.ts';

/** A switch as a device of a walk, with what it remembers. */
export interface SwitchDevice<P> extends Device<P> {
  readonly datapath: Datapath<P>;
}

/**
 * Makes the switch of a host for one walk; null when the host has none. What `before` remembers
 * goes on in it: its flows or ports were changed, but its process runs.
 */
export type SwitchFactory<P> = (
  compiled: CompiledNetwork,
  run: Run<P>,
  host: string,
  before?: SwitchDevice<P> | null,
) => SwitchDevice<P> | null;

/** Opens the switch of a host. */
export function openSwitchOf<P>(
  compiled: CompiledNetwork,
  run: Run<P>,
  host: string,
  before: SwitchDevice<P> | null = null,
): SwitchDevice<P> | null {
  const source = compiled.network.hosts.get(host)?.switch ?? null;
  if (source === null) return null;
  let sw = compiled.switches.get(host);
  if (sw === undefined) {
    sw = prepareSwitch(withFarEnds(compiled.network, source), compileTable);
    compiled.switches.set(host, sw);
  }
  const personality = source.datapath === 'kernel' ? 'kernel' : 'userspace';
  const datapath: Datapath<P> = {
    run,
    sw,
    state:
      before === null
        ? switchState<P>(sw, run.now_us, { learns: true })
        : goingOn(before.datapath.state, sw, run.now_us),
    tracker:
      before?.datapath.tracker ??
      conntrackOf(
        run,
        createTracker<P>(run, {
          personality,
          entries: entriesOf(compiled, run, host, personality),
          // The kernel's datapath tracks in the host's own table, by the host's sysctls.
          ...(personality === 'kernel' ? settingsOf(compiled, host, ROOT) : {}),
        }),
      ),
  };
  return {
    datapath,
    host,
    name: 'ovs',
    stage: 'switch',
    receive: (_run, port, p) => seenLeaving(datapath, host, received(datapath, host, port, p)),
    settle: () => [],
  };
}

function received<P>(
  datapath: Datapath<P>,
  host: string,
  port: string,
  p: P,
): readonly Outcome<P>[] {
  if (port === TUNNEL_PORT) return receiveTunnel(datapath, p);
  const place = placeOf(datapath.sw, host, port);
  const seen = place === null ? p : noteCrossing(datapath.run, place, 'in', p);
  return receive(datapath, port, seen);
}

function seenLeaving<P>(
  { run, sw }: Datapath<P>,
  host: string,
  outcomes: readonly Outcome<P>[],
): readonly Outcome<P>[] {
  return outcomes.map((outcome) => {
    if (outcome.kind !== 'sent') return outcome;
    const place = placeOf(sw, host, outcome.port);
    return place === null ? outcome : { ...outcome, p: noteCrossing(run, place, 'out', outcome.p) };
  });
}

/**
 * The interface behind a port that the switch alone works with. An internal port is the kernel's
 * own interface, and its stack tells what crosses it.
 */
function placeOf(sw: PreparedSwitch, host: string, port: string): CrossingPlace | null {
  const known = sw.ports.get(port);
  if (known === undefined || known.source.type === 'internal') return null;
  return { host, namespace: ROOT, bridge: known.bridge.name, interface: port };
}

/** Connections that the switch's datapath knows: its own ones, or those of the host's kernel. */
function entriesOf<P>(
  compiled: CompiledNetwork,
  run: Run<P>,
  host: string,
  personality: 'kernel' | 'userspace',
): readonly ConnectionEntry[] | null {
  if (personality === 'kernel') return startOf(compiled, run, host, ROOT);
  if (compiled.connections === 'none') return null;
  run.assume('ASSUME_DUMPED_CONNTRACK', `${host} Open vSwitch`);
  return compiled.network.hosts.get(host)?.switchConnections ?? [];
}
