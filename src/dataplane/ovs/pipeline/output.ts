/**
 * Output actions by port number: real ports, IN_PORT, NORMAL, FLOOD, ALL, CONTROLLER
 * (xlate_output_action()). Behind it stand `send.ts` for one port and `normal.ts`.
 */
import { type FieldBits } from '../../../packet/fields.ts';
import { RESERVED_PORTS } from '../types/flow.ts';
import { forwardNormally } from './normal.ts';
import { emit, forkPart, type Mode, type Part, remark, type Translation } from './part.ts';

/** Sends to a port by number, reserved numbers included. */
export function output<P>(
  x: Translation<P>,
  part: Part<P>,
  port: number,
  mode: Mode,
  maxLength: number,
): Part<P>[] {
  switch (port) {
    case RESERVED_PORTS.IN_PORT:
      return x.engine.send(x, part, part.inPort, { last: mode.last, truncate: null });
    case RESERVED_PORTS.TABLE:
      return x.engine.table(x, part, {
        table: 0,
        inPort: part.inPort,
        ct: false,
        mode: { last: false, bucket: false },
        clone: false,
      });
    case RESERVED_PORTS.NORMAL:
      return forwardNormally(x, part);
    case RESERVED_PORTS.FLOOD:
      return flood(x, part, false, mode.last);
    case RESERVED_PORTS.ALL:
      return flood(x, part, true, mode.last);
    case RESERVED_PORTS.CONTROLLER:
      return toController(x, part, reasonOf(part, mode), maxLength);
    case RESERVED_PORTS.NONE:
      return [part];
    default:
      if (port === part.inPort) {
        skipInputPort(x, part);
        return [part];
      }
      return x.engine.send(x, part, port, { last: mode.last, truncate: null });
  }
}

/** A port never gets its own packet back unless IN_PORT says so. */
function skipInputPort<P>(x: Translation<P>, part: Part<P>): void {
  const { bridge, table, flow } = part;
  remark(x, part, 'the output port is the input port; nothing is sent');
  part.why = () => ({
    reason: 'OF_EXPLICIT_DROP',
    where: `${bridge.name} table ${table}`,
    evidence: 'output to the input port is skipped',
    origin: flow?.flow.origin ?? null,
  });
}

function reasonOf<P>(part: Part<P>, mode: Mode): string {
  if (mode.bucket) return 'group';
  return part.inActionSet ? 'action_set' : 'action';
}

/** output:field[..]: the port number stands in the packet's metadata. */
export function outputField<P>(
  x: Translation<P>,
  part: Part<P>,
  from: FieldBits,
  mode: Mode,
): Part<P>[] {
  const width = Math.min(32, from.width);
  const cases = x.t.cases(part.p, { ...from, width }, 65_536);
  if (cases === null) return [part];
  return cases.flatMap(({ value, p }) => {
    const q = cases.length === 1 ? part : forkPart(part, p);
    q.p = p;
    if (value <= 0xffff) return output(x, q, value, mode, 65_535);
    remark(x, q, `port ${value} is out of range`);
    return [q];
  });
}

/** output(port=,max_len=): only to ports that the datapath has (xlate_output_trunc_action()). */
export function outputTruncated<P>(
  x: Translation<P>,
  part: Part<P>,
  port: number,
  maxLength: number,
  mode: Mode,
): Part<P>[] {
  const reserved =
    (port >= RESERVED_PORTS.TABLE && port <= RESERVED_PORTS.CONTROLLER) ||
    port === RESERVED_PORTS.NONE;
  if (reserved) {
    remark(x, part, 'truncation is not possible for this reserved port; nothing is sent');
    return [part];
  }
  if (port === part.inPort) {
    skipInputPort(x, part);
    return [part];
  }
  const target = part.bridge.ports.get(port === RESERVED_PORTS.IN_PORT ? part.inPort : port);
  if (port === RESERVED_PORTS.IN_PORT || target === undefined || target.source.peer !== null) {
    remark(x, part, 'truncation is not possible for this port; nothing is sent');
    return [part];
  }
  return x.engine.send(x, part, port, { last: mode.last, truncate: maxLength });
}

/** FLOOD and ALL: every port but the input port; FLOOD leaves out ports marked NO_FLOOD. */
function flood<P>(x: Translation<P>, part: Part<P>, all: boolean, last: boolean): Part<P>[] {
  const ports = [...part.bridge.ports.values()].filter(
    (port) => port.ofport !== part.inPort && (all || !port.noFlood),
  );
  let parts = [part];
  for (const [i, port] of ports.entries()) {
    const isLast = last && i === ports.length - 1;
    parts = parts.flatMap((q) =>
      q.error === null ? x.engine.send(x, q, port.ofport, { last: isLast, truncate: null }) : [q],
    );
  }
  return parts;
}

/** The packet goes to the OpenFlow controller; the pipeline goes on. */
export function toController<P>(
  x: Translation<P>,
  part: Part<P>,
  reason: string,
  maxLength: number,
): Part<P>[] {
  const bridge = part.bridge.name;
  const flow = part.flow?.flow;
  // The flow of priority 0 that matches everything is the table's miss (OpenFlow 1.5.1 §5.4).
  const isMiss = flow !== undefined && flow.priority === 0 && flow.tests.length === 0;
  const why = reason === 'action' && isMiss && flow.opaque.length === 0 ? 'table_miss' : reason;
  emit(part, { kind: 'controller', reason: why, maxLength, bridge, p: x.t.fork(part.p) });
  return [part];
}
