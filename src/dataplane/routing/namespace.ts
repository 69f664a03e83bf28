/**
 * The door of a namespace: frames come in by an interface, programs send packets, and what
 * nobody answered ends. Everything in between is done here in the kernel's order; one call
 * returns when the namespace is quiet again.
 */
import { together } from '../../traffic/words.ts';
import { OWNER } from '../iptables/tests/owner.ts';
import { type Outcome, type Run } from '../outcome.ts';
import { sendReset } from './bridging.ts';
import { openConnection } from './connections.ts';
import { transmitFrame } from './egress.ts';
import { F, IS, put } from './headers.ts';
import { sendError } from './icmp-error.ts';
import { arrive } from './ingress.ts';
import { hearOwn } from './input.ts';
import { giveUp } from './neighbour.ts';
import { emit } from './output.ts';
import { drop, type Stack, type Task, type Work } from './stack.ts';

/** Steps inside one namespace that one packet may cause before it is called a loop. */
const TASKS_MAX = 10_000;

const NO_MARK = put(F.mark, 0);
/** What a packet does not take along to another interface (skb_scrub_packet()). */
const SCRUBBED = together([
  put(F.physicalInput, 0),
  put(F.physicalOutput, 0),
  put(F.owner, OWNER.none),
]);

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
  const scrubbed = run.traffic.setAll(p, SCRUBBED);
  const packet = sameNamespace ? scrubbed : run.traffic.set(scrubbed, NO_MARK);
  return settle(run, stack, [
    { kind: 'arrive', device: interfaceName, handle: null, prerouted: false, p: packet },
  ]);
}

/**
 * Sends a packet that a program of the namespace made. The Ethernet header, and the source
 * address when it is zero, are filled in by the way it takes.
 *
 * @param device binds the packet to one interface (SO_BINDTODEVICE, packet sockets)
 * @param owner the user of the program; null where nobody knows
 * @param headerIncluded the program wrote the IP header itself (IP_HDRINCL, raw(7)): policy rules
 *   see neither its source nor its protocol and ports
 */
export function send<P>(
  run: Run<P>,
  stack: Stack<P>,
  p: P,
  device: string | null = null,
  owner: { readonly uid: number; readonly gid: number } | null = null,
  headerIncluded = false,
): readonly Outcome<P>[] {
  const { hit, miss } = run.traffic.split(owned(run, p, owner), IS.ipv6);
  const tasks: Task<P>[] = [];
  const emitted = { kind: 'emit', device, handle: null, headerIncluded } as const;
  if (hit !== null) tasks.push({ ...emitted, version: 6, p: hit });
  if (miss !== null) tasks.push({ ...emitted, version: 4, p: miss });
  return settle(run, stack, tasks);
}

function owned<P>(
  { traffic }: Run<P>,
  p: P,
  owner: { readonly uid: number; readonly gid: number } | null,
): P {
  if (owner === null) return traffic.set(p, put(F.owner, OWNER.unknown));
  let out = traffic.set(p, put(F.owner, OWNER.process));
  out = traffic.set(out, put(F.uid, owner.uid));
  return traffic.set(out, put(F.gid, owner.gid));
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
  return work(run, stack, (here) => {
    for (const { version, from, p } of giveUp(here)) {
      const input = from === null ? undefined : stack.config.devices.get(from);
      const [type, code] = version === 4 ? [3, 1] : [1, 3];
      if (input !== undefined) sendError(here, { version, device: input, type, code }, p);
    }
  });
}

function settle<P>(run: Run<P>, stack: Stack<P>, tasks: readonly Task<P>[]): readonly Outcome<P>[] {
  return work(run, stack, (here) => {
    for (const task of tasks) here.later(task);
  });
}

/** Tasks within tasks; deeper ones wait (dev_recursion_level() and its like). */
const DEEPEST = 32;

/** Works until nothing is left to do. */
function work<P>(
  run: Run<P>,
  stack: Stack<P>,
  begin: (here: Work<P>) => void,
): readonly Outcome<P>[] {
  const waiting: Task<P>[] = [];
  let done = 0;
  let depth = 0;
  let sendsIcmp = false;
  const later = (task: Task<P>): void => void waiting.push(task);
  const now = (task: Task<P>): void => {
    if (depth >= DEEPEST) {
      later(task);
      return;
    }
    const isIcmp = task.kind === 'emit' && task.icmp === true;
    if (isIcmp && sendsIcmp) return;
    done++;
    if (done > TASKS_MAX) {
      drop(base, task.p, 'NETWORK_LOOP', 'namespace', 'too many steps for one packet');
      return;
    }
    depth++;
    sendsIcmp ||= isIcmp;
    perform({ ...base, handle: task.handle }, task);
    if (isIcmp) sendsIcmp = false;
    depth--;
  };
  const base: Work<P> = { run, stack, now, later, out: [], handle: null };
  begin(base);
  for (let i = 0; i < waiting.length; i++) {
    const task = waiting[i];
    if (task !== undefined) now(task);
  }
  return base.out;
}

function perform<P>(here: Work<P>, task: Task<P>): void {
  switch (task.kind) {
    case 'arrive': {
      const { routedBy } = task;
      const work = routedBy === undefined ? here : { ...here, routedBy };
      arrive(work, task.device, task.prerouted, task.p);
      break;
    }
    case 'loop':
      hearOwn(here, task.device, task.p);
      break;
    case 'reset':
      sendReset(here, task.version, task.p);
      break;
    case 'emit': {
      const bound = task.device === null ? null : here.stack.config.devices.get(task.device);
      const { opens = false, headerIncluded = false, unheard = false } = task;
      emit({ ...here, opens, headerIncluded, unheard }, task.version, bound ?? null, task.p);
      break;
    }
    case 'transmit':
      transmitFrame(here, task.device, task.p);
  }
}
