/** The interface of a guest that an exchange below IP starts from. */
import { type Network } from '../../dataplane/network.ts';
import { type Outcome } from '../../dataplane/outcome.ts';
import { type Interface, type Namespace } from '../../dataplane/routing/types.ts';
import { onePacket } from '../../traffic/one-packet.ts';
import { type Packet } from '../../traffic/packet.ts';
import { type CompiledNetwork } from '../compiled-network.ts';
import { conclude } from '../conclusion.ts';
import { type Opening } from '../opening.ts';
import { type MadeStep } from '../steps.ts';
import { type Trace, type TraceEnd } from '../types.ts';
import { enterStep, walk } from '../walk.ts';

/** The interface of the port that is asked from, else the first that has a cable. */
export function nicOf(network: Network, state: Namespace, end: TraceEnd): Interface | undefined {
  const mac = network.neutron.ports.find(({ id }) => id === end.port)?.mac;
  const real = state.interfaces.filter(({ loopback }) => !loopback);
  const { address } = end;
  return (
    real.find((one) => one.mac === mac) ??
    real.find(({ addresses }) => addresses.some((own) => own.address.value === address?.value)) ??
    real.find(({ up, addresses }) => up && addresses.length > 0) ??
    real[0]
  );
}

/** Notes that the sender made a packet. */
export function madeAt({ sender }: Opening, p: Packet): Packet {
  const step: MadeStep = { kind: 'made', role: 'request' };
  onePacket.note(p, () => step);
  return onePacket.note(p, () => enterStep(sender, null));
}

/** Walks what the sender sent and reads the trace off it. */
export function concludeWalk(
  compiled: CompiledNetwork,
  { asked, run, world, sender, assumptions }: Opening,
  outcomes: readonly Outcome<Packet>[],
): Trace {
  const endings = walk(run, world, [{ device: sender, outcomes }]);
  return conclude(compiled, asked, endings, assumptions());
}
