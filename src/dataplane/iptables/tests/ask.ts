/** Asks the tests of a rule whose fields matched, one after the other, as the kernel does. */
import { type Split } from '../../../traffic/traffic.ts';
import { type Handle } from '../../conntrack/netfilter.ts';
import { type Tracker } from '../../conntrack/tracker.ts';
import { type Run } from '../../outcome.ts';
import { type Surroundings } from '../surroundings.ts';
import { askConnection } from './connection.ts';
import { askContent } from './content.ts';
import { askKnowledge } from './knowledge.ts';
import { askMemory, type Memory } from './memory.ts';
import { type RuleTest } from './types.ts';

/** What tests use beside the packet. */
export interface Asking<P> {
  readonly run: Run<P>;
  readonly memory: Memory<P>;
  readonly around: Surroundings;
  readonly version: 4 | 6;
  readonly handle: Handle<P> | null;
  /** Null where connections are not tracked. */
  readonly tracker: Tracker<P> | null;
}

/** Traffic that meets a test, and the rest; null where nobody can know. */
export function askTest<P>(asking: Asking<P>, test: RuleTest, p: P): Split<P> | null {
  const { run, memory, around, version, handle } = asking;
  switch (test.kind) {
    case 'fields':
      return run.traffic.split(p, test.guard);
    case 'owner':
      if (run.traffic.split(run.traffic.fork(p), test.unknown).hit !== null) return null;
      return run.traffic.split(p, test.holds);
    case 'content':
      return askContent(run.traffic, test, version, p);
    case 'time':
    case 'connbytes':
    case 'connlabel':
    case 'cluster':
    case 'eui64':
      return askKnowledge(asking, test, p);
    case 'translated':
    case 'helper':
      return askConnection(run.traffic, test, handle, p);
    case 'rpfilter': {
      if (around.routes === undefined) return null;
      const { loose, validMark, acceptLocal, invert } = test.options;
      const { hit, miss } = around.routes.reversePath(run, version, p, {
        loose: loose !== undefined,
        withMark: validMark !== undefined,
        acceptLocal: acceptLocal !== undefined,
      });
      return invert === undefined ? { hit, miss } : { hit: miss, miss: hit };
    }
    default:
      return askMemory(run, memory, test, version, handle, p);
  }
}
