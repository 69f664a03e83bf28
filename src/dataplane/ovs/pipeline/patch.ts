/**
 * From one bridge into the next: through a patch port, or when the switch itself encapsulates
 * (xlate patch_port_output()).
 */
import { field } from '../../../packet/fields.ts';
import { assignment, together } from '../../../traffic/words.ts';
import { writeNumberTo } from './conditions.ts';
import { clearConntrack } from './freeze.ts';
import { PIPELINE_METADATA } from './metadata-fields.ts';
import {
  closeBranch,
  type Part,
  refuse,
  restore,
  splitting,
  type Translation,
  tell,
} from './part.ts';
import { type PreparedPort } from './prepared.ts';

const IN_PORT = field('in_port');

/** What a patch port wipes: the next bridge starts like with a fresh packet (patch_port_output()). */
const NO_PIPELINE_FIELDS = together(PIPELINE_METADATA.map((name) => assignment(field(name), 0n)));

/** Wipes registers, metadata and tunnel fields; pkt_mark and the headers stay. */
export function wipePipelineFields<P>(x: Pick<Translation<P>, 't'>, p: P): P {
  return x.t.setAll(p, NO_PIPELINE_FIELDS);
}

/**
 * Goes on in another bridge, through `into`. Nothing comes back from there: headers, registers,
 * errors and frozen state of the other bridge stay behind.
 */
export function enterBridge<P>(
  x: Translation<P>,
  part: Part<P>,
  into: PreparedPort,
  last: boolean,
  saved: P = x.t.fork(part.p),
): Part<P>[] {
  const {
    bridge,
    inPort,
    table,
    stack,
    stackBytes,
    actionSet,
    conntracked,
    wasMpls,
    mirrors,
    flow,
  } = part;
  const { seen, inActionSet, sends } = part;
  part.stack = [];
  part.stackBytes = 0;
  part.actionSet = [];
  part.bridge = into.bridge;
  part.inPort = into.ofport;
  if (into.bridge !== bridge) part.mirrors = 0;
  part.p = x.t.set(wipePipelineFields(x, part.p), writeNumberTo(IN_PORT, into.ofport));
  clearConntrack(x, part);
  tell(x, part, () => ({
    kind: 'bridge',
    bridge: into.bridge.name,
    port: into.name,
    way: 'patch',
  }));
  part.cloned = null;
  const done = into.noReceive
    ? refuse(x, part, 'OF_PORT_DOWN', `${into.name}: NO_RECV is set`)
    : pipeline(x, part, last);
  for (const q of done) {
    closeBranch(x, q, sends, q.cloned ?? q.p);
    q.bridge = bridge;
    q.inPort = inPort;
    q.table = table;
    q.flow = flow;
    q.seen = seen;
    q.stack = stack;
    q.stackBytes = stackBytes;
    q.actionSet = actionSet;
    q.inActionSet = inActionSet;
    q.conntracked = conntracked;
    q.wasMpls = wasMpls;
    if (into.bridge !== bridge) q.mirrors = mirrors;
    q.exit = false;
    q.error = null;
  }
  return restore(x, done, saved, inPort);
}

function pipeline<P>(x: Translation<P>, part: Part<P>, last: boolean): Part<P>[] {
  const done = x.engine.table(x, part, {
    table: 0,
    inPort: part.inPort,
    ct: false,
    mode: { last, bucket: false },
    clone: true,
  });
  return splitting(done, (q) => x.engine.finish(x, q));
}
