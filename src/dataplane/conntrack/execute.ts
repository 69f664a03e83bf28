/** OVS's ct action by the personality of its datapath: the door for the pipeline. */
import { type CtRequest, type CtResult } from './ct-action.ts';
import { executeKernelCt } from './ovs-kernel.ts';
import { executeUserspaceCt } from './ovs-userspace.ts';
import { type Tracker } from './tracker.ts';

/**
 * Executes one ct(…) action; consumes `p`. The parts have their ct_* fields set and are
 * translated where `nat` says so; only a clash at the kernel's commit loses a part.
 */
export function executeCt<P>(
  tracker: Tracker<P>,
  p: P,
  request: CtRequest<P>,
): readonly CtResult<P>[] {
  return tracker.personality === 'kernel'
    ? executeKernelCt(tracker, p, request)
    : executeUserspaceCt(tracker, p, request);
}
