/**
 * The door of a namespace: frames come in by an interface, programs send packets, and what
 * nobody answered ends. Everything in between is done here in the kernel's order; one call
 * returns when the namespace is quiet again.
 */
import { type Outcome, type Run } from '../outcome.ts';
import { openConnection } from './connections.ts';
import { transmitFrame } from './egress.ts';
import { F, IS, put } from './headers.ts';
import { sendError } from './icmp-error.ts';
import { arrive } from './ingress.ts';
import { giveUp } from './neighbour.ts';
import { emit } from './output.ts';
import { drop, type Stack, type Task, type Work } from './stack.ts';

/** Steps inside one namespace that one packet may cause before it is called a loop. */
const TASKS_MAX = 10_000;

const NO_MARK = put(F.mark, 0);

/**
 * Receives a frame on an interface.
 *
 * @param sameNamespace The frame comes from another interface of the same namespace (a veth
 *   pair): then the packet keeps its mark, otherwise it loses it (____dev_forward_skb()).
 * @returns frames that leave (`sent`, port = interface name), deliveries and drops
 */
export function receive<P>(
  run: Run<P>,
  stack: Stack<P>,
  interfaceName: string,
  p: P,
  sameNamespace = false,
): readonly Outcome<P>[] {
  const packet = sameNamespace ? p : run.traffic.set(p, NO_MARK);
  return settle(run, stack, [
    { kind: 'arrive', device: interfaceName, handle: null, prerouted: false, p: packet },
  ]);
}

/**
 * Sends a packet that a program of the namespace made. The Ethernet header, and the source
 * address when it is zero, are filled in by the way it takes.
 *
 * @param device binds the packet to one interface (SO_BINDTODEVICE, packet sockets)
 */
export function send<P>(
  run: Run<P>,
  stack: Stack<P>,
  p: P,
  device: string | null = null,
): readonly Outcome<P>[] {
  const { hit, miss } = run.traffic.split(p, IS.ipv6);
  const tasks: Task<P>[] = [];
  if (hit !== null) tasks.push({ kind: 'emit', version: 6, device, handle: null, p: hit });
  if (miss !== null) tasks.push({ kind: 'emit', version: 4, device, handle: null, p: miss });
  return settle(run, stack, tasks);
}

/**
 * Sends a frame that a program made down to its Ethernet header (a packet socket, packet(7)): no
 * route, no neighbour and no rule is asked.
 */
export function sendFrame<P>(
  run: Run<P>,
  stack: Stack<P>,
  device: string,
  p: P,
): readonly Outcome<P>[] {
  return settle(run, stack, [{ kind: 'transmit', device, handle: null, p }]);
}

/**
 * Remembers that a program of the namespace sent `p` and waits for answers to it: TCP segments
 * and datagrams that come back are delivered instead of refused. `p` needs its source address.
 */
export function awaitAnswer<P>(run: Run<P>, stack: Stack<P>, version: 4 | 6, p: P): void {
  openConnection(run, stack, version, p);
}

/**
 * Time passes without answers: what still waits for a neighbour is dropped, and senders of
 * forwarded packets learn that the host is unreachable (net/ipv4/arp.c arp_error_report()).
 */
export function expire<P>(run: Run<P>, stack: Stack<P>): readonly Outcome<P>[] {
  const work: Work<P> = { run, stack, tasks: [], out: [], handle: null };
  for (const { version, from, p } of giveUp(work)) {
    const input = from === null ? undefined : stack.config.devices.get(from);
    const [type, code] = version === 4 ? [3, 1] : [1, 3];
    if (input !== undefined) sendError(work, { version, device: input, type, code }, p);
  }
  return finish(work);
}

function settle<P>(run: Run<P>, stack: Stack<P>, tasks: Task<P>[]): readonly Outcome<P>[] {
  return finish({ run, stack, tasks, out: [], handle: null });
}

/** Works until nothing is left to do, oldest first. */
function finish<P>(work: Work<P>): readonly Outcome<P>[] {
  const { tasks } = work;
  for (let done = 0; done < tasks.length; done++) {
    const task = tasks[done];
    if (task === undefined) break;
    if (done >= TASKS_MAX) {
      drop(work, task.p, 'NETWORK_LOOP', 'namespace', 'too many steps for one packet');
      continue;
    }
    const here: Work<P> = { ...work, handle: task.handle };
    switch (task.kind) {
      case 'arrive':
        arrive(here, task.device, task.prerouted, task.p);
        break;
      case 'emit': {
        const bound = task.device === null ? null : work.stack.config.devices.get(task.device);
        emit({ ...here, opens: task.opens === true }, task.version, bound ?? null, task.p);
        break;
      }
      case 'transmit':
        transmitFrame(here, task.device, task.p);
    }
  }
  return work.out;
}
